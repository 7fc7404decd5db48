"""Several calls at once, and callers that go away."""

from __future__ import annotations

import anyio
import pytest

from layers_mcp.api.errors import (
    BillingExhausted,
)
from layers_mcp.context import ToolContext
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support.shop import CLONE, GENERATE, Shop

pytestmark = pytest.mark.jumping


async def test_calls_at_once_of_one_process_send_one_request(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(shop.orders.place, shop.clone())
    assert shop.posts() == 1


async def test_calls_at_once_of_several_processes_are_one_order(shop: Shop) -> None:
    async with shop.open() as other, anyio.create_task_group() as group:
        for orders in (shop.orders, shop.orders, other.operations.orders):
            group.start_soon(orders.place, shop.clone())
            group.start_soon(orders.place, shop.generate())
    assert len(shop.charges()) == 2


async def test_a_call_that_waited_for_another_which_was_refused_orders_anew(shop: Shop) -> None:
    shop.sandbox.faults += [
        Fault(endpoint=CLONE, kind="latency", seconds=3, calls=(1,)),
        Fault(endpoint=CLONE, kind="status", status=402, calls=(1,)),
    ]

    async def refused() -> None:
        with pytest.raises(BillingExhausted):
            await shop.orders.place(shop.clone())

    async with anyio.create_task_group() as group:
        group.start_soon(refused)
        await anyio.sleep(1)
        second = await shop.orders.place(shop.clone())
    assert (second.replayed, second.record.status) == (False, "running")
    assert len(shop.charges()) == 1


async def test_an_order_on_its_way_is_finished_without_its_caller(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    with anyio.move_on_after(2) as patience:
        await shop.orders.place(shop.clone())
    assert patience.cancelled_caught
    await anyio.sleep(5)
    [order] = await shop.since()
    assert order.status == "running"
    assert order.job_id


async def test_an_order_on_its_way_again_is_finished_without_its_caller(shop: Shop) -> None:
    await shop.lose(shop.clone(), "drop_before")
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    with anyio.move_on_after(2) as patience:
        await shop.orders.place(shop.clone())
    assert patience.cancelled_caught
    await anyio.sleep(5)
    [order] = await shop.since()
    assert order.status == "running"


async def test_an_order_on_its_way_is_finished_when_the_server_closes(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with shop.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(shop.clone())
    [order] = await shop.since()
    assert order.status == "running"


async def test_a_caller_that_leaves_before_anything_was_sent_orders_nothing(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=3))
    with anyio.move_on_after(1):
        await shop.orders.place(shop.clone())
    await anyio.sleep(10)
    assert shop.posts() == 0
    assert await shop.since() == []


async def test_a_second_key_waits_for_the_first_ones_order_and_returns_it(shop: Shop) -> None:
    """A row in flight is no unanswered one: nothing is looked for, and no other take is offered."""
    shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=4))
    jobs: list[str] = []

    async def place(ws: ToolContext) -> None:
        placed = await ws.operations.orders.place(shop.generate())
        jobs.append(placed.record.job_id)

    async with shop.open(api_key=shop.sandbox.issue_key()) as other, anyio.create_task_group() as group:
        group.start_soon(place, shop.ws)
        await anyio.sleep(1)
        group.start_soon(place, other)
    assert len(set(jobs)) == 1
    assert len(shop.charges()) == 1


async def test_a_call_whose_time_is_up_while_another_places_its_order_offers_no_other_take(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20))
    async with shop.open() as other, anyio.create_task_group() as group:
        group.start_soon(shop.orders.place, shop.generate())
        await anyio.sleep(1)
        preview = await other.operations.orders.preview(shop.generate())
        assert (preview.record.status, preview.notes) == ("unknown", ("Another call is placing this order right now.",))
        for orders in (other.operations.orders, shop.orders):
            began = anyio.current_time()
            with pytest.raises(OperationError) as raised:
                await orders.place(shop.generate(), deadline=began + 5)
            assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_IN_PROGRESS", False)
            assert "take" not in raised.value.reason + raised.value.next_step
            assert anyio.current_time() - began <= 5
    assert (await shop.orders.place(shop.generate())).replayed
    assert len(shop.charges()) == 1


async def test_a_caller_whose_own_order_is_too_slow_is_told_so_and_the_order_goes_on(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=20))
    with pytest.raises(OperationError) as raised:
        await shop.orders.place(shop.clone(), deadline=anyio.current_time() + 10)
    assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_IN_PROGRESS", False)
    await anyio.sleep(11)
    assert [order.status for order in await shop.since()] == ["running"]


async def test_an_attempt_that_died_is_watched_for_a_while_and_then_sent_again(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=20, calls=(1,)))
    async with shop.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(shop.clone())
        # it leaves now: an attempt of 20 seconds outlasts the grace of a closing server
    began = anyio.current_time()
    assert (await shop.orders.place(shop.clone())).recovered
    assert 7 < anyio.current_time() - began < 15
    assert len(shop.charges()) == 1


async def test_of_several_that_see_an_attempt_dead_one_sends_it_again(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20, calls=(1,)))
    async with shop.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.orders.place(shop.generate())
    posts = shop.posts()
    async with shop.open() as one, shop.open() as other, anyio.create_task_group() as group:
        for orders in (shop.orders, one.operations.orders, other.operations.orders):
            group.start_soon(orders.place, shop.generate())
    assert shop.posts() == posts + 1
    assert len(shop.charges()) == 1


async def test_an_attempt_that_takes_long_is_not_taken_for_dead(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="latency", seconds=20))
    async with shop.open() as other, anyio.create_task_group() as group:
        group.start_soon(shop.orders.place, shop.generate())
        await anyio.sleep(1)
        group.start_soon(other.operations.orders.place, shop.generate())
    assert shop.posts() == 1
    assert [event for event in shop.events() if event == "AttemptStarted"] == ["AttemptStarted"]
