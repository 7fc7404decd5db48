"""Series that cannot be right: totals against buckets, values that never move, numbers from before the account was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from layers_mcp.analytics.periods import RATES, DayRow, number

ADDED_UP = frozenset(
    {
        *("views", "impressions", "likes", "comments", "shares", "saves", "watch_time_ms", "posts_published"),
        *("follower_delta", "spend", "clicks", "conversions"),
    }
)
"""Metrics whose total is the sum of their buckets; people reached and followers are not."""

_TOLERANCE = 0.02
"""How far a total may lie from its buckets, as a share: what rounding and a late arrival explain."""

_ENOUGH_BUCKETS = 3
_ENOUGH_METRICS = 2
"""One metric that stands still for a few days can be chance; several at once are a copy."""


def wrong_totals(series: Sequence[DayRow], totals: DayRow, metrics: Iterable[str], *, whole: bool) -> list[str]:
    """Return the metrics whose total cannot come from their buckets.

    Where the window cuts its first or last bucket (`whole` is False), the total may leave out, or hold besides, as
    much as these.
    """
    return [metric for metric in metrics if _is_wrong(series, totals, metric, whole=whole)]


def _is_wrong(series: Sequence[DayRow], totals: DayRow, metric: str, *, whole: bool) -> bool:
    total = number(totals, metric)
    values = [value for row in series if (value := number(row, metric)) is not None]
    if total is None or len(values) < len(series) or not values:
        return False
    if metric in RATES:
        return not min(values) * (1 - _TOLERANCE) - 0.0005 <= total <= max(values) * (1 + _TOLERANCE) + 0.0005
    if metric not in ADDED_UP:
        return False
    slack = 1 + _TOLERANCE * sum(map(abs, values)) + (0 if whole else abs(values[0]) + abs(values[-1]))
    return abs(total - sum(values)) > slack


def unmoving(series: Sequence[DayRow], metrics: Iterable[str]) -> list[str]:
    """Return the metrics that have one value in all of several buckets (a level may well not move)."""
    still = [metric for metric in metrics if metric in ADDED_UP | RATES and _stands_still(series, metric)]
    return still if len(still) >= _ENOUGH_METRICS else []


def _stands_still(series: Sequence[DayRow], metric: str) -> bool:
    values = [number(row, metric) for row in series]
    return len(values) >= _ENOUGH_BUCKETS and bool(values[0]) and len(set(values)) == 1


def before_connection(
    buckets: Iterable[tuple[datetime, DayRow]], metrics: Sequence[str], connected_at: datetime
) -> int:
    """Return how many buckets end before the account was connected and hold a number other than 0; by (end, row)."""
    return sum(end <= connected_at and any(number(row, metric) for metric in metrics) for end, row in buckets)
