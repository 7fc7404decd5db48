"""get_content: these containers, or a project's content, newest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, ClassVar

from pydantic import Field

from layers_mcp.analytics.formatting import counted
from layers_mcp.analytics.windows import stamp
from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Asset as WireAsset
from layers_mcp.api.models import Container, JobError, Page
from layers_mcp.api.pagination import MOST_PAGES
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, invalid_argument, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._arguments import moment
from layers_mcp.tools._awaiting import awaiting_everywhere, waits
from layers_mcp.tools._gather_settled import GatherSettled

APPROVED_TEXT = 2200
"""Longest hook or caption shown, in characters: a person approves what they can read whole (Instagram's limit)."""

NOT_FOUND = "not_found"

PENDING_PAGE = 50
PENDING_ROWS = 200
"""How many finished containers one call looks through for those that wait for a decision."""


class Asset(Result):
    asset_id: str | None = None
    kind: str | None = None
    url: str | None = None
    duration_ms: int | None = None


class Item(Result):
    container_id: str
    project_id: str | None = None
    status: str | None = None
    approval_status: str | None = None
    format: str | None = None
    hook: str | None = None
    hook_cut: bool | None = None
    caption: str | None = None
    caption_cut: bool | None = None
    cta: str | None = None
    assets: list[Asset] = []  # noqa: RUF012 - pydantic copies defaults
    created_at: str | None = None
    commission_id: str | None = None
    project_name: str | None = None
    error: str | None = None


class Content(Result):
    items: list[Item]
    next_cursor: str | None = None
    notes: list[str]
    next_step: str | None = None

    narrow: ClassVar[str] = "Ask for fewer containers, or a lower limit."


@tool(
    title="Get content",
    kind=READ,
    scope="content:read",
    view="ui://layers/approval.html",
    example={"container_ids": ["cnt_01HXE9M1N3B5V7C9X1Z3L5K7J9"]},
)
async def get_content(
    context: ToolContext,
    container_ids: Annotated[
        tuple[str, ...],
        Field(description="Either these or project_id.", max_length=10),
    ] = (),
    project_id: Annotated[str, Field(description="Either this or container_ids.")] = "",
    awaiting_approval: Annotated[bool, Field(description="What waits for a decision; alone: in all projects.")] = False,
    since: Annotated[
        str,
        Field(description="ISO datetime, date or age (7d)."),
    ] = "",
    limit: Annotated[int, Field(description="Items per page.", ge=1, le=50)] = 10,
    cursor: Annotated[str, Field(description="next_cursor of the page before.")] = "",
) -> Content:
    """Get content that was made: show the draft, new video or finished reel with its captions, hook, status and asset
    download links.

    Use it to let a person see and review what an order did produce; awaiting_approval=true alone shows everything
    waiting for approval across customers. By container or by project, newest first. Not for a job's progress
    (wait_job), results (rank_top_performers), what is scheduled (list_schedule), or to record a decision
    (decide_content).
    """
    everywhere = awaiting_approval and not (container_ids or project_id)
    if bool(container_ids) == bool(project_id) and not everywhere:
        raise invalid_argument(
            "Give either `container_ids` or `project_id`, not both and not neither.",
            "`awaiting_approval` alone shows what waits in all active projects.",
        )
    after = moment("since", since, context.now()) if since.strip() else None
    names: Mapping[str, str] = {}
    if everywhere:
        found, names, next_cursor, notes = await awaiting_everywhere(context, after, limit, cursor)
        items = [_item(container) for container in found]
    elif container_ids:
        items, next_cursor = await _these(context, container_ids), ""
        stray = awaiting_approval or since or cursor
        notes = ["awaiting_approval, since and cursor apply to a project's content only."] if stray else []
        if any(item.status == NOT_FOUND for item in items):
            notes.append("not_found: nothing with that id in this organization.")
    else:
        search = _pending if awaiting_approval else _page
        found, next_cursor, notes = await search(context, project_id, after, limit, cursor)
        items = [_item(container) for container in _newest_first(found)]
    history = context.operations.history
    unwritten = await history.record_content({item.container_id: item.status or "" for item in items})
    ordered, unread = await history.commission_ids(item.container_id for item in items)
    items = [
        item.model_copy(
            update={
                "commission_id": ordered.get(item.container_id),
                "project_name": names.get(item.project_id or ""),
            }
        )
        for item in items
    ]
    notes += _missing_texts(items)
    if warning := unread or unwritten:
        notes.append(warning)
    next_step = _next_step(items, context.policy.read_only)
    return Content(items=items, next_cursor=next_cursor or None, notes=notes, next_step=next_step)


async def _these(context: ToolContext, container_ids: Sequence[str]) -> list[Item]:
    """The containers side by side; if none can be read, and not because they are unknown, the call fails."""
    async with GatherSettled() as reads:
        started = {one: reads.start(context.api.content.get, one) for one in container_ids}
    outcomes = {one: read.outcome for one, read in started.items()}
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, LayersError)]
    if len(failures) == len(outcomes) and not any(isinstance(failure, NotFound) for failure in failures):
        raise failures[0]
    return [
        _item(outcome) if isinstance(outcome, Container) else _missing(one, outcome)
        for one, outcome in outcomes.items()
    ]


Found = tuple[list[Container], str, list[str]]
"""Containers, the cursor that goes on after them, notes."""


async def _page(context: ToolContext, project_id: str, since: datetime | None, limit: int, cursor: str) -> Found:
    page = await context.api.content.list(project_id, since=since, limit=limit, cursor=cursor)
    notes = [] if page.items else ["No content was made here in this time."]
    return page.items, page.next_cursor or "", [*notes, *page.notes]


async def _pending(context: ToolContext, project_id: str, since: datetime | None, limit: int, cursor: str) -> Found:
    """Look through the finished content for what waits: upstream has no filter for it."""
    found: list[Container] = []
    looked_at, visited = 0, {cursor}
    while True:
        read = partial(context.api.content.list, project_id, status=["completed"], since=since, cursor=cursor)
        page, room = await read(limit=PENDING_PAGE), limit - len(found)
        places = _waiting(page)
        if len(places) > room:  # end the page at the last one that has room, so that its cursor goes on right there
            page = await read(limit=places[room - 1] + 1)
            places = _waiting(page)[:room]
        found += [page.items[place] for place in places]
        looked_at += len(page.items)
        cursor = _onward(page, visited)
        if not cursor or len(found) == limit or looked_at >= PENDING_ROWS or len(visited) >= MOST_PAGES:
            break
        visited.add(cursor)
    if cursor and len(found) < limit:
        return found, cursor, [f"{looked_at} finished containers were looked through; next_cursor goes on."]
    return found, cursor, [] if found else ["Nothing waits for a decision here."]


def _waiting(page: Page[Container]) -> list[int]:
    """Where in the page the containers are that wait for a decision."""
    return [place for place, one in enumerate(page.items) if waits(one)]


def _newest_first(containers: Sequence[Container]) -> list[Container]:
    """Sorted by when they were made: a person says "the first one". Those that do not say it keep their place last."""
    return sorted(containers, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True)


def _missing_texts(items: Sequence[Item]) -> list[str]:
    """A note on finished content that lacks what a person approves by."""
    finished = [item for item in items if item.status == "completed"]
    lacking = [
        f"{name} of {counted(count, 'item')}"
        for name, count in (
            ("hook", sum(item.hook is None for item in finished)),
            ("caption", sum(item.caption is None for item in finished)),
        )
        if count
    ]
    return [f"Layers gave no {' and no '.join(lacking)}."] if lacking else []


def _onward(page: Page[Container], visited: Collection[str]) -> str:
    """The page's next cursor, unless it leads back."""
    return page.next_cursor if page.next_cursor and page.next_cursor not in visited else ""


def _missing(container_id: str, error: LayersError) -> Item:
    if isinstance(error, NotFound):
        return Item(container_id=container_id, status=NOT_FOUND)
    return Item(container_id=container_id, error=str(error))


def _item(container: Container) -> Item:
    hook, hook_cut = clean(container.hook or "", APPROVED_TEXT, lines=True)
    caption, caption_cut = clean(container.caption or "", APPROVED_TEXT, lines=True)
    return Item(
        container_id=container.container_id,
        project_id=container.project_id,
        status=container.status,
        approval_status=container.approval_status,
        format=container.format,
        hook=hook or None,
        hook_cut=hook_cut or None,
        caption=caption or None,
        caption_cut=caption_cut or None,
        cta=clean(container.cta or "")[0] or None,
        assets=[_asset(asset) for asset in container.assets],
        created_at=stamp(container.created_at) if container.created_at else None,
        error=_failure(container.error) if container.error else None,
    )


def _asset(asset: WireAsset) -> Asset:
    return Asset(asset_id=asset.asset_id, kind=asset.kind, url=asset.url, duration_ms=asset.duration_ms)


def _failure(error: JobError) -> str:
    return clean(": ".join(part for part in (error.code, error.message) if part))[0]


def _next_step(items: Sequence[Item], read_only: bool) -> str | None:
    if any(item.approval_status == "pending" and item.status == "completed" for item in items):
        then = (
            "this server is read-only and records no decision"
            if read_only
            else "decide_content records that person's decision"
        )
        return f"Show hook, caption and assets to a person; {then}."
    if any(item.status in ("queued", "generating") for item in items):
        return "Some is still being made: wait_job follows it by its job_id, or read it again in a minute."
    return None
