"""Whether a clone may be suggested: today's API clones no post of Layers' own."""

from __future__ import annotations

from layers_mcp.context import ToolContext
from layers_mcp.tools._gather_settled import GatherSettled


async def clones_posts(context: ToolContext, project_id: str) -> bool:
    """Whether the API clones any post, looked at in this project where that is not known yet.

    Where it cannot be told soon, what the guide's API does.
    """
    vintages = context.api.vintages
    async with GatherSettled.optional(context.deadline) as reads:
        found = reads.start(vintages.dialect, project_id)
    dialect = found.or_else(None)
    return (dialect or vintages).capabilities.clones_posts
