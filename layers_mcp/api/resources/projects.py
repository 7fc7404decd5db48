"""Projects: each is a customer with its linked accounts and review policy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

import anyio

from layers_mcp.api.base_client import BaseClient
from layers_mcp.api.dialects import adapters
from layers_mcp.api.dialects.base import Vintage
from layers_mcp.api.dialects.detection import DIALECTS
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Page, Project, ReviewPolicy, SocialAccount
from layers_mcp.api.pagination import collect
from layers_mcp.api.request import Request, path, query
from layers_mcp.api.resources._base import Resource
from layers_mcp.deadlines import REQUEST_SECONDS


class ProjectsResource(Resource):
    """`/v1/projects`."""

    def __init__(self, client: BaseClient) -> None:
        super().__init__(client)
        self._policy_vintage: Vintage | None = None
        """Whose address the review policy was last read at."""

    async def list(
        self, *, search: str = "", status: Literal["active", "archived", ""] = "", limit: int = 25, cursor: str = ""
    ) -> Page[Project]:
        """Return projects, newest first; `limit` 1 to 200."""
        request = Request(
            method="GET",
            path=path("projects"),
            params=query(search=search, status=status, limit=limit, cursor=cursor),
            scope="projects:read",
        )
        return await self._client.get_page(Project, request)

    async def social_accounts(self, project_id: str) -> list[SocialAccount]:
        """Return every account linked to a project."""
        deadline = anyio.current_time() + REQUEST_SECONDS

        async def read(cursor: str) -> Page[SocialAccount]:
            request = Request(
                method="GET",
                path=path("projects", project_id, "social-accounts"),
                params=query(limit=200, cursor=cursor),
                scope="social:read",
                subject="project",
            )
            return await self._client.get_page(SocialAccount, request, deadline=deadline)

        return (await collect(read)).items

    async def review_policy(self, project_id: str, *, seconds: float = 0.0) -> ReviewPolicy:
        """Return whether finished content waits for a person, from the address that answered last, else the other.

        An answer at most `seconds` old will do, one that told the vintages apart included.
        """
        policies = self._client.review_policies
        for each in DIALECTS:
            if seen := policies.recent(_policy(project_id, each).path, seconds):
                return await self._client.decode(ReviewPolicy, seen, adapters.policy)
        deadline = anyio.current_time() + REQUEST_SECONDS
        known = self._client.vintages.known
        vintage = self._policy_vintage or (known.vintage if known else "current")
        try:
            response = await self._client.get(_policy(project_id, vintage), deadline=deadline)
        except LayersError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            response = None
        if response is None:
            vintage = "current" if vintage == "preview" else "preview"
            response = await self._client.get(_policy(project_id, vintage), deadline=deadline)
        self._policy_vintage = vintage
        policies.keep(response)
        return await self._client.decode(ReviewPolicy, response, adapters.policy)


def _policy(project_id: str, vintage: Vintage) -> Request:
    where = path("projects", project_id, DIALECTS[vintage].review_policy)
    return Request(method="GET", path=where, scope="content:read", subject="project")
