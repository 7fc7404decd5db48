"""Tool `get_metrics`: organic results over time (publish-to-learn, step 1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.metrics import Granularity, OrganicMetric
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, tool
from layers_mcp.tools._series import ProjectId, ScopedId, Series, Since, Until, asked_window, scoped_id, series_of

Scope = Literal["platform_post", "social_account", "project", "project_layer", "organization"]


@tool(
    title="Get organic metrics",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/series.html",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "since": "7d"},
)
async def get_metrics(
    context: ToolContext,
    project_id: ProjectId,
    scope: Annotated[Scope, Field(description="What to measure.")] = "project",
    id: ScopedId = "",  # noqa: A002 - the contract's name
    metrics: Annotated[
        tuple[OrganicMetric, ...],
        Field(description="Paid ones (spend, roas): get_ads_metrics.", min_length=1),
    ] = ("views", "engagement_rate", "watch_time_ms"),
    since: Since = "30d",
    until: Until = "",
    granularity: Annotated[Granularity, Field(description="Bucket size.")] = "day",
) -> Series:
    """Read organic metrics of a project, account or post over time, with totals.

    Use it for trends, own dates or one post. Not for which post wins (rank_top_performers), nor for spend,
    conversions or ROAS (get_ads_metrics). engagement_rate is a fraction of views (0.041 = 4.1%); watch_time_ms sums
    all views. Buckets are UTC; hours reach back 90 days.
    """
    now = context.now()
    asked = asked_window(since, until, granularity, now)
    wanted = tuple(dict.fromkeys(metrics))
    reply = await context.api.metrics.get(
        project_id,
        scope=scope,
        id=scoped_id(scope, id, project_id),
        metrics=wanted,
        since=asked.since,
        until=asked.until,
        granularity=granularity,
    )
    explains = "check_readiness tells whether this project's posts are synced."
    return series_of(reply, wanted, asked, now, explains=explains)
