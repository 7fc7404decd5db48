"""How an operation ends when nothing is ordered or published.

LayersError (of the client)     upstream refused it, or its answer was lost
OperationError                  we refused it, before anything was sent that spends or publishes
├── MaxCreditsError             MAX_CREDITS: above what the caller allowed, or that cannot be told
├── DailyLimitError             DAILY_LIMIT: above the tenant's limit for the day, or that cannot be told
├── NotHeldError                NOT_HELD: finished content would not surely wait for a person
├── OrderUnknownError           ORDER_UNKNOWN: it may be placed already, and sending it again is not safe
│   └── UnclearTenantError      the same: another key of what may be one organization ordered it
├── PublicationUnknownError     PUBLICATION_UNKNOWN: the same of a publication
├── OrderInProgressError        ORDER_IN_PROGRESS: another call is placing the same order right now
└── JournalUnavailableError     JOURNAL_UNAVAILABLE: the journal cannot be read and written, so nothing leaves
JournalError                    a step of the journal failed; reads become a warning, writes one of the above
"""

from __future__ import annotations

from typing import ClassVar, Self


class OperationError(Exception):
    """`reason` and `next_step` are sentences of our own; `nothing_changed` whether surely nothing took effect."""

    code: ClassVar[str]

    def __init__(self, reason: str, next_step: str, *, nothing_changed: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step
        self.nothing_changed = nothing_changed

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"

    def replace(self, *, nothing_changed: bool) -> Self:
        """Return the same refusal with another word on its effect."""
        return type(self)(self.reason, self.next_step, nothing_changed=nothing_changed)


class MaxCreditsError(OperationError):
    """The estimate is above `max_credits`, or there is none to compare."""

    code = "MAX_CREDITS"


class DailyLimitError(OperationError):
    """The estimate would pass the day's limit, or there is none to add."""

    code = "DAILY_LIMIT"


class NotHeldError(OperationError):
    """The caller wants every finished piece to wait for a person, and that is not certain."""

    code = "NOT_HELD"


class OrderUnknownError(OperationError):
    """The order was sent and never answered, and sending it again could order it twice."""

    code = "ORDER_UNKNOWN"


class PublicationUnknownError(OperationError):
    """The publication was sent and never answered, and sending it again could publish it twice."""

    code = "PUBLICATION_UNKNOWN"


class OrderInProgressError(OperationError):
    """Another call, perhaps of another process, is placing this order; its outcome did not come in time."""

    code = "ORDER_IN_PROGRESS"


class UnclearTenantError(OrderUnknownError):
    """An equal order is in the journal under a key whose organization is not known, or while ours is not."""


class JournalUnavailableError(OperationError):
    """Nothing that spends or publishes leaves while the journal cannot be read and written."""

    code = "JOURNAL_UNAVAILABLE"


class JournalError(Exception):
    """The journal could not be read or written; its text says why, in our own words: no path, URL or value.

    `passing`: it may well be over in a few seconds, such as a restart or a lock.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing
