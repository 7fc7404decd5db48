"""Credits: what the organization can spend, and what each format costs at most."""

from __future__ import annotations

from layers_mcp.api.models import Credits
from layers_mcp.api.request import Request, path
from layers_mcp.api.resources._base import Resource


class CreditsResource(Resource):
    """`/v1/credits`."""

    async def get(self) -> Credits:
        """Return the organization's credits and what one piece of each format may cost at most."""
        return self._client.decode(Credits, await self._client.get(Request(method="GET", path=path("credits"))))
