"""What a tool function is handed: the world of one call."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.operations import OrderBook
    from layers_mcp.tenancy.policy import Policy


class ToolContext(Protocol):
    """The tenant's API client, its operations and policy, and the present time. There is no other way to the world."""

    @property
    def api(self) -> LayersClient:
        """The client of the Layers API."""
        ...

    @property
    def operations(self) -> OrderBook:
        """Writes that happen once, written to the journal before they are sent."""
        ...

    @property
    def policy(self) -> Policy:
        """What the tenant's calls may do."""
        ...

    def now(self) -> datetime:
        """The present, in UTC."""
        ...
