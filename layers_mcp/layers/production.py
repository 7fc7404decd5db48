"""Endpoints about content that is made: orders, jobs, containers and the decisions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from layers_mcp.layers import drift
from layers_mcp.layers.call import Call, path, query
from layers_mcp.layers.caller import Caller
from layers_mcp.layers.models import CancelReply, CommissionReply, Container, Decision, Job, Page

_ORDER_SECONDS = 25.0
"""How long one attempt at a commission may take: giving up early leaves an order unanswered."""


class Production(Caller):
    """Commissions and what becomes of them."""

    async def clone_from_post(
        self, container_id: str, body: Mapping[str, Any], *, idempotency_key: str
    ) -> CommissionReply:
        """Commission variants of a post under a new container's id (publish-to-learn, step 3, option A)."""
        return await self._order(path("content", container_id, "clone-from-post"), body, idempotency_key)

    async def generate(self, project_id: str, body: Mapping[str, Any], *, idempotency_key: str) -> CommissionReply:
        """Commission content from a brief (publish-to-learn, step 3, option B)."""
        return await self._order(path("projects", project_id, "content"), body, idempotency_key)

    async def _order(self, where: str, body: Mapping[str, Any], idempotency_key: str) -> CommissionReply:
        call = Call(
            method="POST",
            path=where,
            body=body,
            bucket="long-running",
            scope="content:write",
            idempotency_key=idempotency_key,
            seconds=_ORDER_SECONDS,
        )
        return self.read(CommissionReply, await self.retries.perform(call), drift.commission)

    async def job(self, job_id: str) -> Job:
        """A job as it stands."""
        call = Call(method="GET", path=path("jobs", job_id), scope="jobs:read", subject="job")
        return self.read(Job, await self.get(call), drift.job)

    async def cancel_job(self, job_id: str) -> CancelReply:
        """Ask a job to stop at its next stage."""
        call = Call(
            method="POST",
            path=path("jobs", job_id, "cancel"),
            bucket="write-light",
            scope="jobs:cancel",
            subject="job",
        )
        return self.read(CancelReply, await self.retries.perform(call))

    async def container(self, container_id: str) -> Container:
        """A container as it stands."""
        call = Call(method="GET", path=path("content", container_id), scope="content:read", subject="container")
        return self.read(Container, await self.get(call), drift.container)

    async def project_content(
        self,
        project_id: str,
        *,
        status: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 25,
        cursor: str = "",
    ) -> Page[Container]:
        """A project's containers, newest first; `limit` 1 to 200."""
        call = Call(
            method="GET",
            path=path("projects", project_id, "content"),
            params=query(status=status, since=since, until=until, limit=limit, cursor=cursor),
            scope="content:read",
            subject="project",
        )
        return self.read(Page[Container], await self.get(call), lambda data: drift.rows(data, drift.container))

    async def approve(self, container_id: str, *, note: str = "") -> Decision:
        """Approve a container, for good."""
        raise NotImplementedError

    async def reject(self, container_id: str, *, reason: str) -> Decision:
        """Reject a container, for good."""
        raise NotImplementedError
