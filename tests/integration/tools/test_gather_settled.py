"""Reads side by side: none hides another, none holds the call."""

import anyio
import pytest

from layers_mcp.api.errors import LayersError, NotFound, TimedOut
from layers_mcp.lifecycle import Deadline
from layers_mcp.tools._gather_settled import AT_ONCE, GatherSettled


async def answer(value: int) -> int:
    return value


async def fail() -> int:
    raise NotFound("Nothing there.")


async def test_a_failure_stands_in_place_of_its_answer_only():
    async with GatherSettled(Deadline()) as reads:
        good, bad = reads.start(answer, 7), reads.start(fail)
    assert good.outcome == 7
    assert isinstance(bad.outcome, NotFound)


@pytest.mark.jumping
async def test_a_read_without_an_end_times_out_and_the_others_are_there():
    started = anyio.current_time()
    async with GatherSettled(Deadline(), seconds=35) as reads:
        endless, good = reads.start(anyio.sleep_forever), reads.start(answer, 7)
    assert isinstance(endless.outcome, TimedOut)
    assert good.outcome == 7
    assert anyio.current_time() - started == pytest.approx(35, abs=0.5)


@pytest.mark.jumping
@pytest.mark.parametrize(("left", "took"), [(60, 35), (43, 35), (20, 17), (2, 0)])
async def test_reads_without_an_end_leave_the_call_the_time_to_answer(left: float, took: float):
    started = anyio.current_time()
    async with GatherSettled(Deadline(left)) as reads:
        endless = reads.start(anyio.sleep_forever)
    assert isinstance(endless.outcome, TimedOut)
    assert endless.or_else("unread") == "unread"
    assert anyio.current_time() - started == pytest.approx(took, abs=0.5)


async def test_no_more_than_a_few_run_at_once():
    running, most = 0, 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.lowlevel.checkpoint()
        running -= 1

    async with GatherSettled(Deadline()) as reads:
        for _ in range(5 * AT_ONCE):
            reads.start(work)
    assert most == AT_ONCE


async def test_a_mistake_of_ours_is_no_outcome():
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as group:
        async with GatherSettled(Deadline()) as reads:
            reads.start(broken)
    assert not group.group_contains(LayersError)
