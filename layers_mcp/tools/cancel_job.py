"""cancel_job: ask a running job to stop."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers_mcp.api.errors import Conflict
from layers_mcp.context import ToolContext
from layers_mcp.protocol import DESTRUCTIVE, Result, tool

UNAVAILABLE = "JOB_CANCEL_UNAVAILABLE"


class Cancellation(Result):
    job_id: str
    accepted: bool
    reason: str | None = None
    next_step: str


@tool(
    title="Cancel job",
    kind=DESTRUCTIVE,
    scope="jobs:cancel",
    effect="the job was told to stop",
    example={"job_id": "job_01HXD2G4H6J8K0L2Z4X6C8V0B2"},
)
async def cancel_job(
    context: ToolContext,
    job_id: Annotated[str, Field(description="From a commission.")],
) -> Cancellation:
    """Cancel a running job: stop, abort or call off an order, halt its production, because it was a mistake or nobody
    wants it.

    Never mind: use it while a video is generating. Not for finished content (decide_content rejects it) a scheduled
    post (change_schedule) or progress (wait_job). It cannot be resumed; whether credits come back is up to Layers.
    accepted means it stops at its next stage; accepted: false comes with the reason.
    """
    try:
        reply = await context.api.jobs.cancel(job_id)
    except Conflict as conflict:
        if UNAVAILABLE not in (conflict.code, conflict.details.get("subcode")):
            raise
        return Cancellation(
            job_id=job_id,
            accepted=False,
            reason=UNAVAILABLE,
            next_step="This stage cannot be stopped: call wait_job, and cancel_job again at a later stage.",
        )
    if reply.accepted:
        next_step = "Call wait_job to see it stop at its next stage."
    else:
        next_step = "The job had ended by then: call wait_job with timeout_seconds=0 to see how."
    return Cancellation(job_id=job_id, accepted=reply.accepted, reason=reply.reason, next_step=next_step)
