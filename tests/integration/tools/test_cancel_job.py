"""cancel_job: its three answers, and what it says when none came."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.api.errors import Conflict, NotFound
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools.cancel_job import cancel_job
from layers_mcp.tools.wait_job import wait_job
from tests.support import LoopClock, open_tool_context
from tests.support.upstream import Upstream, generate, refused

pytestmark = pytest.mark.jumping

CANCEL = "POST /v1/jobs/job_1/cancel"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=LoopClock()) as world:
        yield world


async def started(context: Any, sandbox: Sandbox) -> str:
    project = sandbox.project_id("acme-todo")
    reply = await context.api.content.order(generate(project, {"format": "slideshow_remix"}), idempotency_key="idem-1")
    return reply.job_id


async def test_a_running_job_is_told_to_stop_and_does(sandbox: Sandbox, tmp_path: Path) -> None:
    async with open_tool_context(sandbox, tmp_path) as context:
        job_id = await started(context, sandbox)
        answer = await cancel_job(context, job_id=job_id)
        assert (answer.job_id, answer.accepted, answer.reason) == (job_id, True, None)
        assert "wait_job" in answer.next_step
        waited = await wait_job(context, job_ids=(job_id,))
    assert waited.jobs[0].status == "canceled"


async def test_a_job_that_has_ended_is_not_stopped(sandbox: Sandbox, tmp_path: Path) -> None:
    async with open_tool_context(sandbox, tmp_path) as context:
        job_id = await started(context, sandbox)
        await anyio.sleep(30)
        answer = await cancel_job(context, job_id=job_id)
    assert (answer.accepted, answer.reason) == (False, "ALREADY_COMPLETED")
    assert "wait_job" in answer.next_step


@pytest.mark.parametrize(
    "answer_of_upstream",
    [
        refused(409, "CONFLICT", details={"subcode": "JOB_CANCEL_UNAVAILABLE", "stage": "finalizing"}),
        refused(409, "JOB_CANCEL_UNAVAILABLE"),
    ],
)
async def test_a_stage_that_cannot_be_stopped_is_a_result(tmp_path: Path, answer_of_upstream: httpx2.Response) -> None:
    upstream = Upstream()
    upstream.replies[CANCEL] = answer_of_upstream
    async with upstream.open_tool_context(tmp_path) as context:
        answer = await cancel_job(context, job_id="job_1")
    assert (answer.accepted, answer.reason) == (False, "JOB_CANCEL_UNAVAILABLE")


async def test_another_conflict_and_an_unknown_job_are_failures(tmp_path: Path) -> None:
    upstream = Upstream()
    upstream.replies[CANCEL] = refused(409, "CONFLICT", details={"subcode": "OTHER"})
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(Conflict):
            await cancel_job(context, job_id="job_1")
        with pytest.raises(NotFound):
            await cancel_job(context, job_id="job_2")


async def test_a_lost_answer_is_asked_for_again(tmp_path: Path) -> None:
    fault = Fault(endpoint="POST /v1/jobs/:id/cancel", kind="drop_after", calls=[1])
    with Sandbox(clock=LoopClock(), faults=[fault]) as world:
        async with open_tool_context(world, tmp_path) as context:
            answer = await cancel_job(context, job_id=await started(context, world))
    assert answer.accepted
