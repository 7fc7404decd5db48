"""clone_post: commission close or freer variants of a post that won."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.orders import CloneOrder
from layers_mcp.protocol import WRITE, tool
from layers_mcp.tools.commission import Commission, commission
from layers_mcp.workspace import Workspace


@tool(title="Clone a post", kind=WRITE)
async def clone_post(
    ws: Workspace,
    project_id: Annotated[str, Field(description="Project to order for.", min_length=1, max_length=200)],
    source_platform_post_id: Annotated[
        str,
        Field(
            description="The winner: platform_post_id of a ranking row, or the platform's own post id.",
            min_length=1,
            max_length=200,
        ),
    ],
    mode: Annotated[
        Literal["fork", "reimagine"],
        Field(description="fork = near-duplicate, safest; reimagine = same premise, freer execution."),
    ] = "fork",
    variations: Annotated[int, Field(description="Pieces to make, each charged.", ge=1, le=10)] = 1,
    caption: Annotated[str, Field(description="Replaces the source's caption.", max_length=2200)] = "",
    cta: Annotated[str, Field(description="Replaces its call to action.", max_length=300)] = "",
    voice_over_script: Annotated[str, Field(description="Replaces its voice-over.", max_length=5000)] = "",
    layer_id: Annotated[str, Field(description="Content layer, where the project has several.", max_length=200)] = "",
    take: Annotated[int, Field(description="2, 3, … orders the same again on purpose.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Refuse a higher estimate; 0 = no cap.", ge=0)] = 0,
    dry_run: Annotated[bool, Field(description="Estimate only, order nothing.")] = False,
) -> Commission:
    """Commission variants of one post that performed well.

    Use it on a breakout or top performer: fork keeps hook, influencer and pacing and changes visuals and shots;
    reimagine keeps the premise and lets the rest diverge, with more variance and a chance to beat the source. To keep
    only the hook, use generate_with_hook; to see what was ordered before, review_commissions. Costs credits for each
    variation and cannot be undone (cancel_job may stop it early). The same arguments are the same order: calling again
    returns it and is never charged twice; take=2 orders another. Takes minutes: follow with wait_job.
    """
    order = partial(
        CloneOrder,
        project_id=project_id,
        source_platform_post_id=source_platform_post_id,
        mode=mode,
        variations=variations,
        caption=caption,
        cta=cta,
        voice_over_script=voice_over_script,
        layer_id=layer_id,
        take=take,
    )
    return await commission(ws, order, max_credits=max_credits, dry_run=dry_run)
