"""Moments in every form the contract names; instants as people write them, with one reading or both named."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.text.times import MOMENT_FORMS, is_local, local, parse_instant, parse_moment, stamp, zone

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-28T09:00", "2026-11-28T14:00Z"),
        ("2026-07-28 09:00:30", "2026-07-28T13:00:30Z"),
        ("2026-11-28T09:00Z", "2026-11-28T09:00Z"),
        (" 2026-11-28t09:00z ", "2026-11-28T09:00Z"),
        ("2026-11-28T09:00+01:00", "2026-11-28T08:00Z"),
        ("2026-11-28T09:00:00.000Z", "2026-11-28T09:00Z"),
        ("2026-11-28T09:00:00.999", "2026-11-28T14:00Z"),
    ],
)
def test_an_instant_is_read_in_utc_and_whole_seconds(text: str, instant: str) -> None:
    assert parse_instant(text, NEW_YORK) == datetime.fromisoformat(instant)
    assert is_local(text) == ("Z" not in text.upper() and "+" not in text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2026-11-28", "09:00", "2026-02-30T09:00Z", "2026-11-28T25:00Z", "2026-11-28T09:00 EST"),
        *("9999-12-31T23:59-05:00", "9999-12-31T23:59", "0001-01-01T00:00+05:00", "2026-11-28T09:00+99:00"),
        *("\uff12\uff10\uff12\uff16-11-28T09:00Z", "2026-11-28T09:00\nZ", "1e3"),
    ],
)
def test_what_is_no_instant_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an ISO datetime"):
        parse_instant(text, NEW_YORK)


def test_a_local_time_that_a_clock_change_leaves_out_or_makes_twice_is_refused_with_both_readings() -> None:
    with pytest.raises(ValueError, match="leaves out") as raised:
        parse_instant("2027-03-14T02:30", NEW_YORK)
    assert "2027-03-14T01:30-05:00 America/New_York and 2027-03-14T03:30-04:00 America/New_York" in str(raised.value)
    with pytest.raises(ValueError, match="makes twice: 2026-11-01T05:30Z or 2026-11-01T06:30Z"):
        parse_instant("2026-11-01T01:30", NEW_YORK)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "America", "a\0b", "x" * 300])
def test_a_name_of_no_zone_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(ValueError, match=r"^no IANA time zone such as Europe/Berlin$"):
        zone(name)


zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
moments = st.datetimes(*map(datetime.fromisoformat, ("1990-01-01", "2050-01-01"))).map(
    lambda each: each.replace(second=0, microsecond=0)
)


@given(moments, zones)
def test_a_local_time_has_one_reading_that_shows_it_again_or_two_that_are_both_named(
    wall: datetime, place: ZoneInfo
) -> None:
    text = wall.isoformat(timespec="minutes")
    read = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    instants = {each for each in read if each.astimezone(place).replace(tzinfo=None) == wall}
    if len(instants) == 1:
        [instant] = instants
        assert parse_instant(text, place) == instant
        assert local(instant, place).startswith(text)
        return
    with pytest.raises(ValueError, match="clock change") as raised:
        parse_instant(text, place)
    assert all(each.strftime("%Y-%m-%dT%H:%M") in str(raised.value) for each in instants)


@given(moments, st.integers(-14 * 60, 14 * 60), zones)
def test_an_instant_with_an_offset_is_the_same_whatever_the_zone(wall: datetime, minutes: int, place: ZoneInfo) -> None:
    sign, rest = "-" if minutes < 0 else "+", abs(minutes)
    text = f"{wall.isoformat(timespec='minutes')}{sign}{rest // 60:02}:{rest % 60:02}"
    assert parse_instant(text, place) == (wall - timedelta(minutes=minutes)).replace(tzinfo=UTC)


NOW = datetime(2026, 4, 17, 9, 30, 15, 123456, tzinfo=UTC)
dates = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  (hypothesis wants them naive)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-04-10T00:00:00Z", "2026-04-10T00:00:00Z"),
        ("2026-04-10t00:00:00z", "2026-04-10T00:00:00Z"),
        ("2026-04-10T00:00:00.5Z", "2026-04-10T00:00:00Z"),
        ("2026-04-10T00:00Z", "2026-04-10T00:00:00Z"),
        ("2026-04-10T02:00:00+02:00", "2026-04-10T00:00:00Z"),
        ("2026-04-09T19:00:00-0500", "2026-04-10T00:00:00Z"),
        ("2026-04-10", "2026-04-10T00:00:00Z"),
        (" 2026-04-10 ", "2026-04-10T00:00:00Z"),
        ("24h", "2026-04-16T09:30:15Z"),
        ("7d", "2026-04-10T09:30:15Z"),
        ("4W", "2026-03-20T09:30:15Z"),
        ("0d", "2026-04-17T09:30:15Z"),
    ],
)
def test_every_form_of_the_contract_is_understood(text: str, moment: str) -> None:
    assert stamp(parse_moment(text, NOW)) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-04-10T00:00:00",
        "20260410",
        "2026-W15",
        "2026-13-01",
        "2026-02-30",
        "7",
        "7m",
        "-7d",
        "7 d",
        "99999w9",
        "\u0667d",
        "123456d",
        "0001-01-01T00:00:00+14:00",
        "2026-04-10T25:00:00Z",
        "2026-04-10T00:00:00+99:99",
        "2026-04-10\n2026-04-11",
    ],
)
def test_anything_else_is_refused_with_the_forms_and_without_an_echo(text: str) -> None:
    with pytest.raises(ValueError, match="an ISO datetime") as refusal:
        parse_moment(text, NOW)
    assert str(refusal.value) == MOMENT_FORMS


@given(dates, offsets)
def test_an_offset_names_the_same_moment_in_utc(naive: datetime, offset: timezone) -> None:
    moment = naive.replace(tzinfo=offset)
    assert parse_moment(moment.isoformat(), NOW) == moment.astimezone(UTC).replace(microsecond=0)


@given(st.text())
def test_a_moment_is_in_utc_or_refused(text: str) -> None:
    try:
        moment = parse_moment(text, NOW)
    except ValueError:
        return
    assert moment.utcoffset() == timedelta(0)
    assert parse_moment(stamp(moment), NOW) == moment


@given(st.integers(0, 90), dates)
def test_an_age_in_days_is_that_many_times_24_hours(days: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    assert parse_moment(f"{days}d", now) == (now - timedelta(days=days)).replace(microsecond=0)
    assert parse_moment(f"{days * 24}h", now) == parse_moment(f"{days}d", now)
