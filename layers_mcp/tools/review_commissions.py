"""review_commissions: what was ordered from which winner, and whether it beat its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from layers_mcp.analytics.outcomes import Mode, ModeSummary, Outcome, RankingIndex, by_mode, covering_window, judge
from layers_mcp.context import ToolContext
from layers_mcp.operations import OrderRecord
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import stamp
from layers_mcp.tools._arguments import moment
from layers_mcp.tools._publication_status import PublicationStatus, PublicationStatuses
from layers_mcp.tools._ranking_rows import ordered_containers, shown_title
from layers_mcp.tools._review_notes import ledger_notes, lift_notes, result_notes, scope_notes, stage_notes
from layers_mcp.tools._review_reads import (
    MOST_PROJECTS,
    Surroundings,
    open_statuses,
    read_order_publications,
    read_orders,
    read_surroundings,
)


class ContainerDecision(Result):
    """How a person decided on one container, and its publishing status, as far as it is known."""

    container_id: str
    approval_status: str | None = None
    publication: PublicationStatus | None = None


class Credits(Result):
    """What the orders cost: estimates are upper bounds."""

    estimated: int
    charged: int | None = None


class ReviewedCommission(Result):
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
    decisions: list[dict[str, Any]]
    """A `ContainerDecision` each, whose schema would be nested deeper than some hosts follow."""


class ModeResult(Result):
    mode: Mode
    commissions: int
    live: int | None = None
    judged: int | None = None
    beat_source: int | None = None
    beat_median: int | None = None
    median_versus_source: float | None = None
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    times_usual: float | None = None


class Review(Result):
    commissions: list[ReviewedCommission]
    by_mode: list[ModeResult]
    credits: Credits
    notes: list[str]

    truncation_hint: ClassVar[str] = "Ask for one project_id, a later since, or a lower limit."


@tool(
    title="Review orders and their results",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/results.html",
    example={"since": "90d"},
)
async def review_commissions(
    context: ToolContext,
    project_id: Annotated[str, Field(description="Empty = all (25).")] = "",
    since: Annotated[str, Field(description="Date or age (7d).")] = "90d",
    limit: Annotated[int, Field(description="Orders.", ge=1, le=100)] = 20,
) -> Review:
    """Review what we have ordered: past orders, how clones, copies, variations and experiments did, did they work or
    beat the original, was it worth it, results for the credits spent?

    Use it weekly or by month: by_mode tells whether fork or reimagine works better, with lift over what sources should
    earn. For winners: rank_top_performers.
    """
    now = context.now()
    start = moment("since", since, now)
    window, covered = covering_window(start, now)
    (records, warning), unread_jobs = await read_orders(context, start, project_id)
    projects = list(dict.fromkeys(record.project_id for record in records))
    seen = Surroundings({}, {}, {}, ())
    if records:
        seen = await read_surroundings(context, projects[:MOST_PROJECTS], window, start)
    if ends := open_statuses(records, seen):
        await context.operations.history.record_content(ends)
    outcomes = await _outcomes(context, records, seen)
    publications = await read_order_publications(context, records[:limit], seen)
    charges = [seen.charged(record) for record in records]
    scope = scope_notes(
        records,
        projects=projects,
        window=window,
        covered=covered,
        limit=limit,
        since=start,
        project_id=project_id,
    )
    modes = by_mode((record.mode, outcome) for record, outcome in zip(records, outcomes, strict=True))
    notes = [
        *([warning] if warning else scope),
        *result_notes(outcomes, seen.views.values(), window=window, covered=covered),
        *stage_notes(records, seen, publications),
        *lift_notes(modes),
        *ledger_notes(charges),
        *(note for view in seen.views.values() for note in view.warnings),
        *seen.warnings,
        *publications.notes,
    ]
    return Review(
        commissions=[
            _commission(record, outcome, seen, publications)
            for record, outcome in list(zip(records, outcomes, strict=True))[:limit]
        ],
        by_mode=[_mode_result(mode) for mode in modes],
        credits=Credits(
            estimated=sum(record.estimated_credits or 0 for record in records),
            charged=_together(charges),
        ),
        notes=[*notes, unread_jobs] if unread_jobs else notes,
    )


def _together(charges: Iterable[int | None]) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [charge for charge in charges if charge is not None]
    return sum(known) if known else None


async def _outcomes(context: ToolContext, records: Sequence[OrderRecord], seen: Surroundings) -> list[Outcome]:
    rankings = {project: view.ranking for project, view in seen.views.items() if view.ranking is not None}
    # what orders made, however long ago, is no hook's source and does not shape what is usual
    made = await ordered_containers(context, list(rankings.values()))
    indexes = {project: RankingIndex(ranking.items, made) for project, ranking in rankings.items()}
    return [judge(record, indexes.get(record.project_id), seen.view(record.project_id).content) for record in records]


def _commission(
    record: OrderRecord, outcome: Outcome, seen: Surroundings, publications: PublicationStatuses
) -> ReviewedCommission:
    return ReviewedCommission(
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
            ContainerDecision(
                container_id=container_id,
                approval_status=piece.approval_status,
                publication=publications.of(container_id),
            ).model_dump(exclude_none=True)
            for container_id, piece in seen.pieces(record).items()
        ],
        project_name=seen.names.get(record.project_id),
        charged_credits=seen.charged(record),
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
