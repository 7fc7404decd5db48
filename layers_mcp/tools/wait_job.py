"""wait_job: wait until jobs have ended, or see their status."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, cast

import anyio
from pydantic import Field

from layers_mcp.api.errors import LayersError, NotFound, TimedOut
from layers_mcp.api.models import Job
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import WAIT_NOTES_SECONDS, WAIT_SECONDS
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._job_progress import JobProgress

Status = Literal["running", "completed", "failed", "canceled", "not_found"]


class JobAsset(Result):
    asset_id: str | None = None
    container_id: str | None = None
    kind: str | None = None
    url: str | None = None


class JobState(Result):
    job_id: str
    kind: str | None = None
    status: Status
    stage: str | None = None
    progress: float | None = None
    container_ids: list[str]
    assets: list[JobAsset]
    error: str | None = None


class Waited(Result):
    jobs: list[JobState]
    all_done: bool
    timed_out: bool
    waited_seconds: float
    notes: list[str]
    next_step: str


@tool(
    title="Wait for jobs, check progress",
    kind=READ,
    scope="jobs:read",
    example={"job_ids": ["job_01HXD2G4H6J8K0L2Z4X6C8V0B2"], "timeout_seconds": 45},
)
async def wait_job(
    context: ToolContext,
    job_ids: Annotated[
        tuple[str, ...],
        Field(description="From commissions.", min_length=1, max_length=10),
    ],
    timeout_seconds: Annotated[int, Field(description="0 reads once.", ge=0, le=45)] = 20,
) -> Waited:
    """Wait for a job, or check its progress and status: is it done yet, has it finished, is it ready, complete, still
    running, how far along, how long, did rendering or generation fail?

    Use it after an order, to tell when the video is made; timeout_seconds=0 asks once. For drafts: get_content.
    """
    ids = list(dict.fromkeys(job_ids))
    progress = JobProgress(ids)
    started = anyio.current_time()
    timed_out = False
    if timeout_seconds == 0:
        async with GatherSettled(context.deadline, at_once=len(ids)) as reads:
            found = {job_id: reads.start(context.api.jobs.get, job_id) for job_id in ids}
        for job_id, read in found.items():
            progress.finish(job_id, read.outcome)
    else:
        with anyio.move_on_after(min(timeout_seconds, WAIT_SECONDS)) as scope:
            async with anyio.create_task_group() as group:
                for job_id in ids:
                    group.start_soon(_follow, context, progress, job_id)
                await progress.report(context.progress)
        timed_out = scope.cancelled_caught
    waited = anyio.current_time() - started
    if not progress.jobs and (failure := progress.failure()):
        raise failure
    states = [_state(job_id, progress.outcome(job_id)) for job_id in ids]
    all_done = all(state.status != "running" for state in states)
    return Waited(
        jobs=states,
        all_done=all_done,
        timed_out=timed_out and not all_done,
        waited_seconds=round(waited, 1),
        notes=await _record_ends(context, progress),
        next_step=_next_step(states, all_done=all_done),
    )


async def _follow(context: ToolContext, progress: JobProgress, job_id: str) -> None:
    try:
        outcome = await context.api.jobs.follow(job_id, partial(progress.update, job_id))
    except LayersError as error:
        outcome = error
    progress.finish(job_id, outcome)


def _state(job_id: str, outcome: tuple[Job | None, LayersError | None]) -> JobState:
    job, error = outcome
    if isinstance(error, NotFound):
        named = list(job.container_ids) if job else []
        return JobState(job_id=job_id, status="not_found", container_ids=named, assets=[])
    if job is None:
        unread = str(error or TimedOut("The job was not read in time."))
        return JobState(job_id=job_id, status="running", container_ids=[], assets=[], error=unread)
    failure = job.error.text if job.error else ""
    return JobState(
        job_id=job_id,
        kind=job.kind,
        status=cast("Status", job.status) if job.terminal else "running",
        stage=job.stage or (None if job.terminal or job.status == "running" else job.status),
        progress=job.progress,
        container_ids=list(job.container_ids),
        assets=[
            JobAsset(asset_id=asset.asset_id, container_id=asset.container_id, kind=asset.kind, url=asset.url)
            for asset in (job.assets if job.terminal else ())
        ],
        error=clean(failure)[0] or None if failure else (str(error) if error else None),
    )


async def _record_ends(context: ToolContext, progress: JobProgress) -> list[str]:
    """Record in the journal how jobs ended, and return notes on what it knows of them."""
    notes: list[str] = []
    history = context.operations.history
    with anyio.move_on_after(WAIT_NOTES_SECONDS):
        warnings = [await history.record_job(job) for job in progress.jobs.values() if job.terminal]
        ordered, unread = await history.variations(list(progress.jobs))
        for job_id, job in progress.jobs.items():
            named, wanted = len(job.container_ids), ordered.get(job_id, 0)
            if named < wanted:
                where = f" with project_id {job.project_id}" if job.project_id else " with the project"
                notes.append(
                    f"Job {job_id} names {named} of the {wanted} containers that were ordered: "
                    f"get_content{where} lists what was made."
                )
        notes += list(dict.fromkeys(filter(None, [*warnings, unread])))
    return notes


def _next_step(states: list[JobState], *, all_done: bool) -> str:
    """Return what to do about the jobs that were found, and that the ids of the others are to be checked."""
    found = [state for state in states if state.status != "not_found"]
    if not found:
        return "Check the job ids: take them from a commission, or find the content with get_content."
    step = _next_for(found, all_done=all_done)
    return step if len(found) == len(states) else f"{step[:-1]}; check the job ids that were not found."


def _next_for(states: list[JobState], *, all_done: bool) -> str:
    statuses = {state.status for state in states}
    if not all_done:
        if all(state.error for state in states if state.status == "running"):
            return "A job could not be read: its error says why. Call wait_job again once that is fixed."
        return "Call wait_job again with the jobs that are still running: a content job takes a few minutes."
    if "completed" in statuses:
        return "Call get_content with the container_ids to see what was made and whether it waits for approval."
    return "The same order with another take, as its tool names it, tries again at the price of a new order."
