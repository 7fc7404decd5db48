"""Placing an order exactly once: find it, wait for another call that is at it, price it, reserve it, send it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError
from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import (
    OperationError,
    OrderInProgressError,
    UnclearTenantError,
)
from layers_mcp.operations.kinds import KINDS, CloneOrder, Order
from layers_mcp.operations.kinds.base import draft
from layers_mcp.operations.lease import LeaseWatch
from layers_mcp.operations.models import Operation, Placement
from layers_mcp.operations.patience import required
from layers_mcp.operations.placement import Call, PlacementWriter
from layers_mcp.operations.pricing import CLONE_PRICE_NOTE
from layers_mcp.operations.reconcile import Reconciler
from layers_mcp.operations.sender import Sender
from layers_mcp.operations.state_machine import can_retry, is_free
from layers_mcp.operations.store.base import DayLimit, Store
from layers_mcp.operations.tenant import TenantResolver
from layers_mcp.operations.terms import Consent, Limits, Terms, TermsReader

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient

CALL_SECONDS = 42.0
"""How long a call may take to place an order; what is on its way by then goes on without it."""

PIECE_SECONDS = 8.0
"""What has to be left of a call for another piece of its order to be sent."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks at a row that another call holds."""

NO_LIMITS = Limits()


@dataclass
class _Plan:
    """What there is of an order, and what is to be sent for it now: its `unanswered` rows, and `drafts` of new ones.

    `lost` rows were never answered and are no longer safe to send.
    """

    answered: list[Operation]
    unanswered: list[Operation]
    drafts: list[Operation]
    lost: list[Operation]

    @property
    def to_send(self) -> list[Operation]:
        """Everything that costs now."""
        return [*self.unanswered, *self.drafts]


class OrderService:
    """Places one tenant's orders."""

    def __init__(
        self,
        *,
        api: LayersClient,
        store: Store,
        tenants: TenantResolver,
        clock: UpstreamClock,
        supervisor: TaskSupervisor,
        daily_credit_limit: int | None,
    ) -> None:
        limit = None if daily_credit_limit is None else DayLimit(daily_credit_limit)
        self._api = api
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._supervisor = supervisor
        self._terms = TermsReader(api, store, clock, limit)
        self._sender = Sender(api, store, clock, limit)
        self._reconciler = Reconciler(api, store, clock)
        self._writer = PlacementWriter(store, clock)

    async def place(
        self, order: Order, limits: Limits = NO_LIMITS, *, consent: Consent | None = None, deadline: float | None = None
    ) -> Placement:
        """Order once: a known order is answered from the journal, a new one is written down, sent and recorded.

        `deadline` is the loop's time at which the caller stops waiting. Raises `OperationError` where it is refused
        here, before anything is sent that spends; `LayersError`; and what `consent` raises.
        """
        call = await self._call(order, limits, deadline)
        agreed: Terms | None = None
        while True:
            plan = await self._plan(call, await self._find_existing(call))
            if not plan.to_send:
                return await self._writer.placement(call, [*await self._refreshed(call, plan.answered), *plan.lost])
            plan, terms = await self._priced(plan, limits, ask_hold=consent is not None)
            if refusals := await self._terms.refusals(plan.to_send, terms, limits):
                if await self._is_upstream_after_all(call, plan.unanswered):
                    continue
                refusals[0].nothing_changed = not plan.unanswered
                raise refusals[0]
            if consent is not None and not terms.are_covered_by(agreed):
                asked = anyio.current_time()
                await consent(terms)
                agreed = terms
                call.deadline += anyio.current_time() - asked  # a person's time is not the call's
                continue  # time has passed: look at everything again
            rows = await self._until_deadline(call, partial(self._send, call, plan))
            if rows is not None:
                return await self._writer.placement(call, [*plan.answered, *rows, *plan.lost])

    async def is_known(self, order: Order) -> bool:
        """Whether it was asked for before, and is not free to be asked for anew."""
        return bool(await self._rows(await self._call(order, NO_LIMITS, None)))

    async def preview(self, order: Order, limits: Limits = NO_LIMITS, *, deadline: float | None = None) -> Placement:
        """What `place` would do, without sending anything that spends; what would refuse it is a note."""
        call = await self._call(order, limits, deadline)
        rows = await self._rows(call)
        if any(row.lease for row in rows):
            call.notes.append("Another call is placing this order right now.")
            return await self._writer.placement(call, rows)
        plan = self._sorted(call, rows)
        if not plan.to_send:
            return await self._writer.placement(call, [*await self._refreshed(call, plan.answered), *plan.lost])
        plan, terms = await self._priced(plan, limits, ask_hold=False)
        refusals = await self._terms.refusals(plan.to_send, terms, limits)
        call.notes += [*([] if rows else _price_notes(order, terms)), *(refusal.reason for refusal in refusals)]
        return await self._writer.placement(call, rows, terms, refusals)

    async def _call(self, order: Order, limits: Limits, deadline: float | None) -> Call:
        deadline = anyio.current_time() + CALL_SECONDS if deadline is None else deadline
        return Call(await required(self._tenants.current), order, limits, deadline)

    # --- find

    async def _rows(self, call: Call) -> list[Operation]:
        """The order's rows as they stand; what was refused or expired is free again, and counts as none."""
        rows = await required(lambda: self._store.find(call.tenant, call.order.identity))
        return [row for row in rows if not is_free(row, self._clock.now())]

    async def _find_existing(self, call: Call) -> list[Operation]:
        """The order's rows, once no other call is at them. Raises `OrderInProgressError` at the call's deadline."""
        watch = LeaseWatch()
        pause = _FIRST_PAUSE
        while True:
            rows = await self._rows(call)
            if not watch.any_alive(rows):
                return rows
            if anyio.current_time() + pause > call.deadline:
                raise OrderInProgressError(
                    f"Another call is placing this {call.order.noun} right now, and its outcome did not come in time.",
                    f"Call again with the same arguments: it returns that {call.order.noun}.",
                    nothing_changed=False,
                )
            await anyio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _sorted(self, call: Call, rows: Sequence[Operation]) -> _Plan:
        """The order's rows by what is to be done about them, and drafts of those that are missing."""
        now, key = self._clock.now(), self._api.key_fingerprint
        open_rows = [row for row in rows if row.status in ("reserved", "unknown")]
        there = {row.piece for row in rows}
        return _Plan(
            answered=[row for row in rows if row not in open_rows],
            unanswered=[row for row in open_rows if can_retry(row, key, now)],
            drafts=[draft for draft in self._drafts(call) if draft.piece not in there],
            lost=[row for row in open_rows if not can_retry(row, key, now)],
        )

    async def _plan(self, call: Call, rows: Sequence[Operation]) -> _Plan:
        """What is to be sent; what was never answered and cannot be sent again is looked for upstream.

        Raises `OrderUnknownError` where that was all of the order, and is not found.
        """
        plan = self._sorted(call, [await self._reconciler.dated(row) for row in rows])
        for row in list(plan.lost):
            found = await self._reconciler.found(row)
            if isinstance(found, Operation):
                plan.lost.remove(row)
                plan.answered.append(found)
                _tell_found(call)
            elif len(rows) == 1:
                raise await self._writer.unknown(call, row, found)
            else:
                call.notes.append(f"Piece {row.piece} of this order was never answered. {found}")
        return plan

    def _drafts(self, call: Call) -> list[Operation]:
        now = self._clock.now()
        return [
            draft(
                call.order,
                request,
                call.tenant,
                key_fingerprint=self._api.key_fingerprint,
                now=now,
                clock_offset=self._clock.offset,
            )
            for request in call.order.requests(call.tenant.base_url)
        ]

    async def _is_upstream_after_all(self, call: Call, rows: Sequence[Operation]) -> bool:
        """Whether something that may not be sent again now is found upstream, and so need not be."""
        found = [await self._reconciler.found(row) for row in rows if row.status == "unknown"]
        if any(isinstance(each, Operation) for each in found):
            _tell_found(call)
            return True
        return False

    async def _refreshed(self, call: Call, rows: Sequence[Operation]) -> list[Operation]:
        """How the answered rows stand now: one read of the job of each that had not ended."""
        seen: dict[str, Operation | None] = {}

        async def refresh(row: Operation) -> None:
            seen[row.entry] = await self._reconciler.refreshed(row)

        async with anyio.create_task_group() as group:
            for row in rows:
                if row.status == "running":
                    group.start_soon(refresh, row)
        if None in seen.values():
            call.notes.append("How the order stands could not be read just now: its status is the last one known.")
        return [seen.get(row.entry) or row for row in rows]

    # --- price

    async def _priced(self, plan: _Plan, limits: Limits, *, ask_hold: bool) -> tuple[_Plan, Terms]:
        """The plan with what sending each of its rows costs now, and the terms of it all."""
        rows, terms = await self._terms.priced(plan.to_send, ask_hold=ask_hold or limits.require_approval)
        count = len(plan.unanswered)
        return replace(plan, unanswered=rows[:count], drafts=rows[count:]), terms

    # --- reserve and send

    async def _until_deadline(
        self, call: Call, work: Callable[[], Awaitable[list[Operation] | None]]
    ) -> list[Operation] | None:
        """Send to the end whoever waits for it; the caller waits until its deadline."""
        with anyio.CancelScope(deadline=call.deadline):
            return await self._supervisor.run_shielded(work)
        raise OrderInProgressError(
            f"This {call.order.noun} is on its way, and its answer did not come in time.",
            f"Call again with the same arguments: it returns this {call.order.noun}.",
            nothing_changed=False,
        )

    async def _send(self, call: Call, plan: _Plan) -> list[Operation] | None:
        """Reserve what is new and send it all, a piece after the other; None where another call was first.

        Raises what stands against it; once a piece is placed, that is a note instead.
        """
        reserved = await self._reserve(call, plan.drafts) if plan.drafts else []
        if reserved is None:
            return None
        queue = sorted([*plan.unanswered, *reserved], key=lambda row: row.piece)
        rows: list[Operation] = []
        failure: LayersError | OperationError | None = None
        while queue and failure is None and (not rows or anyio.current_time() + PIECE_SECONDS < call.deadline):
            row = queue.pop(0)
            try:
                sent = await self._sender.send(row)
            except OperationError as error:
                failure = error
                break
            if sent is None:
                await self._sender.release(queue)
                return None
            rows.append(sent.row)
            failure = sent.failure
            call.unwritten = call.unwritten or sent.unwritten
            if failure is None:
                self._tell_sent(call, row)
        await self._sender.release(queue)
        if failure is not None and not call.placed and not call.recovered and not plan.answered:
            raise failure
        if failure is not None or queue:
            self._tell_partly_sent(call, plan, rows, failure)
        return [row for row in rows if row.status != "refused"]

    async def _reserve(self, call: Call, drafts: Sequence[Operation]) -> list[Operation] | None:
        """Hold the credits of new rows. Raises `UnclearTenantError` to who can see the project, 404 to others."""
        try:
            return await self._sender.reserve(drafts)
        except UnclearTenantError:
            await self._api.content.list(call.order.project_id, limit=1)
            raise

    def _tell_sent(self, call: Call, row: Operation) -> None:
        if row.status == "reserved":
            call.placed = True
            if isinstance(call.order, CloneOrder) and row.estimated_credits is not None:
                call.notes.append(CLONE_PRICE_NOTE)
            return
        call.recovered = True
        once = "charged" if KINDS[row.tool].spends else "published"
        call.notes.append(
            f"This {call.order.noun} had never been answered: it was sent again under the same ids, and is {once} once."
        )

    def _tell_partly_sent(
        self, call: Call, plan: _Plan, rows: Sequence[Operation], failure: LayersError | OperationError | None
    ) -> None:
        pieces = len(call.order.requests(call.tenant.base_url))
        placed = len(plan.answered) + sum(row.status not in ("unknown", "refused") for row in rows)
        why = f": {failure}" if failure is not None else ""
        call.notes.append(f"{placed} of {pieces} pieces are placed{why}. The same call orders the rest.")


def _price_notes(order: Order, terms: Terms) -> list[str]:
    if not KINDS[order.tool].spends:
        return []
    if terms.estimated_credits is None:
        return ["What this order costs cannot be told just now."]
    return [CLONE_PRICE_NOTE] if isinstance(order, CloneOrder) else []


def _tell_found(call: Call) -> None:
    call.recovered = True
    where = "its containers were found in the project's content"
    if not KINDS[call.order.tool].spends:
        where = "it was found in the project's schedule"
    call.notes.append(f"This {call.order.noun} had never been answered: {where}.")
