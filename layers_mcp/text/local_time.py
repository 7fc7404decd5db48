"""Instants as people write them: UTC, with an offset, or by local time in a named zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FORMS = "an ISO datetime with Z or an offset, or a local one such as 2026-11-28T09:00"

_FORM = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def zone(name: str) -> ZoneInfo:
    """The IANA zone of this name. Raises ValueError, whose text says what is wrong without repeating it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no IANA time zone such as Europe/Berlin") from None


def parse_instant(text: str, tz: ZoneInfo) -> datetime:
    """The instant that `text` names, in UTC and whole seconds; a local time is read in `tz`.

    Raises ValueError, whose text says what is wrong: no such form, or a local time that a clock change leaves out or
    makes twice, with both readings.
    """
    text = text.strip()
    if not _FORM.fullmatch(text):
        raise ValueError(f"not {FORMS}")
    try:
        moment = datetime.fromisoformat(text.upper()).replace(microsecond=0)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        first, second = (moment.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise ValueError(f"not {FORMS}") from None
    if first == second:
        return first
    early, late = sorted((first, second))
    if first.astimezone(tz).replace(tzinfo=None) != moment:
        before, after = (local(each, tz) for each in (early, late))
        raise ValueError(f"a local time that a clock change leaves out; next to it are {before} and {after}")
    raise ValueError(f"a local time that a clock change makes twice: {_utc(early)} or {_utc(late)}")


def is_local(text: str) -> bool:
    """Whether `text` can only be read on the clock of some place: it names neither UTC nor an offset."""
    match = _FORM.fullmatch(text.strip())
    return match is not None and match["offset"] is None


def local(moment: datetime, tz: ZoneInfo) -> str:
    """An instant as local time in `tz`, to the minute, with its offset and zone."""
    return f"{moment.astimezone(tz).isoformat(timespec='minutes')} {tz.key}"


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


TOLERANCE = timedelta(seconds=30)
"""How far in the past upstream still takes a time (current-api, §4)."""
