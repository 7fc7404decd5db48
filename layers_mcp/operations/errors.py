"""How a placement ends when nothing is ordered.

LayersError (of the client)  upstream turned the order down, or its answer was lost
OrderError                   we turned it down, before anything was sent that spends
├── MaxCreditsError          MAX_CREDITS: above what the caller allowed, or that cannot be told
├── DailyLimitError          DAILY_LIMIT: above the tenant's limit for the day, or that cannot be told
└── OrderUnknownError        ORDER_UNKNOWN: it may be placed already, and sending it again is not safe
JournalError                 the journal could not be read or written; ends no placement by itself
"""

from __future__ import annotations

from typing import ClassVar


class OrderError(Exception):
    """`reason` and `next_step` are sentences of our own; `nothing_changed` whether surely nothing was ordered."""

    code: ClassVar[str]
    nothing_changed: ClassVar[bool] = True

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step


class MaxCreditsError(OrderError):
    """The estimate is above `max_credits`, or there is none to compare."""

    code = "MAX_CREDITS"


class DailyLimitError(OrderError):
    """The estimate would pass the day's limit, or the limit cannot be held right now."""

    code = "DAILY_LIMIT"


class OrderUnknownError(OrderError):
    """The order was sent and never answered, and to send it again could order it twice."""

    code = "ORDER_UNKNOWN"
    nothing_changed = False


class JournalError(Exception):
    """The journal could not be read or written; its text says why, in our own words: no path, URL or value."""
