"""The order book: every commission is written here before it is sent, and answered from here ever after."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import anyio

from layers_mcp.api.errors import NotConfigured
from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.operations import budget, states, upstream
from layers_mcp.operations.access import JournalAccess
from layers_mcp.operations.entry import Entry, Tenant
from layers_mcp.operations.errors import OrderError
from layers_mcp.operations.order import CloneOrder, Order
from layers_mcp.operations.placing import Desk, Placing
from layers_mcp.operations.records import OrderRecord, Placement
from layers_mcp.operations.tenancy import Tenancy
from layers_mcp.text.ids import container_key, container_keys

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.models import Job
    from layers_mcp.operations.journal import Journal


class OrderBook:
    """One tenant's orders. Nothing is imported, opened or created before its first use."""

    def __init__(
        self,
        *,
        layers: LayersClient,
        journal_url: str,
        state_dir: Path,
        daily_credit_limit: int | None,
        supervisor: TaskSupervisor,
        now: Callable[[], datetime],
    ) -> None:
        self._journal = JournalAccess(journal_url, state_dir)
        self._tenancy = Tenancy(layers, self._journal)
        self._locks = WeakValueDictionary[str, anyio.Lock]()
        self._now = now
        self._desk = Desk(layers, self._journal, supervisor, daily_credit_limit, now, self._alone)

    @property
    def trouble(self) -> str | None:
        """Why the journal could not be read or written at its last step, as a note; reads then answer empty."""
        reason = self._journal.trouble
        return reason and f"The order journal could not be read or written: {reason}."

    # --- ordering

    async def place(self, order: Order, *, max_credits: int = 0) -> Placement:
        """Order once: a known order is answered from the journal, a new one is written down, sent and recorded.

        Raises `OrderError` where it is refused here, before anything is sent that spends, and `LayersError`.
        """
        placing = Placing(self._desk, await self._tenancy.current(), order, max_credits)
        entry = await placing.place()
        if placing.placed and isinstance(order, CloneOrder) and entry.estimated_credits is not None:
            placing.notes.append(budget.CLONE_PRICE_NOTE)
        return await self._answer(placing, entry, entry.estimated_credits)

    async def preview(self, order: Order, *, max_credits: int = 0) -> Placement:
        """What `place` would do, without sending anything that spends; an excess of a budget is a note."""
        placing = Placing(self._desk, await self._tenancy.current(), order, max_credits)
        entry = await placing.known()
        if entry is None:
            estimated = await placing.estimate()
            placing.notes += _price_notes(order, estimated)
            refusals = await self._refusals(placing, estimated)
            placing.notes += [refusal.reason for refusal in refusals]
            return await self._answer(placing, None, estimated, refusals)
        if entry.status == "running":
            entry = await placing.look(entry)
        return await self._answer(placing, entry, entry.estimated_credits)

    async def _answer(
        self, placing: Placing, entry: Entry | None, estimated: int | None, refusals: Sequence[OrderError] = ()
    ) -> Placement:
        came_to_nothing = entry is not None and entry.status in ("failed", "canceled")
        next_take = await placing.next_take() if came_to_nothing else None
        similar = await placing.similar()
        if reason := placing.unwritten or self._journal.trouble:
            placing.notes.append(
                f"The order journal could not be written: {reason}. What protects the order from being charged twice "
                "is then only the ids it is sent under."
            )
        return Placement(
            record=entry.record if entry is not None else None,
            estimated_credits=estimated,
            replayed=entry is not None and not placing.placed,
            completed_now=placing.completed_now,
            next_take=next_take,
            similar=similar,
            notes=tuple(placing.notes),
            way_out=" ".join(refusal.next_step for refusal in refusals),
        )

    async def _refusals(self, placing: Placing, estimated: int | None) -> list[OrderError]:
        """The budgets for which `place` would turn a new order down now."""
        found: list[OrderError | None] = [budget.max_credits_refusal(estimated, placing.max_credits)]
        limit = self._desk.daily_credit_limit
        if limit is not None:
            ordered = await self._journal.read(
                lambda journal: journal.credits_of_day(placing.tenant, self._now()), otherwise=0
            )
            found.append(budget.daily_limit_refusal(estimated, ordered, limit))
        return [refusal for refusal in found if refusal is not None]

    @asynccontextmanager
    async def _alone(self, identity: str) -> AsyncGenerator[None]:
        lock = self._locks.setdefault(identity, anyio.Lock())
        async with lock:
            yield

    # --- what was ordered

    async def settle(self, job: Job) -> None:
        """Write back what a job says about its order; nothing for a job that is not in the journal. Never raises."""
        base_url = self._tenancy.base_url
        for entry in await self._journal.read(lambda journal: journal.of_jobs(base_url, [job.job_id]), otherwise=[]):
            await self._learn(entry, job.status, job.container_ids)

    async def settle_content(self, statuses: Mapping[str, str]) -> None:
        """Write back the end of orders all of whose containers have ended; statuses by container id. Never raises."""
        by_key = {container_key(container_id): status for container_id, status in statuses.items()}
        for entry in await self._of_tenant(lambda journal, tenant: journal.of_containers(tenant, by_key)):
            if len(entry.container_ids) >= entry.variations:
                seen = upstream.together(map(by_key.get, map(container_key, entry.container_ids)))
                await self._learn(entry, seen, ())

    async def _learn(self, entry: Entry, status: str, container_ids: Iterable[str]) -> None:
        learned = partial(states.learned, now=self._now(), status=status, container_ids=tuple(container_ids))
        if learned(entry) != entry:
            await self._journal.read(lambda journal: journal.apply(entry, learned), otherwise=entry)

    async def commission_ids(self, container_ids: Iterable[str]) -> dict[str, str]:
        """The commission id of each container that the journal ordered, by the ids as they are given."""
        wanted = set(container_ids)
        entries = await self._of_tenant(lambda journal, tenant: journal.of_containers(tenant, wanted))
        made = {key: entry.commission_id for entry in entries for key in container_keys(entry.container_ids)}
        return {each: made[key] for each in wanted if (key := container_key(each)) in made}

    async def variations(self, job_ids: Iterable[str]) -> dict[str, int]:
        """How many containers were ordered with each job."""
        base_url = self._tenancy.base_url
        entries = await self._journal.read(lambda journal: journal.of_jobs(base_url, job_ids), otherwise=[])
        return {entry.job_id: entry.variations for entry in entries}

    async def cloned_posts(self, project_id: str) -> frozenset[str]:
        """The posts of a project with a clone order that was neither refused nor failed nor canceled."""
        entries = await self._of_tenant(lambda journal, tenant: journal.clones(tenant, project_id))
        return frozenset(entry.record.source_platform_post_id for entry in entries)

    async def since(self, when: datetime, project_id: str = "") -> list[OrderRecord]:
        """The orders placed at `when` or later, of one project or of all, newest first."""
        entries = await self._of_tenant(lambda journal, tenant: journal.since(tenant, when, project_id))
        return [entry.record for entry in entries]

    async def _of_tenant(self, read: Callable[[Journal, Tenant], list[Entry]]) -> list[Entry]:
        if not self._journal.exists:
            return []
        try:
            tenant = await self._tenancy.current()
        except NotConfigured:
            return []
        return await self._journal.read(lambda journal: read(journal, tenant), otherwise=[])

    async def aclose(self) -> None:
        """Close the journal."""
        await self._journal.aclose()


def _price_notes(order: Order, estimated: int | None) -> list[str]:
    if estimated is None:
        return ["What this order costs cannot be told just now."]
    return [budget.CLONE_PRICE_NOTE] if isinstance(order, CloneOrder) else []
