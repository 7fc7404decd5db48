"""Following jobs: how often they are polled, and who hears what."""

from collections.abc import Awaitable, Callable
from itertools import pairwise

import anyio
import httpx2
import pytest

from layers_mcp.api import LayersClient
from layers_mcp.api.errors import BadResponse, LayersError, NotFound, RateLimited, ServerFault
from layers_mcp.api.job_polling import MOST_POLLS
from layers_mcp.api.models import Job
from layers_mcp.api.shared import SharedResources
from tests.support.upstream import Upstream, broken, client, ok, raw, refused

pytestmark = pytest.mark.jumping

UNCHANGED = raw(304, b"", "")


def running(stage: str = "queued", **headers: str) -> Callable[[httpx2.Request], Awaitable[httpx2.Response]]:
    return ok({"jobId": "job_1", "status": "running", "stage": stage}, **headers)


DONE = ok({"jobId": "job_1", "status": "completed"})


async def follow(layers: LayersClient, heard: list[Job | LayersError]) -> Job:
    return await layers.jobs.follow("job_1", heard.append)


async def test_a_job_is_polled_after_two_seconds_then_ever_slower_to_ten() -> None:
    times: list[float] = []

    async def still(request: httpx2.Request) -> httpx2.Response:
        times.append(anyio.current_time())
        return running()

    async with client(Upstream(still)) as layers:
        with anyio.move_on_after(120):
            await follow(layers, [])
    gaps = [later - earlier for earlier, later in pairwise(times)]
    expected = [min(2 * 1.3**number, 10) for number in range(len(gaps))]
    assert len(gaps) > 10
    assert all(0 <= gap - pause < 0.6 for gap, pause in zip(gaps, expected, strict=True))
    assert len({round(gap - pause, 6) for gap, pause in zip(gaps, expected, strict=True)}) > 1


async def test_a_job_waited_for_again_is_read_at_once_and_then_polled_at_the_pace_it_had() -> None:
    times: list[float] = []

    async def still(request: httpx2.Request) -> httpx2.Response:
        times.append(anyio.current_time())
        return running()

    heard: list[Job | LayersError] = []
    async with client(Upstream(still)) as layers:
        with anyio.move_on_after(38):
            await follow(layers, [])
        again = anyio.current_time()
        with anyio.move_on_after(38):
            await follow(layers, heard)
    second = [moment for moment in times if moment >= again]
    assert second[0] == pytest.approx(again, abs=0.1)
    assert all(9 < later - earlier < 11 for earlier, later in pairwise(second))
    assert len(heard) == 1


async def test_an_unchanged_job_is_asked_for_by_its_etag_and_told_once() -> None:
    upstream = Upstream(running(etag='"v1"'), UNCHANGED, UNCHANGED, running("rendering", etag='"v2"'), DONE)
    heard: list[Job | LayersError] = []
    async with client(upstream) as layers:
        job = await follow(layers, heard)
    assert job.status == "completed"
    assert [request.headers.get("if-none-match") for request in upstream.requests] == [
        None,
        '"v1"',
        '"v1"',
        '"v1"',
        '"v2"',
    ]
    assert [item.stage for item in heard if isinstance(item, Job)] == ["queued", "rendering", None]


async def test_two_who_follow_one_job_share_its_polls_and_the_later_hears_at_once_what_is_known() -> None:
    upstream = Upstream(running("queued"), running("rendering"), DONE)
    early: list[Job | LayersError] = []
    late: list[Job | LayersError] = []
    ends: list[Job] = []

    async def wait(layers: LayersClient, heard: list[Job | LayersError]) -> None:
        ends.append(await follow(layers, heard))

    async with client(upstream) as layers, anyio.create_task_group() as group:
        group.start_soon(wait, layers, early)
        await anyio.sleep(1)
        group.start_soon(wait, layers, late)
        await anyio.sleep(0.1)
        assert [item.stage for item in late if isinstance(item, Job)] == ["queued"]
    assert early == late
    assert len(upstream.requests) == 3
    assert [end.status for end in ends] == ["completed", "completed"]


async def test_one_who_leaves_stops_nothing_for_the_others_and_the_last_stops_the_polls() -> None:
    upstream = Upstream(running())
    async with client(upstream) as layers:
        async with anyio.create_task_group() as group:
            group.start_soon(follow, layers, [])
            with anyio.move_on_after(5):
                await follow(layers, [])
            before = len(upstream.requests)
            await anyio.sleep(20)
            assert len(upstream.requests) > before
            group.cancel_scope.cancel()
        at_the_end = len(upstream.requests)
        await anyio.sleep(60)
        assert len(upstream.requests) == at_the_end


async def test_a_job_can_be_followed_again_after_everyone_left() -> None:
    upstream = Upstream(running(etag='"v1"'))
    async with client(upstream) as layers:
        with anyio.move_on_after(3):
            await follow(layers, [])
        upstream.replies = [DONE]
        assert (await follow(layers, [])).status == "completed"
        assert "if-none-match" not in upstream.requests[-1].headers


async def test_a_failure_that_may_pass_is_told_and_the_polls_go_on() -> None:
    upstream = Upstream(
        running(etag='"v1"'),
        broken(httpx2.ReadError),
        refused(500, "INTERNAL"),
        raw(502, b"<html>", "text/html"),
        UNCHANGED,
        DONE,
    )
    heard: list[Job | LayersError] = []
    async with client(upstream) as layers:
        assert (await follow(layers, heard)).status == "completed"
    assert [item.code if isinstance(item, LayersError) else item.status for item in heard] == [
        "running",
        "UNREACHABLE",
        "INTERNAL",
        "BAD_RESPONSE",
        "running",
        "completed",
    ]
    assert isinstance(heard[2], ServerFault)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, ServerFault)])
async def test_retry_after_holds_back_the_next_poll(status: int, kind: type[LayersError]) -> None:
    upstream = Upstream(refused(status, "BUSY", retry_after="25"), DONE)
    heard: list[Job | LayersError] = []
    async with client(upstream) as layers:
        started = anyio.current_time()
        await follow(layers, heard)
    assert 25 <= anyio.current_time() - started < 28
    assert isinstance(heard[0], kind)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(refused(404, "NOT_FOUND"), NotFound), (ok({"status": 7}), BadResponse), (raw(304, b"", ""), BadResponse)],
)
async def test_an_answer_that_will_not_change_ends_it(
    reply: Callable[[httpx2.Request], Awaitable[httpx2.Response]], kind: type[LayersError]
) -> None:
    upstream = Upstream(reply)
    async with client(upstream) as layers:
        with pytest.raises(kind):
            await follow(layers, [])
    assert len(upstream.requests) == 1


async def test_an_etag_that_fits_no_header_is_not_sent_back() -> None:
    upstream = Upstream(running(etag="ä"), DONE)
    async with client(upstream) as layers:
        await follow(layers, [])
    assert "if-none-match" not in upstream.requests[1].headers


async def test_however_many_clients_wait_one_process_polls_at_a_bounded_pace() -> None:
    times: list[float] = []

    async def still(request: httpx2.Request) -> httpx2.Response:
        times.append(anyio.current_time())
        return ok({"jobId": request.url.path.rpartition("/")[2], "status": "running"})

    shared = SharedResources()
    async with client(Upstream(still), shared=shared) as one, client(Upstream(still), shared=shared) as two:
        started = anyio.current_time()
        with anyio.move_on_after(10):
            async with anyio.create_task_group() as group:
                for number in range(200):
                    for layers in (one, two):
                        group.start_soon(layers.jobs.follow, f"job_{number}", lambda _: None)
    for second in range(10):
        assert sum(time < started + second for time in times) <= MOST_POLLS * (second + 2)
    assert len(times) > MOST_POLLS * 9


async def test_a_wait_that_ends_gives_its_turn_to_the_next() -> None:
    times: list[float] = []

    async def still(request: httpx2.Request) -> httpx2.Response:
        times.append(anyio.current_time())
        return ok({"jobId": request.url.path.rpartition("/")[2], "status": "running"})

    async def follow_many(layers: LayersClient, name: str, jobs: int, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            async with anyio.create_task_group() as group:
                for number in range(jobs):
                    group.start_soon(layers.jobs.follow, f"job_{name}_{number}", lambda _: None)

    async with client(Upstream(still)) as layers:
        await follow_many(layers, "left", 5 * MOST_POLLS, 1)
        left = anyio.current_time()
        await follow_many(layers, "next", 1, 1)
    assert times[-1] - left < 0.1
