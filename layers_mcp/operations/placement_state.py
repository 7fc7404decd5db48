"""The state of one call that places or previews an order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from layers_mcp.lifecycle import Deadline
from layers_mcp.operations.kinds import Order
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.terms import Limits

if TYPE_CHECKING:
    from layers_mcp.api.plans import OrderPlan


BeforeSend = Callable[[], object]
"""Raises where what was never sent may not be sent now."""


@dataclass
class PlacementState:
    """One caller's order, and what there is to tell about it.

    The caller needs the last `keep` seconds before `deadline` for itself.
    `placed`: the order is new, and something of it was sent; `recovered`: what had never been answered, or placed only
    in part, now is; `journal_failure`: why the journal lacks an answer that came. `replanned`: the order was planned
    for a vintage that the API does not speak, and once more for the other; `found_upstream`: what had never been
    answered was found there; `missing_endpoints`: entries of rows whose address exists no more. `notes` are told once
    each.
    """

    tenant: Tenant
    order: Order
    limits: Limits
    before_send: BeforeSend
    deadline: Deadline
    keep: float = 0.0
    placed: bool = False
    recovered: bool = False
    journal_failure: str = ""
    replanned: bool = False
    found_upstream: bool = False
    missing_endpoints: set[str] = field(default_factory=set[str])
    plan: OrderPlan | None = None
    notes: list[str] = field(default_factory=list[str])

    @property
    def until(self) -> float:
        """The loop's time at which the caller stops waiting."""
        return self.deadline.at(keep=self.keep)

    def lose(self, rows: Iterable[Operation]) -> None:
        """Count rows that were never answered as lost: the address that they went to exists no more."""
        self.missing_endpoints.update(row.entry for row in rows if row.status == "unknown")

    def drop_plan(self, outdated: Iterable[Operation] = ()) -> None:
        """Drop the plan, with what it had to tell: the API speaks another vintage.

        `outdated` rows are lost with it where they were never answered.
        """
        self.lose(outdated)
        planned = () if self.plan is None else self.plan.notes
        self.notes = [note for note in self.notes if note not in planned]
        self.replanned, self.plan = True, None
