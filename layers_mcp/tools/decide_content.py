"""decide_content: record a person's approval or rejection of finished content."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.api.errors import Conflict, ContentRejected
from layers_mcp.context import ToolContext
from layers_mcp.protocol import DESTRUCTIVE, Result, ToolError, invalid_argument, tool
from layers_mcp.protocol.elicitation import Question
from layers_mcp.tools._questions import decision_question

WANTED = {"approve": "approved", "reject": "rejected"}
EFFECTS = {"approved": "It can go live from now on.", "rejected": "It will not be published."}


class Decided(Result):
    container_id: str
    approval_status: str
    notes: list[str]


@tool(
    title="Decide content",
    kind=DESTRUCTIVE,
    scope="content:approve",
    effect="the decision was taken",
    example={"container_id": "cnt_01HXE9M1N3B5V7C9X1Z3L5K7J9", "decision": "approve", "note": "Looks good."},
)
async def decide_content(
    context: ToolContext,
    container_id: Annotated[str, Field(description="From get_content.")],
    decision: Annotated[Literal["approve", "reject"], Field(description="The person's decision.")],
    note: Annotated[str, Field(description="A remark; to reject, the reason.", max_length=1024)] = "",
) -> Decided:
    """Approve or reject content, as a person decided: accept, sign off, give the green light; or decline, turn down,
    say no, off brand.

    Looks good, or no: this records it for one finished piece. It costs no credits and is final, and approval can put
    it live. A rejection needs its reason as note. Show the draft first (get_content). Not for ads (set_override) or a
    running job (cancel_job).
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
        return Decided(container_id=container_id, approval_status=wanted, notes=[f"It was {wanted} before this call."])
    notes = [EFFECTS[decided.approval_status]] if decided.approval_status in EFFECTS else []
    return Decided(container_id=decided.container_id, approval_status=decided.approval_status, notes=notes)


async def _confirmed(context: ToolContext, container_id: str, decision: str, reason: str) -> None:
    """Have a person confirm what is not decided yet, once more where the content changed meanwhile."""
    agreed: Question | None = None
    while context.asks:
        container = await context.api.content.get(container_id)
        if container.approval_status != "pending" or container.status != "completed":
            return  # decided already, or refused anyway: nothing to ask
        question = decision_question(container, decision, reason)
        if question == agreed:
            return
        await context.ask(question)
        agreed = question


async def _approval_status(context: ToolContext, container_id: str, conflict: Conflict | ContentRejected) -> str:
    """How the content stands: as the conflict says, else as the container does."""
    told = conflict.details.get("approvalStatus")
    if isinstance(told, str):
        return told
    return (await context.api.content.get(container_id)).approval_status or ""


def _refusal(conflict: Conflict | ContentRejected, present: str) -> ToolError:
    reason = {
        "approved": "The content is approved already, and a decision is final.",
        "rejected": "The content is rejected already, and a decision is final.",
        "not_required": "This content needs no approval: its project publishes without one.",
        "pending": "The content cannot be decided yet: it has to be finished first.",
    }.get(present, conflict.reason)
    return ToolError(
        conflict.code,
        reason,
        status=conflict.status,
        next_step="get_content shows how it stands.",
        request_id=conflict.request_id or None,
    )
