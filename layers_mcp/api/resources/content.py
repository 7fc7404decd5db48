"""Content: orders, the containers that come of them, and a person's decisions on those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import anyio

from layers_mcp.api.dialects import adapters
from layers_mcp.api.errors import Conflict, LayersError
from layers_mcp.api.models import Container, Decision, OrderReply, Page, PageReply
from layers_mcp.api.request import Repeat, Request, path, query
from layers_mcp.api.resources._base import Resource
from layers_mcp.api.retry import CALL_SECONDS

_ORDER_SECONDS = 25.0
"""How long one attempt at an order may take: giving up early leaves an order unanswered."""


class ContentResource(Resource):
    """`/v1/content` and `/v1/projects/:id/content`."""

    async def clone_from_post(self, container_id: str, body: Mapping[str, Any], *, idempotency_key: str) -> OrderReply:
        """Order variants of a post under a new container's id (publish-to-learn, step 3, option A)."""
        return await self._order(path("content", container_id, "clone-from-post"), body, idempotency_key)

    async def generate(self, project_id: str, body: Mapping[str, Any], *, idempotency_key: str) -> OrderReply:
        """Order content from a brief (publish-to-learn, step 3, option B)."""
        return await self._order(path("projects", project_id, "content"), body, idempotency_key)

    async def _order(self, where: str, body: Mapping[str, Any], idempotency_key: str) -> OrderReply:
        request = Request(
            method="POST",
            path=where,
            body=body,
            bucket="long-running",
            scope="content:write",
            idempotency_key=idempotency_key,
            seconds=_ORDER_SECONDS,
        )
        return self._client.decode(OrderReply, await self._client.write(request), adapters.order)

    async def get(self, container_id: str) -> Container:
        """Return a container as it is now."""
        return self._client.decode(Container, await self._client.get(_container(container_id)), adapters.container)

    async def list(
        self,
        project_id: str,
        *,
        status: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 25,
        cursor: str = "",
    ) -> Page[Container]:
        """Return a project's containers, newest first; `limit` 1 to 200."""
        request = Request(
            method="GET",
            path=path("projects", project_id, "content"),
            params=query(status=status, since=since, until=until, limit=limit, cursor=cursor),
            scope="content:read",
            subject="project",
        )
        return await self._client.get_page(PageReply[Container], request, adapters.container)

    async def approve(self, container_id: str, *, note: str = "") -> Decision:
        """Approve a container, for good. Raises Conflict where it is decided already or needs no decision."""
        return await self._decide(container_id, "approve", "approved", {"note": note} if note else None)

    async def reject(self, container_id: str, *, reason: str) -> Decision:
        """Reject a container, for good. Raises Conflict where it is decided already or needs no decision."""
        return await self._decide(container_id, "reject", "rejected", {"reason": reason})

    async def _decide(self, container_id: str, verb: str, wanted: str, body: Mapping[str, Any] | None) -> Decision:
        """Send a decision; where its answer is lost, look at the container before sending it once more."""
        request = Request(
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
                return self._client.decode(Decision, await self._client.write(request, deadline=deadline))
            except LayersError as error:
                failure = error
            if failure.nothing_changed:
                failure.nothing_changed = earlier is None
                raise failure
            current = await self._approval(container_id, deadline)
            if current == wanted:
                return Decision(container_id=container_id, approval_status=wanted)
            if current not in ("pending", ""):
                raise Conflict("The container was decided otherwise.", details={"approvalStatus": current})
            if earlier is not None or not current:
                raise failure
            earlier = failure

    async def _approval(self, container_id: str, deadline: float) -> str:
        """Return a container's approval status, read anew; "" where it cannot be read."""
        try:
            response = await self._client.retry.perform(_container(container_id), deadline=deadline)
            return self._client.decode(Container, response, adapters.container).approval_status or ""
        except LayersError:
            return ""


def _container(container_id: str) -> Request:
    return Request(method="GET", path=path("content", container_id), scope="content:read", subject="container")
