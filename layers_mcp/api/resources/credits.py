"""Credits: what the organization can spend, and what each format costs at most."""

from __future__ import annotations

from datetime import datetime

from layers_mcp.api.models import CreditEvent, Credits, Page
from layers_mcp.api.request import Request, path, query
from layers_mcp.api.resources._base import Resource


class CreditsResource(Resource):
    """`/v1/credits` and `/v1/credits/events`."""

    async def get(self) -> Credits:
        """Return the organization's credits and what one piece of each format may cost at most."""
        return await self._client.fetch(Credits, Request(method="GET", path=path("credits")))

    async def events(
        self,
        *,
        project_id: str = "",
        event_type: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 25,
        cursor: str = "",
    ) -> Page[CreditEvent]:
        """Return the ledger, newest first, of all event types or of one; `limit` 1 to 100."""
        request = Request(
            method="GET",
            path=path("credits", "events"),
            params=query(
                projectId=project_id, eventType=event_type, since=since, until=until, limit=limit, cursor=cursor
            ),
        )
        return await self._client.get_page(CreditEvent, request)
