"""cancel_job: ask a running job to stop."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from layers_mcp.layers.errors import Conflict
from layers_mcp.protocol import DESTRUCTIVE, Result, tool
from layers_mcp.workspace import Workspace

UNAVAILABLE = "JOB_CANCEL_UNAVAILABLE"


class Cancellation(Result):
    job_id: str
    accepted: bool
    reason: str | None = None
    next_step: str


@tool(title="Cancel job", kind=DESTRUCTIVE)
async def cancel_job(
    ws: Workspace,
    job_id: Annotated[str, Field(description="The running job, from a commission.")],
) -> Cancellation:
    """Cancel a job that is still running, so that what it makes is not finished.

    Use it when an order was a mistake or is no longer wanted. Not for content that is already made: reject that with
    decide_content; and not to see how a job stands: use wait_job. A cancelled job cannot be resumed, and whether its
    credits come back is up to Layers. Cancelling is cooperative: accepted means that the job stops at its next stage.
    A job that has ended, or is in a stage that cannot be stopped, answers accepted: false with the reason. Calling it
    again is safe.
    """
    try:
        reply = await ws.layers.cancel_job(job_id)
    except Conflict as conflict:
        if conflict.details.get("subcode") != UNAVAILABLE:
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
