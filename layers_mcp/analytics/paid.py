"""How far to trust paid results: return and cost with three average conversions added to every creative.

One lucky conversion on a little spend looks like the best creative of all. So three conversions at the average of the
whole ranking are added to each creative: few of its own conversions change little, many outweigh them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

FEW_CONVERSIONS = 10
"""Under this many, luck outweighs the creative."""

_ADDED = 3
"""Ordinary conversions added to every creative."""
_Z_90 = 1.645
"""The standard normal's 95 % point: a two-sided 90 % interval."""


@dataclass(frozen=True, slots=True)
class PaidResult:
    """What a creative's spend brought, as far as its row says; money in whatever unit upstream uses, roas a ratio."""

    spend: float | None
    conversions: float | None
    roas: float | None

    @classmethod
    def of(cls, fields: Mapping[str, object] | None) -> PaidResult:
        """Read a row's paid block: a field counts where it is a finite number of 0 or more."""
        given = fields or {}
        return cls(_amount(given.get("spend")), _amount(given.get("conversions")), _amount(given.get("roas")))

    @property
    def few_conversions(self) -> bool | None:
        """Whether it rests on fewer than ten conversions; None where they are unknown."""
        return None if self.conversions is None else self.conversions < FEW_CONVERSIONS


@dataclass(frozen=True, slots=True)
class PaidEstimate:
    """What a creative should be expected to return, with a 90 % range, and to cost a conversion."""

    expected_roas: float
    roas_low: float
    roas_high: float
    expected_cpa: float


def estimate_paid(results: Sequence[PaidResult]) -> list[PaidEstimate | None]:
    """Estimate every creative of one ranking, in order; None where its own figures are missing, or all say nothing."""
    spent = [(one.spend, one.conversions) for one in results if one.spend is not None and one.conversions is not None]
    returned = [
        (one.spend * one.roas, one.conversions)
        for one in results
        if one.spend is not None and one.conversions is not None and one.roas is not None
    ]
    cost = _per_conversion(spent)
    revenue = _per_conversion(returned)
    if not cost or revenue is None:
        return [None] * len(results)
    return [_estimate(one, cost, revenue) for one in results]


def _estimate(result: PaidResult, usual_cost: float, usual_revenue: float) -> PaidEstimate | None:
    if result.spend is None or result.conversions is None or result.roas is None:
        return None
    spend, conversions = result.spend + _ADDED * usual_cost, result.conversions + _ADDED
    expected = (result.spend * result.roas + _ADDED * usual_revenue) / spend
    estimate = PaidEstimate(
        expected_roas=expected,
        roas_low=expected * _gamma(conversions, -_Z_90) / conversions,
        roas_high=expected * _gamma(conversions, _Z_90) / conversions,
        expected_cpa=spend / conversions,
    )
    return estimate if isfinite(estimate.roas_high) and isfinite(estimate.expected_cpa) else None


def _per_conversion(amounts: Sequence[tuple[float, float]]) -> float | None:
    """Return money a conversion over (money, conversions) of several creatives; None without a conversion."""
    conversions = sum(count for _, count in amounts)
    return sum(money for money, _ in amounts) / conversions if conversions else None


def _gamma(shape: float, z: float) -> float:
    """Return a gamma distribution's point `z` standard deviations out (Wilson and Hilferty's approximation)."""
    return shape * (1 - 1 / (9 * shape) + z / (3 * sqrt(shape))) ** 3


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) and number >= 0 else None
