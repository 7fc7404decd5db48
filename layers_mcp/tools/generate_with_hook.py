"""generate_with_hook: commission new content around a hook that works."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.orders import HookOrder
from layers_mcp.protocol import WRITE, tool
from layers_mcp.tools.commission import Commission, commission
from layers_mcp.workspace import Workspace


@tool(title="Generate with a hook", kind=WRITE)
async def generate_with_hook(
    ws: Workspace,
    project_id: Annotated[str, Field(description="Project to order for.", min_length=1, max_length=200)],
    hook: Annotated[
        str,
        Field(
            description="The opening line to keep: a winner's whole title (not one with title_cut).",
            min_length=1,
            max_length=2000,
        ),
    ],
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["auto", "video_remix", "slideshow_remix", "ugc_remix"],
        Field(description="auto lets Layers choose; slideshow_remix is the cheapest."),
    ] = "auto",
    variations: Annotated[int, Field(description="Pieces to make, each charged.", ge=1, le=5)] = 1,
    cta: Annotated[str, Field(description="Call to action.", max_length=300)] = "",
    target_platforms: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
        Field(description="Such as tiktok, instagram.", max_length=10),
    ] = (),
    theme_tags: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
        Field(description="Themes of the brief.", max_length=20),
    ] = (),
    layer_id: Annotated[str, Field(description="Content layer, where the project has several.", max_length=200)] = "",
    take: Annotated[int, Field(description="2, 3, … orders the same again on purpose.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Refuse a higher estimate; 0 = no cap.", ge=0)] = 0,
    dry_run: Annotated[bool, Field(description="Estimate only, order nothing.")] = False,
) -> Commission:
    """Commission new content with a winner's hook pinned in its brief.

    Use it when a hook lands but its execution feels stale: visuals, captions and editing are new. For a close variant
    with the same influencer and format, use clone_post; to see how earlier hooks did, review_commissions. Costs
    credits for each variation (a slideshow about 50, a video about 120) and cannot be undone (cancel_job may stop it
    early). The same arguments are the same order: calling again returns it and is never charged twice; take=2 orders
    another. Takes minutes: follow with wait_job.
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
    return await commission(ws, order, max_credits=max_credits, dry_run=dry_run)
