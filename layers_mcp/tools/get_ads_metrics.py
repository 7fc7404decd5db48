"""get_ads_metrics: paid results over time (publish-to-learn, running the loop: weekly)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.metrics import AdPlatform, PaidMetric
from layers_mcp.api.errors import LayersError, NotFound, NotSupported
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, tool
from layers_mcp.tools._series import ProjectId, ScopedId, Series, Since, Until, asked_window, scoped_id, series_of

Scope = Literal["ad", "adset", "campaign", "ad_account", "project"]

MONEY_NOTE = "Money (spend, cpa, cpc, cpm) is as upstream returns it, which names neither currency nor unit."


@tool(
    title="Get ad spend and paid results",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/series.html",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB"},
)
async def get_ads_metrics(
    context: ToolContext,
    project_id: ProjectId,
    scope: Annotated[Scope, Field(description="Of what.")] = "project",
    id: ScopedId = "",  # noqa: A002 - the contract's name
    metrics: Annotated[
        tuple[PaidMetric, ...],
        Field(description="Organic: get_metrics.", min_length=1),
    ] = ("spend", "conversions", "cpa", "roas"),
    platforms: Annotated[tuple[AdPlatform, ...], Field(description="Empty = all.")] = (),
    since: Since = "7d",
    until: Until = "",
    granularity: Annotated[Literal["day", "week"], Field(description="Bucket.")] = "day",
) -> Series:
    """Get paid results over time: how much we spend on ads, impressions, clicks, conversions, click through rate (ctr),
    cost per click, install or conversion (cpa), cpm, return (roas).

    Use it weekly: does the budget pay off, how are the ads of a campaign or adset doing on Meta, TikTok or Apple? For
    organic results: get_metrics.
    """
    now = context.now()
    asked = asked_window(since, until, granularity, now)
    wanted = tuple(dict.fromkeys(metrics))
    try:
        reply = await context.api.ads.metrics(
            project_id,
            scope=scope,
            id=scoped_id(scope, id, project_id),
            metrics=wanted,
            platforms=tuple(dict.fromkeys(platforms)),
            since=asked.since,
            until=asked.until,
            granularity=granularity,
        )
    except NotFound as error:
        raise await _explained(context, project_id, scope, id, error) from None
    explains = "check_readiness says whether this project has paid results."
    return series_of(reply, wanted, asked, now, explains=explains, notes=[MONEY_NOTE])


async def _explained(context: ToolContext, project_id: str, scope: Scope, entity: str, error: NotFound) -> LayersError:
    """Return what a 404 shows: an API without this read, an unknown id, or that it may be either."""
    vintages = context.api.vintages
    about_project = scope == "project" and entity in ("", project_id)
    if about_project and await vintages.project_exists(project_id):
        return NotSupported("This API has no paid metrics over time.", hint=_INSTEAD, request_id=error.request_id)
    await vintages.changed(project_id)
    if (await vintages.dialect(project_id)).capabilities.paid_series:
        return error
    either = "This API has no paid metrics over time, or knows no such project or entity."
    return error.replace(reason=either, hint=_INSTEAD)


_INSTEAD = 'rank_top_performers with metric="roas" shows spend, conversions and roas of each creative.'
