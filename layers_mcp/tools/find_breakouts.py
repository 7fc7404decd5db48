"""find_breakouts: the morning round over all projects (publish-to-learn, "on breakout detection")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from layers_mcp.analytics.breakouts import Evidence
from layers_mcp.analytics.formatting import counted
from layers_mcp.analytics.metrics import FULL_RANKING, Window
from layers_mcp.api.errors import ForbiddenScope, LayersError, NotConfigured, Unauthenticated
from layers_mcp.api.models import Page, Project, Ranking, SocialAccount
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.times import stamp
from layers_mcp.tools._awaiting import project_names
from layers_mcp.tools._breakout_notes import Found, Reason, first_fresh, nothing_fresh, why_empty, why_quiet
from layers_mcp.tools._cloning import clones_posts
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._ranking_rows import (
    AGE_NOTE,
    ScoredRanking,
    ScoredRow,
    ordered_containers,
    platforms_of,
    score_rows,
    short_times,
    shown_title,
)

AT_ONCE = 4
"""Rankings read together: a morning round takes seconds, and leaves the read bucket to others."""

MOST_PROJECTS = 100
"""Projects in one round: with their listing about what the standard tier may read in a minute."""

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
    engagement_times_median: float | None = None
    breakout_evidence: Evidence | None = None
    chance_real: float | None = None
    expected_rate: float | None = None
    expected_times_usual: float | None = None
    platforms: list[str]
    ads_content_id: str | None = None
    already_ordered: bool


class QuietProject(Result):
    """A project without a breakout, and why."""

    project_id: str
    project_name: str | None = None
    reason: Reason
    detail: str


class Breakouts(Result):
    """Breakouts over several projects, likeliest first, and the projects that have none."""

    truncation_hint = "Ask for fewer project_ids or a shorter window."

    window: str
    breakouts: list[Breakout]
    quiet: list[QuietProject]
    next_cursor: str | None = None
    as_of: str
    notes: list[str]
    next_step: str


@tool(
    title="Find breakouts across customers",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/ranking.html",
    example={"window": "30d"},
)
async def find_breakouts(
    context: ToolContext,
    project_ids: Annotated[tuple[str, ...], Field(description="Empty = all active.", max_length=MOST_PROJECTS)] = (),
    window: Annotated[Window, Field(description="Lookback.")] = "30d",
    cursor: Annotated[str, Field(description="From next_cursor.")] = "",
) -> Breakouts:
    """Find breakouts in every project: any post that went viral, took off, blew up or stands out way above the usual;
    winners, hits, outliers across all customers, clients and accounts.

    Use it for the morning scan: did anything happen today (2x the median engagement)? chance_real tells a hit from
    luck, already_ordered what was cloned, quiet why others have none. For one ranking: rank_top_performers.
    """
    round_ = await _read(context, tuple(dict.fromkeys(project_ids)), window, cursor)
    rankings = [seen.ranking for seen in round_.seen.values() if isinstance(seen.ranking, Ranking)]
    ordered = await ordered_containers(context, rankings)
    winners: list[tuple[str, ScoredRow]] = []
    quiet: list[QuietProject] = []
    for project_id, seen in round_.seen.items():
        ranking = score_rows(seen.ranking.items, ordered) if isinstance(seen.ranking, Ranking) else None
        broke_out = [row for row in ranking.rows if row.score.breakout] if ranking else []
        winners += [(project_id, row) for row in broke_out]
        if not broke_out:
            reason, detail = _quiet(seen, ranking, window, context.now())
            quiet.append(
                QuietProject(
                    project_id=project_id, project_name=round_.names.get(project_id), reason=reason, detail=detail
                )
            )
    winners.sort(key=lambda winner: winner[1].likelihood, reverse=True)
    history = context.operations.history
    reads = {project_id: await history.followed_posts(project_id) for project_id in dict(winners)}
    followed = {project_id: posts for project_id, (posts, _) in reads.items()}
    warnings = dict.fromkeys(warning for _, warning in reads.values() if warning)
    found = [Found(row, row.row.platform_post_id in followed[project_id]) for project_id, row in winners]
    read_only = context.policy.read_only
    asking = [project_id for (project_id, _), one in zip(winners, found, strict=True) if one.asks_for_order]
    clones = bool(asking) and not read_only and await clones_posts(context, asking[0])
    fresh = first_fresh(found, read_only=read_only, clones_posts=clones)
    return Breakouts(
        window=window,
        breakouts=[
            _breakout(project_id, round_.names, one) for (project_id, _), one in zip(winners, found, strict=True)
        ],
        quiet=quiet,
        next_cursor=round_.next_cursor or None,
        as_of=stamp(min((ranking.answered_at for ranking in rankings), default=context.now())),
        notes=_notes(rankings, round_, warnings),
        next_step=fresh
        or nothing_fresh(found, _short_of_posts(quiet, window), asked=len(round_.seen), read=len(rankings)),
    )


class _Seen(NamedTuple):
    """What was read of one project: its ranking, and where that is empty its accounts; each may have failed."""

    ranking: Ranking | LayersError
    accounts: Sequence[SocialAccount] | LayersError = ()


class _Round(NamedTuple):
    """What one round read: names and what was seen by project id, and how it goes on."""

    names: Mapping[str, str]
    seen: Mapping[str, _Seen]
    next_cursor: str
    left: str
    """How many active projects are behind the cursor, in words; "" where that was not told."""
    notes: Sequence[str]


async def _read(context: ToolContext, project_ids: Sequence[str], window: Window, cursor: str) -> _Round:
    active = None
    if not project_ids:
        active = await context.api.projects.list(status="active", limit=MOST_PROJECTS, cursor=cursor)
    chosen = project_ids if active is None else [project.id for project in active.items]
    next_cursor = (active and active.next_cursor) or ""
    async with GatherSettled(context.deadline, at_once=AT_ONCE) as reads:
        listing = reads.start(context.api.projects.list, limit=NAMES_PAGE) if active is None else None
        rest = reads.start(_count, context, next_cursor) if next_cursor else None
        looks = {project_id: reads.start(_look, context, project_id, window) for project_id in chosen}
    seen = {
        project_id: _Seen(look.outcome) if isinstance(look.outcome, LayersError) else look.outcome
        for project_id, look in looks.items()
    }
    failures = [one.ranking for one in seen.values() if isinstance(one.ranking, LayersError)]
    for failure in failures:  # raised where it is true of every project alike
        lacks_scope = isinstance(failure, ForbiddenScope) and len(failures) == len(seen)
        if lacks_scope or isinstance(failure, NotConfigured | Unauthenticated):
            raise failure
    page = active if listing is None else listing.or_else(None)
    left = rest.or_else("") if rest else ""
    notes = active.notes if active else ["cursor applies to the active projects only."] if cursor else ()
    return _Round(project_names(page.items) if page else {}, seen, next_cursor, left, notes)


async def _look(context: ToolContext, project_id: str, window: Window) -> _Seen:
    """Return one project's ranking; where it is empty, the accounts tell why."""
    ranking = await context.api.metrics.top_performers(
        project_id, metric="engagement_rate", window=window, limit=FULL_RANKING, include_ineligible=True
    )
    if ranking.items:
        return _Seen(ranking)
    try:
        return _Seen(ranking, await context.api.projects.social_accounts(project_id))
    except LayersError as error:
        return _Seen(ranking, error)


async def _count(context: ToolContext, cursor: str) -> str:
    """Return how many active projects there are from `cursor` on, in words."""

    async def read(at: str) -> Page[Project]:
        return await context.api.projects.list(status="active", limit=NAMES_PAGE, cursor=at)

    page = await collect(read, cursor=cursor)
    return f"{'at least ' if page.next_cursor else ''}{counted(len(page.items), 'active project')}"


def _quiet(seen: _Seen, ranking: ScoredRanking | None, window: Window, now: datetime) -> tuple[Reason, str]:
    if ranking is None:
        return "unreadable", f"Could not be read. {seen.ranking}"
    if ranking.rows:
        return why_quiet(ranking, window)
    if isinstance(seen.accounts, LayersError):
        return "unreadable", f"Nothing is ranked in {window}, and the accounts could not be read. {seen.accounts}"
    return why_empty(seen.accounts, window, now)


def _short_of_posts(quiet: Sequence[QuietProject], window: Window) -> int:
    """Return how many projects have too few posts in a window that could be longer."""
    return 0 if window == "90d" else sum(project.reason == "too_few_posts" for project in quiet)


def _breakout(project_id: str, names: Mapping[str, str], found: Found) -> Breakout:
    row, organic, score = found.row.row, found.row.organic, found.row.score
    title, title_cut = shown_title(row.title)
    return Breakout(
        project_id=project_id,
        project_name=names.get(project_id),
        platform_post_id=row.platform_post_id,
        title=title,
        title_cut=title_cut,
        views=organic.views,
        engagement_rate=organic.engagement_rate,
        engagement_times_median=short_times(score),
        breakout_evidence=score.evidence,
        chance_real=score.chance_real,
        expected_rate=score.expected_rate,
        expected_times_usual=score.expected_times_usual,
        platforms=platforms_of(organic),
        ads_content_id=row.ads_content_id,
        already_ordered=found.already_ordered,
    )


def _notes(rankings: Sequence[Ranking], round_: _Round, warnings: Iterable[str]) -> list[str]:
    notes = [AGE_NOTE] if rankings else []
    if round_.next_cursor:
        notes.append(f"Not looked at yet: {round_.left or 'more active projects'}; next_cursor goes on with them.")
    if full := sum(len(ranking.items) >= FULL_RANKING for ranking in rankings):
        notes.append(
            f"In {counted(full, 'project')} the median is of the top {FULL_RANKING} posts by engagement rate, "
            "so that chances are too low."
        )
    notes += round_.notes
    notes += [f"already_ordered may miss orders: {warning}" for warning in warnings]
    return notes
