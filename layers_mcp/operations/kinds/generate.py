"""New content with a hook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layers_mcp.api.dialects.base import HookBrief
from layers_mcp.operations.identity import Canonical, identity, same_text
from layers_mcp.operations.kinds.content import ContentKind, find_content
from layers_mcp.operations.kinds.content_order import ContentOrder
from layers_mcp.operations.models import Mode, NotFoundUpstream, Operation, ToolName
from layers_mcp.operations.state_machine import Accepted

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.plans import OrderPlan

TITLE_MARK = "hook_is_title"
"""Among a row's arguments where that is so: no part of the identity, and not shown."""


@dataclass(frozen=True, kw_only=True)
class HookOrder(ContentOrder):
    """New content with a given hook. What it is later measured against is not sent.

    `hook_is_title`: the hook was not given, and is its source's title as that read when it was ordered.
    """

    tool: ClassVar[ToolName] = "generate_with_hook"
    hook: str
    source_platform_post_id: str = ""
    format: str = "auto"
    cta: str = ""
    target_platforms: tuple[str, ...] = ()
    theme_tags: tuple[str, ...] = ()
    hook_is_title: bool = False

    @property
    def arguments(self) -> dict[str, Canonical]:
        """Every argument but `take`, with the mark of a hook that is a title."""
        arguments = super().arguments
        if not self.hook_is_title:
            del arguments[TITLE_MARK]
        return arguments

    def identity_of_take(self, take: int) -> str:
        """Return the identity of the same order in another take: by its hook, wherever that came from."""
        return identity(self.tool, {**self.arguments, TITLE_MARK: ""}, take)

    def equals_but_for_hook(self, row: Operation) -> bool:
        """Return whether a row is of the same order by a title, whatever that reads."""
        ours, theirs = ({**arguments, "hook": ""} for arguments in (self.arguments, row.arguments))
        return identity(self.tool, ours, self.take) == identity(row.tool, theirs, row.take)

    @property
    def order_mode(self) -> Mode:
        """Always hook."""
        return "hook"

    async def plan(self, api: LayersClient, container_id: str, variations: int) -> OrderPlan:
        """Return what is sent for `variations` of it."""
        return await api.content.plan_hook(
            HookBrief(
                project_id=self.project_id,
                hook=self.hook,
                format=self.format,
                variations=variations,
                cta=self.cta,
                target_platforms=self.target_platforms,
                theme_tags=self.theme_tags,
                layer_id=self.layer_id,
                influencer_id=self.influencer_id,
                social_account_id=self.social_account_id,
            )
        )


class GenerateKind(ContentKind):
    """Content from a hook, by its rows."""

    async def reconcile(
        self, api: LayersClient, row: Operation, others: Sequence[Operation]
    ) -> Accepted | NotFoundUpstream:
        """Find it among the project's content by its hook."""
        hook = str(row.arguments["hook"])
        return await find_content(api, row, others, lambda each: same_text(each.hook or "", hook), "with its hook")
