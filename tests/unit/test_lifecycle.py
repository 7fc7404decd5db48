"""Work that outlives its caller: finished when it must be, shared when it is the same, stopped when nobody waits."""

import anyio
import anyio.lowlevel
import pytest

from layers_mcp.lifecycle import GRACE_SECONDS, TaskSupervisor

pytestmark = pytest.mark.jumping


async def test_a_caller_gets_the_result_of_its_work() -> None:
    async def work() -> int:
        await anyio.sleep(1)
        return 7

    async with TaskSupervisor() as supervisor:
        assert await supervisor.run_shielded(work) == 7
        assert await supervisor.single_flight("same", work) == 7


async def test_an_error_in_the_work_reaches_every_caller_and_nobody_else() -> None:
    async def work() -> None:
        await anyio.sleep(1)
        raise ValueError("upstream said no")

    refused: list[str] = []

    async def call(supervisor: TaskSupervisor) -> None:
        with pytest.raises(ValueError, match="upstream said no"):
            await supervisor.single_flight("same", work)
        refused.append("told")

    async with TaskSupervisor() as supervisor, anyio.create_task_group() as callers:
        callers.start_soon(call, supervisor)
        callers.start_soon(call, supervisor)
    assert refused == ["told", "told"]


async def test_work_that_must_finish_goes_on_after_its_caller_was_cancelled() -> None:
    finished = anyio.Event()

    async def work() -> None:
        await anyio.sleep(3)
        finished.set()

    async with TaskSupervisor() as supervisor:
        with anyio.move_on_after(1):
            await supervisor.run_shielded(work)
        assert not finished.is_set()
        await anyio.sleep(2.5)
        assert finished.is_set()


async def test_closing_waits_for_work_that_must_finish_but_no_longer_than_the_grace() -> None:
    ended: list[str] = []

    async def work(seconds: float) -> None:
        await anyio.sleep(seconds)
        ended.append(f"{seconds:g} s")

    started = anyio.current_time()
    with anyio.CancelScope() as call:
        async with TaskSupervisor() as supervisor, anyio.create_task_group() as callers:
            callers.start_soon(supervisor.run_shielded, lambda: work(GRACE_SECONDS - 1))
            callers.start_soon(supervisor.run_shielded, lambda: work(GRACE_SECONDS + 60))
            await anyio.lowlevel.checkpoint()
            call.cancel()
    assert ended == ["2.5 s"]
    assert anyio.current_time() - started == pytest.approx(GRACE_SECONDS, abs=0.2)


async def test_closing_stops_shared_work_at_once() -> None:
    started = anyio.current_time()
    with anyio.CancelScope() as call:
        async with TaskSupervisor() as supervisor, anyio.create_task_group() as callers:
            callers.start_soon(supervisor.single_flight, "read", lambda: anyio.sleep(60))
            await anyio.lowlevel.checkpoint()
            call.cancel()
    assert anyio.current_time() - started < 1


async def test_equal_reads_in_flight_run_once_and_later_ones_anew() -> None:
    runs = 0

    async def work() -> int:
        nonlocal runs
        runs += 1
        await anyio.sleep(1)
        return runs

    answers: list[int] = []

    async def call(supervisor: TaskSupervisor) -> None:
        answers.append(await supervisor.single_flight("same", work))

    async with TaskSupervisor() as supervisor:
        async with anyio.create_task_group() as callers:
            for _ in range(3):
                callers.start_soon(call, supervisor)
        await call(supervisor)
    assert answers == [1, 1, 1, 2]


async def test_shared_work_outlives_its_first_caller_and_stops_with_its_last() -> None:
    stopped = anyio.Event()

    async def work() -> str:
        try:
            await anyio.sleep(10)
        except anyio.get_cancelled_exc_class():
            stopped.set()
            raise
        return "answer"

    async with TaskSupervisor() as supervisor:

        async def leave_after(seconds: float) -> None:
            with anyio.move_on_after(seconds):
                await supervisor.single_flight("same", work)

        async with anyio.create_task_group() as callers:
            callers.start_soon(leave_after, 1)
            callers.start_soon(leave_after, 3)
            await anyio.sleep(2)
            assert not stopped.is_set()
        await anyio.sleep(0.1)
        assert stopped.is_set()


async def test_a_caller_that_comes_while_abandoned_work_is_ending_gets_work_of_its_own() -> None:
    async def work() -> str:
        await anyio.sleep(2)
        return "answer"

    async with TaskSupervisor() as supervisor:
        with anyio.move_on_after(1):
            await supervisor.single_flight("same", work)
        assert await supervisor.single_flight("same", work) == "answer"


async def test_work_needs_an_open_supervisor() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await TaskSupervisor().run_shielded(lambda: anyio.lowlevel.checkpoint())


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError, match=r"^plain$"):
        async with TaskSupervisor():
            raise LookupError("plain")
