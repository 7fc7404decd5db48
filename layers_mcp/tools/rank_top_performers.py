"""Tool `rank_top_performers`: what is winning, and what is only lucky (publish-to-learn, step 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from layers_mcp.analytics.breakouts import Evidence, flukes_last
from layers_mcp.analytics.formatting import display
from layers_mcp.analytics.metrics import FULL_RANKING, PAID_RANKINGS, Platform, RankMetric, SourceType, Window
from layers_mcp.analytics.windows import stamp
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.tools._ranking_rows import (
    AGE_NOTE,
    READ_ONLY,
    ScoredRanking,
    ScoredRow,
    how_to_order,
    passed_through,
    platforms_of,
    score,
    short_range,
    short_rate,
    short_times,
    shown_title,
)


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
    engagement_rate_range: tuple[float, float] | None = None
    low_sample: bool | None = None


class TopPerformers(Result):
    """A ranking, best first; small samples after all others."""

    narrow = "A lower limit fits."

    metric: str
    window: str
    items: list[Performer]
    median_engagement_rate: float | None = None
    rows_considered: int
    as_of: str
    notes: list[str]
    next_step: str


@tool(title="Rank top performers", kind=READ, view="ui://layers/ranking.html")
async def rank_top_performers(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    metric: Annotated[RankMetric, Field(description="What to rank by.")],
    window: Annotated[Window, Field(description="Lookback.")] = "30d",
    source_types: Annotated[tuple[SourceType, ...], Field(description="Empty = all.")] = (),
    platforms: Annotated[tuple[Platform, ...], Field(description="Empty = all; paid-only rows stay.")] = (),
    limit: Annotated[int, Field(description="Rows to show.", ge=1, le=100)] = 5,
    include_ineligible: Annotated[bool, Field(description="Ask for ineligible rows too.")] = False,
) -> TopPerformers:
    """Rank a project's posts by one metric and mark breakouts: engagement rate above 2x the median.

    Use it to find winners for clone_post or generate_with_hook (title is the hook). Early-stage apps:
    engagement_rate or watch_time_ms, as absolute views reward luck; later-stage, with paid results (check_readiness
    suggests): conversions or roas. source_types=["content_container"] with roas shows what earns its keep; empty,
    also what burns money. watch_time_ms is a total that grows with reach, watch_seconds_per_view what one viewer
    gave. Under 50 views is noise. Not for trends (get_metrics) or many projects (find_breakouts).
    """
    reply = await context.api.metrics.top_performers(
        project_id,
        metric=metric,
        window=window,
        source_types=tuple(dict.fromkeys(source_types)),
        platforms=tuple(dict.fromkeys(platforms)),
        limit=FULL_RANKING,
        include_ineligible=include_ineligible,
    )
    ranking = score(reply)
    paid = metric in PAID_RANKINGS
    rows = ranking.rows if paid else flukes_last(ranking.rows, lambda row: row.low_sample)
    shown, filtered, read_only = rows[:limit], bool(source_types or platforms), context.policy.read_only
    if not rows:
        next_step = _explain_empty(filtered, window)
    elif paid:
        next_step = _next_paid_step(metric, rows[0], read_only)
    else:
        next_step = _next_step(rows, ranking.median, limit, read_only)
    return TopPerformers(
        metric=metric,
        window=window,
        items=[_performer(row, metric) for row in shown],
        median_engagement_rate=None if paid else short_rate(ranking.median),
        rows_considered=len(rows),
        as_of=stamp(reply.answered_at),
        notes=_paid_notes(metric, rows) if paid else _notes(metric, window, ranking, shown, filtered),
        next_step=next_step,
    )


def _performer(judged: ScoredRow, metric: RankMetric) -> Performer:
    row, organic, standing = judged.row, judged.organic, judged.standing
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
        watch_seconds_per_view=_seconds_per_view(organic.watch_time_ms, organic.views),
        platforms=platforms_of(organic),
        promoted=row.ads_content_id is not None,
        paid=passed_through(row.paid),
        engagement_rate_range=short_range(standing),
        low_sample=standing.low_sample,
    )
    if metric in PAID_RANKINGS:
        return performer
    against_median = {
        "engagement_times_median": short_times(standing),
        "breakout": standing.breakout,
        "breakout_evidence": standing.evidence,
    }
    return performer.model_copy(update=against_median)


def _as_counted(metric: RankMetric, value: float | None) -> int | float | None:
    """Counts and milliseconds are whole numbers, and are written as such."""
    counted = metric in ("views", "watch_time_ms", "conversions")
    return int(value) if counted and value is not None and value.is_integer() else value


def _seconds_per_view(milliseconds: int | None, views: int | None) -> float | None:
    return round(milliseconds / views / 1000, 2) if milliseconds is not None and views else None


def _notes(
    metric: RankMetric, window: Window, ranking: ScoredRanking, shown: Sequence[ScoredRow], filtered: bool
) -> list[str]:
    rows = ranking.rows
    if not rows:
        return []
    sample = (
        f"Median over {ranking.sampled} of {len(rows)} rows (50 views or more)"
        if ranking.sampled
        else f"No median: none of the {len(rows)} rows has 50 views and a rate"
    )
    notes = [f"{sample} in {window}. {AGE_NOTE}"]
    if filtered:
        notes.append("With source_types or platforms set, the median is of these rows only.")
    if len(rows) >= FULL_RANKING:
        notes.append(f"The median is of the top {len(rows)} by {metric}; the project may have more posts.")
    if small := sum(row.low_sample is True for row in rows):
        notes.append(f"Rows under 50 views ({small}) stand last.")
    if below := sum(row.standing.breakout for row in rows) - sum(row.standing.breakout for row in shown):
        notes.append(f"Breakouts below the rows shown: {below}. A higher limit shows them.")
    return notes


def _paid_notes(metric: RankMetric, rows: Sequence[ScoredRow]) -> list[str]:
    if not rows:
        return []
    return [f"A ranking by {metric} holds only what has paid results, so median and breakouts are left out. {AGE_NOTE}"]


def _next_step(rows: Sequence[ScoredRow], median: float | None, limit: int, read_only: bool) -> str:
    breakouts = sorted(
        (row for row in rows if row.standing.breakout), key=lambda row: row.standing.times_median or 0, reverse=True
    )
    if solid := next((row for row in breakouts if row.standing.evidence == "solid"), None):
        place = rows.index(solid) + 1
        shown = f" (limit={place} shows it)" if place > limit else ""
        return f"Rank {solid.row.rank} is a solid breakout{shown}. {how_to_order(solid, read_only)}"
    if breakouts:
        return (
            f"Rank {breakouts[0].row.rank} is above 2x the median, but on thin evidence: a day or two more of views "
            "tells quality from luck, so ranking again then is cheaper than ordering now."
        )
    return _nothing_stands_out(rows, median)


def _nothing_stands_out(rows: Sequence[ScoredRow], median: float | None) -> str:
    if any(row.low_sample for row in rows) and not any(row.low_sample is False for row in rows):
        return "Every post has under 50 views, which is noise: rank again in a couple of days."
    if median is None:
        return "There is no median, so no breakout can be told; check_readiness tells what data is missing."
    if median <= 0:
        return "The median engagement rate is 0, so nothing can be held against it; get_metrics shows the trend."
    return "Nothing with 50 views is above 2x the median: nothing asks to be cloned yet; get_metrics shows the trend."


def _next_paid_step(metric: RankMetric, leader: ScoredRow, read_only: bool) -> str:
    if (leader.row.metric_value or 0) <= 0:
        return f"Nothing here has brought {metric} yet: rank by engagement_rate until results arrive."
    then = READ_ONLY if read_only else "clone_post or generate_with_hook then orders more."
    return (
        f"Rank {leader.row.rank} leads by {metric}: look at the spend and conversions behind it first, since few are "
        f"luck too (get_ads_metrics shows them over time). {then}"
    )


def _explain_empty(filtered: bool, window: Window) -> str:
    wider = "Without source_types and platforms more may be ranked. " if filtered else ""
    longer = "" if window == "90d" else "; where it says ready, a longer window holds older posts"
    return (
        f"{wider}check_readiness tells why a ranking is empty, and how long the next sync or scoring run can "
        f"take{longer}."
    )
