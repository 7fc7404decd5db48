"""What metrics may know of orders: the tool, the outcome, estimated credits. No ids."""

from __future__ import annotations

from typing import Literal, Protocol

OrderOutcome = Literal["placed", "replayed", "refused", "unknown"]
"""`refused`: nothing was sent, or nothing came of it; `unknown`: it may yet turn out to be placed."""


class ObserveOrder(Protocol):
    """Called once for what comes of each call that orders or publishes; `estimated_credits` are of what is placed."""

    def __call__(self, tool: str, outcome: OrderOutcome, estimated_credits: int = 0, /) -> object: ...


def observe_nothing(tool: str, outcome: OrderOutcome, estimated_credits: int = 0, /) -> None:
    """Count nothing."""
