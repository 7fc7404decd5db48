"""Was it worth it? What a way of ordering brings, against what its sources should have been expected to earn.

An equally good clone beats its source in 11 to 38 % of orders, because a source is picked for being high, partly by
luck; it beats the median in 80 to 99 %. So neither count says whether an order was worth it. What does is the ratio
of the rate it earned to the rate its source should be expected to earn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

FEWEST_ORDERS = 3
"""Fewer judged orders of a mode say nothing about it."""

_SPREAD = 0.40
"""How far orders of one mode lie apart, and modes from 1: a standard deviation on the log scale."""
_SPREAD_WEIGHT = 4
"""How many orders that prior spread counts as."""
_DOUBT = 0.10
"""What no number of orders takes away: a standard deviation on the log scale."""
_Z_90 = 1.645
"""The standard normal's 95 % point: a two-sided 90 % interval."""


@dataclass(frozen=True, slots=True)
class Lift:
    """How many times as much as expected of its sources a mode earns, with the 90 % range."""

    value: float
    low: float
    high: float


def estimate_lift(versus_expected: Sequence[float]) -> Lift | None:
    """Return the lift of one mode from its judged orders' ratios (each above 0); None under three."""
    if len(versus_expected) < FEWEST_ORDERS:
        return None
    distances = [log(ratio) for ratio in versus_expected]
    count, mean = len(distances), sum(distances) / len(distances)
    squares = _SPREAD_WEIGHT * _SPREAD**2 + sum((distance - mean) ** 2 for distance in distances)
    error = squares / (_SPREAD_WEIGHT + count - 1) / count + _DOUBT**2
    kept = _SPREAD**2 / (_SPREAD**2 + error)
    half = _Z_90 * sqrt(kept * error)
    return Lift(exp(kept * mean), exp(kept * mean - half), exp(kept * mean + half))
