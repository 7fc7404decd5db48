"""The few statistics the loop stands on."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from math import isfinite, sqrt

SMALL_SAMPLE_VIEWS = 50
"""A post under this many views is noise (publish-to-learn, prerequisite: "roughly 50 total views per post")."""

BREAKOUT_TIMES_MEDIAN = 2.0
"""A breakout's engagement rate is above this multiple of the median (publish-to-learn, running the loop)."""

Z_95 = 1.959963984540054
"""The standard normal's 97.5 % point: a two-sided 95 % interval."""


def median(values: Iterable[float]) -> float | None:
    """The median, the mean of the middle two for an even count; None of nothing."""
    known = list(values)
    return statistics.median(known) if known else None


def ratio(value: float | None, base: float | None) -> float | None:
    """`value` over `base`; None where one is unknown, or the base is 0 or next to it."""
    if value is None or not base:
        return None
    times = value / base
    return times if isfinite(times) else None


def wilson(rate: float, trials: float) -> tuple[float, float]:
    """The 95 % Wilson score interval of a `rate` (a fraction from 0 to 1) seen over `trials`, as (low, high).

    Raises ValueError for a rate outside 0 to 1, or for no trials. Views are not independent trials: real intervals
    are wider than this one.
    """
    if not 0 <= rate <= 1 or trials <= 0:
        raise ValueError("a rate from 0 to 1 over at least one trial")
    spread = Z_95 * Z_95 / trials
    centre = rate + spread / 2
    half = Z_95 * sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    # the clamps hold the ends to what they are exactly at rates of 0 and 1, where rounding may pass them
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))
