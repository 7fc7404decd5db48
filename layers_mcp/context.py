"""The context of one call: everything that a tool function may use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from layers_mcp.lifecycle import Deadline
from layers_mcp.protocol.elicitation import Ask, Declined, Question
from layers_mcp.protocol.errors import ToolError
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
    asker: Ask | None = None

    @property
    def api(self) -> LayersClient:
        """The client of the Layers API."""
        return self.workspace.api

    @property
    def operations(self) -> Operations:
        """Writes that happen once, written to the journal before they are sent."""
        return self.workspace.operations

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return self.workspace.now()

    @property
    def asks(self) -> bool:
        """Whether `ask` would do anything: without it, nothing need be read for a question."""
        return self.policy.confirm == "required" or (self.policy.confirm == "auto" and self.asker is not None)

    async def ask(self, question: Question) -> None:
        """Have a person confirm, as the policy says; return where they chose yes, or nobody is to be asked.

        Raises ToolError: `DECLINED`, or `CONFIRMATION_REQUIRED` where a person has to be asked and cannot be.
        """
        if self.policy.confirm == "off":
            return
        if self.asker is None:
            if self.policy.confirm == "required":
                raise ToolError(
                    "CONFIRMATION_REQUIRED",
                    "A person has to confirm this, and this client cannot ask one",
                    next_step="A person can do it in Layers itself, or with a client that can ask (elicitation).",
                )
            return
        try:
            await self.asker(question)
        except Declined as declined:
            unseen = "" if declined.chose_no else " Where no question is ever shown, --confirm off ends them."
            raise ToolError("DECLINED", str(declined), next_step=f"Talk it over with the user first.{unseen}") from None
