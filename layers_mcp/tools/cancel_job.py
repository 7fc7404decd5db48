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
    title="Cancel or stop a job",
    kind=DESTRUCTIVE,
    scope="jobs:cancel",
    effect="the job was told to stop",
    example={"job_id": "job_01HXD2G4H6J8K0L2Z4X6C8V0B2"},
)
async def cancel_job(
    context: ToolContext,
    job_id: Annotated[str, Field(description="From a commission.")],
) -> Cancellation:
    """Cancel a running job or order: stop, abort, kill, halt or call off the generation, rendering or production of
    that clone or video.

    Never mind, it was a mistake, nobody should make it after all. It cannot be resumed; whether credits come back is up
    to Layers. For scheduled posts: change_schedule.
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
