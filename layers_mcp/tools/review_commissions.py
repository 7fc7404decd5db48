"""review_commissions: what was ordered from which winner, and whether it beat its source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from layers_mcp.analytics.formatting import times
from layers_mcp.analytics.metrics import FULL_RANKING, Window
from layers_mcp.analytics.outcomes import ENDED, Board, Mode, ModeSummary, Outcome, by_mode, covering_window, judge
from layers_mcp.analytics.statistics import SMALL_SAMPLE_VIEWS
from layers_mcp.analytics.windows import stamp
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Container, CreditEvent, Page, Project, Ranking
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.operations import OrderRecord, Reading
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.ids import container_key
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._arguments import moment
from layers_mcp.tools._gather_settled import GatherSettled, Read
from layers_mcp.tools._ranking_rows import ordered_containers, shown_title

MOST_PROJECTS = 25
MOST_JOBS = 20
JOBS_SECONDS, VIEWS_SECONDS = 10.0, 26.0
"""What the two rounds of reads may take, together well inside the 45 seconds of a call."""

CONTENT_PAGE = 200
EVENTS_PAGE = 100
CONTENT_PAGES = 5
"""Pages of a project's content looked through for approvals: 1,000 containers."""


class Decided(Result):
    """How a person decided on one container, as far as it is known."""

    container_id: str
    approval_status: str | None = None


class Credits(Result):
    """What the orders cost: estimates are upper bounds."""

    estimated: int
    charged: int | None = None


class Commission(Result):
    commission_id: str
    project_id: str
    tool: str
    mode: Mode
    ordered_at: str
    job_id: str | None = None
    estimated_credits: int | None = None
    source_platform_post_id: str | None = None
    hook: str | None = None
    variations: int
    take: int
    status: str
    container_ids: list[str]
    approval_status: str | None = None
    metric_value: float | None = None
    source_value: float | None = None
    versus_source: float | None = None
    versus_median: float | None = None
    versus_expected: float | None = None
    low_sample: bool | None = None
    charged_credits: int | None = None
    source_title: str | None = None
    project_name: str | None = None
    decisions: list[Decided]


class ModeResult(Result):
    mode: Mode
    commissions: int
    live: int
    judged: int
    beat_source: int | None = None
    beat_median: int | None = None
    median_versus_source: float | None = None
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    times_usual: float | None = None


class Review(Result):
    commissions: list[Commission]
    by_mode: list[ModeResult]
    credits: Credits
    notes: list[str]

    narrow: ClassVar[str] = "Ask for one project_id, a later since, or a lower limit."


@dataclass(frozen=True)
class ProjectView:
    """What one project shows today; a part is None where it could not be read."""

    ranking: Ranking | None
    content: Mapping[str, Container]
    troubles: tuple[str, ...]


UNSEEN = ProjectView(None, {}, ())


@tool(
    title="Review commissions",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/results.html",
    example={"since": "90d"},
)
async def review_commissions(
    context: ToolContext,
    project_id: Annotated[str, Field(description="Empty = every project with orders, at most 25.")] = "",
    since: Annotated[str, Field(description="ISO datetime, date or age (7d).")] = "90d",
    limit: Annotated[int, Field(description="Orders to show, newest first.", ge=1, le=100)] = 20,
) -> Review:
    """Review what we ordered: was it worth it, how did clones and copies do, did they beat the original, what was
    spent in credits?

    Use it weekly or monthly. by_mode tells whether fork or reimagine works better and its lift: what came of the
    orders against what their sources should be expected to earn. Also orders that were never answered. From this
    server's journal and the results of published content. For winners use rank_top_performers; for a running job
    wait_job.
    """
    now = context.now()
    start = moment("since", since, now)
    window, covered = covering_window(start, now)
    records, warning = await _records(context, start, project_id)
    projects = list(dict.fromkeys(record.project_id for record in records))
    views = await _views(context, projects[:MOST_PROJECTS], window, start)
    names, ledger = await _names_and_ledger(context, start) if records else ({}, {})
    await context.operations.history.record_content(_open_statuses(records, views))
    outcomes = await _outcomes(context, records, views)
    modes = by_mode((record.mode, outcome) for record, outcome in zip(records, outcomes, strict=True))
    told = list(zip(records, outcomes, strict=True))[:limit]
    charged = partial(_charged, ledger=ledger)
    return Review(
        commissions=[
            _commission(record, outcome, views.get(record.project_id, UNSEEN).content).model_copy(
                update={"project_name": names.get(record.project_id), "charged_credits": charged(record)}
            )
            for record, outcome in told
        ],
        by_mode=[_mode_result(mode) for mode in modes],
        credits=Credits(
            estimated=sum(record.estimated_credits or 0 for record in records),
            charged=_together(map(charged, records)),
        ),
        notes=[
            *([warning] if warning else _scope_notes(records, projects, window, covered, limit, start)),
            *_result_notes(outcomes, views.values(), covered),
            *_lift_notes(modes),
            *(note for view in views.values() for note in view.troubles),
        ],
    )


async def _names_and_ledger(context: ToolContext, since: datetime) -> tuple[dict[str, str], dict[str, int]]:
    """Project names by id, and credits charged by container (refunds subtracted); empty where they cannot be read."""

    async def events(cursor: str) -> Page[CreditEvent]:
        return await context.api.credits.events(since=since, limit=EVENTS_PAGE, cursor=cursor)

    async with GatherSettled(seconds=JOBS_SECONDS) as reads:
        listing = reads.start(context.api.projects.list, limit=CONTENT_PAGE)
        booked = reads.start(collect, events, most_pages=CONTENT_PAGES)
    names = {} if isinstance(listing.outcome, LayersError) else _names(listing.outcome)
    ledger: dict[str, int] = {}
    for event in () if isinstance(booked.outcome, LayersError) else booked.outcome.items:
        if event.container_id and event.event_type in ("usage", "refund"):
            key = container_key(event.container_id)
            ledger[key] = ledger.get(key, 0) - round(event.credits)
    return names, ledger


def _names(page: Page[Project]) -> dict[str, str]:
    return {project.id: clean(project.name)[0] for project in page.items if project.name}


def _charged(record: OrderRecord, ledger: Mapping[str, int]) -> int | None:
    """What an order was charged in all; None where the ledger names none of its containers."""
    keys = [key for key in map(container_key, record.container_ids) if key in ledger]
    return sum(ledger[key] for key in keys) if keys else None


def _together(charges: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [charge for charge in charges if charge is not None]
    return sum(known) if known else None


async def _records(context: ToolContext, since: datetime, project_id: str) -> Reading[list[OrderRecord]]:
    """The journal's orders, after a look at the jobs whose end it has not heard of: they name every container."""
    history = context.operations.history
    records, warning = await history.since(since, project_id)
    running = [record.job_id for record in records if record.status == "running" and record.job_id]
    if not running:
        return Reading(records, warning)
    async with GatherSettled(seconds=JOBS_SECONDS) as reads:
        started = [reads.start(context.api.jobs.get, job_id) for job_id in running[:MOST_JOBS]]
    for read in started:
        if not isinstance(read.outcome, LayersError):
            await history.record_job(read.outcome)
    return await history.since(since, project_id)


async def _views(
    context: ToolContext, projects: Sequence[str], window: Window, since: datetime
) -> dict[str, ProjectView]:
    """One ranking and the content since `since` of each project, side by side."""
    async with GatherSettled(seconds=VIEWS_SECONDS) as reads:
        started = {
            project: (
                reads.start(
                    context.api.metrics.top_performers,
                    project,
                    metric="engagement_rate",
                    window=window,
                    include_ineligible=True,
                ),
                reads.start(_content, context, project, since),
            )
            for project in projects
        }
    return {project: _view(project, *pair) for project, pair in started.items()}


async def _content(context: ToolContext, project_id: str, since: datetime) -> list[Container]:
    read = partial(context.api.content.list, project_id, since=since, limit=CONTENT_PAGE)
    return (await collect(lambda cursor: read(cursor=cursor), most_pages=CONTENT_PAGES)).items


def _view(project: str, ranking: Read[Ranking], content: Read[list[Container]]) -> ProjectView:
    troubles = [
        f"The {what} of project {project} could not be read: {outcome}"
        for what, outcome in (("ranking", ranking.outcome), ("content", content.outcome))
        if isinstance(outcome, LayersError)
    ]
    containers = [] if isinstance(content.outcome, LayersError) else content.outcome
    return ProjectView(
        ranking=None if isinstance(ranking.outcome, LayersError) else ranking.outcome,
        content={container_key(container.container_id): container for container in containers},
        troubles=tuple(troubles),
    )


def _open_statuses(records: Sequence[OrderRecord], views: Mapping[str, ProjectView]) -> dict[str, str]:
    """What the content shows of orders whose end the journal has not heard of, by container id."""
    return {
        container_id: piece.status or ""
        for record in records
        if record.status not in ENDED and record.project_id in views
        for container_id in record.container_ids
        if (piece := views[record.project_id].content.get(container_key(container_id)))
    }


async def _outcomes(
    context: ToolContext, records: Sequence[OrderRecord], views: Mapping[str, ProjectView]
) -> list[Outcome]:
    boards: dict[str, Board] = {}
    for project, view in views.items():
        if view.ranking is not None:
            # what orders made, however long ago, is no hook's source and does not shape what is usual
            boards[project] = Board(view.ranking.items, await ordered_containers(context, [view.ranking]))
    return [
        judge(record, boards.get(record.project_id), views.get(record.project_id, UNSEEN).content) for record in records
    ]


def _commission(record: OrderRecord, outcome: Outcome, content: Mapping[str, Container]) -> Commission:
    return Commission(
        commission_id=record.commission_id,
        project_id=record.project_id,
        tool=record.tool,
        mode=record.mode,
        ordered_at=stamp(record.ordered_at),
        job_id=record.job_id or None,
        estimated_credits=record.estimated_credits,
        source_platform_post_id=record.source_platform_post_id or None,
        hook=clean(record.hook)[0] or None,
        variations=record.variations,
        take=record.take,
        status=outcome.status,
        container_ids=list(record.container_ids),
        approval_status=outcome.approval_status,
        metric_value=_rounded(outcome.metric_value, 6),
        source_value=_rounded(outcome.source_value, 6),
        versus_source=_rounded(outcome.versus_source, 3),
        versus_median=_rounded(outcome.versus_median, 3),
        versus_expected=_rounded(outcome.versus_expected, 3),
        low_sample=outcome.low_sample,
        source_title=shown_title(outcome.source_title)[0],
        decisions=[
            Decided(container_id=container_id, approval_status=piece.approval_status)
            for container_id in record.container_ids
            if (piece := content.get(container_key(container_id)))
        ],
    )


def _mode_result(summary: ModeSummary) -> ModeResult:
    return ModeResult(
        mode=summary.mode,
        commissions=summary.commissions,
        live=summary.live,
        judged=summary.judged,
        beat_source=summary.beat_source,
        beat_median=summary.beat_median,
        median_versus_source=_rounded(summary.median_versus_source, 3),
        lift=_rounded(summary.lift.value, 3) if summary.lift else None,
        lift_low=_rounded(summary.lift.low, 3) if summary.lift else None,
        lift_high=_rounded(summary.lift.high, 3) if summary.lift else None,
        times_usual=_rounded(summary.times_usual, 2),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _scope_notes(
    records: Sequence[OrderRecord],
    projects: Sequence[str],
    window: Window,
    covered: bool,
    limit: int,
    since: datetime,
) -> Iterable[str]:
    """What the answer covers, and what it cannot."""
    if not records:
        yield f"This journal holds no order since {stamp(since)}; orders placed elsewhere are not in it."
        return
    yield "Orders placed elsewhere are not in this journal."
    yield f"Results are engagement rates from each project's {window} ranking."
    if not covered:
        yield "Rankings reach back 90 days at most: what was published earlier cannot be seen."
    if len(records) > limit:
        yield f"The newest {limit} of {len(records)} orders are listed; by_mode covers them all."
    if len(projects) > MOST_PROJECTS:
        yield f"Results were read for {MOST_PROJECTS} of {len(projects)} projects; name a project_id for another."


def _lift_notes(modes: Sequence[ModeSummary]) -> Iterable[str]:
    """Each mode's lift in words, as far as there are orders enough."""
    told: list[str] = []
    for mode in modes:
        if mode.lift is None:
            continue
        value, low, high = times(mode.lift.value), times(mode.lift.low), times(mode.lift.high)
        verdict = "better than" if mode.lift.low > 1 else "worse than" if mode.lift.high < 1 else "as good as"
        told.append(
            f"{mode.mode}: {verdict} its sources so far ({value}, likely {low} to {high}; {mode.judged} orders)"
        )
    if told:
        yield f"{'. '.join(told)}. About 10 orders of a mode tell 30 to 50 % apart; 20 % is never told."


def _result_notes(outcomes: Sequence[Outcome], views: Collection[ProjectView], covered: bool) -> Iterable[str]:
    """How far the results can be trusted."""
    if not outcomes:
        return
    live = [outcome for outcome in outcomes if outcome.live]
    judged = [outcome for outcome in live if outcome.judged]
    unranked = sum(outcome.status == "unranked" for outcome in outcomes)
    if not live:
        if all(outcome.came_to_nothing for outcome in outcomes):
            yield "Every order failed, was canceled or was rejected, so nothing of them goes live."
        elif not unranked and all(view.ranking is not None for view in views):
            if covered:
                yield "Nothing that was ordered is live yet: too early to judge."
            else:
                yield "No order is in the ranking now: too early to judge, or published before it begins."
    elif not judged:
        yield f"No live order ({len(live)}) has {SMALL_SAMPLE_VIEWS} views yet: too early to judge."
    else:
        yield (
            f"Live orders with {SMALL_SAMPLE_VIEWS} views or more, on which the verdict rests: {len(judged)}; fewer "
            "than about 10 of a mode say little about it."
        )
    if any(outcome.versus_source is not None for outcome in judged):
        yield (
            "A source was picked for being high, partly by luck, so clones of equal quality beat it less than half of "
            "the time (regression to the mean), and the median nearly always; versus_expected and lift compare with "
            "what the source should be expected to earn."
        )
    lost = sum(outcome.source_value is None for outcome in live)
    if lost:
        yield f"Live orders whose source is not in the ranking, and so without versus_source: {lost}."
    if any(view.ranking and len(view.ranking.items) >= FULL_RANKING for view in views):
        yield f"A ranking is full: the median is of its top {FULL_RANKING} rows."
    if unranked:
        yield f"Finished orders not in a full ranking, perhaps below its last row: {unranked}; wins are overstated."
    if waiting := sum(one.status == "completed" and one.approval_status == "pending" for one in outcomes):
        yield (
            f"Finished orders that wait for a person's decision and go live only after it: {waiting} (get_content with "
            "project_id and awaiting_approval shows them)."
        )
    if running := sum(outcome.status == "running" for outcome in outcomes):
        yield f"Orders without a known end: {running}; wait_job with timeout_seconds=0 tells where a job stands."
    if unknown := sum(outcome.status == "unknown" for outcome in outcomes):
        yield (
            f"Orders sent and never answered: {unknown}; the same call again tells whether one was placed, and is not "
            "charged twice."
        )
