"""Is this week different? The last whole week against the one before, and against the customer's own past.

With nothing changed and seven posts a week, the weekly rate moves by more than 20 % in half of all weeks. Intervals
from views or days are badly wrong, since posts are the unit; what holds is how much this customer's weeks moved before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import exp, isfinite, log, sqrt

WEEK = timedelta(days=7)

WEEKS_BEFORE = 12
"""How many weeks before the last one tell what is usual."""

_RATE_SWING, _COUNT_SWING = 0.20, 0.60
"""How much a week's rate, and a week's count, is usually different: standard deviations on the log scale."""
_PRIOR_WEIGHT = 3
"""How many changes that prior counts as."""
_Z_90 = 1.645
"""The standard normal's 95 % point: a two-sided 90 % interval."""

RATES = frozenset({"engagement_rate"})
"""Metrics that are shares of views: a week's value is weighted by them."""
STOCKS = frozenset({"followers"})
"""Metrics that tell a level, not an amount: a week's value is the mean of its days."""

DayRow = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class WeeklyChange:
    """The last week over the one before, and the range (90 %) in which such a ratio usually lies."""

    ratio: float
    usual_low: float
    usual_high: float

    @property
    def unusual(self) -> bool:
        """Whether the ratio is outside of what is usual here."""
        return not self.usual_low <= self.ratio <= self.usual_high


def compare(weeks: Sequence[float | None], *, rate: bool) -> WeeklyChange | None:
    """Compare the last of several weeks' values (oldest first) with the one before; None where either is not above 0.

    `rate` says that the values are rates, which swing less than counts.
    """
    logs = [log(week) if week is not None and week > 0 and isfinite(week) else None for week in weeks]
    changes = [None if one is None or other is None else other - one for one, other in pairwise(logs)]
    if not changes or changes[-1] is None:
        return None
    before = [change for change in changes[:-1] if change is not None]
    usual = 2 * (_RATE_SWING if rate else _COUNT_SWING) ** 2
    squares = _PRIOR_WEIGHT * usual + sum(change**2 for change in before)
    half = _Z_90 * sqrt(squares / (_PRIOR_WEIGHT + len(before)))
    return WeeklyChange(exp(changes[-1]), exp(-half), exp(half))


def last_whole_day(until: datetime, now: datetime) -> datetime:
    """Return the end (exclusive) of the last whole UTC day before `until` that is over by `now`."""
    return min(until, now).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def weekly(days: Iterable[tuple[datetime, DayRow]], metric: str, end: datetime) -> list[float | None]:
    """Return a metric's values for the whole weeks up to `end`, oldest first, from (start of the UTC day, its row).

    A week without any row is None, and so is a rate's without views.
    """
    weeks: list[list[DayRow]] = [[] for _ in range(WEEKS_BEFORE + 1)]
    for day, row in days:
        ago = (end - day - timedelta(microseconds=1)) // WEEK
        if day < end and ago <= WEEKS_BEFORE:
            weeks[WEEKS_BEFORE - ago].append(row)
    return [_of_week(week, metric) for week in weeks]


def _of_week(rows: Sequence[DayRow], metric: str) -> float | None:
    values = [value for row in rows if (value := number(row, metric)) is not None]
    if metric not in RATES:
        return (sum(values) / len(values) if metric in STOCKS else sum(values)) if values else None
    pairs = [
        (views, rate)
        for row in rows
        if (rate := number(row, metric)) is not None and (views := number(row, "views")) is not None
    ]
    seen = sum(views for views, _ in pairs)
    return sum(views * rate for views, rate in pairs) / seen if seen > 0 else None


def number(row: DayRow, metric: str) -> float | None:
    """Return a metric's value in a row; None where it is missing or no number."""
    value = row.get(metric)
    return float(value) if isinstance(value, int | float) else None
