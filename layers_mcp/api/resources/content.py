"""Content: orders, the containers that come of them, and a person's decisions on those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

import anyio

from layers_mcp.api.dialects import adapters
from layers_mcp.api.dialects.base import CloneBrief, HookBrief
from layers_mcp.api.errors import Conflict, LayersError
from layers_mcp.api.models import Container, Decision, OrderReply, Page
from layers_mcp.api.pagination import collect
from layers_mcp.api.plans import OrderPlan, OrderRequest
from layers_mcp.api.request import Repeat, Request, path, query
from layers_mcp.api.resources._base import Resource, require_same_id
from layers_mcp.api.resources.influencers import InfluencersResource
from layers_mcp.deadlines import ORDER_REQUEST_SECONDS, REQUEST_SECONDS


class ContentResource(Resource):
    """`/v1/content` and `/v1/projects/:id/content`."""

    async def plan_clone(self, brief: CloneBrief) -> OrderPlan:
        """Return the requests that clone a post in the vintage that this API speaks; nothing is sent that spends.

        Raises NotSupported, with what does the job instead, and InvalidArgument where a speaker has to be chosen.
        """
        dialect = await self._client.vintages.dialect(brief.project_id)
        return await dialect.plan_clone(brief, partial(self._ready_influencers, brief.project_id))

    async def plan_hook(self, brief: HookBrief) -> OrderPlan:
        """Return the requests that make new content on a hook; as `plan_clone`."""
        dialect = await self._client.vintages.dialect(brief.project_id)
        return await dialect.plan_hook(brief, partial(self._ready_influencers, brief.project_id))

    async def _ready_influencers(self, project_id: str) -> Sequence[str]:
        influencers = InfluencersResource(self._client)
        ready = await collect(lambda cursor: influencers.list(project_id, status="ready", limit=100, cursor=cursor))
        return [one.influencer_id for one in ready.items if one.status in ("ready", None)]

    async def order(self, request: OrderRequest, *, idempotency_key: str) -> OrderReply:
        """Send one request of a plan, or send it again: it starts one job, and spends once under one key."""
        sent = Request(
            method="POST",
            path=request.path,
            body=request.body,
            bucket="long-running",
            scope="content:write",
            idempotency_key=idempotency_key,
            seconds=ORDER_REQUEST_SECONDS,
        )
        reply = await self._client.submit(OrderReply, sent, adapters.order)
        project_id = request.body.get("projectId") or unquote(request.path.split("/")[3])
        require_same_id(str(project_id), reply.project_id, read=False)
        return reply

    async def get(self, container_id: str) -> Container:
        """Return a container as it is now."""
        container = await self._client.fetch(Container, _container(container_id), adapters.container)
        require_same_id(container_id, container.container_id, read=True)
        return container

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
        """Return a project's containers, newest first, each with the project's id; `limit` 1 to 200."""
        request = Request(
            method="GET",
            path=path("projects", project_id, "content"),
            params=query(status=status, since=since, until=until, limit=limit, cursor=cursor),
            scope="content:read",
            subject="project",
        )
        page = await self._client.get_page(Container, request, adapters.container)
        return replace(
            page,
            items=[row if row.project_id else row.model_copy(update={"project_id": project_id}) for row in page.items],
        )

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
        deadline = anyio.current_time() + REQUEST_SECONDS
        earlier: LayersError | None = None
        while True:
            try:
                decision = await self._client.submit(Decision, request, deadline=deadline)
                require_same_id(container_id, decision.container_id, read=False)
                return decision
            except LayersError as error:
                failure = error
            if failure.nothing_changed:
                raise failure.replace(nothing_changed=earlier is None)
            current = await self._approval(container_id, deadline)
            if current == wanted:
                return Decision(container_id=container_id, approval_status=wanted)
            if current not in ("pending", ""):
                raise Conflict("The container was decided otherwise.", details={"approvalStatus": current})
            if earlier is not None or not current:
                raise failure
            earlier = failure

    async def _approval(self, container_id: str, deadline: float) -> str:
        """Return a container's approval status, read again; "" if it cannot be read."""
        try:
            response = await self._client.retry.perform(_container(container_id), deadline=deadline)
            return (await self._client.decode(Container, response, adapters.container)).approval_status or ""
        except LayersError:
            return ""


def _container(container_id: str) -> Request:
    return Request(method="GET", path=path("content", container_id), scope="content:read", subject="container")
