"""clone_post: commission close or freer variants of a post that won."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.context import ToolContext
from layers_mcp.operations import CloneOrder
from layers_mcp.protocol import WRITE, tool
from layers_mcp.tools._commission import Commission, checked_order, commission


@tool(
    title="Clone, copy or remake a post",
    kind=WRITE,
    scope="content:write",
    effect="the order was placed",
    example={
        "project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB",
        "source_platform_post_id": "pp_01HXB8N4Q2W6E8R0T2Y4U6I8O0",
        "variations": 2,
    },
)
async def clone_post(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    source_platform_post_id: Annotated[
        str,
        Field(description="A row's or TikTok's id."),
    ],
    mode: Annotated[
        Literal["fork", "reimagine"],
        Field(description="How close."),
    ] = "fork",
    variations: Annotated[int, Field(description="Each is charged.", ge=1, le=10)] = 1,
    caption: Annotated[str, Field(description="New caption.", max_length=2200)] = "",
    cta: Annotated[str, Field(description="Call to action.")] = "",
    voice_over_script: Annotated[str, Field(description="New voice-over.", max_length=5000)] = "",
    layer_id: Annotated[str, Field(description="If several.")] = "",
    influencer_id: Annotated[str, Field(description="Who speaks.")] = "",
    social_account_id: Annotated[str, Field(description="Or an account's.")] = "",
    take: Annotated[int, Field(description="2 orders it again.", ge=1, le=99)] = 1,
    max_credits: Annotated[int, Field(description="Per order; 0 = no cap.", ge=0)] = 0,
    require_approval: Annotated[bool, Field(description="Refuse unless held.")] = False,
    dry_run: Annotated[bool, Field(description="Estimate only.")] = False,
) -> Commission:
    """Clone this post: duplicate, recreate or remix a winner or our best reel; make more like this one, copies, similar
    videos, variants or variations.

    fork stays close, reimagine is freer. It costs credits (dry_run estimates); only cancel_job stops it. Same
    arguments, same order, charged once (dry_run, max_credits, require_approval aside); take=2 does it again. For a new
    idea: generate_with_hook.
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
        influencer_id=influencer_id,
        social_account_id=social_account_id,
        take=take,
    )
    return await commission(
        context,
        checked_order(order),
        max_credits=max_credits,
        require_approval=require_approval,
        dry_run=dry_run,
    )
