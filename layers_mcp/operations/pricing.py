"""What an operation may cost at most, from the prices that Layers publishes.

A price that cannot be read, or is negative, is unknown, and so is every bound that may rest on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Prices = Mapping[str, int | None]
"""Credits for one piece, by format; None where the published price cannot be read."""

HIGHEST = 1_000_000
"""Credits above which a bound is taken for a mistake, and for none."""

CLONE_PRICE_NOTE = (
    "The estimate is an upper bound: a clone has no published price, so the dearest format's counts for each variation."
)


def estimate(price_keys: Sequence[str], pieces: int, prices: Prices) -> int | None:
    """Return the most credits that `pieces` cost whose price has one of these names, or any where there are none."""
    return bound(dearest({key: prices.get(key) for key in price_keys} if price_keys else prices), pieces)


def bound(price: int | None, pieces: int) -> int | None:
    """Return the most credits that `pieces` can cost; None where that is not known."""
    if price is None or price * pieces > HIGHEST:
        return None
    return price * pieces


def dearest(prices: Prices) -> int | None:
    """Return the highest price of any format; None where one of them is unknown, or there is none."""
    known = [price for price in prices.values() if price is not None]
    return max(known, default=None) if len(known) == len(prices) else None
