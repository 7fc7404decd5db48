"""Whether a week is different, held against the customer's own past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.periods import WEEKS_BEFORE, WeeklyChange, compare, last_whole_day, weekly

END = datetime(2026, 4, 17, tzinfo=UTC)
DAY = timedelta(days=1)

values = st.none() | st.sampled_from([0.0, -3.0, float("inf"), float("nan")]) | st.floats(1e-9, 1e12)


@pytest.mark.parametrize(
    ("weeks", "change", "unusual"),
    [
        ([0.040, 0.042, 0.039, 0.041, 0.052], (1.268, 0.715, 1.399), False),
        ([0.040, 0.042, 0.039, 0.041, 0.040, 0.041, 0.042, 0.040, 0.062], (1.55, 0.769, 1.300), True),
    ],
)
def test_the_cases_come_out_as_published(
    weeks: list[float | None], change: tuple[float, float, float], unusual: bool
) -> None:
    found = compare(weeks, rate=True)
    assert found is not None
    assert (found.ratio, found.usual_low, found.usual_high) == pytest.approx(change, abs=0.0006)
    assert found.unusual is unusual


@pytest.mark.parametrize("weeks", [[], [0.04], [0, 0.04], [0.04, 0], [None, 0.04], [0.04, None], [-1, 4]])
def test_a_week_without_a_value_above_zero_is_not_compared(weeks: list[float | None]) -> None:
    assert compare(weeks, rate=True) is None


def test_counts_swing_more_than_rates() -> None:
    rate, count = compare([100, 130], rate=True), compare([100, 130], rate=False)
    assert rate is not None
    assert count is not None
    assert count.usual_high > rate.usual_high
    assert WeeklyChange(1.3, 0.7, 1.2).unusual
    assert not WeeklyChange(1.3, 0.7, 1.4).unusual


@given(st.lists(values, max_size=14), st.booleans())
def test_any_weeks_are_compared_without_an_exception(weeks: list[float | None], rate: bool) -> None:
    found = compare(weeks, rate=rate)
    if found is not None:
        assert isfinite(found.ratio)
        assert 0 < found.usual_low < 1 < found.usual_high
        assert found.usual_low * found.usual_high == pytest.approx(1)


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=13), st.floats(0.01, 100))
def test_only_the_swing_of_a_metric_counts_and_not_its_unit(weeks: list[float], factor: float) -> None:
    found, scaled = compare(weeks, rate=False), compare([week * factor for week in weeks], rate=False)
    assert found is not None
    assert scaled is not None
    assert (scaled.ratio, scaled.usual_high) == (pytest.approx(found.ratio), pytest.approx(found.usual_high))


def test_weeks_are_seven_whole_days_back_from_the_end() -> None:
    days = [(END - (number + 1) * DAY, {"views": 10 if number < 7 else 20}) for number in range(14)]
    days += [(END, {"views": 1_000_000}), (END - 400 * DAY, {"views": 1_000_000})]
    found = weekly(days, "views", END)
    assert found == [None] * (WEEKS_BEFORE - 1) + [140, 70]


def test_a_weeks_rate_is_weighted_by_views_and_a_level_is_a_mean() -> None:
    days: list[tuple[datetime, dict[str, float | int | str]]] = [
        (END - DAY, {"views": 900, "engagement_rate": 0.02, "followers": 110}),
        (END - 2 * DAY, {"views": 100, "engagement_rate": 0.12, "followers": 100}),
        (END - 3 * DAY, {"engagement_rate": 0.5, "views": "many"}),
        (END - 9 * DAY, {"views": 0, "engagement_rate": 0.5}),
    ]
    assert weekly(days, "engagement_rate", END)[-2:] == [None, pytest.approx(0.03)]
    assert weekly(days, "followers", END)[-1] == 105
    assert weekly(days, "likes", END)[-1] is None


@pytest.mark.parametrize(
    ("until", "now", "end"),
    [
        ("2026-04-17T14:00:00+00:00", "2026-04-17T14:00:00+00:00", "2026-04-17"),
        ("2026-04-30T00:00:00+00:00", "2026-04-17T14:00:00+00:00", "2026-04-17"),
        ("2026-04-10T00:00:00+00:00", "2026-04-17T14:00:00+00:00", "2026-04-10"),
        ("2026-04-10T01:00:00+05:00", "2026-04-17T14:00:00+00:00", "2026-04-09"),
    ],
)
def test_the_running_day_is_left_out(until: str, now: str, end: str) -> None:
    found = last_whole_day(datetime.fromisoformat(until), datetime.fromisoformat(now))
    assert found.isoformat() == f"{end}T00:00:00+00:00"
