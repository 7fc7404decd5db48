"""What a tool function is handed: the world of one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from layers_mcp.lifecycle import Deadline
from layers_mcp.protocol.progress import Progress, no_progress

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.operations import Operations
    from layers_mcp.tenancy.policy import Policy
    from layers_mcp.tenancy.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ToolContext:
    """The tenant's API client, operations, policy and clock, and the call's own deadline and progress.

    There is no other way to the world. `policy` is what this caller may do, which can be less than what the tenant may.
    The context is resolved for each request from who is calling, and belongs to that call;
    scripts open one with `app.open_context`.
    """

    workspace: Workspace
    policy: Policy
    deadline: Deadline = field(default_factory=Deadline)
    progress: Progress = no_progress

    @property
    def api(self) -> LayersClient:
        """The client of the Layers API."""
        return self.workspace.api

    @property
    def operations(self) -> Operations:
        """Writes that happen once, written to the journal before they are sent."""
        return self.workspace.operations

    def now(self) -> datetime:
        """The present, in UTC."""
        return self.workspace.now()
