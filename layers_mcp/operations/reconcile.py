"""What upstream knows of operations: the status of an answered one, and whether an unanswered one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.journal_retry import require_journal
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.models import NotFoundUpstream, Operation
from layers_mcp.operations.state_machine import ClockWentBackwards, Event, clock_went_backwards, transition
from layers_mcp.operations.store.base import Store

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


class Reconciler:
    """Brings rows into line with upstream, without sending anything that spends or publishes."""

    def __init__(self, api: LayersClient, store: Store, clock: UpstreamClock) -> None:
        self._api = api
        self._store = store
        self._clock = clock

    async def mark_clock_doubt(self, row: Operation) -> Operation:
        """Return the row; where the clock is before its last attempt, its time for sending again has ended."""
        now = self._clock.now()
        by_upstreams_clock = row.clock_offset is not None and self._clock.offset is not None
        if by_upstreams_clock or row.clock_doubted or not clock_went_backwards(row, now):
            return row
        return await require_journal(lambda: self._store.record(row, ClockWentBackwards(), now))

    async def search_upstream(self, row: Operation) -> Operation | NotFoundUpstream:
        """Return an unanswered row with what was found of it upstream, or why nothing was."""
        others = await require_journal(lambda: self._store.claims(row.tenant, row.project_id))
        if others.warning:
            return NotFoundUpstream(
                f"What belongs to other orders is not known: in the order journal {others.warning}."
            )
        spends = KINDS[row.tool].spends
        others_of_project = [
            each for each in others.value if each.entry != row.entry and KINDS[each.tool].spends == spends
        ]
        found = await KINDS[row.tool].reconcile(self._api, row, others_of_project)
        return found if isinstance(found, NotFoundUpstream) else await self._recorded(row, found)

    async def refresh(self, row: Operation) -> Operation | None:
        """Return a running row as it is now: one read of its job, or of its containers; None where that fails."""
        seen = await KINDS[row.tool].observe(self._api, row)
        return None if seen is None else await self._recorded(row, seen)

    async def _recorded(self, row: Operation, event: Event) -> Operation:
        """Return the row after an event that upstream can tell again; if it cannot be recorded, for this call alone."""
        now = self._clock.now()
        try:
            return await self._store.record(row, event, now)
        except JournalError:
            return transition(row, event, now)
