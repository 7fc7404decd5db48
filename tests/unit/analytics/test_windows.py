"""What is said about a series' ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.windows import Buckets, inspect
from layers_mcp.text.times import utc_moment

NOW = datetime(2026, 4, 17, 9, 30, 15, 123456, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2026, 4, number, tzinfo=UTC)


def test_an_unfinished_last_day_is_seen() -> None:
    assert inspect(["2026-04-16", "2026-04-17"], "day", day(10), NOW, NOW) == Buckets(day(18), (), 0)


def test_a_finished_last_day_is_not_called_running() -> None:
    assert inspect(["2026-04-15", "2026-04-16"], "day", day(10), day(17), NOW) == Buckets(None, (), 0)


def test_a_running_hour_and_a_running_week_are_seen() -> None:
    hours = ["2026-04-17T08:00:00Z", "2026-04-17T09:00:00Z"]
    assert inspect(hours, "hour", day(10), NOW, NOW).running_until == datetime(2026, 4, 17, 10, tzinfo=UTC)
    assert inspect(["2026-04-06", "2026-04-13"], "week", day(6), NOW, NOW).running_until == day(20)


def test_buckets_that_the_window_cuts_are_inside_and_told() -> None:
    begins, ends = datetime(2026, 4, 10, 15, tzinfo=UTC), datetime(2026, 4, 12, 15, tzinfo=UTC)
    assert inspect(["2026-04-10", "2026-04-12"], "day", begins, ends, NOW) == Buckets(None, ("first", "last"), 0)
    assert inspect(["2026-04-10", "2026-04-11"], "day", begins, ends, NOW).cut == ("first",)
    assert inspect(["2026-04-10"], "day", begins, begins.replace(hour=18), NOW).cut == ("first", "last")


def test_a_running_bucket_is_not_called_cut_as_well() -> None:
    assert inspect(["2026-04-17"], "day", day(10), NOW, NOW) == Buckets(day(18), (), 0)


def test_a_series_wholly_outside_is_only_counted() -> None:
    assert inspect(["2026-04-01"], "day", day(10), day(17), NOW) == Buckets(None, (), 1)


def test_nothing_is_said_of_buckets_of_an_unknown_length() -> None:
    assert inspect(["2026-04-01"], "fortnight", day(10), day(17), NOW) == Buckets(None, (), 0)


def test_buckets_before_since_and_from_until_on_are_counted_as_outside() -> None:
    buckets = ["2026-04-08", "2026-04-09", "2026-04-10", "2026-04-16", "2026-04-17"]
    assert inspect(buckets, "day", day(10), day(17), NOW) == Buckets(None, (), 3)


@pytest.mark.parametrize(
    "bucket", ["0001-01-01T00:00:00+10:00", "0001-01-01", "9999-12-31", "9999-12-31T23:00:00-05:00"]
)
def test_a_bucket_at_the_end_of_the_calendar_is_passed_over(bucket: str) -> None:
    assert utc_moment(bucket) is None
    assert inspect([bucket], "day", NOW, NOW, NOW).outside == 0


def test_a_bucket_that_is_no_date_is_passed_over() -> None:
    assert inspect(["total", "2026-04-16"], "day", day(10), day(17), NOW) == Buckets(None, (), 0)
    assert inspect([], "day", day(10), day(17), NOW) == Buckets(None, (), 0)


@given(st.sets(st.integers(0, 60)), st.integers(0, 60), st.integers(1, 60), st.integers(0, 60 * 24))
def test_the_ends_of_a_daily_series_are_told_as_arithmetic_on_days_tells_them(
    days: set[int], first: int, length: int, now_hours: int
) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    since, until = start + timedelta(days=first), start + timedelta(days=first + length)
    now = start + timedelta(hours=now_hours)
    buckets = [(start + timedelta(days=number)).date().isoformat() for number in sorted(days)]
    inside = [number for number in days if first <= number < first + length]
    seen = inspect(buckets, "day", since, until, now)
    assert seen.outside == len(days) - len(inside)
    running = bool(inside) and max(inside) == now_hours // 24
    assert (seen.running_until is not None) is running
