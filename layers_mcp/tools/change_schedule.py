"""change_schedule: move or stop a post that is still queued."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from layers_mcp.analytics.windows import stamp
from layers_mcp.api.errors import Conflict
from layers_mcp.api.models import ScheduledPost
from layers_mcp.context import ToolContext
from layers_mcp.protocol import DESTRUCTIVE, Result, ToolError, invalid_argument, tool
from layers_mcp.text.local_time import local
from layers_mcp.tools._publications import instant, refuse_past, zone_of


class Changed(Result):
    scheduled_post_id: str
    status: str
    scheduled_for: str | None = None
    scheduled_for_local: str | None = None
    notes: list[str]


@tool(
    title="Change the schedule",
    kind=DESTRUCTIVE,
    scope="publish:write",
    effect="the schedule was changed",
    example={"scheduled_post_id": "sp_01HXE9M1N3B5V7C9X1Z3L5K7J9", "action": "cancel"},
)
async def change_schedule(
    context: ToolContext,
    scheduled_post_id: Annotated[str, Field(description="From list_schedule.")],
    action: Annotated[Literal["reschedule", "cancel"], Field(description="Which of the two.")],
    at: Annotated[str, Field(description="New time: ISO, or local in timezone.")] = "",
    timezone: Annotated[str, Field(description="Empty = the project's.")] = "",
    reason: Annotated[str, Field(description="Why it is canceled.", max_length=1024)] = "",
) -> Changed:
    """Change the time of a scheduled post or cancel it: reschedule, move, postpone or delay it, unschedule it, pull
    it before it goes out.

    Not to be posted tomorrow after all: for a person's decision; costs no credits. Only queued posts can change, and
    a cancelled one is final; a live one can only be removed on the platform itself. Ids come from list_schedule. Not
    to publish (publish_content), reject a draft (decide_content) or stop a job (cancel_job).
    """
    post = await context.api.publishing.get(scheduled_post_id)
    project_id = ""
    if not timezone.strip() and post.container_id:
        project_id = (await context.api.content.get(post.container_id)).project_id or ""
    wall = await zone_of(context, project_id, timezone)
    notes: list[str] = []
    moment: datetime | None = None
    try:
        if action == "cancel":
            if post.status == "canceled":
                notes.append("It was canceled before this call.")
            else:
                post = _merged(post, await context.api.publishing.cancel(scheduled_post_id, reason=reason.strip()))
        else:
            if not at.strip():
                raise invalid_argument("`at` is needed to reschedule: the new time.")
            moment = instant(at, wall)
            if _is_queued_for(post, moment):
                notes.append("It was scheduled for this time before this call.")
            else:
                refuse_past(moment, context.now())
                moved = await context.api.publishing.reschedule(scheduled_post_id, scheduled_for=moment)
                post = _merged(post, moved)
    except Conflict as conflict:
        post = await context.api.publishing.get(scheduled_post_id)
        if post.status == "canceled" if action == "cancel" else _is_queued_for(post, moment):
            return _changed(post, wall, notes)  # by an attempt of this very call whose answer was lost
        raise ToolError(
            conflict.code,
            "The post is no longer queued, so it is too late to change it.",
            status=conflict.status,
            next_step="A published post can only be removed on the platform; list_schedule shows how it stands.",
            request_id=conflict.request_id or None,
        ) from None
    return _changed(post, wall, notes)


def _is_queued_for(post: ScheduledPost, moment: datetime | None) -> bool:
    return post.status == "queued" and post.scheduled_for == moment


def _changed(post: ScheduledPost, wall: ZoneInfo, notes: list[str]) -> Changed:
    return Changed(
        scheduled_post_id=post.scheduled_post_id,
        status=post.status or "unknown",
        scheduled_for=stamp(post.scheduled_for) if post.scheduled_for else None,
        scheduled_for_local=local(post.scheduled_for, wall) if post.scheduled_for else None,
        notes=notes,
    )


def _merged(before: ScheduledPost, changed: ScheduledPost) -> ScheduledPost:
    """The post after a change; what the answer leaves out stays."""
    told = {name: getattr(changed, name) for name in changed.model_fields_set if getattr(changed, name) is not None}
    return before.model_copy(update=told)
