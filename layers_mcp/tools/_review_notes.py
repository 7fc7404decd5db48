"""The notes of `review_commissions`: what it covers, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from layers_mcp.analytics.formatting import times
from layers_mcp.analytics.metrics import FULL_RANKING, Window
from layers_mcp.analytics.outcomes import ModeSummary, Outcome
from layers_mcp.analytics.statistics import SMALL_SAMPLE_VIEWS
from layers_mcp.operations import OrderRecord
from layers_mcp.text.times import stamp
from layers_mcp.tools._awaiting import waits
from layers_mcp.tools._publication_status import NOT_PUBLISHED, PublicationStatuses, can_be_published
from layers_mcp.tools._review_reads import MOST_PROJECTS, ProjectView, Surroundings


def scope_notes(
    records: Sequence[OrderRecord],
    *,
    projects: Sequence[str],
    window: Window,
    covered: bool,
    limit: int,
    since: datetime,
    project_id: str,
) -> Iterable[str]:
    """Return what the answer covers, and what it cannot. `covered`: the window reaches back to `since`."""
    if not records:
        whose = " of this project" if project_id else ""
        yield f"This journal holds no order{whose} since {stamp(since)}; orders placed elsewhere are not in it."
        return
    yield "Orders placed elsewhere are not in this journal."
    yield f"Results are engagement rates from each project's {window} ranking."
    if not covered:
        yield "Rankings reach back 90 days at most: what was published earlier cannot be seen."
    if len(records) > limit:
        yield f"The newest {limit} of {len(records)} orders are listed; by_mode covers them all."
    if len(projects) > MOST_PROJECTS:
        yield f"Results were read for {MOST_PROJECTS} of {len(projects)} projects; name a project_id for another."


def stage_notes(records: Iterable[OrderRecord], seen: Surroundings, publications: PublicationStatuses) -> Iterable[str]:
    """Return what is finished and not live: it waits for a person to decide, or to publish."""
    pieces = [piece for record in records for piece in seen.pieces(record).values()]
    if waiting := sum(map(waits, pieces)):
        yield (
            f"Pieces that wait for a person's decision and can go live only after it: {waiting} (get_content with "
            "project_id and awaiting_approval shows them)."
        )
    free = [piece for piece in pieces if can_be_published(piece)]
    if unpublished := sum(publications.of(piece.container_id) == NOT_PUBLISHED for piece in free):
        yield f"Pieces that may go live and were not published, which is a person's call: {unpublished}."


def ledger_notes(charges: Sequence[int | None]) -> Iterable[str]:
    """Return whose charges the sum holds, where Layers' ledger does not name every order."""
    known = sum(charge is not None for charge in charges)
    if 0 < known < len(charges):
        yield f"Layers' ledger names {known} of these {len(charges)} orders: credits.charged is of those alone."


def lift_notes(modes: Sequence[ModeSummary]) -> Iterable[str]:
    """Return each mode's lift in words, as far as there are orders enough."""
    parts: list[str] = []
    for mode in modes:
        if mode.lift is None:
            continue
        value, low, high = times(mode.lift.value), times(mode.lift.low), times(mode.lift.high)
        verdict = "better than" if mode.lift.low > 1 else "worse than" if mode.lift.high < 1 else "as good as"
        parts.append(
            f"{mode.mode}: {verdict} its sources so far ({value}, likely {low} to {high}; {mode.judged} orders)"
        )
    if parts:
        yield (
            f"{'. '.join(parts)}. It takes about 10 orders of a mode to see a difference of 30 to 50 %; "
            f"20 % cannot be seen."
        )


def result_notes(
    outcomes: Sequence[Outcome], views: Collection[ProjectView], *, window: Window, covered: bool
) -> Iterable[str]:
    """Return how far the results can be trusted."""
    if not outcomes:
        return
    live = [outcome for outcome in outcomes if outcome.live]
    judged = [outcome for outcome in live if outcome.judged]
    unranked = sum(outcome.status == "unranked" for outcome in outcomes)
    if not live:
        if all(outcome.without_result for outcome in outcomes):
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
        wider = "" if window == "90d" else "; since=90d may show it"
        yield f"Live orders whose source is not in the ranking, and so without versus_source: {lost}{wider}."
    if any(view.ranking and len(view.ranking.items) >= FULL_RANKING for view in views):
        yield f"A ranking is full: the median is of its top {FULL_RANKING} rows."
    if unranked:
        yield f"Finished orders not in a full ranking, perhaps below its last row: {unranked}; wins are overstated."
    if running := sum(outcome.status == "running" for outcome in outcomes):
        yield f"Orders without a known end: {running}; wait_job with timeout_seconds=0 shows a job's status."
    if unknown := sum(outcome.status == "unknown" for outcome in outcomes):
        yield (
            f"Orders sent and never answered: {unknown}; the same call again says whether one was placed, and is not "
            "charged twice."
        )
