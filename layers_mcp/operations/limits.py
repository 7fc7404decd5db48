"""The limits of an operation, checked each time before it is sent."""

from __future__ import annotations

from layers_mcp.operations.errors import DailyLimitError, MaxCreditsError


def max_credits_refusal(estimated: int | None, max_credits: int) -> MaxCreditsError | None:
    """Return why the estimate does not keep within the budget `max_credits` (0 = no cap); None where it does."""
    if not max_credits:
        return None
    if estimated is None:
        return MaxCreditsError(
            "There is no estimate of what this order costs, so max_credits cannot be held.",
            "Call again in a few minutes, or ask the user about ordering without max_credits.",
        )
    if estimated > max_credits:
        return MaxCreditsError(
            f"The estimate of {estimated} credits is above max_credits of {max_credits}.",
            "Order fewer variations, or ask the user for a higher budget.",
        )
    return None


def daily_limit_refusal(estimated: int | None, ordered: int, limit: int) -> DailyLimitError | None:
    """Return why the estimate does not keep within what is left of the day's limit; None where it does."""
    if estimated is None:
        return DailyLimitError(
            "There is no estimate of what this order costs, so the daily limit cannot be held.",
            "Call again in a few minutes, or ask the person who set the limit.",
        )
    if ordered + estimated > limit:
        next_step = (
            "Order fewer variations where there are several" if estimated > limit else "Order after midnight UTC"
        )
        return DailyLimitError(
            f"The estimate of {estimated} credits would pass the daily limit of {limit} credits: "
            f"{ordered} are ordered today (UTC).",
            f"{next_step}, or ask the person who set the limit.",
        )
    return None
