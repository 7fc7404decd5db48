"""The store in a database: opened when first needed, each step in a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anyio import move_on_after, to_thread

from layers_mcp.deadlines import STEP_SECONDS
from layers_mcp.operations.models import Operation, Reading, Tenant, ToolName
from layers_mcp.operations.state_machine import Event, Released
from layers_mcp.operations.store.base import DayLimit, JournalEvent, Store, Wanted
from layers_mcp.operations.store.worker import Steps, Worker

if TYPE_CHECKING:
    from layers_mcp.operations.store.journal import Journal

T = TypeVar("T")

AT_ONCE = 12
"""Steps side by side in a database server; a SQLite file takes one at a time."""


class SqlStore(Store):
    """The `Store` in SQLite or PostgreSQL. One for a process, whatever tenants it serves."""

    def __init__(self, url: str, state_dir: Path, *, steps: Steps | None = None) -> None:
        """`url` is a database's; where it is empty, the journal is a SQLite file in `state_dir`.

        `steps` takes its steps in another way than worker threads do.
        """
        self._url = url
        self._file = state_dir / "orders.db"
        self._journal: Journal | None = None
        self._opening = threading.Lock()
        self._steps = steps or Worker(at_once=AT_ONCE if url.startswith("postgres") else 1)

    @property
    def exists(self) -> bool:
        try:
            return bool(self._url) or self._file.exists()
        except OSError:  # no permission to look: reading it will say so
            return True

    async def check(self) -> None:
        await self._step(lambda journal: journal.check())

    async def find(self, tenant: Tenant, identity: str) -> list[Operation]:
        return await self._step(lambda journal: journal.find(tenant, identity))

    async def reserve(self, drafts: Sequence[Operation], limit: DayLimit | None, now: datetime) -> list[Operation]:
        def release(journal: Journal) -> None:
            for draft in drafts:
                journal.record(draft, Released(lease=draft.lease), now)

        return await self._step(lambda journal: journal.reserve(drafts, limit, now), undo=release)

    async def record(
        self,
        row: Operation,
        event: Event,
        now: datetime,
        *,
        limit: DayLimit | None = None,
        undo: Released | None = None,
    ) -> Operation:
        def release(journal: Journal) -> None:
            if undo is not None:
                journal.record(row, undo, now)

        return await self._step(lambda journal: journal.record(row, event, now, limit), undo=release)

    async def adopt(self, tenant: Tenant, key_fingerprint: str) -> None:
        await self._step(lambda journal: journal.adopt(tenant, key_fingerprint))

    async def credits_of_day(self, tenant: Tenant, now: datetime, without: Collection[str] = ()) -> int:
        return await self._step(lambda journal: journal.credits_of_day(tenant, now, without))

    async def since(self, tenant: Tenant, when: datetime, project_id: str = "") -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.since(tenant, when, project_id))

    async def takes(self, tenant: Tenant, identities: Collection[str]) -> set[str]:
        return await self._step(lambda journal: journal.takes(tenant, identities))

    async def of_containers(self, tenant: Tenant, container_ids: Collection[str]) -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.of_containers(tenant, container_ids))

    async def of_jobs(self, tenant: Tenant, job_ids: Collection[str]) -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.of_jobs(tenant, job_ids))

    async def of_project(self, tenant: Tenant, project_id: str, tool: ToolName) -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.of_project(tenant, project_id, tool))

    async def claims(self, tenant: Tenant, project_id: str) -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.claims(tenant, project_id))

    async def tenants(self) -> list[Tenant]:
        return await self._step(lambda journal: journal.tenants())

    async def all_of(self, tenant: Tenant, wanted: Wanted) -> Reading[list[Operation]]:
        return await self._step(lambda journal: journal.all_of(tenant, wanted))

    async def events(self, row: Operation) -> list[JournalEvent]:
        return await self._step(lambda journal: journal.events(row))

    async def aclose(self) -> None:
        if self._journal is not None:
            with move_on_after(STEP_SECONDS, shield=True):  # a caller that is cancelled closes it too
                await to_thread.run_sync(self._journal.close, abandon_on_cancel=True)

    async def _step(self, work: Callable[[Journal], T], undo: Callable[[Journal], None] | None = None) -> T:
        """Do one step on the journal, creating it where there is none. Raises `JournalError`."""
        undone = None if undo is None else lambda: undo(self._opened())
        return await self._steps.run(lambda: work(self._opened()), undone)

    def _opened(self) -> Journal:
        with self._opening:
            if self._journal is None:
                from layers_mcp.operations.store.database import Database
                from layers_mcp.operations.store.journal import Journal

                self._journal = Journal(Database(self._url, self._file))
            return self._journal
