"""Storage that does not answer at all: a database server that is frozen, a file system that hangs."""

import contextlib
import threading
from pathlib import Path

import anyio
import pytest

from layers_mcp.operations.access import JournalAccess
from layers_mcp.operations.errors import JournalError
from tests.support.factories import ACME, MORNING


async def test_frozen_storage_holds_up_one_step_and_is_used_again_once_it_answers(tmp_path: Path) -> None:
    journal = JournalAccess("", tmp_path, seconds=0.5)
    thawed = threading.Event()
    with anyio.fail_after(5):
        with pytest.raises(JournalError, match="its storage does not answer"):
            await journal.step(lambda _: thawed.wait(20))
        began = anyio.current_time()
        with pytest.raises(JournalError, match="its storage does not answer"):
            await journal.step(lambda opened: opened.since(ACME, MORNING))
        assert anyio.current_time() - began < 0.4
        assert journal.trouble == "its storage does not answer"
        thawed.set()
        while journal.trouble:
            await anyio.sleep(0.01)
            with contextlib.suppress(JournalError):
                assert await journal.step(lambda opened: opened.since(ACME, MORNING)) == []
    await journal.aclose()


async def test_a_caller_that_leaves_does_not_wait_for_its_step_nor_stop_the_next(tmp_path: Path) -> None:
    journal = JournalAccess("", tmp_path)
    goes_on = threading.Event()
    with anyio.move_on_after(0.2) as left:
        await journal.step(lambda _: goes_on.wait(20))
    assert left.cancelled_caught
    with anyio.fail_after(5):
        assert await journal.step(lambda opened: opened.since(ACME, MORNING)) == []
    goes_on.set()
    await journal.aclose()
