"""What a caller receives of an order once its status is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from layers_mcp.analytics.status import WITHOUT_RESULT
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import JournalError, OperationError, OrderUnknownError, PublicationUnknownError
from layers_mcp.operations.kinds import KINDS, Order
from layers_mcp.operations.models import Operation, Placement, SimilarOrder, Tenant, order_record
from layers_mcp.operations.placement_state import PlacementState
from layers_mcp.operations.similar import similar_orders, similar_publications
from layers_mcp.operations.store.base import Store
from layers_mcp.operations.terms import Terms
from layers_mcp.text.times import stamp

HIGHEST_TAKE = 99

SIMILAR_WITHIN = timedelta(hours=1)
"""How long ago an order may be that another one is compared with."""


class PlacementBuilder:
    """Builds the answer to a state, with what the journal knows beside its order."""

    def __init__(self, store: Store, clock: UpstreamClock) -> None:
        self._store = store
        self._clock = clock

    async def build(
        self,
        state: PlacementState,
        rows: Sequence[Operation],
        terms: Terms | None = None,
        refusals: Sequence[OperationError] = (),
    ) -> Placement:
        """Return how the order stands by its `rows`; `terms` are those of sending what a preview did not send."""
        record = order_record(sorted(rows, key=lambda row: row.piece)) if rows else None
        came_to_nothing = record is not None and record.status in WITHOUT_RESULT
        notes = list(dict.fromkeys(state.notes))
        if state.journal_failure:
            notes.append(
                f"The order journal could not be written: {state.journal_failure}. The same call again writes it down, "
                "under the same ids and without a second charge."
            )
        try:
            next_take = await self.next_take(state) if came_to_nothing else None
            similar = await self.similar(state.tenant, state.order, notes)
            today = await self._store.credits_of_day(state.tenant, self._clock.now(), ())
        except JournalError as error:
            notes.append(journal_warning(str(error)))
            next_take, similar, today = None, (), None
        estimated = record.estimated_credits if record is not None and terms is None else None
        return Placement(
            record=record,
            estimated_credits=terms.estimated_credits if terms is not None else estimated,
            credits_ordered_today=today,
            replayed=record is not None and not state.placed,
            recovered=state.recovered,
            next_take=next_take,
            similar=similar,
            notes=tuple(notes),
            next_step=" ".join(refusal.next_step for refusal in refusals),
            balance=terms.balance if terms is not None else None,
            rows=tuple(rows),
        )

    async def next_take(self, state: PlacementState) -> int | None:
        """Return the lowest higher take that is not ordered yet. Raises `JournalError`."""
        order = state.order
        by_identity = {order.identity_of_take(take): take for take in range(order.take + 1, HIGHEST_TAKE + 1)}
        ordered = await self._store.takes(state.tenant, list(by_identity))
        return next((take for identity, take in by_identity.items() if identity not in ordered), None)

    async def unknown_error(self, state: PlacementState, row: Operation, reason: str) -> OperationError:
        """Return why an order that was never answered is neither sent again nor taken for placed."""
        try:
            take = await self.next_take(state)
        except JournalError:
            take = None
        sent = stamp(row.ordered_at)
        if not KINDS[row.tool].spends:
            return PublicationUnknownError(
                f"This publication was sent at {sent}, was never answered, and is not safe to send again. {reason}",
                "Look for it with list_schedule and the project_id before another take.",
                nothing_changed=False,
            )
        again = f"; take={take} orders another one" if take else ""
        return OrderUnknownError(
            f"This order was sent at {sent}, was never answered, and is no longer safe to send again. {reason}",
            f"Look for it with get_content, the project_id and since={sent}{again}.",
            nothing_changed=False,
        )

    async def similar(self, tenant: Tenant, order: Order, notes: list[str]) -> tuple[SimilarOrder, ...]:
        """Return what is nearly the same: recent orders of one source or hook, publications of the same content.

        What could not be read of it is told in `notes`. Raises `JournalError`.
        """
        now = self._clock.now()
        if KINDS[order.tool].spends:
            recent, warning = await self._store.since(tenant, now - SIMILAR_WITHIN, order.project_id)
            similar = similar_orders(order, recent)
        else:
            sent, warning = await self._store.of_project(tenant, order.project_id, order.tool)
            similar = similar_publications(order, sent, now)
        if warning:
            notes.append(journal_warning(warning))
        return similar


def journal_warning(reason: str) -> str:
    """Return a note that what the journal knows may be missing."""
    return f"The order journal could not be read or written: {reason}."
