"""Place an order exactly once: find it, wait for another call that places it, price it, reserve it, send it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError
from layers_mcp.deadlines import PLACE_SECONDS, SEARCH_SECONDS
from layers_mcp.lifecycle import Deadline, TaskSupervisor
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import OperationError, OrderInProgressError
from layers_mcp.operations.journal_retry import require_journal
from layers_mcp.operations.kinds import HookOrder, Order
from layers_mcp.operations.lease import LeaseWatch
from layers_mcp.operations.models import NotFoundUpstream, Operation, Placement, SimilarOrder
from layers_mcp.operations.notes import placed_in_part, price_notes, tell_found
from layers_mcp.operations.observation import ObserveOrder, observe_nothing
from layers_mcp.operations.placement import PlacementBuilder
from layers_mcp.operations.placement_state import BeforeSend, PlacementState
from layers_mcp.operations.planning import Planner, SendPlan
from layers_mcp.operations.reconcile import Reconciler
from layers_mcp.operations.sender import Sender
from layers_mcp.operations.state_machine import can_retry, has_expired, is_free
from layers_mcp.operations.store.base import DayLimit, Store
from layers_mcp.operations.tenant import TenantResolver
from layers_mcp.operations.terms import Consent, Limits, Terms, TermsReader

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks at a row that another call holds."""

_NO_TIME = "There was no time left to look for it."

NO_LIMITS = Limits()


def _allow() -> None:
    """Check nothing."""


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
        observe: ObserveOrder = observe_nothing,
    ) -> None:
        limit = None if daily_credit_limit is None else DayLimit(daily_credit_limit)
        self._api = api
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._supervisor = supervisor
        self._observe = observe
        self._terms = TermsReader(api, store, clock, limit)
        self._planner = Planner(api, clock)
        self._sender = Sender(api, store, clock, self._planner, limit, observe)
        self._reconciler = Reconciler(api, store, clock)
        self._builder = PlacementBuilder(store, clock)

    async def place(
        self,
        order: Order,
        limits: Limits = NO_LIMITS,
        *,
        before_send: BeforeSend = _allow,
        consent: Consent | None = None,
        deadline: Deadline | None = None,
        keep: float = 0.0,
    ) -> Placement:
        """Order once: a known order is answered from the journal, a new one is written down, sent and recorded.

        `before_send` is called where something is to be sent that never was, so not for what is known. The caller stops
        waiting `keep` seconds before its `deadline`, which a `consent` that takes a person's time has to pause. Raises
        `OperationError` where it is refused here, before anything is sent that spends; `LayersError`; and what
        `before_send` and `consent` raise.
        """
        try:
            placement = await self._place(await self._start(order, limits, before_send, deadline, keep), consent)
        except (OperationError, LayersError) as error:
            self._observe(order.tool, "refused" if error.nothing_changed else "unknown")
            raise
        if placement.replayed:
            self._observe(order.tool, "replayed")
        return placement

    async def _place(self, state: PlacementState, consent: Consent | None) -> Placement:
        limits = state.limits
        agreed: Terms | None = None
        while True:
            plan = await self._plan(state, await self._find_existing(state))
            if not plan.to_send:
                return await self._builder.build(state, [*await self._refreshed(state, plan.answered), *plan.lost])
            plan, terms = await self._priced(plan, limits, ask_hold=consent is not None)
            if await self._planner.is_outdated(state, plan, terms):
                state.drop_plan(plan.unpriced)
                continue
            if not self._may_be_sent(plan.unanswered):
                continue  # upstream's clock, seen with the prices, says otherwise than ours did
            if refusals := await self._terms.refusals(plan.to_send, terms, limits):
                if not state.found_upstream and await self._is_upstream_after_all(state, plan.unanswered):
                    state.found_upstream = True  # once, as the journal may not be able to keep what was found
                    continue
                raise refusals[0].replace(nothing_changed=not plan.unanswered)
            if consent is not None and not terms.are_covered_by(agreed):
                await consent(terms)
                agreed = terms
                continue  # time has passed: look at everything again
            rows = await self._until_deadline(state, partial(self._sender.send, state, plan))
            if rows is not None:
                return await self._builder.build(state, [*plan.answered, *rows, *plan.lost])

    async def title_ordered(self, order: HookOrder) -> str:
        """Return the title under which this order by a title was sent before; "" where it is free to be ordered."""
        tenant = await require_journal(self._tenants.current)
        rows, _ = await require_journal(lambda: self._store.of_project(tenant, order.project_id, order.tool))
        sent = [row for row in rows if order.equals_but_for_hook(row)]
        return min(sent, key=lambda row: row.ordered_at).record.hook if sent else ""

    async def similar(self, order: Order) -> tuple[SimilarOrder, ...]:
        """Return what was ordered lately and is nearly the same. Raises `OperationError` where the journal fails."""
        tenant = await require_journal(self._tenants.current)
        return await require_journal(lambda: self._builder.similar(tenant, order, []))

    async def preview(self, order: Order, limits: Limits = NO_LIMITS, *, before_send: BeforeSend = _allow) -> Placement:
        """Return what `place` would do, without sending anything that spends; what would refuse it is a note."""
        return await self._preview(await self._start(order, limits, before_send))

    async def _preview(self, state: PlacementState) -> Placement:
        limits = state.limits
        rows = await self._rows(state)
        now = self._clock.now()
        if any(row.lease and not has_expired(row, now) for row in rows):
            state.notes.append("Another call is placing this order right now.")
            return await self._builder.build(state, rows)
        plan = await self._planner.plan(state, rows)
        if not plan.to_send:
            return await self._builder.build(state, [*await self._refreshed(state, plan.answered), *plan.lost])
        plan, terms = await self._priced(plan, limits, ask_hold=False)
        if await self._planner.is_outdated(state, plan, terms):
            state.drop_plan(plan.unpriced)
            return await self._preview(state)
        refusals = await self._terms.refusals(plan.to_send, terms, limits)
        if plan.drafts and not plan.is_new:
            state.notes.append(placed_in_part(state.order, rows))
        state.notes += [*price_notes(plan.drafts, terms), *(refusal.reason for refusal in refusals)]
        return await self._builder.build(state, rows, terms, refusals)

    async def _start(
        self,
        order: Order,
        limits: Limits,
        before_send: BeforeSend,
        deadline: Deadline | None = None,
        keep: float = 0.0,
    ) -> PlacementState:
        deadline = deadline or Deadline(PLACE_SECONDS)
        return PlacementState(await require_journal(self._tenants.current), order, limits, before_send, deadline, keep)

    # --- find

    async def _rows(self, state: PlacementState) -> list[Operation]:
        """Return the order's rows as they are; what was refused or expired is free again, and counts as none."""
        rows = await require_journal(lambda: self._store.find(state.tenant, state.order.identity))
        return [row for row in rows if not is_free(row, self._clock.now())]

    async def _find_existing(self, state: PlacementState) -> list[Operation]:
        """Return the order's rows once no other call is at them. Raises `OrderInProgressError` at the deadline."""
        watch = LeaseWatch()
        pause = _FIRST_PAUSE
        while True:
            rows = await self._rows(state)
            if not watch.any_alive(rows):
                return rows
            if anyio.current_time() + pause > state.until:
                raise OrderInProgressError(
                    f"Another call is placing this {state.order.noun} right now, and its outcome did not come in time.",
                    f"Call again with the same arguments: it returns that {state.order.noun}.",
                    nothing_changed=False,
                )
            await anyio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def _plan(self, state: PlacementState, rows: Sequence[Operation]) -> SendPlan:
        """Return what is to be sent; what was never answered and cannot be resent is searched for upstream.

        Raises `OrderUnknownError` where that was all of the order, and is not found.
        """
        plan = await self._planner.plan(state, [await self._reconciler.mark_clock_doubt(row) for row in rows])
        if plan.unanswered:  # what they made could be taken for what is lost
            return plan
        until = anyio.current_time() + SEARCH_SECONDS
        for row in list(plan.lost):
            late = anyio.current_time() > until
            found = NotFoundUpstream(_NO_TIME) if late else await self._reconciler.search_upstream(row)
            if isinstance(found, Operation):
                plan.lost.remove(row)
                plan.answered.append(found)
                tell_found(state)
            elif len(plan.lost) == len(rows) and not plan.drafts:
                raise await self._builder.unknown_error(state, row, found.reason)
            else:
                state.notes.append(f"Piece {row.piece} of this order was never answered. {found.reason}")
        return plan

    def _may_be_sent(self, unanswered: Sequence[Operation]) -> bool:
        now, key = self._clock.now(), self._api.key_fingerprint
        return all(can_retry(row, key, now) for row in unanswered)

    async def _is_upstream_after_all(self, state: PlacementState, rows: Sequence[Operation]) -> bool:
        """Return whether something that may not be sent again now is found upstream, and so need not be."""
        found = [await self._reconciler.search_upstream(row) for row in rows if row.status == "unknown"]
        if any(isinstance(each, Operation) for each in found):
            tell_found(state)
            return True
        return False

    async def _refreshed(self, state: PlacementState, rows: Sequence[Operation]) -> list[Operation]:
        """Return the status of the answered rows now: one read of the job of each that had not ended."""
        seen: dict[str, Operation | None] = {}

        async def refresh(row: Operation) -> None:
            seen[row.entry] = await self._reconciler.refresh(row)

        async with anyio.create_task_group() as group:
            for row in rows:
                if row.status == "running":
                    group.start_soon(refresh, row)
        if None in seen.values():
            state.notes.append("The order's status could not be read just now: it is the last one known.")
        return [seen.get(row.entry) or row for row in rows]

    # --- price

    async def _priced(self, plan: SendPlan, limits: Limits, *, ask_hold: bool) -> tuple[SendPlan, Terms]:
        """Return the plan with what sending each of its rows costs now, and the terms of it all.

        Drafts are dated again: where the machine's clock was set since upstream's was last seen, that was seen now.
        """
        rows, terms = await self._terms.priced(plan.to_send, ask_hold=ask_hold or limits.require_approval)
        count, now = len(plan.unanswered), self._clock.now()
        drafts = [replace(row, ordered_at=now, updated_at=now, clock_offset=self._clock.offset) for row in rows[count:]]
        return replace(plan, unanswered=rows[:count], drafts=drafts), terms

    # --- send

    async def _until_deadline(
        self, state: PlacementState, work: Callable[[], Awaitable[list[Operation] | None]]
    ) -> list[Operation] | None:
        """Send everything, with or without a waiting caller; the caller waits until its deadline."""
        with anyio.CancelScope(deadline=state.until):
            return await self._supervisor.run_shielded(work)
        raise OrderInProgressError(
            f"This {state.order.noun} is on its way, and its answer did not come in time.",
            f"Call again with the same arguments: it returns this {state.order.noun}.",
            nothing_changed=False,
        )
