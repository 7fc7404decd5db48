"""Endpoints about content that is made: orders, jobs, containers and the decisions on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

import anyio

from layers_mcp.api import dialects
from layers_mcp.api.caller import Caller
from layers_mcp.api.errors import Conflict, LayersError
from layers_mcp.api.job_polling import JobFeed, Observer
from layers_mcp.api.models import CancelReply, CommissionReply, Container, Decision, Job, Page
from layers_mcp.api.request import Call, Repeat, path, query
from layers_mcp.api.retry import CALL_SECONDS

_ORDER_SECONDS = 25.0
"""How long one attempt at a commission may take: giving up early leaves an order unanswered."""


def _job_call(job_id: str) -> Call:
    return Call(method="GET", path=path("jobs", job_id), scope="jobs:read", subject="job")


def _container_call(container_id: str) -> Call:
    return Call(method="GET", path=path("content", container_id), scope="content:read", subject="container")


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
        return self.read(CommissionReply, await self.write(call), dialects.commission)

    async def job(self, job_id: str) -> Job:
        """A job as it stands."""
        return self.read(Job, await self.get(_job_call(job_id)), dialects.job)

    async def follow_job(self, job_id: str, observer: Observer) -> Job:
        """Poll a job until it has ended; `observer` hears of each new state. All who follow one job share its polls.

        Raises LayersError where reading it again is no use; a failure that may pass is told to `observer` only.
        """
        feed = self._feeds.setdefault(job_id, JobFeed(partial(self._poll, job_id)))
        try:
            with feed.observed(observer):
                job = await self.supervisor.single_flight(("follow", id(self), job_id), feed.run)
        except LayersError:
            self._feeds.pop(job_id, None)
            raise
        self._feeds.pop(job_id, None)
        return job

    async def _poll(self, job_id: str, etag: str) -> tuple[Job | None, str]:
        call = replace(_job_call(job_id), etag=etag, repeat=Repeat.NEVER)
        answer = await self.retries.perform(call)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None, etag
        return self.read(Job, answer, dialects.job), answer.etag

    @cached_property
    def _feeds(self) -> dict[str, JobFeed]:
        return {}

    async def cancel_job(self, job_id: str) -> CancelReply:
        """Ask a job to stop at its next stage."""
        call = Call(
            method="POST",
            path=path("jobs", job_id, "cancel"),
            bucket="write-light",
            scope="jobs:cancel",
            subject="job",
        )
        return self.read(CancelReply, await self.write(call))

    async def container(self, container_id: str) -> Container:
        """A container as it stands."""
        return self.read(Container, await self.get(_container_call(container_id)), dialects.container)

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
        return self.read(Page[Container], await self.get(call), lambda data: dialects.rows(data, dialects.container))

    async def approve(self, container_id: str, *, note: str = "") -> Decision:
        """Approve a container, for good. Raises Conflict where it is decided already or needs no decision."""
        return await self._decide(container_id, "approve", "approved", {"note": note} if note else None)

    async def reject(self, container_id: str, *, reason: str) -> Decision:
        """Reject a container, for good. Raises Conflict where it is decided already or needs no decision."""
        return await self._decide(container_id, "reject", "rejected", {"reason": reason})

    async def _decide(self, container_id: str, verb: str, wanted: str, body: Mapping[str, Any] | None) -> Decision:
        """Send a decision; where its answer is lost, look at the container before sending it once more."""
        call = Call(
            method="POST",
            path=path("content", container_id, verb),
            body=body,
            bucket="write-light",
            scope="content:approve",
            subject="container",
            repeat=Repeat.UNSENT,
        )
        deadline = anyio.current_time() + CALL_SECONDS
        earlier: LayersError | None = None
        while True:
            try:
                return self.read(Decision, await self.write(call, deadline=deadline))
            except LayersError as error:
                failure = error
            if failure.nothing_changed:
                failure.nothing_changed = earlier is None
                raise failure
            standing = await self._approval(container_id, deadline)
            if standing == wanted:
                return Decision(container_id=container_id, approval_status=wanted)
            if standing not in ("pending", ""):
                raise Conflict("The container was decided otherwise.", details={"approvalStatus": standing})
            if earlier is not None or not standing:
                raise failure
            earlier = failure

    async def _approval(self, container_id: str, deadline: float) -> str:
        """A container's approval status, read anew; "" where it cannot be read."""
        try:
            answer = await self.retries.perform(_container_call(container_id), deadline=deadline)
            return self.read(Container, answer, dialects.container).approval_status or ""
        except LayersError:
            return ""
