"""What was ordered, for reports, and recording what they saw of it upstream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from layers_mcp.analytics.status import WITHOUT_RESULT, status_of_all
from layers_mcp.api.errors import LayersError
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.identity import publication_id
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.kinds.publish import scheduled_post_ids
from layers_mcp.operations.models import Operation, OrderRecord, Reading, Tenant, by_order, order_record
from layers_mcp.operations.placement import journal_warning
from layers_mcp.operations.state_machine import Observed, transition
from layers_mcp.operations.store.base import Store
from layers_mcp.operations.tenant import TenantResolver
from layers_mcp.text.ids import container_key, container_keys, id_key

if TYPE_CHECKING:
    from layers_mcp.api.models import Job

T = TypeVar("T")


class ContainerOrder(NamedTuple):
    """The order that made a container; `variation` is its place in that order: "1 of 2"."""

    commission_id: str
    source_platform_post_id: str
    variation: str

    @classmethod
    def of(cls, row: Operation, place: int) -> ContainerOrder:
        """Return the order of the container at `place` (from 1) of a row, which may be one piece of its order."""
        record = order_record([row])
        number = max(row.piece, 1) + place - 1
        return cls(record.commission_id, record.source_platform_post_id, f"{number} of {record.variations}")


class OrderHistory:
    """One tenant's past orders. Nothing here raises for the journal: a warning says what may be missing.

    Nothing is opened, and nobody asked whose the key is, before anything was ever ordered.
    """

    def __init__(self, store: Store, tenants: TenantResolver, clock: UpstreamClock) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock

    async def since(self, when: datetime, project_id: str = "") -> Reading[list[OrderRecord]]:
        """Return the orders placed at `when` or later, of one project or of all, newest first."""
        rows, warning = await self._read(lambda tenant: self._store.since(tenant, when, project_id))
        return Reading(_records(rows), warning)

    async def commission_ids(self, container_ids: Iterable[str]) -> Reading[dict[str, str]]:
        """Return the commission id of each container that the journal ordered, by the ids as they are given."""
        wanted = set(container_ids)
        rows, warning = await self._read(lambda tenant: self._store.of_containers(tenant, wanted))
        made = {key: row.commission_id for row in rows for key in container_keys(row.container_ids)}
        return Reading({each: made[key] for each in wanted if (key := container_key(each)) in made}, warning)

    async def container_orders(self, container_ids: Iterable[str]) -> Reading[dict[str, ContainerOrder]]:
        """Return the order behind each container that the journal ordered, by the ids as they are given."""
        wanted = set(container_ids)
        rows, warning = await self._read(lambda tenant: self._store.of_containers(tenant, wanted))
        made = {
            container_key(each): ContainerOrder.of(row, place)
            for row in rows
            for place, each in enumerate(row.container_ids, start=1)
        }
        return Reading({each: made[key] for each in wanted if (key := container_key(each)) in made}, warning)

    async def variations(self, job_ids: Iterable[str]) -> Reading[dict[str, int]]:
        """Return how many containers were ordered with each job."""
        wanted = set(job_ids)
        rows, warning = await self._read(lambda tenant: self._store.of_jobs(tenant, wanted))
        return Reading({row.job_id: row.variations for row in rows}, warning)

    async def followed_posts(self, project_id: str) -> Reading[frozenset[str]]:
        """Return the posts of a project that were cloned, or whose hook was ordered again.

        An order that was refused, failed or was canceled does not count.
        """
        clones, warning = await self._read(lambda tenant: self._store.of_project(tenant, project_id, "clone_post"))
        hooks, unread = await self._read(
            lambda tenant: self._store.of_project(tenant, project_id, "generate_with_hook")
        )
        alive = [row.record for row in (*clones, *hooks) if row.status not in WITHOUT_RESULT]
        posts = frozenset(record.source_platform_post_id for record in alive if record.source_platform_post_id)
        return Reading(posts, warning or unread)

    async def publication_ids(self, project_id: str) -> Reading[dict[str, str]]:
        """Return the publication id of each scheduled post that the journal published, by the post's `id_key`."""
        rows, warning = await self._read(
            lambda tenant: self._store.of_project(tenant, project_id, "publish_content"), spends=False
        )
        return Reading(
            {id_key(each): publication_id(row.identity) for row in rows for each in scheduled_post_ids(row)}, warning
        )

    async def record_job(self, job: Job) -> str:
        """Write back what a job says about its order; the warning where that could not be, else ""."""
        rows, warning = await self._read(lambda tenant: self._store.of_jobs(tenant, [job.job_id]))
        seen = Observed(status=job.status, container_ids=job.container_ids)
        return await self._observe(rows, seen) or warning

    async def record_content(self, statuses: Mapping[str, str]) -> str:
        """Write back the end of orders all of whose containers have ended; statuses by container id."""
        by_key = {container_key(container_id): status for container_id, status in statuses.items()}
        rows, warning = await self._read(lambda tenant: self._store.of_containers(tenant, by_key.keys()))
        for row in rows:
            if len(row.container_ids) >= row.variations:
                status = status_of_all(map(by_key.get, map(container_key, row.container_ids)))
                warning = await self._observe([row], Observed(status=status)) or warning
        return warning

    async def _observe(self, rows: Sequence[Operation], seen: Observed) -> str:
        now = self._clock.now()
        try:
            for row in rows:
                if transition(row, seen, now) != row:
                    await self._store.record(row, seen, now)
        except JournalError as error:
            return journal_warning(str(error))
        return ""

    async def _read(
        self, read: Callable[[Tenant], Awaitable[Reading[list[Operation]]]], *, spends: bool = True
    ) -> Reading[list[Operation]]:
        if not self._store.exists:
            return Reading([], "")
        try:
            rows, warning = await read(await self._tenants.current())
        except JournalError as error:
            return Reading([], journal_warning(str(error)))
        except LayersError:
            return Reading([], "What was ordered is not shown: Layers does not confirm whose this key is.")
        orders = [row for row in rows if KINDS[row.tool].spends == spends]
        return Reading(orders, warning and journal_warning(warning))


def _records(rows: Sequence[Operation]) -> list[OrderRecord]:
    """Return one record an order, in the order of the rows; those of one order's pieces are told as one."""
    return [order_record(pieces) for pieces in by_order(rows)]
