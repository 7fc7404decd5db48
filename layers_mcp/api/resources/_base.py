"""What the resources share."""

from __future__ import annotations

from layers_mcp.api.base_client import BaseClient
from layers_mcp.api.errors import BadResponse
from layers_mcp.text.ids import same_id


class Resource:
    """A part of the API, reached through one client."""

    def __init__(self, client: BaseClient) -> None:
        self._client = client


def require_same_id(asked: str, answered: str | None, *, read: bool) -> None:
    """Check that an answer is about the id that was asked for: it may be recorded permanently.

    Raises BadResponse; after a write, whether that took effect is then unknown.
    """
    if answered is not None and not same_id(asked, answered):
        raise BadResponse("Layers answered about something other than what was asked.", nothing_changed=read)
