"""One placement: the state machine of `states`, driven by what the journal holds and what upstream answers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio

from layers_mcp.analytics.windows import stamp
from layers_mcp.api.errors import KillSwitch, LayersError, Unauthenticated
from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.operations import budget, states, upstream
from layers_mcp.operations.access import JournalAccess
from layers_mcp.operations.entry import Entry, Tenant
from layers_mcp.operations.errors import DailyLimitError, JournalError, OrderUnknownError
from layers_mcp.operations.order import Order
from layers_mcp.operations.records import SimilarOrder
from layers_mcp.operations.similar import similar_orders

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient

CREDITS_SECONDS = 5.0
"""How long an order waits for the price list."""

HIGHEST_TAKE = 99

SIMILAR_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Desk:
    """What a placement works with."""

    layers: LayersClient
    journal: JournalAccess
    supervisor: TaskSupervisor
    daily_credit_limit: int | None
    now: Callable[[], datetime]
    alone: Callable[[str], AbstractAsyncContextManager[None]]
    """Entered with an order's identity: no other call of this process is at the same order meanwhile."""


@dataclass
class Placing:
    """One order on its way.

    `placed`: it is a new order; `completed_now`: it had never been answered until now; `unwritten`: why the journal
    lacks a step of it; `notes` are for the caller.
    """

    desk: Desk
    tenant: Tenant
    order: Order
    max_credits: int
    placed: bool = False
    completed_now: bool = False
    unwritten: str = ""
    notes: list[str] = field(default_factory=list[str])

    async def place(self) -> Entry:
        """Order it, or answer how the known order stands.

        Raises `OrderError` before anything is sent that spends, and `LayersError` as the client does; its
        `nothing_changed` then speaks for the order, not only for this call.
        """
        known = await self.known()
        if known is not None:
            return await self._continue(known)
        estimated = await self.estimate()
        if refusal := budget.max_credits_refusal(estimated, self.max_credits):
            raise refusal
        entry = Entry.about_to_leave(
            self.order,
            self.tenant,
            key_fingerprint=self.desk.layers.key_fingerprint,
            estimate=estimated,
            now=self.desk.now(),
        )
        return await self.desk.supervisor.run_shielded(partial(self._order, entry))

    async def known(self) -> Entry | None:
        """The order as the journal has it; a refused one is free again, and counts as none."""
        found = await self.desk.journal.read(
            lambda journal: journal.find(self.tenant, self.order.identity), otherwise=None
        )
        return None if found is None or found.status == "refused" else found

    async def estimate(self) -> int | None:
        """The most credits that it can cost, None where that cannot be told.

        Raises `LayersError` where the key cannot order anything: it is not accepted, or suspended.
        """
        with anyio.move_on_after(CREDITS_SECONDS):
            try:
                return budget.estimate(self.order, await self.desk.layers.credits.get())
            except (Unauthenticated, KillSwitch):
                raise
            except LayersError:
                pass
        return None

    # --- the states

    async def _continue(self, entry: Entry) -> Entry:
        now = self.desk.now()
        if states.doubted(entry, now) != entry:
            entry = await self._step(entry, states.doubted)
        if entry.status == "running":
            return await self.look(entry)
        if entry.status != "unknown":
            return entry
        if states.may_be_sent_again(entry, self.desk.layers.key_fingerprint, now):
            return await self.desk.supervisor.run_shielded(partial(self._send_again, entry))
        return await self._find_upstream(entry)

    async def _order(self, entry: Entry) -> Entry:
        async with self.desk.alone(entry.identity):
            reserved = await self._reserve(entry)
            if reserved.entry == entry.entry:
                sent = await self._send(entry)
                self.placed = True
                return sent
        return await self._continue(reserved)  # another call or process was first

    async def _send_again(self, entry: Entry) -> Entry:
        async with self.desk.alone(entry.identity):
            current = await self._step(entry, states.attempted)
            if current.status == "unknown":
                current = await self._send(current)
                self.completed_now = True
                self.notes.append(
                    "This order had never been answered: it was sent again under the same ids, and is charged once."
                )
        if current.status == "refused":  # by another process, just now
            return await self.place()
        return await self.look(current) if current.status == "running" else current

    async def _send(self, entry: Entry) -> Entry:
        try:
            reply = await upstream.send(self.desk.layers, entry)
        except LayersError as error:
            if error.nothing_changed:
                answer = {"code": error.code, "status": error.status}
                current = await self._step(entry, partial(states.turned_down, answer=answer))
                error.nothing_changed = current.status == "refused"
            raise
        return await self._step(
            entry,
            partial(
                states.accepted,
                job_id=reply.job_id,
                kind=reply.kind or "",
                status=reply.status or "running",
                container_ids=reply.container_ids,
                answer=reply.model_dump(mode="json", exclude_none=True),
            ),
        )

    async def _find_upstream(self, entry: Entry) -> Entry:
        others = await self.desk.journal.read(lambda journal: journal.others_of_project(entry), otherwise=None)
        found = await upstream.find(self.desk.layers, entry, others)
        if isinstance(found, str):
            raise await self._unknown(entry, found)
        self.completed_now = True
        self.notes.append("This order had never been answered: its containers were found in the project's content.")
        return await self._step(
            entry,
            partial(
                states.accepted,
                job_id="",
                kind="",
                status=upstream.together(container.status for container in found),
                container_ids=[container.container_id for container in found],
                answer={},
            ),
        )

    async def look(self, entry: Entry) -> Entry:
        """How a running order stands now: one read of its job, or of its containers where that is gone."""
        seen = await upstream.look(self.desk.layers, entry)
        if seen is None:
            self.notes.append("How the order stands could not be read just now: its status is the last one known.")
            return entry
        return await self._step(entry, partial(states.learned, status=seen.status, container_ids=seen.container_ids))

    # --- the journal

    async def _reserve(self, entry: Entry) -> Entry:
        limit = self.desk.daily_credit_limit
        try:
            return await self.desk.journal.step(lambda journal: journal.reserve(entry, limit))
        except JournalError as error:
            if limit is not None:
                raise DailyLimitError(
                    f"The daily limit cannot be held: the order journal cannot be written, because {error}.",
                    "Repair the journal's storage, then call again.",
                ) from None
            self.unwritten = str(error)
            return entry

    async def _step(self, entry: Entry, change: Callable[..., Entry]) -> Entry:
        """Take a step in the journal; without one, the order still takes it in this call."""
        changed = partial(change, now=self.desk.now())
        try:
            return await self.desk.journal.step(lambda journal: journal.apply(entry, changed))
        except JournalError as error:
            self.unwritten = str(error)
            return changed(entry)

    # --- what else the caller is told

    async def next_take(self) -> int | None:
        """The lowest higher take that is not ordered yet."""
        by_identity = {self.order.identity_of_take(take): take for take in range(self.order.take + 1, HIGHEST_TAKE + 1)}
        ordered = await self.desk.journal.read(lambda journal: journal.takes(self.tenant, by_identity), otherwise=set())
        return next((take for identity, take in by_identity.items() if identity not in ordered), None)

    async def similar(self) -> tuple[SimilarOrder, ...]:
        """Orders of the last hour from the same source or hook that differ in detail, newest first."""
        when, project_id = self.desk.now() - SIMILAR_WITHIN, self.order.project_id
        recent = await self.desk.journal.read(
            lambda journal: journal.since(self.tenant, when, project_id), otherwise=[]
        )
        return similar_orders(self.order, recent)

    async def _unknown(self, entry: Entry, found: str) -> OrderUnknownError:
        take = await self.next_take()
        sent = stamp(entry.ordered_at)
        again = f"; take={take} orders another one" if take else ""
        return OrderUnknownError(
            f"This order was sent at {sent}, was never answered, and is no longer safe to send again. {found}",
            f"Look for it with get_content, the project_id and since={sent}{again}.",
        )
