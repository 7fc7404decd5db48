"""Influencers: who can speak in a project's content."""

from __future__ import annotations

from typing import Literal

from layers_mcp.api.models import Influencer, Page
from layers_mcp.api.request import Request, path, query
from layers_mcp.api.resources._base import Resource


class InfluencersResource(Resource):
    """`/v1/projects/:id/influencers`."""

    async def list(
        self,
        project_id: str,
        *,
        status: Literal["pending", "training", "ready", "failed", ""] = "",
        limit: int = 25,
        cursor: str = "",
    ) -> Page[Influencer]:
        """Return a project's influencers; `limit` 1 to 100. The scope is one for writing, even to read."""
        request = Request(
            method="GET",
            path=path("projects", project_id, "influencers"),
            params=query(status=status, limit=limit, cursor=cursor),
            scope="influencers:write",
            subject="project",
        )
        return await self._client.get_page(Influencer, request)
