"""The few statistics that the loop rests on, and which posts they may be taken from."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Protocol

SMALL_SAMPLE_VIEWS = 50
"""A post under this many views is noise (publish-to-learn, prerequisite: "roughly 50 total views per post")."""

BREAKOUT_TIMES_MEDIAN = 2.0
"""A breakout's engagement rate is above this multiple of the median (publish-to-learn, running the loop)."""


class Reach(Protocol):
    """What a post earned: the organic block of a ranking row. The rate is a fraction of views."""

    @property
    def views(self) -> int | None: ...
    @property
    def engagement_rate(self) -> float | None: ...
    @property
    def platforms(self) -> Sequence[str]: ...


def median(values: Iterable[float]) -> float | None:
    """Return the median, the mean of the middle two for an even count; None of nothing."""
    known = list(values)
    return statistics.median(known) if known else None


def ratio(value: float | None, base: float | None) -> float | None:
    """Return `value` over `base`; None where one is unknown, or the base is 0 or next to it."""
    if value is None or not base:
        return None
    times = value / base
    return times if isfinite(times) else None


def smoothed_rate(views: float, rate: float) -> float:
    """Return a rate with half an engagement and one view added, so that it is never 0 and its logarithm exists."""
    return (rate * views + 0.5) / (views + 1)


def usable(reach: Reach | None) -> bool:
    """Return whether a row can be weighed: 50 views or more, and a rate that is a share of them."""
    return (
        reach is not None
        and reach.views is not None
        and reach.views >= SMALL_SAMPLE_VIEWS
        and reach.engagement_rate is not None
        and 0 <= reach.engagement_rate <= 1
    )
