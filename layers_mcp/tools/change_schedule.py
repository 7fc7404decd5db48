"""change_schedule: move or stop a post that is still queued."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from layers_mcp.api.errors import Conflict, LayersError
from layers_mcp.api.models import ScheduledPost
from layers_mcp.context import ToolContext
from layers_mcp.protocol import DESTRUCTIVE, NOTHING_CHANGED, Result, ToolError, invalid_argument, tool, unknown_outcome
from layers_mcp.text.times import local, stamp
from layers_mcp.tools._schedule import instant, refuse_past, zone_of


class Changed(Result):
    scheduled_post_id: str
    status: str
    scheduled_for: str | None = None
    scheduled_for_local: str | None = None
    notes: list[str]


@tool(
    title="Move or cancel a scheduled post",
    kind=DESTRUCTIVE,
    scope="publish:write",
    effect="the schedule was changed",
    example={"scheduled_post_id": "sp_01HXE9M1N3B5V7C9X1Z3L5K7J9", "action": "cancel"},
)
async def change_schedule(
    context: ToolContext,
    scheduled_post_id: Annotated[str, Field(description="From list_schedule.")],
    action: Annotated[Literal["reschedule", "cancel"], Field(description="What to do.")],
    at: Annotated[str, Field(description="ISO or local time.")] = "",
    timezone: Annotated[str, Field(description="Empty = project's.")] = "",
    reason: Annotated[str, Field(description="Why.", max_length=1024)] = "",
) -> Changed:
    """Change the time of a scheduled or queued post: move, reschedule, postpone, delay, shift or push the reel to
    another day, earlier or later; or cancel, unschedule, pull or take it from the queue before it goes out.

    For a person's decision: not tomorrow after all. No credits; a canceled post is final. To publish: publish_content.
    """
    publishing = context.api.publishing
    post = await publishing.get(scheduled_post_id)
    tz = await _zone(context, post, timezone, at)
    moment = _new_time(action, at, tz)
    if _is_as_wanted(post, moment):
        return _changed(post, tz, ["It was canceled before this call." if moment is None else "It had this time."])
    if post.status not in ("queued", None):
        raise _too_late(post)
    refuse_past(moment, context.now(), tz)
    notes: list[str] = []
    try:
        if moment is None:
            post = _merged(post, await publishing.cancel(scheduled_post_id, reason=reason.strip()))
        else:
            post = _merged(post, await publishing.reschedule(scheduled_post_id, scheduled_for=moment))
    except LayersError as error:
        if error.nothing_changed and not isinstance(error, Conflict):
            raise
        post = await _as_it_is(context, post, error)
        if not _is_as_wanted(post, moment):  # else it was changed by this very call, whose answer was lost
            raise _too_late(post, error) if isinstance(error, Conflict) else error from None
        notes.append("The answer to the change was lost; the schedule shows that it was made.")
    return _changed(post, tz, notes)


async def _zone(context: ToolContext, post: ScheduledPost, timezone: str, at: str) -> ZoneInfo:
    """Return the zone that is named, else that of the post's project."""
    project_id = ""
    if not timezone.strip() and post.container_id:
        with contextlib.suppress(LayersError):
            project_id = (await context.api.content.get(post.container_id)).project_id or ""
    return await zone_of(context, project_id, timezone, at=at)


def _new_time(action: str, at: str, tz: ZoneInfo) -> datetime | None:
    """Return the new time; None to cancel. Raises `ToolError` where `at` does not fit the action."""
    if action == "cancel":
        if at.strip():
            raise invalid_argument("`at` is for reschedule, and canceling is final.", "Leave out one of the two.")
        return None
    if not at.strip():
        raise invalid_argument("`at` is needed to reschedule: the new time.")
    return instant(at, tz)


def _is_as_wanted(post: ScheduledPost, moment: datetime | None) -> bool:
    """Return whether the post is queued for `moment`, or canceled where that is None."""
    if moment is None:
        return post.status == "canceled"
    return post.status == "queued" and post.scheduled_for == moment


async def _as_it_is(context: ToolContext, post: ScheduledPost, error: LayersError) -> ScheduledPost:
    """Return the post as upstream has it after a change that failed. Raises that failure where it cannot be read."""
    try:
        return await context.api.publishing.get(post.scheduled_post_id)
    except LayersError:
        raise error from None


def _too_late(post: ScheduledPost, conflict: Conflict | None = None) -> ToolError:
    return ToolError(
        "CONFLICT" if conflict is None else conflict.code,
        "The post is no longer queued, so it is too late to change it.",
        status=None if conflict is None else conflict.status,
        effect=NOTHING_CHANGED
        if conflict is None or conflict.nothing_changed
        else unknown_outcome("the schedule was changed"),
        next_step=_INSTEAD.get(post.status or "", "list_schedule shows its status."),
        request_id=None if conflict is None else conflict.request_id or None,
    )


_INSTEAD = {
    "publishing": "The platform has it already: once it is out, it can only be removed on the platform.",
    "published": "It is out, and can only be removed on the platform.",
    "draft": "It is in the account's drafts, and can only be removed there.",
    "canceled": "It was canceled: publish_content with a higher take schedules the content again.",
    "failed": "It failed: list_schedule says why, and publish_content with a higher take tries again.",
}


def _changed(post: ScheduledPost, tz: ZoneInfo, notes: list[str]) -> Changed:
    return Changed(
        scheduled_post_id=post.scheduled_post_id,
        status=post.status or "unknown",
        scheduled_for=stamp(post.scheduled_for) if post.scheduled_for else None,
        scheduled_for_local=local(post.scheduled_for, tz) if post.scheduled_for else None,
        notes=notes,
    )


def _merged(before: ScheduledPost, changed: ScheduledPost) -> ScheduledPost:
    """Return the post after a change; what the answer leaves out stays."""
    given = {name: getattr(changed, name) for name in changed.model_fields_set if getattr(changed, name) is not None}
    return before.model_copy(update=given)
