"""rank_top_performers: what is winning, and what is only lucky (publish-to-learn, step 2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from layers_mcp.analytics.breakouts import BreakoutScore, Evidence, flukes_last
from layers_mcp.analytics.formatting import display
from layers_mcp.analytics.metrics import FULL_RANKING, PAID_RANKINGS, Platform, RankMetric, SourceType, Window
from layers_mcp.api.models import Organic, RankedRow
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.times import stamp
from layers_mcp.tools._cloning import clones_posts
from layers_mcp.tools._eligibility import Eligible, read_eligible
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._promotion import read_promoted
from layers_mcp.tools._ranking_notes import RankingNotes
from layers_mcp.tools._ranking_rows import (
    ScoredRow,
    ordered_containers,
    passed_through,
    platforms_of,
    score_rows,
    short_rate,
    short_times,
    shown_title,
)

PER_VIEW = "watch_seconds_per_view"


class Performer(Result):
    """One creative's place in the ranking. Rates are fractions, `watch_time_ms` is a total over all views."""

    rank: int
    title: str | None = None
    title_cut: bool | None = None
    source_type: str | None = None
    platform_post_id: str | None = None
    source_id: str | None = None
    ads_content_id: str | None = None
    metric_value: int | float | None = None
    display: str | None = None
    views: int | None = None
    engagement_rate: float | None = None
    watch_time_ms: int | None = None
    watch_seconds_per_view: float | None = None
    platforms: list[str]
    promoted: bool
    paid: dict[str, Any] | None = None
    engagement_times_median: float | None = None
    breakout: bool | None = None
    breakout_evidence: Evidence | None = None
    chance_real: float | None = None
    expected_rate: float | None = None
    expected_times_usual: float | None = None
    expected_roas: float | None = None
    roas_low: float | None = None
    roas_high: float | None = None
    expected_cpa: float | None = None
    low_sample: bool | None = None


class TopPerformers(Result):
    """A ranking from one of its ends; small samples after all others."""

    truncation_hint = "Ask for a lower limit."

    metric: str
    window: str
    items: list[Performer]
    median_engagement_rate: float | None = None
    rows_considered: int
    as_of: str
    notes: list[str]
    next_step: str


@tool(
    title="Rank best and worst posts",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/ranking.html",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "metric": "engagement_rate"},
)
async def rank_top_performers(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    metric: Annotated[RankMetric, Field(description="Rank by.")],
    window: Annotated[Window, Field(description="Lookback.")] = "30d",
    source_types: Annotated[tuple[SourceType, ...], Field(description="Empty = all.")] = (),
    platforms: Annotated[tuple[Platform, ...], Field(description="Empty = all.")] = (),
    limit: Annotated[int, Field(description="Rows.", ge=1, le=100)] = 5,
    order: Annotated[Literal["best", "worst"], Field(description="Which end.")] = "best",
    include_ineligible: Annotated[bool, Field(description="false = eligible only.")] = True,
) -> TopPerformers:
    """Rank posts, videos, reels, hooks or creatives by one metric: top and best, most viewed, or the worst, flops.

    Which are doing best, what is working, which creative earns its keep or burns money? chance_real tells a breakout
    (2x the median) from luck; expected_rate is a clone's. Early stage: engagement_rate, watch_time_ms (a total;
    watch_seconds_per_view: per viewer), as views reward luck. With paid results (check_readiness suggests): roas,
    conversions; source_types=["content_container"]: Layers' own. For many customers: find_breakouts.
    """
    ask = partial(
        context.api.metrics.top_performers,
        project_id,
        metric="watch_time_ms" if metric == PER_VIEW else metric,
        window=window,
        source_types=tuple(dict.fromkeys(source_types)),
        platforms=tuple(dict.fromkeys(platforms)),
        limit=FULL_RANKING,
    )
    async with GatherSettled(context.deadline) as reads:
        every = reads.start(ask, include_ineligible=True)
        eligible = None if include_ineligible else reads.start(ask, include_ineligible=False)
    reply = every.value
    ranked = _by_watch_per_view(reply.items) if metric == PER_VIEW else reply.items
    ranking = score_rows(ranked, await ordered_containers(context, [reply]))
    promoted = await read_promoted(context, project_id, reply.items)
    shown = Eligible(ranking.rows)
    if eligible is not None:
        shown = await read_eligible(context, project_id, ranking.rows, eligible.value.items)
    rows = list(shown.rows)
    if order == "worst":
        rows.reverse()
    if metric not in PAID_RANKINGS:
        rows = flukes_last(rows, lambda row: row.low_sample)
    read_only = context.policy.read_only
    solid = metric in PAID_RANKINGS or any(row.score.evidence == "solid" for row in rows)
    asks = solid and bool(rows) and order == "best" and not read_only
    ranking_notes = RankingNotes(
        metric=metric,
        window=window,
        ranking=ranking,
        rows=rows,
        limit=limit,
        worst=order == "worst",
        filtered=bool(source_types or platforms),
        full=len(reply.items) >= FULL_RANKING,
        read_only=read_only,
        clones_posts=asks and await clones_posts(context, project_id),
    )
    return TopPerformers(
        metric=metric,
        window=window,
        items=[_performer(row, metric, promoted=promoted(row.row)) for row in rows[:limit]],
        median_engagement_rate=None if metric in PAID_RANKINGS else short_rate(ranking.median),
        rows_considered=len(rows),
        as_of=stamp(reply.answered_at),
        notes=[*ranking_notes.notes(), *filter(None, [promoted.note, shown.note])],
        next_step=ranking_notes.next_step(),
    )


def _by_watch_per_view(rows: Sequence[RankedRow]) -> list[RankedRow]:
    """Return the rows by what one viewer watched, in seconds, longest first; those that do not say it last."""
    valued = [row.model_copy(update={"metric_value": _watched_per_view(row.organic or Organic())}) for row in rows]
    valued.sort(key=lambda row: -1 if row.metric_value is None else row.metric_value, reverse=True)
    return [row.model_copy(update={"rank": rank}) for rank, row in enumerate(valued, start=1)]


def _performer(scored: ScoredRow, metric: RankMetric, *, promoted: bool) -> Performer:
    row, organic = scored.row, scored.organic
    title, title_cut = shown_title(row.title)
    performer = Performer(
        rank=row.rank,
        title=title,
        title_cut=title_cut,
        source_type=row.source_type,
        platform_post_id=row.platform_post_id,
        source_id=row.source_id,
        ads_content_id=row.ads_content_id,
        metric_value=_as_counted(metric, row.metric_value),
        display=None if row.metric_value is None else display(metric, row.metric_value),
        views=organic.views,
        engagement_rate=organic.engagement_rate,
        watch_time_ms=organic.watch_time_ms,
        watch_seconds_per_view=_watched_per_view(organic),
        platforms=platforms_of(organic),
        promoted=promoted,
        paid=passed_through(row.paid),
    )
    return performer.model_copy(update=_worth_of_ads(scored) if metric in PAID_RANKINGS else _worth(scored.score))


def _worth(score: BreakoutScore) -> dict[str, object]:
    return {
        "engagement_times_median": short_times(score),
        "breakout": score.breakout,
        "breakout_evidence": score.evidence,
        "chance_real": score.chance_real,
        "expected_rate": score.expected_rate,
        "expected_times_usual": score.expected_times_usual,
        "low_sample": score.low_sample,
    }


def _worth_of_ads(scored: ScoredRow) -> dict[str, object]:
    estimate = scored.paid_estimate
    few: dict[str, object] = {"low_sample": scored.paid.few_conversions}
    if estimate is None:
        return few
    return few | {
        "expected_roas": round(estimate.expected_roas, 2),
        "roas_low": round(estimate.roas_low, 2),
        "roas_high": round(estimate.roas_high, 2),
        "expected_cpa": round(estimate.expected_cpa, 2),
    }


def _as_counted(metric: RankMetric, value: float | None) -> int | float | None:
    """Return counts and milliseconds as whole numbers."""
    counted = metric in ("views", "watch_time_ms", "conversions")
    return int(value) if counted and value is not None and value.is_integer() else value


def _watched_per_view(organic: Organic) -> float | None:
    """Return seconds that one viewer watched."""
    if organic.watch_time_ms is None or not organic.views:
        return None
    return round(organic.watch_time_ms / organic.views / 1000, 2)
