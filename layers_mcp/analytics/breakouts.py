"""Which posts break out, and how likely that is more than luck.

The guide's rule is an engagement rate above twice the customer's median, applied unchanged. How far to trust it is
another question, since the highest of many rates is often the luckiest, and platforms differ: `shrinkage` answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from layers_mcp.analytics.shrinkage import Estimate, estimate
from layers_mcp.analytics.statistics import BREAKOUT_TIMES_MEDIAN, SMALL_SAMPLE_VIEWS, Reach, median, ratio, usable

Evidence = Literal["solid", "thin"]
T = TypeVar("T")

SOLID_CHANCE = 0.6
"""From here on a breakout is called solid: where one in six may be none (see bench/calibration.py)."""


@dataclass(frozen=True, slots=True)
class BreakoutScore:
    """How one row compares with its ranking; a part is None where it cannot be said. Rates are fractions."""

    low_sample: bool | None = None
    """Under 50 views; None without an organic block."""
    times_median: float | None = None
    breakout: bool = False
    evidence: Evidence | None = None
    chance_real: float | None = None
    """How likely the true rate is above twice the usual of its platforms: 0.01 to 0.99, two decimals."""
    expected_rate: float | None = None
    """What a piece as good as this one should be expected to earn, to four digits."""
    times_usual: float | None = None
    """That rate over the usual of its platforms, two decimals."""
    expected_times_usual: float | None = None
    """The same where the ranking names several platforms, and it is the number to pick by."""
    no_share: bool = False
    """Whether its rate is no share of views (above 1), so that it takes no part."""

    @property
    def likely(self) -> bool:
        """Whether it is likely real, breakout by the guide's rule or not."""
        return self.chance_real is not None and self.chance_real >= SOLID_CHANCE


@dataclass(frozen=True, slots=True)
class RankingScores:
    """A ranking's median engagement rate, the number of rows behind it, and each row's score in their order."""

    median: float | None
    sampled: int
    rows: tuple[BreakoutScore, ...]
    usual: Mapping[str, float]
    """The usual rate by platform, most rows first; empty where too few rows tell it."""


def low_sample(reach: Reach | None) -> bool | None:
    """Return whether a row has under 50 views (unknown views count as none); None without an organic block."""
    return None if reach is None else (reach.views or 0) < SMALL_SAMPLE_VIEWS


def judge(rows: Iterable[Reach | None], ordered: Sequence[bool] = ()) -> RankingScores:
    """Hold every row's engagement rate against the median of the rows with at least 50 views, and weigh it.

    `ordered` marks the rows, in their order, that orders from this journal made: they do not shape what is usual.
    """
    rows = tuple(rows)
    sample = [
        row.engagement_rate for row in rows if row is not None and usable(row) and row.engagement_rate is not None
    ]
    middle = median(sample)
    estimates = estimate(rows, ordered)
    several = len(estimates.platforms) > 1
    return RankingScores(
        median=middle,
        sampled=len(sample),
        rows=tuple(_score(row, middle, one, several=several) for row, one in zip(rows, estimates.rows, strict=True)),
        usual=estimates.usual,
    )


def _score(row: Reach | None, middle: float | None, estimate: Estimate | None, *, several: bool) -> BreakoutScore:
    if row is None:
        return BreakoutScore()
    chance = None if estimate is None else min(max(round(estimate.chance_real, 2), 0.01), 0.99)
    times_usual = None if estimate is None else round(estimate.times_usual, 2)
    breakout = _is_breakout(row, middle)
    solid = chance is not None and chance >= SOLID_CHANCE
    return BreakoutScore(
        low_sample=low_sample(row),
        times_median=ratio(row.engagement_rate, middle),
        breakout=breakout,
        evidence=("solid" if solid else "thin") if breakout else None,
        chance_real=chance,
        expected_rate=None if estimate is None else float(f"{estimate.expected_rate:.4g}"),
        times_usual=times_usual,
        expected_times_usual=times_usual if several else None,
        no_share=row.engagement_rate is not None and row.engagement_rate > 1,
    )


def _is_breakout(row: Reach, middle: float | None) -> bool:
    if middle is None or middle <= 0 or row.engagement_rate is None or not usable(row):
        return False
    return row.engagement_rate > BREAKOUT_TIMES_MEDIAN * middle


def flukes_last(rows: Sequence[T], is_small: Callable[[T], bool | None]) -> list[T]:
    """Return the rows in their order, small samples after all others, so that a fluke never heads the list."""
    return sorted(rows, key=lambda row: is_small(row) is True)
