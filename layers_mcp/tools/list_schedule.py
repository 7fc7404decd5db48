"""list_schedule: what is planned, went out or failed on a project's accounts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Container
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, invalid_argument, tool
from layers_mcp.text.ids import id_key
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import local, stamp
from layers_mcp.tools._arguments import moment
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._schedule import accounts_by_key, why_failed, zone_of

HOOKS_READ = 10
"""Containers whose hook one call reads."""


class Scheduled(Result):
    scheduled_post_id: str
    container_id: str | None = None
    hook: str | None = None
    social_account_id: str | None = None
    platform: str | None = None
    handle: str | None = None
    mode: str | None = None
    status: str | None = None
    scheduled_for: str | None = None
    scheduled_for_local: str | None = None
    published_at: str | None = None
    url: str | None = None
    error: str | None = None
    publication_id: str | None = None


class Schedule(Result):
    items: list[Scheduled]
    next_cursor: str | None = None
    notes: list[str]
    next_step: str | None = None

    truncation_hint: ClassVar[str] = "Ask for a status, a shorter time, or a lower limit."


@tool(
    title="Show the posting schedule",
    kind=READ,
    scope="publish:read",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "status": ["queued"]},
)
async def list_schedule(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    status: Annotated[
        tuple[Literal["queued", "publishing", "draft", "published", "failed", "canceled"], ...],
        Field(description="Empty = all."),
    ] = (),
    since: Annotated[str, Field(description="Date or age (7d).")] = "",
    until: Annotated[str, Field(description="As since; inclusive.")] = "",
    limit: Annotated[int, Field(description="Per page.", ge=1, le=100)] = 25,
    cursor: Annotated[str, Field(description="From next_cursor.")] = "",
) -> Schedule:
    """List the posting schedule: the calendar of planned, scheduled, queued or upcoming posts, which are coming up or
    go out tomorrow, on Friday or this week, when the next post is due.

    Also what was posted or published, with link: did the reel go out, what failed and why? To move or cancel:
    change_schedule.
    """
    now = context.now()
    first = moment("since", since, now) if since.strip() else None
    last = moment("until", until, now) if until.strip() else None
    if first and last and first > last:
        raise invalid_argument("`since` must not be after `until`.", "Swap them, or ask for an earlier `since`.")
    page = await context.api.publishing.list(
        project_id,
        status=status,
        since=first,
        until=last,
        limit=limit,
        cursor=cursor,
    )
    containers = list(dict.fromkeys(post.container_id for post in page.items if post.container_id))[:HOOKS_READ]
    async with GatherSettled.optional(context.deadline) as reads:
        zone = reads.start(zone_of, context, project_id, "")
        accounts = reads.start(context.api.projects.social_accounts, project_id)
        hooks = {each: reads.start(context.api.content.get, each) for each in containers}
    by_id = accounts_by_key(accounts.or_else(()))
    notes = list(page.notes)
    if not page.items and not cursor:
        narrowed = " with this status or in this time" if status or first or last else ""
        notes.append(f"The schedule of this project holds nothing{narrowed}.")
    if isinstance(accounts.outcome, LayersError):
        notes.append("The accounts' handles could not be read just now.")
    tz = zone.or_else(ZoneInfo("UTC"))
    known = {
        each: clean(read.outcome.hook or "")[0] for each, read in hooks.items() if isinstance(read.outcome, Container)
    }
    waiting = [each for each, read in hooks.items() if _waits(read.outcome)]
    if held := sum(post.status == "queued" and post.container_id in waiting for post in page.items):
        notes.append(f"Queued posts that go out only once a person has approved their content: {held}.")
    if len({post.container_id for post in page.items} - {None}) > HOOKS_READ:
        notes.append(f"Hooks are shown for the first {HOOKS_READ} pieces of content.")
    publications, warning = await context.operations.history.publication_ids(project_id)
    notes += [warning] if warning else []
    items: list[Scheduled] = []
    for post in page.items:
        account = by_id.get(id_key(post.social_account_id or ""))
        items.append(
            Scheduled(
                scheduled_post_id=post.scheduled_post_id,
                container_id=post.container_id,
                hook=known.get(post.container_id or "") or None,
                social_account_id=post.social_account_id,
                platform=post.platform or (account and account.platform),
                handle=account and account.handle,
                mode=post.mode,
                status=post.status,
                scheduled_for=stamp(post.scheduled_for) if post.scheduled_for else None,
                scheduled_for_local=local(post.scheduled_for, tz) if post.scheduled_for else None,
                published_at=stamp(post.published_at) if post.published_at else None,
                url=post.external_url,
                error=why_failed(post),
                publication_id=publications.get(id_key(post.scheduled_post_id)),
            )
        )
    queued = any(item.status == "queued" for item in items)
    return Schedule(
        items=items,
        next_cursor=page.next_cursor,
        notes=notes,
        next_step="change_schedule moves or cancels a queued post, if a person wants that." if queued else None,
    )


def _waits(content: Container | LayersError) -> bool:
    return not isinstance(content, LayersError) and content.approval_status == "pending"
