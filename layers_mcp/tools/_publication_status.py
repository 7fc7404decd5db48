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

_OUT = frozenset({"queued", "publishing", "published"})
"""Statuses of a post that is live or on its way there."""


class PublicationStatus(Result):
    """The publishing status of content: all its posts; one an account counts, and the least finished of these tells."""

    status: str
    at: str | None = None
    scheduled_post_ids: list[str]


NOT_PUBLISHED = PublicationStatus(status="not_published", scheduled_post_ids=[])


class PublicationStatuses(NamedTuple):
    """Publication statuses by `container_key`, and notes on what could not be read."""

    by_container: Mapping[str, PublicationStatus]
    notes: Sequence[str]

    def of(self, container_id: str) -> PublicationStatus | None:
        """Return the status of a container; None where that was not read."""
        return self.by_container.get(container_key(container_id))


def can_be_published(container: Container) -> bool:
    """Return whether finished content may go out as it stands: it is approved, or needs no approval."""
    return container.is_finished and container.approval_status not in ("pending", "rejected")


async def read_publications(context: ToolContext, containers: Iterable[Container]) -> PublicationStatuses:
    """Read the schedule of the finished containers' projects, side by side, as far back as the oldest was made.

    What was rejected is not published; nothing is read for it.
    """
    finished = [container for container in containers if container.is_finished]
    rejected = [container for container in finished if container.approval_status == "rejected"]
    found = {container_key(container.container_id): NOT_PUBLISHED for container in rejected}
    by_project: dict[str, list[Container]] = {}
    for container in finished:
        if container.project_id and container.approval_status != "rejected":
            by_project.setdefault(container.project_id, []).append(container)
    async with GatherSettled.optional(context.deadline) as reads:
        started = {
            project_id: reads.start(_schedule, context, project_id, _made_since(members))
            for project_id, members in by_project.items()
        }
    notes: list[str] = []
    for project_id, read in started.items():
        if isinstance(read.outcome, LayersError):
            notes.append(_unread(project_id, read.outcome))
            continue
        posts = _by_container(read.outcome.items)
        whole = read.outcome.next_cursor is None
        for container in by_project[project_id]:
            key = container_key(container.container_id)
            if key in posts or whole:
                status = publication_status(posts.get(key, ()))
                found[key] = status.model_copy(update={"status": blocked_if_pending(status.status, container)})
        if any(_failed_once_live(posts.get(container_key(one.container_id), ())) for one in by_project[project_id]):
            notes.append("Of content that is live, a later publication failed: list_schedule says why.")
        if not whole:
            notes.append(f"The schedule of project {project_id} is longer than was read: publication may be missing.")
    return PublicationStatuses(found, notes)


async def read_scheduled(context: ToolContext, container: Container) -> list[ScheduledPost]:
    """Return what is scheduled, live or in the drafts of one container, the latest first. Raises `LayersError`."""
    page = await _schedule(context, container.project_id or "", _made_since([container]))
    posts = _by_container(page.items).get(container_key(container.container_id), [])
    return [post for post in posts if post.status not in ("canceled", "failed")]


def publication_status(posts: Iterable[ScheduledPost]) -> PublicationStatus:
    """Return the status of one container by its scheduled posts, the latest one first: one an account counts.

    That is the latest, but for one that ended without going live where another did: what is live stays live. The ids
    are those of every post that counts, is live or is on its way.
    """
    by_account = _by_account(posts).values()
    counted = [_counted(of_account) for of_account in by_account]
    told = [post for of_account in by_account for post in of_account if post.status in _OUT or post in counted]
    ids = [post.scheduled_post_id for post in told]
    for status, word in _LEAST_FINISHED_FIRST.items():
        if any(post.status == status for post in counted):
            moments = [moment for post in told if post.status == status and (moment := _moment(post))]
            at = stamp(min(moments)) if moments else None
            return PublicationStatus(status=word, at=at, scheduled_post_ids=ids)
    if counted:  # a status of a later API
        return PublicationStatus(status="unknown", scheduled_post_ids=ids)
    return NOT_PUBLISHED


def _by_account(posts: Iterable[ScheduledPost]) -> dict[str, list[ScheduledPost]]:
    """Return what was not canceled of the posts of one container."""
    groups: dict[str, list[ScheduledPost]] = {}
    for post in posts:
        if post.status != "canceled":
            groups.setdefault(post.social_account_id or post.scheduled_post_id, []).append(post)
    return groups


def _counted(posts: Sequence[ScheduledPost]) -> ScheduledPost:
    """Return the one post that counts of one account's, the latest first."""
    live = next((post for post in posts if post.status == "published"), None)
    return live if live and posts[0].status in ("failed", "draft") else posts[0]


def _failed_once_live(posts: Iterable[ScheduledPost]) -> bool:
    by_account = _by_account(posts).values()
    return any(each[0].status == "failed" and _counted(each).status == "published" for each in by_account)


def blocked_if_pending(status: str, container: Container) -> str:
    """Return the status of content that waits for a decision: what is scheduled of it waits too."""
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


def _by_container(posts: Iterable[ScheduledPost]) -> dict[str, list[ScheduledPost]]:
    groups: dict[str, list[ScheduledPost]] = {}
    for post in posts:
        if post.container_id:
            groups.setdefault(container_key(post.container_id), []).append(post)
    return groups
