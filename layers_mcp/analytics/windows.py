"""Moments as people and agents write them, and the buckets of a series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

FORMS = "an ISO datetime with Z or an offset, a date such as 2026-04-10, or an age such as 24h, 7d or 4w"

_AGE = re.compile(r"(\d{1,5})([hdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LENGTHS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


def parse_moment(text: str, now: datetime) -> datetime:
    """The moment that `text` names, in UTC and whole seconds: a datetime, a UTC day's start, or an age before `now`.

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
        raise ValueError(FORMS) from None


def stamp(moment: datetime) -> str:
    """A UTC datetime as the API and the results write it: whole seconds, ending in Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


@dataclass(frozen=True, slots=True)
class Buckets:
    """What a reader of a series has to know about its ends."""

    running_until: datetime | None
    """When the last bucket of the window ends, if that is still to come."""
    cut: tuple[str, ...]
    """Which of "first" and "last" the window cuts, so that they hold a part of their time only."""
    outside: int
    """How many buckets lie wholly before `since` or at or after `until`."""


def inspect(buckets: Sequence[str], granularity: str, since: datetime, until: datetime, now: datetime) -> Buckets:
    """Look at a series' bucket starts (dates, or full timestamps at `hour`); what is no date is passed over.

    `granularity` is upstream's: nothing is said of buckets whose length is not known.
    """
    length = _LENGTHS.get(granularity)
    starts = [start for start in map(utc_moment, buckets) if start is not None]
    if length is None or not starts:
        return Buckets(None, (), 0)
    inside = sorted(start for start in starts if start < until and start + length > since)
    if not inside:
        return Buckets(None, (), len(starts))
    first, end = inside[0], inside[-1] + length
    running = inside[-1] <= now < end
    cut = [name for name, is_cut in (("first", first < since), ("last", end > until and not running)) if is_cut]
    return Buckets(end if running else None, tuple(cut), len(starts) - len(inside))


def utc_moment(text: str) -> datetime | None:
    """A date or datetime of an answer, in UTC (which is meant where it names no offset); None if it is neither.

    None too for the ends of the calendar, which stand for "never".
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1970 <= moment.year < 3000:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
