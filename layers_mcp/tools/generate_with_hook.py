"""generate_with_hook: commission new content around a hook that works."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.metrics import FULL_RANKING
from layers_mcp.context import ToolContext
from layers_mcp.operations import HookOrder
from layers_mcp.protocol import WRITE, ToolError, invalid_argument, tool
from layers_mcp.tools._commission import Commission, checked_order, commission

LONGEST_HOOK = 2000
"""Characters of a hook that Layers takes."""


@tool(
    title="Generate new content",
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
        Field(description="Empty = its title.", max_length=LONGEST_HOOK),
    ] = "",
    source_platform_post_id: Annotated[str, Field(description="Source post.")] = "",
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["auto", "video_remix", "slideshow_remix", "ugc_remix"],
        Field(description="auto = Layers chooses."),
    ] = "auto",
    variations: Annotated[int, Field(description="Each is charged.", ge=1, le=5)] = 1,
    cta: Annotated[str, Field(description="Call to action.")] = "",
    target_platforms: Annotated[
        tuple[str, ...],
        Field(description="Such as tiktok."),
    ] = (),
    theme_tags: Annotated[
        tuple[str, ...],
        Field(description="Themes."),
    ] = (),
    layer_id: Annotated[str, Field(description="If several.")] = "",
    influencer_id: Annotated[str, Field(description="Who speaks.")] = "",
    social_account_id: Annotated[str, Field(description="Or an account's.")] = "",
    take: Annotated[int, Field(description="2 orders it again.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Per order; 0 = no cap.", ge=0)] = 0,
    require_approval: Annotated[bool, Field(description="Refuse unless held.")] = False,
    dry_run: Annotated[bool, Field(description="Estimate only.")] = False,
) -> Commission:
    """Generate new content with this hook: create, write, produce or make a fresh piece, video, slideshow, UGC or ad
    from our line, phrase, opening, words or idea.

    Use it where a hook works and its execution is stale. It costs credits (dry_run estimates); only cancel_job stops
    it. Same arguments, same order, charged once (dry_run, max_credits, require_approval aside); take=2 does it again.
    To copy: clone_post.
    """
    if not hook.strip() and not source_platform_post_id.strip():
        raise invalid_argument("Either `hook` or `source_platform_post_id` is needed.")
    make = partial(
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
        hook_is_title=not hook.strip(),
    )
    order = checked_order(make)
    if order.hook_is_title:
        title = await context.operations.orders.title_ordered(order) or await _title_of(context, order)
        order = checked_order(partial(replace, order, hook=title))
    return await commission(context, order, max_credits=max_credits, require_approval=require_approval, dry_run=dry_run)


async def _title_of(context: ToolContext, order: HookOrder) -> str:
    """Return the exact title of its source, uncut and as it was written. Raises ToolError where none is ranked."""
    ranking = await context.api.metrics.top_performers(
        order.project_id, metric="views", window="90d", limit=FULL_RANKING, include_ineligible=True
    )
    title = next((row.title for row in ranking.items if row.platform_post_id == order.source_platform_post_id), None)
    if title is None or not title.strip() or len(title) > LONGEST_HOOK:
        raise ToolError(
            "NOT_FOUND",
            "The project's ranking of 90 days has no such post with a title that can be a hook.",
            next_step="Give the hook itself, or a platform_post_id from rank_top_performers.",
        )
    return title
