"""What `review_commissions` reads: the journal, and of each project one ranking, its content and its schedule.

Every read may fail without hiding the others: its part is missing then, and a note says so.
The parts have their share of the call's time, so that the answer comes in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import anyio

from layers_mcp.analytics.metrics import Window
from layers_mcp.analytics.outcomes import ENDED
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Container, CreditEvent, Page, Ranking
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import REVIEW_JOBS_SECONDS, REVIEW_JOURNAL_SECONDS, REVIEW_READS_SECONDS, REVIEW_REST_SECONDS
from layers_mcp.operations import OrderRecord, Reading
from layers_mcp.text.ids import container_key
from layers_mcp.tools._awaiting import project_names
from layers_mcp.tools._gather_settled import GatherSettled, Read
from layers_mcp.tools._publication_status import PublicationStatuses, read_publications

MOST_PROJECTS = 25
MOST_JOBS = 20

PROJECTS_PAGE = 200
CONTENT_PAGE = 200
EVENTS_PAGE = 100
MOST_PAGES = 5
"""Pages looked through: of a project's content 1,000 containers, of the ledger 500 entries."""


@dataclass(frozen=True)
class ProjectView:
    """What one project shows today; a part is None where it could not be read."""

    ranking: Ranking | None = None
    content: Mapping[str, Container] = field(default_factory=dict[str, Container])
    warnings: tuple[str, ...] = ()


UNSEEN = ProjectView()


@dataclass(frozen=True)
class Surroundings:
    """What was read beside the journal: views and names by project id, credits by container, and what was not."""

    views: Mapping[str, ProjectView]
    names: Mapping[str, str]
    ledger: Mapping[str, int]
    """Credits charged by `container_key`, refunds subtracted."""
    warnings: tuple[str, ...]

    def view(self, project_id: str) -> ProjectView:
        """Return a project as it was read; one that shows nothing where it was not."""
        return self.views.get(project_id, UNSEEN)

    def pieces(self, record: OrderRecord) -> dict[str, Container]:
        """Return the order's containers that the project's content shows, by the ids that the journal has."""
        content = self.view(record.project_id).content
        return {each: content[key] for each in record.container_ids if (key := container_key(each)) in content}

    def charged(self, record: OrderRecord) -> int | None:
        """Return what an order was charged in all; None where the ledger names none of its containers."""
        keys = [key for key in map(container_key, record.container_ids) if key in self.ledger]
        return sum(self.ledger[key] for key in keys) if keys else None


async def read_orders(context: ToolContext, since: datetime, project_id: str) -> tuple[Reading[list[OrderRecord]], str]:
    """Return the journal's orders, after a look at the jobs whose end it has not heard of: they name every container.

    Also a note on jobs that could not be read; "" where all were.
    """
    history = context.operations.history
    reading = await history.since(since, project_id)
    running = [record.job_id for record in reading.value if record.status == "running" and record.job_id]
    async with GatherSettled(
        context.deadline, seconds=REVIEW_JOBS_SECONDS, keep=REVIEW_READS_SECONDS + REVIEW_REST_SECONDS
    ) as reads:
        started = [reads.start(context.api.jobs.get, job_id) for job_id in running[:MOST_JOBS]]
    jobs = [read.outcome for read in started if not isinstance(read.outcome, LayersError)]
    unread = len(started) - len(jobs)
    note = f"Jobs that could not be read, so that their orders' status may be old: {unread}." if unread else ""
    if jobs:
        with anyio.move_on_after(REVIEW_JOURNAL_SECONDS):
            for job in jobs:
                await history.record_job(job)
            reading = await history.since(since, project_id)
    return reading, note


async def read_surroundings(
    context: ToolContext, projects: Sequence[str], window: Window, since: datetime
) -> Surroundings:
    """Rankings and content of the projects, their names, and the ledger since then, side by side."""

    async def events(cursor: str) -> Page[CreditEvent]:
        return await context.api.credits.events(since=since, limit=EVENTS_PAGE, cursor=cursor)

    rank = partial(context.api.metrics.top_performers, metric="engagement_rate", window=window, include_ineligible=True)
    async with GatherSettled(context.deadline, seconds=REVIEW_READS_SECONDS, keep=REVIEW_REST_SECONDS) as reads:
        listing = reads.start(context.api.projects.list, limit=PROJECTS_PAGE)
        booked = reads.start(collect, events, most_pages=MOST_PAGES)
        started = {
            project: (reads.start(rank, project), reads.start(_content, context, project, since))
            for project in projects
        }
    return Surroundings(
        views={project: _view(project, *pair) for project, pair in started.items()},
        names=project_names(listing.outcome.items) if isinstance(listing.outcome, Page) else {},
        ledger=_ledger(booked.outcome) if isinstance(booked.outcome, Page) else {},
        warnings=tuple(
            f"{what} could not be read: {read.outcome}"
            for what, read in (("The names of projects", listing), ("What was charged", booked))
            if isinstance(read.outcome, LayersError)
        ),
    )


async def read_order_publications(
    context: ToolContext, records: Iterable[OrderRecord], seen: Surroundings
) -> PublicationStatuses:
    """Return the publishing status of what came of the orders; nothing is read where nothing of it can be published."""
    return await read_publications(context, [piece for record in records for piece in seen.pieces(record).values()])


def open_statuses(records: Iterable[OrderRecord], seen: Surroundings) -> dict[str, str]:
    """Return what the content shows of orders whose end the journal has not heard of, by container id."""
    return {
        container_id: piece.status or ""
        for record in records
        if record.status not in ENDED
        for container_id, piece in seen.pieces(record).items()
    }


def _ledger(booked: Page[CreditEvent]) -> dict[str, int]:
    """Return credits charged by container, refunds subtracted.

    Entries come newest first. Where not all were read, a container counts once its charge was: what was given back of
    it came later, and so was read too.
    """
    ledger: dict[str, int] = {}
    charged: set[str] = set()
    for event in booked.items:
        if event.container_id and event.event_type in ("usage", "refund"):
            key = container_key(event.container_id)
            ledger[key] = ledger.get(key, 0) - round(event.credits)
            charged |= {key} if event.event_type == "usage" else set()
    return {key: total for key, total in ledger.items() if key in charged or booked.next_cursor is None}


async def _content(context: ToolContext, project_id: str, since: datetime) -> list[Container]:
    read = partial(context.api.content.list, project_id, since=since, limit=CONTENT_PAGE)
    return (await collect(lambda cursor: read(cursor=cursor), most_pages=MOST_PAGES)).items


def _view(project: str, ranking: Read[Ranking], content: Read[list[Container]]) -> ProjectView:
    warnings = [
        f"The {what} of project {project} could not be read: {outcome}"
        for what, outcome in (("ranking", ranking.outcome), ("content", content.outcome))
        if isinstance(outcome, LayersError)
    ]
    return ProjectView(
        ranking=ranking.or_else(None),
        content={container_key(container.container_id): container for container in content.or_else(())},
        warnings=tuple(warnings),
    )
