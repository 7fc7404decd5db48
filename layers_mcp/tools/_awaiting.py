"""What waits for a person's decision, in one project or in all active ones: many lists read as one, newest first.

Upstream has no such list and no filter by approval. Each project's finished content is read a few pages deep; what is
shown goes only as far back as every project was read, and the cursor says from where to go on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, cast

from layers_mcp.analytics.formatting import counted
from layers_mcp.api.errors import LayersError, NotConfigured, Unauthenticated
from layers_mcp.api.models import Container, Page, Project
from layers_mcp.api.pagination import MOST_PAGES as LIST_PAGES
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.protocol import invalid_argument
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import stamp, utc_moment
from layers_mcp.tools._gather_settled import GatherSettled

AT_ONCE = 4
MOST_PROJECTS = 100
PAGE = 50
MOST_PAGES = 4
"""Pages of one project's finished content looked through in a call: 200 containers."""


class Waiting(NamedTuple):
    """Containers that wait, newest first; project names by id; the cursor that goes on; notes."""

    found: list[Container]
    names: Mapping[str, str]
    next_cursor: str
    notes: list[str]


@dataclass(frozen=True)
class _Place:
    """Where a round stands: the page of projects, the moment down to which content was shown, and what of it was."""

    projects: str = ""
    until: datetime | None = None
    shown: tuple[str, ...] = ()

    def encode(self) -> str:
        fields = {"p": self.projects, "u": stamp(self.until) if self.until else "", "s": self.shown}
        return base64.urlsafe_b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()

    @classmethod
    def decode(cls, cursor: str) -> _Place:
        """Read a cursor. Raises ToolError for one that is none of these."""
        if not cursor:
            return cls()
        try:
            fields = cast("dict[str, Any]", json.loads(base64.urlsafe_b64decode(cursor.encode())))
            return cls(str(fields["p"]), utc_moment(fields["u"]), tuple(map(str, fields["s"])))
        except (ValueError, KeyError, TypeError):
            raise invalid_argument("`cursor` must be the next_cursor of the page before.") from None

    def is_new(self, container: Container) -> bool:
        """Return whether a container comes after what was shown."""
        if self.until is None or container.created_at is None:
            return container.container_id not in self.shown
        second = container.created_at.replace(microsecond=0)
        return second < self.until or (second == self.until and container.container_id not in self.shown)


async def awaiting_everywhere(context: ToolContext, since: datetime | None, limit: int, cursor: str) -> Waiting:
    """Return what waits for a decision in all active projects, up to 100 of them a call, newest first."""
    place = _Place.decode(cursor)
    projects = await context.api.projects.list(status="active", limit=MOST_PROJECTS, cursor=place.projects)
    async with GatherSettled(context.deadline, at_once=AT_ONCE) as reads:
        started = {
            project.id: reads.start(_finished, context, project.id, since, place, limit) for project in projects.items
        }
    outcomes = {project_id: read.outcome for project_id, read in started.items()}
    failures = {project_id: outcome for project_id, outcome in outcomes.items() if isinstance(outcome, LayersError)}
    for failure in failures.values():
        if isinstance(failure, NotConfigured | Unauthenticated) or len(failures) == len(outcomes):
            raise failure
    pages = [outcome for outcome in outcomes.values() if isinstance(outcome, Page)]
    names = project_names(projects.items)
    notes = [f"Project {project_id} could not be read. {failure}" for project_id, failure in failures.items()]
    found, after = _merged(pages, place, limit)
    next_place = after or (_Place(projects.next_cursor) if projects.next_cursor else None)
    if not found:
        notes.append(_nothing(len(pages), more=next_place is not None))
    return Waiting(found, names, next_place.encode() if next_place else "", notes)


async def awaiting_in(
    context: ToolContext, project_id: str, since: datetime | None, limit: int, cursor: str
) -> Waiting:
    """Look through the finished content for what waits: upstream has no filter for it."""
    found: list[Container] = []
    looked_at, visited = 0, {cursor}
    while True:
        read = partial(context.api.content.list, project_id, status=["completed"], since=since, cursor=cursor)
        page, room = await read(limit=PAGE), limit - len(found)
        places = _waiting(page)
        if len(places) > room:  # end the page at the last one that has room, so that its cursor goes on right there
            page = await read(limit=places[room - 1] + 1)
            places = _waiting(page)[:room]
        found += [page.items[place] for place in places]
        looked_at += len(page.items)
        cursor = _onward(page, visited)
        if not cursor or len(found) == limit or looked_at >= PAGE * MOST_PAGES or len(visited) >= LIST_PAGES:
            break
        visited.add(cursor)
    if cursor and len(found) < limit:
        return Waiting(
            found, {}, cursor, [f"{looked_at} finished containers were looked through; next_cursor goes on."]
        )
    return Waiting(found, {}, cursor, [] if found else ["Nothing waits for a decision here."])


def _waiting(page: Page[Container]) -> list[int]:
    """Return where in the page the containers are that wait for a decision."""
    return [place for place, one in enumerate(page.items) if waits(one)]


def _onward(page: Page[Container], visited: Collection[str]) -> str:
    """Return the page's next cursor, unless it leads back."""
    return page.next_cursor if page.next_cursor and page.next_cursor not in visited else ""


async def _finished(
    context: ToolContext, project_id: str, since: datetime | None, place: _Place, limit: int
) -> Page[Container]:
    until = None if place.until is None else place.until + timedelta(seconds=1)

    async def read(at: str) -> Page[Container]:
        return await context.api.content.list(
            project_id, status=["completed"], since=since, until=until, limit=PAGE, cursor=at
        )

    def enough(rows: Sequence[Container]) -> bool:
        return sum(waits(row) and place.is_new(row) for row in rows) >= limit

    return await collect(read, enough=enough, most_pages=MOST_PAGES)


def project_names(projects: Sequence[Project]) -> dict[str, str]:
    """Projects' names by id."""
    return {project.id: clean(project.name)[0] for project in projects if project.name}


def waits(container: Container) -> bool:
    """Return whether a container waits for a decision; one that is not finished cannot be decided."""
    return container.approval_status == "pending" and container.is_finished


def _merged(pages: Sequence[Page[Container]], place: _Place, limit: int) -> tuple[list[Container], _Place | None]:
    """Return the newest of all lists, as far back as all of them were read; and where to go on, if there is more."""
    unread = [page for page in pages if page.next_cursor]
    reached = [min((row.created_at for row in page.items if row.created_at), default=None) for page in unread]
    horizon = max((moment for moment in reached if moment), default=None)
    waiting = [row for page in pages for row in page.items if waits(row) and place.is_new(row)]
    waiting.sort(key=_age, reverse=True)
    within = [row for row in waiting if horizon is None or (row.created_at is not None and row.created_at >= horizon)]
    shown = within[:limit]
    if len(shown) == len(waiting) and not unread:
        return shown, None
    last = shown[-1].created_at if len(shown) == limit else horizon
    if last is None:
        return shown, _Place(place.projects, place.until, (*place.shown, *(row.container_id for row in shown)))
    until = last.replace(microsecond=0)
    same = [row.container_id for row in shown if row.created_at and row.created_at.replace(microsecond=0) == until]
    before = place.shown if place.until == until else ()
    return shown, _Place(place.projects, until, (*before, *same))


def _age(container: Container) -> float:
    return container.created_at.timestamp() if container.created_at else 0.0


def _nothing(read: int, *, more: bool) -> str:
    if more:
        return f"Nothing found yet in {counted(read, 'active project')}; next_cursor goes on."
    return f"Nothing waits for a decision in {counted(read, 'active project')}."
