"""wait_job: one answer for several jobs, in time, with progress that only rises."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.api.errors import ForbiddenScope, LayersError, RateLimited, ServerFault
from layers_mcp.api.models import Job
from layers_mcp.operations import CloneOrder, HookOrder
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools._job_progress import JobProgress
from layers_mcp.tools.wait_job import wait_job
from tests.support import LoopClock, open_tool_context
from tests.support.upstream import Upstream, refused

pytestmark = pytest.mark.jumping


def job(name: str, status: str = "running", **fields: Any) -> dict[str, Any]:
    return {"jobId": name, "kind": "content_generate", "status": status, "projectId": "prj_1", **fields}


def on(*jobs: tuple[str, Any]) -> Upstream:
    upstream = Upstream()
    for name, replies in jobs:
        upstream.replies[f"GET /v1/jobs/{name}"] = replies
    return upstream


class RecordedProgress:
    """What a wait reported of its progress."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, float | None, str]] = []

    async def __call__(self, done: float, total: float | None, message: str) -> None:
        self.lines.append((done, total, message))

    def rises(self) -> bool:
        values = [done for done, _, _ in self.lines]
        return all(later > earlier for earlier, later in pairwise(values))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=LoopClock()) as world:
        yield world


async def ordered(context: Any, sandbox: Sandbox, variations: int = 1) -> str:
    """The job of a new clone order."""
    project = sandbox.project_id("acme-todo")
    ranking = await context.api.metrics.top_performers(project, metric="engagement_rate", window="30d")
    order = CloneOrder(
        project_id=project,
        source_platform_post_id=ranking.items[0].platform_post_id,
        variations=variations,
    )
    placement = await context.operations.orders.place(order)
    return placement.record.job_id


async def test_a_job_is_waited_for_to_its_end_with_its_containers_and_files(sandbox: Sandbox, tmp_path: Path) -> None:
    recorded = RecordedProgress()
    async with open_tool_context(sandbox, tmp_path) as context:
        job_id = await ordered(context, sandbox, variations=3)
        waited = await wait_job(replace(context, progress=recorded), job_ids=(job_id,))
    assert (waited.all_done, waited.timed_out) == (True, False)
    assert 6 <= waited.waited_seconds <= 20
    state = waited.jobs[0]
    assert (state.job_id, state.kind, state.status) == (job_id, "content_clone_from_post", "completed")
    assert len(set(state.container_ids)) == 3
    assert {asset.container_id for asset in state.assets} == set(state.container_ids)
    assert all(asset.url and asset.kind and asset.asset_id for asset in state.assets)
    assert waited.notes == []
    assert "get_content" in waited.next_step
    assert recorded.rises()
    assert recorded.lines[-1] == (1.0, 1.0, "completed")
    assert len({message for _, _, message in recorded.lines} - {"completed"}) >= 2


async def test_how_a_job_ended_is_written_back_to_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    async with open_tool_context(sandbox, tmp_path) as context:
        job_id = await ordered(context, sandbox, variations=2)
        await wait_job(context, job_ids=(job_id,))
        record = (await context.operations.history.since(sandbox.now().replace(year=2020))).value[0]
    assert record.status == "completed"
    assert len(record.container_ids) == 2


async def test_a_timeout_is_a_success_and_the_job_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    async with open_tool_context(sandbox, tmp_path) as context:
        job_id = await ordered(context, sandbox)
        first = await wait_job(context, job_ids=(job_id,), timeout_seconds=3)
        assert (first.all_done, first.timed_out, first.waited_seconds) == (False, True, 3.0)
        assert first.jobs[0].status == "running"
        assert first.jobs[0].stage
        assert "wait_job again" in first.next_step
        assert (await wait_job(context, job_ids=(job_id,))).all_done


async def test_a_timeout_of_zero_reads_once_and_is_no_timeout(tmp_path: Path) -> None:
    upstream = on(("j1", job("j1", stage="queued")), ("j2", job("j2", "completed")))
    async with upstream.open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1", "j2", "j1"), timeout_seconds=0)
    assert (waited.all_done, waited.timed_out, waited.waited_seconds) == (False, False, 0.0)
    assert [(state.job_id, state.status) for state in waited.jobs] == [("j1", "running"), ("j2", "completed")]
    assert len(upstream.requests) == 2


@pytest.mark.parametrize(("seconds", "longest"), [(45, 38.5), (20, 20.5), (1, 1.5)])
async def test_a_wait_ends_in_time_however_long_the_job_takes(seconds: int, longest: float, tmp_path: Path) -> None:
    async with on(("j1", job("j1"))).open_tool_context(tmp_path) as context:
        started = anyio.current_time()
        waited = await wait_job(context, job_ids=("j1",), timeout_seconds=seconds)
        assert anyio.current_time() - started <= longest
    assert waited.timed_out


async def test_ten_jobs_are_waited_for_at_once_and_one_failure_hides_no_other(tmp_path: Path) -> None:
    jobs: list[tuple[str, Any]] = [(f"j{n}", [job(f"j{n}"), job(f"j{n}", "completed")]) for n in range(6)]
    jobs += [
        ("failed", job("failed", "failed", error={"code": "BAD_FOOTAGE", "message": "Too\u202e dark.\n"})),
        ("canceled", job("canceled", "canceled")),
        ("gone", refused(404, "NOT_FOUND")),
        ("foreign", refused(403, "FORBIDDEN_SCOPE")),
    ]
    async with on(*jobs).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=tuple(name for name, _ in jobs))
    by_id = {state.job_id: state for state in waited.jobs}
    assert list(by_id) == [name for name, _ in jobs]
    assert {by_id[f"j{n}"].status for n in range(6)} == {"completed"}
    assert (by_id["failed"].status, by_id["failed"].error) == ("failed", "BAD_FOOTAGE: Too dark.")
    assert (by_id["canceled"].status, by_id["canceled"].error) == ("canceled", None)
    assert (by_id["gone"].status, by_id["gone"].error) == ("not_found", None)
    assert by_id["foreign"].status == "running"
    assert "jobs:read" in (by_id["foreign"].error or "")
    assert (waited.all_done, waited.timed_out) == (False, False)
    assert waited.waited_seconds < 5
    assert "could not be read" in waited.next_step


async def test_jobs_that_are_not_found_count_as_done(tmp_path: Path) -> None:
    for timeout in (0, 20):
        async with on().open_tool_context(tmp_path) as context:
            waited = await wait_job(context, job_ids=("a", "b"), timeout_seconds=timeout)
        assert [state.status for state in waited.jobs] == ["not_found", "not_found"]
        assert waited.all_done
        assert "Check the job ids" in waited.next_step


@pytest.mark.parametrize("seconds", [0, 20])
async def test_the_call_fails_when_no_job_can_be_read(seconds: int, tmp_path: Path) -> None:
    forbidden = refused(403, "FORBIDDEN_SCOPE")
    async with on(("j1", forbidden), ("j2", forbidden)).open_tool_context(tmp_path) as context:
        with pytest.raises(ForbiddenScope):
            await wait_job(context, job_ids=("j1", "j2"), timeout_seconds=seconds)


async def test_the_call_fails_when_upstream_is_down_all_the_while_and_not_when_it_comes_back(tmp_path: Path) -> None:
    down = refused(500, "INTERNAL")
    async with on(("j1", down)).open_tool_context(tmp_path) as context:
        with pytest.raises(ServerFault):
            await wait_job(context, job_ids=("j1",))
    async with on(("j1", [down, down, job("j1", "completed")])).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1",))
    assert (waited.all_done, waited.jobs[0].error) == (True, None)


@pytest.mark.parametrize(("status", "step"), [("completed", "get_content"), ("failed", "another take")])
async def test_a_wrong_id_among_others_is_told_beside_what_to_do_with_the_found_jobs(
    tmp_path: Path, status: str, step: str
) -> None:
    jobs = [("j1", job("j1", status)), ("wrong", refused(404, "NOT_FOUND"))]
    async with on(*jobs).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1", "wrong"))
    assert waited.all_done
    assert step in waited.next_step
    assert waited.next_step.endswith("; check the job ids that were not found.")


async def test_a_job_that_cannot_be_read_any_more_keeps_its_last_state_beside_the_error(tmp_path: Path) -> None:
    async with on(("j1", [job("j1", stage="queued"), refused(500, "INTERNAL")])).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1",), timeout_seconds=10)
    state = waited.jobs[0]
    assert (state.status, state.stage) == ("running", "queued")
    assert (state.error or "").startswith("INTERNAL (500)")
    assert waited.timed_out


async def test_a_job_that_is_gone_while_it_is_waited_for_is_not_found_and_done(tmp_path: Path) -> None:
    gone = refused(404, "NOT_FOUND")
    upstream = on(("j1", [job("j1", stage="queued", containerId="cnt_1"), gone]), ("j2", refused(410, "GONE")))
    async with upstream.open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1", "j2"))
    assert [(state.status, state.error) for state in waited.jobs] == [("not_found", None)] * 2
    assert waited.jobs[0].container_ids == ["cnt_1"]
    assert (waited.all_done, waited.timed_out) == (True, False)


async def test_files_are_shown_only_of_a_job_that_has_ended(tmp_path: Path) -> None:
    files = [{"assetId": "a_1", "containerId": "cnt_1", "kind": "video", "url": "https://media.test/a_1"}]
    upstream = on(("j1", job("j1", assets=files)), ("j2", job("j2", "completed", result={"assets": files})))
    async with upstream.open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1", "j2"), timeout_seconds=0)
    assert [len(state.assets) for state in waited.jobs] == [0, 1]
    assert waited.jobs[0].container_ids == ["cnt_1"]


async def test_a_rate_limit_is_no_news_of_a_job_whose_state_is_known(tmp_path: Path) -> None:
    limited = refused(429, "RATE_LIMITED")
    async with on(("j1", [job("j1", stage="queued"), limited])).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1",), timeout_seconds=10)
    assert (waited.jobs[0].status, waited.jobs[0].error) == ("running", None)
    async with on(("j1", limited)).open_tool_context(tmp_path) as context:
        with pytest.raises(RateLimited):
            await wait_job(context, job_ids=("j1",), timeout_seconds=10)


async def test_a_first_answer_slower_than_the_timeout_is_said(tmp_path: Path) -> None:
    with Sandbox(clock=LoopClock(), faults=[Fault(endpoint="GET /v1/jobs/:id", kind="latency", seconds=8)]) as world:
        async with open_tool_context(world, tmp_path) as context:
            waited = await wait_job(context, job_ids=("job_x",), timeout_seconds=2)
    assert (waited.timed_out, waited.jobs[0].status) == (True, "running")
    assert (waited.jobs[0].error or "").startswith("TIMEOUT")


async def test_two_waits_on_one_job_share_its_polls(tmp_path: Path) -> None:
    upstream = on(("j1", [job("j1"), job("j1"), job("j1", "completed")]))
    results: list[bool] = []

    async def wait(context: Any) -> None:
        results.append((await wait_job(context, job_ids=("j1",))).all_done)

    async with upstream.open_tool_context(tmp_path) as context, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(wait, context)
    assert results == [True] * 20
    assert len(upstream.requests) == 3


async def test_a_caller_that_goes_away_stops_the_polls_and_not_the_job(tmp_path: Path) -> None:
    upstream = on(("j1", job("j1")))
    async with upstream.open_tool_context(tmp_path) as context:
        with anyio.move_on_after(5) as scope:
            await wait_job(context, job_ids=("j1",))
        polls = len(upstream.requests)
        await anyio.sleep(60)
    assert scope.cancelled_caught
    assert len(upstream.requests) == polls
    assert {request.method for request in upstream.requests} == {"GET"}


async def test_a_status_from_another_vintage_counts_as_running(tmp_path: Path) -> None:
    async with on(("j1", job("j1", "provisioning"))).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1",), timeout_seconds=0)
    assert (waited.jobs[0].status, waited.jobs[0].stage) == ("running", "provisioning")


# What the order book knows


@pytest.mark.parametrize("status", ["running", "completed", "failed", "canceled"])
async def test_fewer_containers_than_were_ordered_are_noted_with_the_project(tmp_path: Path, status: str) -> None:
    upstream = on(("job_1", job("job_1", status, containerId="cnt_1")))
    upstream.replies["POST /v1/projects/prj_1/content"] = {"jobId": "job_1", "containerId": "cnt_1"}
    async with upstream.open_tool_context(tmp_path) as context:
        await context.operations.orders.place(HookOrder(project_id="prj_1", hook="A hook", variations=3))
        waited = await wait_job(context, job_ids=("job_1",), timeout_seconds=0)
    assert waited.notes == [
        "Job job_1 names 1 of the 3 containers that were ordered: "
        "get_content with project_id prj_1 lists what was made."
    ]


async def test_a_broken_journal_is_noted_and_hides_no_job(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(b"this is no database at all, not even nearly" * 100)
    async with on(("j1", job("j1", "completed", containerId="cnt_1"))).open_tool_context(tmp_path) as context:
        waited = await wait_job(context, job_ids=("j1",))
    assert waited.jobs[0].status == "completed"
    assert waited.all_done
    assert [note for note in waited.notes if "journal" in note]


# Progress


async def report(progress: JobProgress, *news: tuple[str, Job | LayersError]) -> RecordedProgress:
    """Return what is reported when each piece of news arrives a second after the last."""
    recorded = RecordedProgress()
    async with anyio.create_task_group() as group:
        group.start_soon(progress.report, recorded)
        for job_id, item in news:
            await anyio.sleep(1)
            progress.update(job_id, item)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    return recorded


def at(stage: str, progress: float | None = None, status: str = "running") -> Job:
    return Job(job_id="j1", status=status, stage=stage, progress=progress)


async def test_progress_always_rises_and_a_change_of_stage_is_always_reported() -> None:
    recorded = await report(
        JobProgress(["j1"]),
        ("j1", at("queued", 0.1)),
        ("j1", at("queued", 0.1)),
        ("j1", at("generating_visuals", 0.6)),
        ("j1", at("generating_visuals", 0.2)),
        ("j1", at("finalizing", 0.0)),
        ("j1", at("finalizing", None)),
        ("j1", at("polishing", 7.0)),
        ("j1", at("packing", -1.0)),
        ("j1", at("", None, "completed")),
    )
    assert [message for _, _, message in recorded.lines] == [
        "queued",
        "generating_visuals",
        "finalizing",
        "polishing",
        "packing",
        "completed",
    ]
    assert recorded.rises()
    assert all(total == 1.0 and done <= 1.0 for done, total, _ in recorded.lines)
    assert recorded.lines[-1][0] == 1.0


async def test_many_changes_of_stage_never_reach_the_end() -> None:
    stages: list[tuple[str, Job | LayersError]] = [("j1", at(f"stage {n}", 0.99)) for n in range(40)]
    recorded = await report(JobProgress(["j1"]), *stages)
    assert len(recorded.lines) == 40
    assert recorded.rises()
    assert recorded.lines[-1][0] < 1.0


async def test_the_progress_of_several_jobs_is_their_sum() -> None:
    recorded = await report(
        JobProgress(["j1", "j2"]),
        ("j1", at("queued", 0.5)),
        ("j2", at("finalizing", 0.25)),
        ("j1", at("", None, "completed")),
        ("j2", ServerFault("down")),
    )
    assert recorded.lines == [
        (0.5, 2.0, "0 of 2 done: queued"),
        (0.75, 2.0, "0 of 2 done: queued, finalizing"),
        (1.25, 2.0, "1 of 2 done: finalizing"),
    ]
