"""decide_content: record a person's approval or rejection of finished content."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.formatting import counted
from layers_mcp.api.errors import Conflict, ContentRejected, LayersError
from layers_mcp.api.models import Decision
from layers_mcp.context import ToolContext
from layers_mcp.protocol import DESTRUCTIVE, Result, ToolError, invalid_argument, tool
from layers_mcp.protocol.elicitation import Question
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._publication_status import (
    NOT_PUBLISHED,
    PublicationStatus,
    PublicationStatuses,
    publication_status,
    read_publications,
)
from layers_mcp.tools._questions import decision_question, read_decision_facts

LONGEST_NOTE = 1024
"""Characters."""

MOST_POSTS = 10
"""Posts read after an approval that set them going; a publication has one an account."""

WANTED = {"approve": "approved", "reject": "rejected"}


class Decided(Result):
    container_id: str
    approval_status: str
    note: str | None = None
    publication: PublicationStatus | None = None
    notes: list[str]
    next_step: str | None = None


@tool(
    title="Record a person's decision",
    kind=DESTRUCTIVE,
    scope="content:approve",
    effect="the decision was taken",
    example={"container_id": "cnt_01HXE9M1N3B5V7C9X1Z3L5K7J9", "decision": "approve", "note": "Looks good."},
)
async def decide_content(
    context: ToolContext,
    container_id: Annotated[str, Field(description="From get_content.")],
    decision: Annotated[Literal["approve", "reject"], Field(description="A person's.")],
    note: Annotated[str, Field(description="Reason, to reject.", max_length=LONGEST_NOTE)] = "",
) -> Decided:
    """Decide on content as the client or a person did: approve, accept, sign off, green light, ok, looks good, go
    ahead; or reject, decline, deny, turn down, say no, not good, off brand, wrong.

    No credits, and final for one finished piece; approved, it can go live as scheduled. A rejection needs its reason as
    note. get_content shows the draft; to publish: publish_content.
    """
    reason = note.strip()
    if decision == "reject" and not reason:
        raise invalid_argument("`note` is needed to reject: it is the reason that is kept with the content.")
    wanted = WANTED[decision]
    await _confirmed(context, container_id, decision, reason)
    try:
        if decision == "approve":
            decided = await context.api.content.approve(container_id, note=reason)
        else:
            decided = await context.api.content.reject(container_id, reason=reason)
    except (Conflict, ContentRejected) as conflict:
        present = await _approval_status(context, container_id, conflict)
        if present != wanted:
            raise _refusal(conflict, present) from None
        publication, unread = await _publication(context, container_id, wanted)
        return Decided(
            container_id=container_id,
            approval_status=wanted,
            publication=publication,
            notes=[f"It was {wanted} before this call.", *unread],
            next_step=_next_step(publication) if wanted == "approved" else None,
        )
    publication, notes = await _publication(context, container_id, decided.approval_status, decided)
    return Decided(
        container_id=decided.container_id,
        approval_status=decided.approval_status,
        note=clean(reason, LONGEST_NOTE, lines=True)[0] or None,
        publication=publication,
        notes=notes,
        next_step=_next_step(publication) if wanted == "approved" else None,
    )


async def _publication(
    context: ToolContext, container_id: str, approval_status: str, decided: Decision | None = None
) -> tuple[PublicationStatus | None, list[str]]:
    """Return what happens to content that was decided now (`decided`) or before, and notes on it."""
    if approval_status == "rejected":
        return NOT_PUBLISHED, ["It will not be published."] if decided else []
    if approval_status != "approved":
        return None, []
    promotion = decided.pending_schedule_promotion if decided else None
    if promotion and promotion.scheduled_post_ids and promotion.status != "failed":
        going = counted(len(promotion.scheduled_post_ids), "scheduled post")
        return await _set_going(context, promotion.scheduled_post_ids), [f"The approval set {going} going."]
    async with GatherSettled.optional(context.deadline) as reads:
        schedule = reads.start(_schedule, context, container_id)
    if isinstance(schedule.outcome, LayersError):
        return None, [f"What is scheduled of it could not be read. {schedule.outcome}"]
    publication, notes = schedule.outcome.of(container_id), list(schedule.outcome.notes)
    if promotion and promotion.status == "failed":
        notes.append("Layers could not start its scheduled posts: list_schedule shows their status.")
    elif decided and publication == NOT_PUBLISHED:
        notes.append("It can be published from now on; nothing goes live by itself.")
    return publication, notes


async def _set_going(context: ToolContext, scheduled_post_ids: Sequence[str]) -> PublicationStatus:
    """Return how the posts stand that the approval set going."""
    async with GatherSettled.optional(context.deadline) as reads:
        started = [reads.start(context.api.publishing.get, each) for each in scheduled_post_ids[:MOST_POSTS]]
    posts = [read.outcome for read in started if not isinstance(read.outcome, LayersError)]
    status = publication_status(posts)
    return status.model_copy(
        update={
            "status": "scheduled" if status == NOT_PUBLISHED else status.status,
            "scheduled_post_ids": list(scheduled_post_ids),
        }
    )


async def _schedule(context: ToolContext, container_id: str) -> PublicationStatuses:
    return await read_publications(context, [await context.api.content.get(container_id)])


def _next_step(publication: PublicationStatus | None) -> str | None:
    """Return what there is to do about approved content; nothing about what was rejected."""
    if publication is None or publication.status in ("published", "draft"):
        return None
    if publication.status == "not_published":
        return "publish_content puts it out, now or at a time, once a person wants that."
    return "list_schedule shows it; change_schedule moves or cancels what is still queued, if a person wants that."


async def _confirmed(context: ToolContext, container_id: str, decision: str, reason: str) -> None:
    """Have a person confirm what is not decided yet, once more where the content changed meanwhile."""
    agreed: Question | None = None
    while context.asks:
        container = await context.api.content.get(container_id)
        if container.approval_status != "pending" or container.status != "completed":
            return  # decided already, or refused anyway: nothing to ask
        read = partial(read_decision_facts, context, container, decision)
        question = decision_question(container, decision, reason, read)
        if question == agreed:
            return
        await context.ask(question)
        agreed = question


async def _approval_status(context: ToolContext, container_id: str, conflict: Conflict | ContentRejected) -> str:
    """Return the status of the content: as the conflict says, else as the container does."""
    status = conflict.details.get("approvalStatus")
    if isinstance(status, str):
        return status
    return (await context.api.content.get(container_id)).approval_status or ""


def _refusal(conflict: Conflict | ContentRejected, present: str) -> ToolError:
    reason = {
        "approved": "The content is approved already, and a decision is final.",
        "rejected": "The content is rejected already, and a decision is final.",
        "not_required": "This content needs no approval: its project lets content be published without one.",
        "pending": "The content cannot be decided yet: it has to be finished first.",
    }.get(present, conflict.reason)
    return ToolError(
        conflict.code,
        reason,
        status=conflict.status,
        next_step=(
            "get_content shows its status; what is scheduled of it can still be canceled (change_schedule)."
            if present == "approved"
            else "get_content shows its status."
        ),
        request_id=conflict.request_id or None,
    )
