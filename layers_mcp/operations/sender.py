"""From what is to be sent to its answer in the journal: reserve it, then start, send and record each attempt."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError
from layers_mcp.deadlines import NEXT_PIECE_SECONDS
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import (
    JournalError,
    OperationError,
    PublicationUnknownError,
    UnclearTenantError,
)
from layers_mcp.operations.journal_retry import require_journal, retry_passing
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.lease import renewing
from layers_mcp.operations.models import Operation
from layers_mcp.operations.notes import placed_in_part, tell_sent
from layers_mcp.operations.observation import ObserveOrder
from layers_mcp.operations.placement_state import PlacementState
from layers_mcp.operations.planning import Planner, SendPlan, explain_not_found
from layers_mcp.operations.state_machine import (
    AttemptStarted,
    AttemptUnanswered,
    Event,
    Rejected,
    Released,
    Renewed,
    transition,
)
from layers_mcp.operations.store.base import DayLimit, Store

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass(frozen=True)
class Sent:
    """A row after its attempt, why that failed, and why the journal lacks its end ("" = it has it).

    `failure.nothing_changed` speaks for the operation, not only for this attempt.
    """

    row: Operation
    failure: LayersError | None
    journal_failure: str


class Sender:
    """Sends what was decided to be sent, and writes down what becomes of it."""

    def __init__(
        self,
        api: LayersClient,
        store: Store,
        clock: UpstreamClock,
        planner: Planner,
        limit: DayLimit | None,
        observe: ObserveOrder,
    ) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._planner = planner
        self._limit = limit
        self._observe = observe

    async def send(self, state: PlacementState, plan: SendPlan) -> list[Operation] | None:
        """Reserve what is new and send it all, a piece after the other; None where everything is to be looked at again:
        another call was first, or the API speaks another vintage.

        Raises what speaks against it; once a piece is placed, that is a note instead.
        """
        reserved = await self._reserve(plan.drafts) if plan.drafts else []
        if reserved is None:
            return None
        queue = sorted([*plan.unanswered, *reserved], key=lambda row: row.piece)
        rows: list[Operation] = []
        failure: LayersError | OperationError | None = None
        while queue and failure is None and (not rows or anyio.current_time() + NEXT_PIECE_SECONDS < state.until):
            row = queue.pop(0)
            try:
                sent = await self._attempt(row)
            except OperationError as error:
                failure = error
                break
            if sent is None:
                await self._release(queue)
                return None
            rows.append(sent.row)
            state.journal_failure = state.journal_failure or sent.journal_failure
            if sent.failure is None:
                tell_sent(state, plan, row)
                continue
            failure = await self._explained(state, sent.row, sent.failure)
            if failure is None:
                await self._release(queue)
                return None
        await self._release(queue)
        placed = [row for row in rows if row.status != "refused"]
        if state.placed:  # told here, where it is known even if the caller has left
            new = {row.entry for row in reserved}
            spent = sum(row.estimated_credits or 0 for row in placed if row.entry in new)
            self._observe(state.order.tool, "placed", spent)
        if failure is None and not queue:
            return placed
        return _placed_in_part(state, plan, placed, failure)

    async def _explained(self, state: PlacementState, row: Operation, failure: LayersError) -> LayersError | None:
        """Return why a row failed; None where all is to be looked at again, as the API speaks another vintage."""
        missing = await self._planner.find_missing(state, row, failure)
        if not self._planner.is_vintage_mismatch(state, row, missing):
            return explain_not_found(failure, missing)
        if row.status == "unknown":
            state.lose([row])
        else:
            state.drop_plan()
        return None

    async def _reserve(self, drafts: Sequence[Operation]) -> list[Operation] | None:
        """Write the drafts of one order down and hold their credits; None where another call was first with one.

        Raises `JournalUnavailableError`, `DailyLimitError`, and `UnclearTenantError` (of a publication,
        `PublicationUnknownError`) to who can see the project: others get its 404.
        """
        lease = uuid.uuid4().hex
        leased = [replace(draft, lease=lease) for draft in drafts]
        limit = self._limit if KINDS[drafts[0].tool].spends else None
        try:
            rows = await require_journal(lambda: self._store.reserve(leased, limit, self._clock.now()))
        except UnclearTenantError as error:
            await self._api.content.list(drafts[0].project_id, limit=1)
            if KINDS[drafts[0].tool].spends:
                raise
            raise PublicationUnknownError(
                "This publication is in the journal under another API key, and whether both belong to one organization "
                "is not known now.",
                "Call again when Layers answers who the key belongs to, or look for it with list_schedule.",
            ) from error
        ours = [row for row in rows if row.lease == lease]
        if len(ours) == len(drafts):
            return ours
        await self._release(ours)
        return None

    async def _release(self, rows: Sequence[Operation]) -> None:
        """Give back reservations that are not going to be sent; where that fails, they expire.

        What was sent before and never answered stays so: it may have been made.
        """
        for row in rows:
            if row.status != "reserved":
                continue
            with contextlib.suppress(JournalError):
                await self._store.record(row, Released(lease=row.lease), self._clock.now())

    async def _attempt(self, row: Operation) -> Sent | None:
        """Send a row that is reserved, or was never answered; None where another call was first.

        Raises `JournalUnavailableError` and `DailyLimitError` before anything is sent.
        """
        started = await self._start(row)
        if started is None:
            return None
        failure: LayersError | None = None
        async with renewing(lambda: self._renew(started)):
            try:
                event: Event = await KINDS[row.tool].send(self._api, started)
            except LayersError as error:
                failure = error
                end = Rejected if error.nothing_changed else AttemptUnanswered
                event = end(lease=started.lease, answer={"code": error.code, "status": error.status})
        ended, journal_failure = await self._record_end(started, event)
        if failure is not None:
            failure = failure.replace(nothing_changed=ended.status == "refused")
        return Sent(ended, failure, journal_failure)

    async def _start(self, row: Operation) -> Operation | None:
        """Count the attempt before it leaves, and hold the row's lease; None where another call was first."""
        lease = uuid.uuid4().hex
        start = AttemptStarted(
            lease=lease,
            follows=(row.lease, row.beat),
            key_fingerprint=self._api.key_fingerprint,
            estimated_credits=row.estimated_credits,
            clock_offset=self._clock.offset,
        )
        undo = Released(lease=lease)
        limit = self._limit if KINDS[row.tool].spends else None
        try:
            started = await require_journal(
                lambda: self._store.record(row, start, self._clock.now(), limit=limit, undo=undo)
            )
        except OperationError:
            with contextlib.suppress(JournalError):  # it may be counted, though nobody could say so
                await self._store.record(row, undo, self._clock.now())
            raise
        return started if started.lease == lease else None

    async def _renew(self, row: Operation) -> None:
        with contextlib.suppress(JournalError):  # the next beat may be written, and whoever waits watches for a while
            await self._store.record(row, Renewed(lease=row.lease), self._clock.now())

    async def _record_end(self, row: Operation, event: Event) -> tuple[Operation, str]:
        """Write down how the attempt ended; where that cannot be, it still ended so for this call."""
        try:
            return await retry_passing(lambda: self._store.record(row, event, self._clock.now())), ""
        except JournalError as error:
            return transition(row, event, self._clock.now()), str(error)


def _placed_in_part(
    state: PlacementState, plan: SendPlan, placed: list[Operation], failure: LayersError | OperationError | None
) -> list[Operation]:
    """Return what was placed of an order, and note what was not. Raises `failure` where nothing of it is."""
    if failure is not None and not state.placed and not state.recovered and not plan.answered:
        raise failure
    why = f": {failure}" if failure is not None else ""
    state.notes.append(placed_in_part(state.order, [*plan.answered, *placed], why))
    return placed
