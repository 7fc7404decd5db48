"""Tool `find_breakouts`: the morning round over all projects (publish-to-learn, "on breakout detection")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import anyio
from pydantic import Field

from layers_mcp.analytics.breakouts import Evidence
from layers_mcp.analytics.metrics import FULL_RANKING, Window
from layers_mcp.analytics.windows import stamp
from layers_mcp.api.errors import LayersError, NotConfigured, Unauthenticated
from layers_mcp.api.models import Page, Project, Ranking
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import SECONDS, GatherSettled
from layers_mcp.tools._ranking_rows import (
    AGE_NOTE,
    ScoredRanking,
    ScoredRow,
    how_to_order,
    platforms_of,
    score,
    short_range,
    short_times,
    shown_title,
)

AT_ONCE = 4
"""Rankings read together: a morning round takes seconds, and leaves the read bucket to others."""

MOST_PROJECTS = 25
"""Projects in one round: a fifth of what the standard tier may read in a minute."""

NAMES_PAGE = 200
"""Projects in one listing, the most there are: enough to name those that were asked for."""


class Breakout(Result):
    """A post above twice its project's median engagement rate (a fraction)."""

    project_id: str
    project_name: str | None = None
    platform_post_id: str | None = None
    title: str | None = None
    title_cut: bool | None = None
    views: int | None = None
    engagement_rate: float | None = None
    engagement_rate_range: tuple[float, float] | None = None
    engagement_times_median: float | None = None
    breakout_evidence: Evidence | None = None
    platforms: list[str]
    ads_content_id: str | None = None
    already_ordered: bool


class QuietProject(Result):
    """A project without a breakout, and why."""

    project_id: str
    project_name: str | None = None
    reason: str


class Breakouts(Result):
    """Breakouts over several projects, strongest first, and the projects that have none."""

    narrow = "Fewer project_ids or a shorter window fit."

    window: str
    breakouts: list[Breakout]
    quiet: list[QuietProject]
    as_of: str
    notes: list[str]
    next_step: str


@tool(title="Find breakouts", kind=READ, view="ui://layers/ranking.html")
async def find_breakouts(
    context: ToolContext,
    project_ids: Annotated[
        tuple[str, ...], Field(description="Empty = the active projects, at most 25.", max_length=MOST_PROJECTS)
    ] = (),
    window: Annotated[Window, Field(description="Lookback.")] = "30d",
) -> Breakouts:
    """Find breakouts over many projects in one call: posts with an engagement rate above 2x their project's median.

    Use it for the morning round. Solid evidence stands first; already_ordered marks posts cloned before; quiet
    names the other projects and why. Not for one project's ranking or another metric (rank_top_performers), nor to
    explain an empty project (check_readiness).
    """
    read = await _read(context, tuple(dict.fromkeys(project_ids)), window)
    winners: list[tuple[str, ScoredRow]] = []
    quiet: list[QuietProject] = []
    for project_id, outcome in read.outcomes.items():
        found, reason = _looked_at(outcome, window)
        winners += [(project_id, row) for row in found]
        if reason:
            quiet.append(QuietProject(project_id=project_id, project_name=read.names.get(project_id), reason=reason))
    winners.sort(key=lambda winner: _strength(winner[1]), reverse=True)
    ordered = {project_id: await context.operations.cloned_posts(project_id) for project_id in dict(winners)}
    breakouts = [_breakout(project_id, read.names, row, ordered[project_id]) for project_id, row in winners]
    rankings = [outcome for outcome in read.outcomes.values() if isinstance(outcome, Ranking)]
    return Breakouts(
        window=window,
        breakouts=breakouts,
        quiet=quiet,
        as_of=stamp(min((ranking.answered_at for ranking in rankings), default=context.now())),
        notes=_notes(rankings, read.more_projects, context.operations.trouble if winners else None),
        next_step=_first_fresh([row for _, row in winners], breakouts, context.policy.read_only)
        or _nothing_fresh(breakouts, asked=len(read.outcomes), read=len(rankings)),
    )


class _Round(NamedTuple):
    """What one round read: names by project id, each project's ranking or failure, and whether there are more."""

    names: Mapping[str, str]
    outcomes: Mapping[str, Ranking | LayersError]
    more_projects: bool = False


async def _read(context: ToolContext, project_ids: Sequence[str], window: Window) -> _Round:
    began = anyio.current_time()
    active = None if project_ids else await context.api.projects.list(status="active", limit=MOST_PROJECTS)
    chosen = project_ids if active is None else [project.id for project in active.items]
    async with GatherSettled(at_once=AT_ONCE, seconds=SECONDS - (anyio.current_time() - began)) as reads:
        listing = reads.start(context.api.projects.list, limit=NAMES_PAGE) if active is None else None
        rankings = {
            project_id: reads.start(
                context.api.metrics.top_performers,
                project_id,
                metric="engagement_rate",
                window=window,
                limit=FULL_RANKING,
            )
            for project_id in chosen
        }
    outcomes = {project_id: read.outcome for project_id, read in rankings.items()}
    for outcome in outcomes.values():
        if isinstance(outcome, NotConfigured | Unauthenticated):  # true of every project alike
            raise outcome
    page = active if listing is None else listing.outcome
    names = {} if page is None or isinstance(page, LayersError) else _names(page)
    return _Round(names, outcomes, active is not None and active.next_cursor is not None)


def _names(page: Page[Project]) -> dict[str, str]:
    return {project.id: clean(project.name)[0] for project in page.items if project.name}


def _looked_at(outcome: Ranking | LayersError, window: Window) -> tuple[list[ScoredRow], str]:
    """A project's breakouts, or why it has none."""
    if isinstance(outcome, LayersError):
        return [], f"Could not be read. {outcome}"
    ranking = score(outcome)
    found = [row for row in ranking.rows if row.standing.breakout]
    return found, "" if found else _why_quiet(ranking, window)


def _why_quiet(ranking: ScoredRanking, window: Window) -> str:
    if not ranking.rows:
        longer = "" if window == "90d" else "; a longer window may hold older posts"
        return f"Nothing is ranked in {window}; check_readiness tells why{longer}."
    if ranking.median is None:
        return f"No ranked post has 50 views and a rate (ranked: {len(ranking.rows)})."
    if ranking.median <= 0:
        return "The median engagement rate is 0, so nothing can be held against it."
    best = max(row.standing.times_median or 0 for row in ranking.rows if row.low_sample is False)
    return f"No breakout: the best is {best:.2f}x the median of {ranking.sampled} posts."


def _strength(row: ScoredRow) -> tuple[bool, float]:
    return row.standing.evidence == "solid", row.standing.times_median or 0


def _breakout(project_id: str, names: Mapping[str, str], judged: ScoredRow, ordered: frozenset[str]) -> Breakout:
    row, organic, standing = judged.row, judged.organic, judged.standing
    title, title_cut = shown_title(row.title)
    return Breakout(
        project_id=project_id,
        project_name=names.get(project_id),
        platform_post_id=row.platform_post_id,
        title=title,
        title_cut=title_cut,
        views=organic.views,
        engagement_rate=organic.engagement_rate,
        engagement_rate_range=short_range(standing),
        engagement_times_median=short_times(standing),
        breakout_evidence=standing.evidence,
        platforms=platforms_of(organic),
        ads_content_id=row.ads_content_id,
        already_ordered=row.platform_post_id in ordered,
    )


def _notes(rankings: Sequence[Ranking], more_projects: bool, trouble: str | None) -> list[str]:
    notes = [AGE_NOTE] if rankings else []
    if more_projects:
        notes.append(f"Only the newest {MOST_PROJECTS} active projects were looked at; project_ids reaches the others.")
    if full := sum(len(ranking.items) >= FULL_RANKING for ranking in rankings):
        notes.append(f"In {full} of the projects the median is of the top {FULL_RANKING} posts by engagement rate.")
    if trouble:
        notes.append(f"already_ordered may miss orders: {trouble}")
    return notes


def _first_fresh(winners: Sequence[ScoredRow], breakouts: Sequence[Breakout], read_only: bool) -> str:
    """What to do about the strongest solid breakout that was not cloned yet; "" where there is none."""
    for place, (winner, found) in enumerate(zip(winners, breakouts, strict=True), start=1):
        if found.breakout_evidence == "solid" and not found.already_ordered:
            return f"Breakout {place} of this list is solid and not cloned yet. {how_to_order(winner, read_only)}"
    return ""


def _nothing_fresh(breakouts: Sequence[Breakout], *, asked: int, read: int) -> str:
    if any(found.breakout_evidence == "solid" for found in breakouts):
        return "Every solid breakout here was cloned before: review_commissions tells how those orders do."
    if breakouts:
        return (
            "All breakouts rest on thin evidence: a day or two more of views tells quality from luck, "
            "so looking again then is cheaper than ordering now."
        )
    if not asked:
        return "There is no active project to look at: list_projects with include_archived=true shows the others."
    if not read:
        return "No project could be read, so nothing is known of breakouts; quiet tells why, list_projects has the ids."
    scope = "" if read == asked else f" in the {read} of {asked} projects that could be read"
    return f"No breakout{scope}, so nothing asks to be cloned; check_readiness explains a project without data."
