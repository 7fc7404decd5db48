"""The preview vintage: the guide's API. One request makes all variations, and a brief steers it."""

from __future__ import annotations

from typing import Literal

from layers_mcp.api.dialects.base import Capabilities, CloneBrief, HookBrief, Speakers, Vintage, given
from layers_mcp.api.errors import NotSupported
from layers_mcp.api.plans import OrderPlan, OrderRequest
from layers_mcp.api.request import path


class Preview:
    """Orders by clone-from-post and by brief (publish-to-learn, step 3)."""

    vintage: Vintage = "preview"
    review_policy = "approval-policy"
    capabilities = Capabilities(clones_posts=True, paid_series=True)

    async def plan_clone(self, brief: CloneBrief, speakers: Speakers) -> OrderPlan:
        """Return one request under the new container's id.

        It has no published price: the dearest format's bounds it.
        """
        _refuse({"influencer_id": brief.influencer_id, "social_account_id": brief.social_account_id})
        overrides = {"caption": brief.caption, "cta": brief.cta, "voiceOverScript": brief.voice_over_script}
        body = {
            "projectId": brief.project_id,
            "sourcePlatformPostId": brief.source_platform_post_id,
            "mode": brief.mode,
            "variations": brief.variations,
            **given({"projectLayerId": brief.layer_id, "overrides": given(overrides)}),
        }
        where = path("content", brief.container_id, "clone-from-post")
        request = OrderRequest(path=where, body=body, pieces=brief.variations, container_id=brief.container_id)
        return OrderPlan(requests=(request,))

    async def plan_hook(self, brief: HookBrief, speakers: Speakers) -> OrderPlan:
        """Return one request with the hook in its brief."""
        _refuse({"social_account_id": brief.social_account_id})
        words = {
            "hook": brief.hook,
            "cta": brief.cta,
            "targetPlatforms": list(brief.target_platforms),
            "themeTags": list(brief.theme_tags),
            "influencerId": brief.influencer_id,
        }
        body = {
            "format": brief.format,
            "variantCount": brief.variations,
            "brief": given(words),
            **given({"projectLayerId": brief.layer_id}),
        }
        where = path("projects", brief.project_id, "content")
        request = OrderRequest(path=where, body=body, pieces=brief.variations, price_keys=(brief.format,))
        return OrderPlan(requests=(request,))

    def publish_mode(self, mode: Literal["publish", "draft"], platform: str, *, video: bool) -> str:
        """Return the word for a mode: a draft goes to the phone; Instagram has reels, and the feed for pictures."""
        if mode == "draft":
            return "draft_to_device"
        if platform == "instagram":
            return "reels" if video else "feed"
        return "direct_publish"

    def post_status(self, status: str) -> str:
        """Return the word for a status: a draft waits in the platform's inbox."""
        return "draft_in_inbox" if status == "draft" else status


def _refuse(chosen: dict[str, str]) -> None:
    for name, value in chosen.items():
        if value:
            raise NotSupported(
                f"This API chooses by itself who speaks, so {name} cannot be given.", hint=f"Leave {name} out."
            )
