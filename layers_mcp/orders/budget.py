"""What an order may cost, from what Layers publishes."""

from __future__ import annotations

from layers_mcp.layers.models import Credits
from layers_mcp.orders.errors import MaxCreditsError
from layers_mcp.orders.order import CloneOrder, Order

CLONE_PRICE_NOTE = (
    "The estimate is an upper bound: a clone has no published price, so the dearest format's counts for each variation."
)


def estimate(order: Order, published: Credits) -> int | None:
    """The most credits that the order can cost; None where no price is published."""
    prices = published.estimated_credits_per_format
    price = max(prices.values(), default=None) if isinstance(order, CloneOrder) else prices.get(order.format)
    return None if price is None else price * order.variations


def excess(estimated: int | None, max_credits: int) -> str:
    """Why the estimate does not keep within `max_credits` (0 = no cap); empty where it does."""
    if not max_credits:
        return ""
    if estimated is None:
        return "There is no estimate of what this order costs, so max_credits cannot be held."
    if estimated > max_credits:
        return f"The estimate of {estimated} credits is above max_credits of {max_credits}."
    return ""


def check_max_credits(estimated: int | None, max_credits: int) -> None:
    """Raise `MaxCreditsError` unless the estimate keeps within the caller's budget."""
    if reason := excess(estimated, max_credits):
        if estimated is None:
            raise MaxCreditsError(
                reason, "Call again in a few minutes, or ask the user about ordering without max_credits."
            )
        raise MaxCreditsError(reason, "Order fewer variations, or ask the user for a higher budget.")


def daily_excess(estimated: int | None, ordered: int, limit: int) -> str:
    """Why the estimate does not keep within what is left of the day's limit; empty where it does."""
    if estimated is None:
        return "There is no estimate of what this order costs, so the daily limit cannot be held."
    if ordered + estimated > limit:
        return (
            f"The estimate of {estimated} credits would pass the daily limit of {limit} credits: "
            f"{ordered} are ordered today (UTC)."
        )
    return ""
