"""The buckets of a series, and the window that they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from layers_mcp.text.times import utc_moment

_LENGTHS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


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
