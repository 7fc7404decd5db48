"""The publishing status of content, read from its project's schedule: nothing goes live by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Container, Page, ScheduledPost
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.protocol import Result
from layers_mcp.text.ids import container_key
from layers_mcp.text.times import stamp
from layers_mcp.tools._gather_settled import GatherSettled

PAGE = 100
MOST_PAGES = 3
"""Pages of one project's schedule looked through in a call: 300 posts, those furthest ahead first."""


_LEAST_FINISHED_FIRST = {
    "publishing": "publishing",
    "queued": "scheduled",
    "failed": "failed",
    "published": "published",
    "draft": "draft",
}


class PublicationStatus(Result):
    """The publishing status of content: its posts, one an account, the least finished one telling status and time."""

    status: str
    at: str | None = None
    scheduled_post_ids: list[str]


NOT_PUBLISHED = PublicationStatus(status="not_published", scheduled_post_ids=[])


class PublicationStatuses(NamedTuple):
    """Publication statuses by `container_key`, and notes on what could not be read."""

    by_container: Mapping[str, PublicationStatus]
    notes: Sequence[str]

    def of(self, container_id: str) -> PublicationStatus | None:
        """The status of a container; None where that was not read."""
        return self.by_container.get(container_key(container_id))


def can_be_out(container: Container) -> bool:
    """Whether finished content may have been published: it is approved, or needs no approval."""
    return container.status in ("completed", None) and container.approval_status not in ("pending", "rejected")


async def read_publications(context: ToolContext, containers: Iterable[Container]) -> PublicationStatuses:
    """Read the schedule of the containers' projects, side by side, as far back as the oldest of them was made."""
    by_project: dict[str, list[Container]] = {}
    for container in containers:
        if container.project_id:
            by_project.setdefault(container.project_id, []).append(container)
    async with GatherSettled.optional(context.deadline) as reads:
        started = {
            project_id: reads.start(_schedule, context, project_id, _made_since(members))
            for project_id, members in by_project.items()
        }
    found: dict[str, PublicationStatus] = {}
    notes: list[str] = []
    for project_id, read in started.items():
        if isinstance(read.outcome, LayersError):
            notes.append(_unread(project_id, read.outcome))
            continue
        statuses = _by_container(read.outcome.items)
        whole = read.outcome.next_cursor is None
        for container in by_project[project_id]:
            key = container_key(container.container_id)
            if key in statuses or whole:
                status = statuses.get(key, NOT_PUBLISHED)
                found[key] = status.model_copy(update={"status": blocked_if_pending(status.status, container)})
        if not whole:
            notes.append(f"The schedule of project {project_id} is longer than was read: publication may be missing.")
    return PublicationStatuses(found, notes)


def publication_status(posts: Iterable[ScheduledPost]) -> PublicationStatus:
    """The status of one container by its scheduled posts, the latest one first: one an account counts."""
    latest: dict[str, ScheduledPost] = {}
    for post in posts:
        if post.status != "canceled":
            latest.setdefault(post.social_account_id or post.scheduled_post_id, post)
    ids = [post.scheduled_post_id for post in latest.values()]
    for status, word in _LEAST_FINISHED_FIRST.items():
        moments = [_moment(post) for post in latest.values() if post.status == status]
        if moments:
            first = min((moment for moment in moments if moment), default=None)
            return PublicationStatus(status=word, at=stamp(first) if first else None, scheduled_post_ids=ids)
    if latest:  # a status of a later API
        return PublicationStatus(status="unknown", scheduled_post_ids=ids)
    return NOT_PUBLISHED


def blocked_if_pending(status: str, container: Container) -> str:
    """The status of content that waits for a decision: what is scheduled of it waits too."""
    return "blocked_on_approval" if status == "scheduled" and container.approval_status == "pending" else status


def _unread(project_id: str, error: LayersError) -> str:
    if isinstance(error, NotFound):  # of a project whose content was just read: an API without a schedule
        return f"Layers shows no schedule of project {project_id}, so publication is not known."
    return f"What is published of project {project_id} could not be read. {error}"


def _moment(post: ScheduledPost) -> datetime | None:
    return post.published_at or post.scheduled_for


def _made_since(containers: Sequence[Container]) -> datetime | None:
    moments = [container.created_at for container in containers if container.created_at]
    return min(moments) if len(moments) == len(containers) else None


async def _schedule(context: ToolContext, project_id: str, since: datetime | None) -> Page[ScheduledPost]:
    async def read(cursor: str) -> Page[ScheduledPost]:
        return await context.api.publishing.list(project_id, since=since, limit=PAGE, cursor=cursor)

    return await collect(read, most_pages=MOST_PAGES)


def _by_container(posts: Iterable[ScheduledPost]) -> dict[str, PublicationStatus]:
    groups: dict[str, list[ScheduledPost]] = {}
    for post in posts:
        if post.container_id:
            groups.setdefault(container_key(post.container_id), []).append(post)
    return {key: publication_status(group) for key, group in groups.items()}
