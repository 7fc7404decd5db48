"""The store's protocol: steps of one operation, and reads, each for one tenant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from layers_mcp.operations.models import Operation, Reading, Tenant, ToolName
from layers_mcp.operations.state_machine import Event, Released


@dataclass(frozen=True)
class DayLimit:
    """At most this many credits may be ordered in one UTC day."""

    credits: int


@dataclass(frozen=True)
class JournalEvent:
    """What happened to an operation, and when."""

    at: datetime
    event: str
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which orders and publications: the newest `most` that have all of this; what is left empty leaves all in.

    `name` is the beginning of an order's or publication's id, or the id of a job or a container.
    """

    name: str = ""
    project_id: str = ""
    since: datetime | None = None
    unanswered: bool = False
    most: int = 50


class Store(Protocol):
    """The journal that every tenant of a process shares; each method sees one tenant's rows alone.

    Every method may raise `JournalError`. A read of many rows leaves out those that cannot be understood, and says so
    in its warning; a read of one operation fails instead.
    """

    async def check(self) -> None:
        """Read and write, and leave everything as it is."""
        ...

    @property
    def exists(self) -> bool:
        """Whether anything can be in it; asking opens nothing."""
        ...

    # --- the steps of an operation

    async def find(self, tenant: Tenant, identity: str) -> list[Operation]:
        """Return every row of one order, by piece, refused ones included."""
        ...

    async def reserve(self, drafts: Sequence[Operation], limit: DayLimit | None, now: datetime) -> list[Operation]:
        """Write new operations of one order down and hold their credits, all or none, and give back their status.

        One that is there already stays as it is. Raises `DailyLimitError`, and `UnclearTenantError` where an equal
        order stands under another key that may be of the same organization. If the step ends only after its caller was
        told that it failed, what it reserved is released again.
        """
        ...

    async def record(
        self,
        row: Operation,
        event: Event,
        now: datetime,
        *,
        limit: DayLimit | None = None,
        undo: Released | None = None,
    ) -> Operation:
        """Take one step from where the operation is by now, keep the event, and give back where that leads.

        With a `limit`, an attempt starts only within it (`DailyLimitError`). `undo` is recorded too where the step ends
        only after its caller was told that it failed.
        """
        ...

    async def adopt(self, tenant: Tenant, key_fingerprint: str) -> None:
        """Move the rows over to the confirmed `tenant` that its key wrote while it stood in for it."""
        ...

    # --- what was ordered

    async def credits_of_day(self, tenant: Tenant, now: datetime, without: Collection[str] = ()) -> int:
        """Return the credits ordered in the UTC day of `now` without these entries; what was refused is free."""
        ...

    async def since(self, tenant: Tenant, when: datetime, project_id: str = "") -> Reading[list[Operation]]:
        """Return operations sent that were ordered at `when` or later and not refused, newest first."""
        ...

    async def takes(self, tenant: Tenant, identities: Collection[str]) -> set[str]:
        """Return which of these identities are ordered."""
        ...

    async def of_containers(self, tenant: Tenant, container_ids: Collection[str]) -> Reading[list[Operation]]:
        """Return the orders that made any of these containers, however their ids are spelled."""
        ...

    async def of_jobs(self, tenant: Tenant, job_ids: Collection[str]) -> Reading[list[Operation]]:
        """Return the orders that these jobs work on."""
        ...

    async def of_project(self, tenant: Tenant, project_id: str, tool: ToolName) -> Reading[list[Operation]]:
        """Return a project's operations by one tool that were sent and not refused."""
        ...

    async def claims(self, tenant: Tenant, project_id: str) -> Reading[list[Operation]]:
        """Return what may have made a project's content: operations sent for it that are or may be the tenant's.

        They are for telling what is whose, and are not shown.
        """
        ...

    # --- for its operator

    async def tenants(self) -> list[Tenant]:
        """Return whose operations there are, in order of their names."""
        ...

    async def all_of(self, tenant: Tenant, wanted: Wanted) -> Reading[list[Operation]]:
        """Return every row of a tenant's orders, newest first, also those that were refused or never sent."""
        ...

    async def events(self, row: Operation) -> list[JournalEvent]:
        """Return what happened to an operation, oldest first."""
        ...

    async def aclose(self) -> None:
        """Close what was opened."""
        ...
