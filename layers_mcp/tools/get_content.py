"""get_content: these containers, or a project's content, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated, ClassVar

from pydantic import Field

from layers_mcp.analytics.formatting import counted
from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Container
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, invalid_argument, tool
from layers_mcp.text.ids import is_id
from layers_mcp.tools._arguments import moment
from layers_mcp.tools._awaiting import Waiting, awaiting_everywhere, awaiting_in, project_names
from layers_mcp.tools._content_items import Item, item_of, missing_item, missing_texts
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._publication_status import (
    NOT_PUBLISHED,
    PublicationStatuses,
    read_publications,
)

RUNNING_SINCE = timedelta(days=1)
"""How far back orders are looked at that may still run: a job takes minutes."""

NAMES_PAGE = 200
"""Projects in one listing, the most there are."""


class Content(Result):
    items: list[Item]
    next_cursor: str | None = None
    notes: list[str]
    next_step: str | None = None

    truncation_hint: ClassVar[str] = "Ask for fewer containers, or a lower limit."


@tool(
    title="Show content and drafts",
    kind=READ,
    scope="content:read",
    view="ui://layers/approval.html",
    example={"container_ids": ["cnt_01HXE9M1N3B5V7C9X1Z3L5K7J9"]},
)
async def get_content(
    context: ToolContext,
    container_ids: Annotated[
        tuple[str, ...],
        Field(description="Or project_id.", max_length=10),
    ] = (),
    project_id: Annotated[str, Field(description="Or container_ids.")] = "",
    awaiting_approval: Annotated[bool, Field(description="Only what waits.")] = False,
    since: Annotated[
        str,
        Field(description="Date or age (7d)."),
    ] = "",
    limit: Annotated[int, Field(description="Per page.", ge=1, le=50)] = 10,
    cursor: Annotated[str, Field(description="From next_cursor.")] = "",
) -> Content:
    """Get content that was made: show me the draft, new videos or finished reels, hook and captions; let me see, open,
    preview or download the asset link.

    Use it to review what an order did produce, by container or project; awaiting_approval=true alone shows anything
    pending: what is waiting for approval across customers. For the decision: decide_content.
    """
    everywhere = awaiting_approval and not (container_ids or project_id)
    if bool(container_ids) == bool(project_id) and not everywhere:
        raise invalid_argument(
            "Give either `container_ids` or `project_id`, not both and not neither.",
            "`awaiting_approval` alone shows what waits in all active projects.",
        )
    after = moment("since", since, context.now()) if since.strip() else None
    if everywhere:
        read = ContentRead.of(await awaiting_everywhere(context, after, limit, cursor))
    elif container_ids:
        read = await _these(context, container_ids)
        if awaiting_approval or since or cursor:
            read.notes.insert(0, "awaiting_approval, since and cursor apply to a project's content only.")
    elif awaiting_approval:
        read = ContentRead.of(await awaiting_in(context, project_id, after, limit, cursor))
    else:
        read = await _page(context, project_id, after, limit, cursor)
    if project_id:
        read = read.newest_first()
    return await _shown(context, read, project_id)


@dataclass(frozen=True)
class ContentRead:
    """What was read: containers in the order shown, or why one was not; the cursor that goes on; notes."""

    found: Mapping[str, Container | LayersError]
    next_cursor: str
    notes: list[str]
    names: Mapping[str, str]
    as_asked: bool = False
    """Whether the order is the caller's; else it is newest first."""

    @classmethod
    def of(cls, waiting: Waiting) -> ContentRead:
        """Return the content that waits."""
        return cls(by_id(waiting.found), waiting.next_cursor, waiting.notes, waiting.names)

    @property
    def containers(self) -> list[Container]:
        """What could be read."""
        return [one for one in self.found.values() if isinstance(one, Container)]

    def newest_first(self) -> ContentRead:
        """Return the same with the newest first: a person says "the first one".

        Those that do not say when they were made come last, in upstream's order.
        """
        rows = sorted(
            self.containers, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True
        )
        return replace(self, found=by_id(rows))


def by_id(containers: Iterable[Container]) -> dict[str, Container]:
    """Containers by their ids, in their order."""
    return {container.container_id: container for container in containers}


async def _these(context: ToolContext, container_ids: Sequence[str]) -> ContentRead:
    """Return the containers side by side; if none can be read, and not because they are unknown, the call fails."""
    async with GatherSettled(context.deadline) as reads:
        started = {one: reads.start(context.api.content.get, one) for one in container_ids}
    outcomes = {one: read.outcome for one, read in started.items()}
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, LayersError)]
    if len(failures) == len(outcomes) and not any(isinstance(failure, NotFound) for failure in failures):
        raise failures[0]
    unknown = any(isinstance(failure, NotFound) for failure in failures)
    notes = ["not_found: nothing with that id in this organization."] if unknown else []
    return ContentRead(outcomes, "", notes, {}, as_asked=True)


async def _page(context: ToolContext, project_id: str, since: datetime | None, limit: int, cursor: str) -> ContentRead:
    page = await context.api.content.list(project_id, since=since, limit=limit, cursor=cursor)
    notes = [] if page.items else ["No content was made here in this time."]
    return ContentRead(by_id(page.items), page.next_cursor or "", [*notes, *page.notes], {})


async def _shown(context: ToolContext, read: ContentRead, project_id: str) -> Content:
    """Return the answer: each container with the order behind it, its project's name and its publishing status."""
    containers, history = read.containers, context.operations.history
    statuses = {container.container_id: container.status or "" for container in containers}
    unwritten = await history.record_content(statuses)
    orders, unread = await history.container_orders(statuses)
    names, publications = await _surroundings(context, read)
    items: list[Item] = []
    for asked, outcome in read.found.items():
        if isinstance(outcome, LayersError):
            items.append(missing_item(asked, outcome))
            continue
        order = orders.get(outcome.container_id)
        item = item_of(outcome).model_copy(
            update={
                "commission_id": order and order.commission_id,
                "source_platform_post_id": (order and order.source_platform_post_id) or None,
                "variation": order and order.variation,
                "project_name": names.get(outcome.project_id or ""),
                "publication": publications.of(outcome.container_id),
            }
        )
        items.append(item)
    if not read.as_asked:
        items = _by_variation(items)
    running = await _running_note(context, project_id) if project_id else []
    warnings = [warning] if (warning := unread or unwritten) else []
    return Content(
        items=items,
        next_cursor=read.next_cursor or None,
        notes=[*read.notes, *missing_texts(items), *running, *publications.notes, *warnings],
        next_step=_next_step(items, read_only=context.policy.read_only),
    )


def _by_variation(items: Sequence[Item]) -> list[Item]:
    """Return the items, with what one order made at the same moment as it counts: "the first one" is 1 of 2."""
    groups = groupby(items, key=lambda item: (item.created_at, item.commission_id))
    return [item for _, group in groups for item in sorted(group, key=_variation)]


def _variation(item: Item) -> int:
    return int(item.variation.partition(" ")[0]) if item.variation else 0


async def _surroundings(context: ToolContext, read: ContentRead) -> tuple[Mapping[str, str], PublicationStatuses]:
    """Return project names by id, and the publishing status; failed reads hide no content."""
    containers = read.containers
    async with GatherSettled.optional(context.deadline) as reads:
        listing = reads.start(context.api.projects.list, limit=NAMES_PAGE) if containers and not read.names else None
        publications = reads.start(read_publications, context, containers)
    listed = listing.or_else(None) if listing else None
    unread = PublicationStatuses({}, ["The publishing status could not be read in time."])
    return project_names(listed.items) if listed else read.names, publications.or_else(unread)


async def _running_note(context: ToolContext, project_id: str) -> list[str]:
    """Return a note on the project's orders that may still bring content."""
    orders, _ = await context.operations.history.since(context.now() - RUNNING_SINCE, project_id)
    running = [order for order in orders if order.status == "running"]
    if not running:
        return []
    jobs = [job for order in running for job in order.job_ids if is_id(job)][:5]
    named = f" ({', '.join(jobs)})" if jobs else ""
    return [f"Still being made, as far as is known: {counted(len(running), 'order')}{named}; wait_job shows how far."]


def _next_step(items: Sequence[Item], *, read_only: bool) -> str | None:
    if any(item.approval_status == "pending" and item.status == "completed" for item in items):
        then = (
            "this server is read-only and records no decision"
            if read_only
            else "decide_content records that person's decision"
        )
        return f"Show hook, caption and assets to a person; {then}."
    if any(item.status in ("queued", "generating") for item in items):
        return "Some is still being made: wait_job follows it by its job_id, or read it again in a minute."
    free = [item for item in items if item.approval_status not in ("pending", "rejected")]
    if not read_only and any(item.publication == NOT_PUBLISHED for item in free):
        return "Nothing goes live by itself: publish_content puts it out, once a person wants that."
    return None
