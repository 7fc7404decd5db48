"""Times as people, agents and the API write them.

A moment of the past (`parse_moment`) may be a date or an age; an instant of a schedule (`parse_instant`) may be local.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOMENT_FORMS = "an ISO datetime with Z or an offset, a date such as 2026-04-10, or an age such as 24h, 7d or 4w"
INSTANT_FORMS = "an ISO datetime with Z or an offset, or a local one such as 2026-11-28T09:00"

TOLERANCE = timedelta(seconds=30)
"""How far in the past upstream still takes a time (current-api, §4)."""

_AGE = re.compile(r"(\d{1,5})([hdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def stamp(moment: datetime) -> str:
    """Return a UTC datetime as the API and the results write it: whole seconds, ending in Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def utc_moment(text: str) -> datetime | None:
    """Return a date or datetime of an answer, in UTC (which is meant where it names no offset); None if it is neither.

    None too for the ends of the calendar, which stand for "never".
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1970 <= moment.year < 3000:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` names, in UTC and whole seconds: a datetime, a UTC day's start, or an age before
    `now`.

    Raises ValueError for anything else, without naming what was given.
    """
    text = text.strip()
    try:
        if age := _AGE.fullmatch(text.lower()):
            moment = now - int(age[1]) * _UNITS[age[2]]
        elif _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        elif _DATETIME.fullmatch(text):
            moment = datetime.fromisoformat(text.upper().replace(",", "."))
        else:
            raise ValueError
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise ValueError(MOMENT_FORMS) from None


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone of this name. Raises ValueError, whose text says what is wrong without repeating it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no IANA time zone such as Europe/Berlin") from None


def parse_instant(text: str, tz: ZoneInfo) -> datetime:
    """Return the instant that `text` names, in UTC and whole seconds; a local time is read in `tz`.

    Raises ValueError, whose text says what is wrong: no such form, or a local time that a clock change leaves out or
    makes twice, with both readings.
    """
    text = text.strip()
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"not {INSTANT_FORMS}")
    try:
        moment = datetime.fromisoformat(text.upper()).replace(microsecond=0)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        first, second = (moment.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise ValueError(f"not {INSTANT_FORMS}") from None
    if first == second:
        return first
    early, late = sorted((first, second))
    if first.astimezone(tz).replace(tzinfo=None) != moment:
        before, after = (local(each, tz) for each in (early, late))
        raise ValueError(f"a local time that a clock change leaves out; next to it are {before} and {after}")
    raise ValueError(f"a local time that a clock change makes twice: {_utc(early)} or {_utc(late)}")


def is_local(text: str) -> bool:
    """Return whether `text` can only be read on the clock of some place: it names neither UTC nor an offset."""
    match = _INSTANT.fullmatch(text.strip())
    return match is not None and match["offset"] is None


def local(moment: datetime, tz: ZoneInfo) -> str:
    """Return an instant as local time in `tz`, to the minute, with its offset and zone."""
    return f"{moment.astimezone(tz).isoformat(timespec='minutes')} {tz.key}"


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") + "Z"
