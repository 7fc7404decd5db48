"""Which posts break out, and how far the numbers can be trusted.

The guide's rule: an engagement rate above twice the customer's median. Ours adds two guards, because the highest of
many rates is often the luckiest: posts of too few views neither shape the median nor break out, and a breakout is
called solid only where even the low end of its interval is above the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from layers_mcp.analytics.stats import BREAKOUT_TIMES_MEDIAN, SMALL_SAMPLE_VIEWS, median, ratio, wilson

Evidence = Literal["solid", "thin"]
T = TypeVar("T")


class Reach(Protocol):
    """What a post earned: the organic block of a ranking row."""

    @property
    def views(self) -> int | None: ...

    @property
    def engagement_rate(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How one row stands against the median of its ranking; a part is None where it cannot be said."""

    low_sample: bool | None
    """Under 50 views; None without an organic block."""
    range: tuple[float, float] | None
    """The 95 % interval of the engagement rate (a fraction) over the row's views."""
    times_median: float | None
    breakout: bool = False
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Standings:
    """A ranking's median engagement rate, the number of rows behind it, and each row's standing in their order."""

    median: float | None
    sampled: int
    rows: tuple[Standing, ...]


def low_sample(reach: Reach | None) -> bool | None:
    """Whether a row has under 50 views (unknown views count as none); None without an organic block."""
    return None if reach is None else (reach.views or 0) < SMALL_SAMPLE_VIEWS


def interval(reach: Reach | None) -> tuple[float, float] | None:
    """The 95 % Wilson interval of a row's engagement rate; None without views, or for a rate that is no share."""
    if reach is None or not reach.views or reach.engagement_rate is None:
        return None
    if reach.views < 0 or not 0 <= reach.engagement_rate <= 1:
        return None
    return wilson(reach.engagement_rate, reach.views)


def judge(rows: Iterable[Reach | None]) -> Standings:
    """Hold every row's engagement rate against the median of the rows with at least 50 views."""
    rows = tuple(rows)
    sample = [
        row.engagement_rate
        for row in rows
        if row is not None and row.engagement_rate is not None and low_sample(row) is False
    ]
    middle = median(sample)
    return Standings(middle, len(sample), tuple(_standing(row, middle) for row in rows))


def _standing(row: Reach | None, middle: float | None) -> Standing:
    small, ends = low_sample(row), interval(row)
    if row is None or row.engagement_rate is None or middle is None or middle <= 0:
        return Standing(small, ends, None)
    line = BREAKOUT_TIMES_MEDIAN * middle
    times = ratio(row.engagement_rate, middle)
    if small or row.engagement_rate <= line:
        return Standing(small, ends, times)
    return Standing(small, ends, times, True, "solid" if ends is not None and ends[0] > line else "thin")


def flukes_last(rows: Sequence[T], is_small: Callable[[T], bool | None]) -> list[T]:
    """The rows in their order, small samples after all others, so that a fluke never heads the list."""
    return sorted(rows, key=lambda row: is_small(row) is True)
