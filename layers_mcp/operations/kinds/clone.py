"""A clone of a post, or where the API clones none, a remix of a TikTok video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from layers_mcp.api.dialects.base import CloneBrief
from layers_mcp.operations.kinds.content import ContentKind, find_content
from layers_mcp.operations.kinds.content_order import ContentOrder
from layers_mcp.operations.models import Mode, NotFoundUpstream, Operation, ToolName
from layers_mcp.operations.state_machine import Accepted

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.plans import OrderPlan


@dataclass(frozen=True, kw_only=True)
class CloneOrder(ContentOrder):
    """Variants of a post that performed well."""

    tool: ClassVar[ToolName] = "clone_post"
    source_platform_post_id: str
    mode: Literal["fork", "reimagine"] = "fork"
    caption: str = ""
    cta: str = ""
    voice_over_script: str = ""

    @property
    def order_mode(self) -> Mode:
        """fork or reimagine."""
        return self.mode

    async def plan(self, api: LayersClient, container_id: str, variations: int) -> OrderPlan:
        """Return what is sent for `variations` of it, under the new `container_id` where the API takes one."""
        return await api.content.plan_clone(
            CloneBrief(
                project_id=self.project_id,
                container_id=container_id,
                source_platform_post_id=self.source_platform_post_id,
                mode=self.mode,
                variations=variations,
                caption=self.caption,
                cta=self.cta,
                voice_over_script=self.voice_over_script,
                layer_id=self.layer_id,
                influencer_id=self.influencer_id,
                social_account_id=self.social_account_id,
            )
        )


class CloneKind(ContentKind):
    """Clones by their rows."""

    async def reconcile(
        self, api: LayersClient, row: Operation, others: Sequence[Operation]
    ) -> Accepted | NotFoundUpstream:
        """Find it by the TikTok video that it remixes. A clone under a path id of its own needs it only where the API
        has no such address any more.
        """
        source = str(row.arguments["source_platform_post_id"])
        return await find_content(
            api, row, others, lambda each: each.source_tiktok_id == source, "that name its source"
        )
