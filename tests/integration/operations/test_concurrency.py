"""Several calls at once, and callers that go away."""

from __future__ import annotations

import anyio
import pytest

from layers_mcp.api.errors import (
    BillingExhausted,
)
from layers_mcp.context import ToolContext
from layers_mcp.lifecycle import Deadline
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support.order_harness import CLONE, GENERATE, OrderHarness

pytestmark = pytest.mark.jumping


async def test_calls_at_once_of_one_process_send_one_request(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(harness.orders.place, harness.clone())
    assert harness.posts() == 1


async def test_calls_at_once_of_several_processes_are_one_order(harness: OrderHarness) -> None:
    async with harness.open() as other, anyio.create_task_group() as group:
        for orders in (harness.orders, harness.orders, other.operations.orders):
            group.start_soon(orders.place, harness.clone())
            group.start_soon(orders.place, harness.generate())
    assert len(harness.charges()) == 2


async def test_a_call_that_waited_for_another_which_was_refused_orders_anew(harness: OrderHarness) -> None:
    harness.sandbox.faults += [
        Fault(endpoint=CLONE, kind="latency", seconds=3, calls=(1,)),
        Fault(endpoint=CLONE, kind="status", status=402, calls=(1,)),
    ]

    async def refused() -> None:
        with pytest.raises(BillingExhausted):
            await harness.orders.place(harness.clone())

    async with anyio.create_task_group() as group:
        group.start_soon(refused)
        await anyio.sleep(1)
        second = await harness.orders.place(harness.clone())
    assert (second.replayed, second.record.status) == (False, "running")
    assert len(harness.charges()) == 1


async def test_an_order_on_its_way_is_finished_without_its_caller(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    with anyio.move_on_after(2) as patience:
        await harness.orders.place(harness.clone())
    assert patience.cancelled_caught
    await anyio.sleep(5)
    [order] = await harness.since()
    assert order.status == "running"
    assert order.job_id


async def test_an_order_on_its_way_again_is_finished_without_its_caller(harness: OrderHarness) -> None:
    await harness.lose(harness.clone(), "drop_before")
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    with anyio.move_on_after(2) as patience:
        await harness.orders.place(harness.clone())
    assert patience.cancelled_caught
    await anyio.sleep(5)
    [order] = await harness.since()
    assert order.status == "running"


async def test_an_order_on_its_way_is_finished_when_the_server_closes(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with harness.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(harness.clone())
    [order] = await harness.since()
    assert order.status == "running"


async def test_a_caller_that_leaves_before_anything_was_sent_orders_nothing(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=3))
    with anyio.move_on_after(1):
        await harness.orders.place(harness.clone())
    await anyio.sleep(10)
    assert harness.posts() == 0
    assert await harness.since() == []


async def test_a_second_key_waits_for_the_first_ones_order_and_returns_it(harness: OrderHarness) -> None:
    """A row in flight is no unanswered one: nothing is looked for, and no other take is offered."""
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=4))
    jobs: list[str] = []

    async def place(context: ToolContext) -> None:
        placed = await context.operations.orders.place(harness.generate())
        jobs.append(placed.record.job_id)

    async with harness.open(api_key=harness.sandbox.issue_key()) as other, anyio.create_task_group() as group:
        group.start_soon(place, harness.context)
        await anyio.sleep(1)
        group.start_soon(place, other)
    assert len(set(jobs)) == 1
    assert len(harness.charges()) == 1


async def test_a_call_whose_time_is_up_while_another_places_its_order_offers_no_other_take(
    harness: OrderHarness,
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20))
    async with harness.open() as other, anyio.create_task_group() as group:
        group.start_soon(harness.orders.place, harness.generate())
        await anyio.sleep(1)
        preview = await other.operations.orders.preview(harness.generate())
        assert (preview.record.status, preview.notes) == ("unknown", ("Another call is placing this order right now.",))
        for orders in (other.operations.orders, harness.orders):
            began = anyio.current_time()
            with pytest.raises(OperationError) as raised:
                await orders.place(harness.generate(), deadline=Deadline(5))
            assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_IN_PROGRESS", False)
            assert "take" not in raised.value.reason + raised.value.next_step
            assert anyio.current_time() - began <= 5
    assert (await harness.orders.place(harness.generate())).replayed
    assert len(harness.charges()) == 1


async def test_a_caller_whose_own_order_is_too_slow_is_told_so_and_the_order_goes_on(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=20))
    with pytest.raises(OperationError) as raised:
        await harness.orders.place(harness.clone(), deadline=Deadline(10))
    assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_IN_PROGRESS", False)
    await anyio.sleep(11)
    assert [order.status for order in await harness.since()] == ["running"]


async def test_a_caller_that_keeps_time_for_its_answer_stops_waiting_that_much_sooner(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=8))
    began = anyio.current_time()
    with pytest.raises(OperationError, match="is on its way"):
        await harness.orders.place(harness.clone(), deadline=Deadline(10), keep=4)
    assert anyio.current_time() - began == pytest.approx(6, abs=0.5)
    assert (await harness.orders.place(harness.clone(), deadline=Deadline(10))).replayed


async def test_an_attempt_that_died_is_watched_for_a_while_and_then_sent_again(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=20, calls=(1,)))
    async with harness.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(harness.clone())
        # it leaves now: an attempt of 20 seconds outlasts the grace of a closing server
    began = anyio.current_time()
    assert (await harness.orders.place(harness.clone())).recovered
    assert 7 < anyio.current_time() - began < 15
    assert len(harness.charges()) == 1


async def test_of_several_that_see_an_attempt_dead_one_sends_it_again(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20, calls=(1,)))
    async with harness.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(harness.generate())
    posts = harness.posts()
    async with harness.open() as one, harness.open() as other, anyio.create_task_group() as group:
        for orders in (harness.orders, one.operations.orders, other.operations.orders):
            group.start_soon(orders.place, harness.generate())
    assert harness.posts() == posts + 1
    assert len(harness.charges()) == 1


async def test_an_attempt_that_takes_long_is_not_taken_for_dead(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20))
    async with harness.open() as other, anyio.create_task_group() as group:
        group.start_soon(harness.orders.place, harness.generate())
        await anyio.sleep(1)
        group.start_soon(other.operations.orders.place, harness.generate())
    assert harness.posts() == 1
    assert [event for event in harness.events() if event == "AttemptStarted"] == ["AttemptStarted"]
