"""generate_with_hook: commission new content around a hook that works."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.metrics import FULL_RANKING
from layers_mcp.context import ToolContext
from layers_mcp.operations import HookOrder
from layers_mcp.protocol import WRITE, ToolError, invalid_argument, tool
from layers_mcp.tools._commission import Commission, commission

LONGEST_HOOK = 2000
"""Characters of a hook that Layers takes."""


@tool(
    title="Generate with a hook",
    kind=WRITE,
    scope="content:write",
    effect="the order was placed",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "hook": "Do more.", "variations": 2},
)
async def generate_with_hook(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    hook: Annotated[
        str,
        Field(description="The line itself; empty takes the source's title.", max_length=LONGEST_HOOK),
    ] = "",
    source_platform_post_id: Annotated[str, Field(description="The post it comes from, and is measured against.")] = "",
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["auto", "video_remix", "slideshow_remix", "ugc_remix"],
        Field(description="auto lets Layers choose."),
    ] = "auto",
    variations: Annotated[int, Field(description="Pieces, each charged.", ge=1, le=5)] = 1,
    cta: Annotated[str, Field(description="Call to action.")] = "",
    target_platforms: Annotated[
        tuple[str, ...],
        Field(description="Such as tiktok, instagram."),
    ] = (),
    theme_tags: Annotated[
        tuple[str, ...],
        Field(description="Themes."),
    ] = (),
    layer_id: Annotated[str, Field(description="Content layer, if several.")] = "",
    influencer_id: Annotated[str, Field(description="Who speaks, if asked.")] = "",
    social_account_id: Annotated[str, Field(description="Or its influencer.")] = "",
    take: Annotated[int, Field(description="2 orders the same again.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Refuse above; 0 = no cap.", ge=0)] = 0,
    require_approval: Annotated[bool, Field(description="Refuse unless a person reviews every piece.")] = False,
    dry_run: Annotated[bool, Field(description="Estimate only.")] = False,
) -> Commission:
    """Generate new content with a hook: write and produce a fresh video, slideshow, UGC piece or ad from a phrase,
    line, title or opening sentence.

    Use it for a new idea, or where the hook works and the execution is stale; source_platform_post_id takes a post's
    exact title. To copy a post use clone_post. Each variation costs credits and cannot be undone; dry_run tells how
    much. The same arguments are the same order, charged once: take=2 orders another; dry_run, max_credits and
    require_approval are no part of it. Takes minutes: wait_job.
    """
    if not hook.strip():
        hook = await _title_of(context, project_id, source_platform_post_id)
    order = partial(
        HookOrder,
        project_id=project_id,
        hook=hook,
        source_platform_post_id=source_platform_post_id,
        format=format,
        variations=variations,
        cta=cta,
        target_platforms=target_platforms,
        theme_tags=theme_tags,
        layer_id=layer_id,
        influencer_id=influencer_id,
        social_account_id=social_account_id,
        take=take,
    )
    return await commission(context, order, max_credits=max_credits, require_approval=require_approval, dry_run=dry_run)


async def _title_of(context: ToolContext, project_id: str, post_id: str) -> str:
    """The exact title of a ranked post, uncut and as it was written. Raises ToolError where there is none."""
    if not post_id.strip():
        raise invalid_argument("Either `hook` or `source_platform_post_id` is needed.")
    ranking = await context.api.metrics.top_performers(project_id, metric="views", window="90d", limit=FULL_RANKING)
    title = next((row.title for row in ranking.items if row.platform_post_id == post_id.strip()), None)
    if title is None or not title.strip() or len(title) > LONGEST_HOOK:
        raise ToolError(
            "NOT_FOUND",
            "The project's ranking of 90 days has no such post with a title that can be a hook.",
            next_step="Give the hook itself, or a platform_post_id from rank_top_performers.",
        )
    return title
