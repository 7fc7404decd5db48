"""generate_with_hook: commission new content around a hook that works."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.context import ToolContext
from layers_mcp.operations import HookOrder
from layers_mcp.protocol import WRITE, tool
from layers_mcp.tools._commission import Commission, commission


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
        Field(
            description="A winner's whole title (not one with title_cut).",
            min_length=1,
            max_length=2000,
        ),
    ],
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
    take: Annotated[int, Field(description="2 orders the same again.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Refuse above; 0 = no cap.", ge=0)] = 0,
    dry_run: Annotated[bool, Field(description="Estimate only.")] = False,
) -> Commission:
    """Generate new content with a hook: write and produce a fresh video, slideshow, UGC piece or ad from a phrase,
    line, title or opening sentence.

    Use it for a new idea, or where the hook works and the execution is stale; source_platform_post_id takes a post's
    exact title. To copy a post use clone_post. Each variation costs credits and cannot be undone; dry_run tells how
    much. The same arguments are the same order, charged once: take=2 orders another; dry_run, max_credits and
    require_approval are no part of it. Takes minutes: wait_job.
    """
    order = partial(
        HookOrder,
        project_id=project_id,
        hook=hook,
        format=format,
        variations=variations,
        cta=cta,
        target_platforms=target_platforms,
        theme_tags=theme_tags,
        layer_id=layer_id,
        take=take,
    )
    return await commission(context, order, max_credits=max_credits, dry_run=dry_run)
