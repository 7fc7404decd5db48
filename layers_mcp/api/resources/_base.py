"""What the resources share."""

from __future__ import annotations

from layers_mcp.api.base_client import BaseClient


class Resource:
    """A part of the API, reached through one client."""

    def __init__(self, client: BaseClient) -> None:
        self._client = client
