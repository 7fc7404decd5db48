"""Storage that does not answer at all: a database server that is frozen, a file system that hangs."""

import contextlib
import threading

import anyio
import pytest

from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.store.worker import Worker
from tests.support import PATIENCE


async def test_frozen_storage_holds_up_one_step_and_is_used_again_once_it_answers() -> None:
    worker = Worker(at_once=1, seconds=0.2)
    thawed = threading.Event()
    with anyio.fail_after(PATIENCE):
        with pytest.raises(JournalError, match="its storage does not answer"):
            await worker.run(lambda: thawed.wait(2 * PATIENCE))
        for _ in range(1_000):  # each of which would wait as long as the first
            with pytest.raises(JournalError, match="its storage does not answer"):
                await worker.run(lambda: "done")
        thawed.set()
        answered = ""
        while not answered:
            await anyio.sleep(0.01)
            with contextlib.suppress(JournalError):
                answered = await worker.run(lambda: "done")
    assert answered == "done"


async def test_all_of_several_frozen_steps_have_to_end_before_the_next_begins() -> None:
    worker = Worker(at_once=2, seconds=0.2)
    thawed = [threading.Event(), threading.Event()]

    async def freeze(event: threading.Event) -> None:
        with pytest.raises(JournalError):
            await worker.run(lambda: event.wait(2 * PATIENCE))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            for event in thawed:
                group.start_soon(freeze, event)
        thawed[1].set()
        await anyio.sleep(0.1)
        with pytest.raises(JournalError):
            await worker.run(lambda: "done")
        thawed[0].set()
        while True:
            await anyio.sleep(0.01)
            with contextlib.suppress(JournalError):
                assert await worker.run(lambda: "done") == "done"
                break


async def test_a_step_that_ends_after_it_was_given_up_is_undone_before_another_begins() -> None:
    worker = Worker(at_once=1, seconds=0.2)
    thawed = threading.Event()
    done: list[str] = []

    def commit_late() -> None:
        thawed.wait(2 * PATIENCE)
        done.append("committed")

    with anyio.fail_after(PATIENCE):
        with pytest.raises(JournalError):
            await worker.run(commit_late, undo=lambda: done.append("undone"))
        assert done == []
        thawed.set()
        while done[-1:] != ["next"]:
            with contextlib.suppress(JournalError):
                await worker.run(lambda: done.append("next"))
            await anyio.sleep(0.01)
    assert done == ["committed", "undone", "next"]


async def test_a_step_that_ends_in_time_is_not_undone_and_one_that_fails_has_nothing_to_undo() -> None:
    worker = Worker(at_once=1)
    undone: list[str] = []
    assert await worker.run(lambda: "done", undo=lambda: undone.append("first")) == "done"
    with pytest.raises(JournalError, match="its disk is gone"):
        await worker.run(lambda: _fail("its disk is gone"), undo=lambda: undone.append("second"))
    assert undone == []


def _fail(reason: str) -> None:
    raise JournalError(reason)


async def test_a_caller_that_leaves_does_not_wait_for_its_step_nor_stop_the_next() -> None:
    worker = Worker(at_once=1)
    goes_on = threading.Event()
    with anyio.move_on_after(0.2) as left:
        await worker.run(lambda: goes_on.wait(2 * PATIENCE))
    assert left.cancelled_caught
    with anyio.fail_after(PATIENCE):
        assert await worker.run(lambda: "done") == "done"
    goes_on.set()
