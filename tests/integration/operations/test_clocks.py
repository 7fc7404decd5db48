"""Machines whose clocks are wrong: by upstream's time, every process agrees how old an order is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.order_harness import CLONE, GENERATE, OrderHarness

pytestmark = pytest.mark.jumping

RIGHT = timedelta()


def lose(harness: OrderHarness, kind: str) -> None:
    harness.sandbox.faults += [Fault(endpoint=where, kind=kind) for where in (CLONE, GENERATE)]


@pytest.mark.parametrize("hours", [5, -5])
async def test_a_clock_that_is_set_right_unseen_does_not_prolong_the_time_for_sending_again(
    harness: OrderHarness, hours: float
) -> None:
    async with harness.on_a_clock(timedelta(hours=hours)) as wrong:
        lose(harness, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await wrong.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
    posts = harness.posts()
    harness.clock.move(hours=24.5)
    async with harness.on_a_clock(RIGHT) as right:
        found = await right.operations.orders.place(harness.generate())
    assert (found.recovered, found.record.status) == (True, "completed")
    assert harness.posts() == posts
    assert len(harness.charges()) == 1


async def test_an_order_is_dated_right_though_the_clock_was_set_wrong_while_the_server_ran(
    harness: OrderHarness,
) -> None:
    ahead = RIGHT
    async with harness.on_a_clock(lambda: ahead) as running:
        await running.api.whoami()
        ahead = timedelta(hours=5)
        lose(harness, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await running.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
        harness.clock.move(hours=24.5)
        ahead, posts = RIGHT, harness.posts()
        found = await running.operations.orders.place(harness.generate())
    assert (found.recovered, harness.posts(), len(harness.charges())) == (True, posts, 1)


async def test_a_clock_that_is_set_back_while_the_server_runs_does_not_prolong_the_time_for_sending_again(
    harness: OrderHarness,
) -> None:
    ahead = RIGHT
    async with harness.on_a_clock(lambda: ahead) as running:
        lose(harness, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await running.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
        harness.clock.move(hours=24.5)
        ahead, posts = timedelta(hours=-3), harness.posts()
        found = await running.operations.orders.place(harness.generate())
    assert (found.recovered, harness.posts(), len(harness.charges())) == (True, posts, 1)


@pytest.mark.parametrize("hours", [5, -5, 0.2])
async def test_a_wrong_clock_ends_no_time_for_sending_again_that_upstreams_clock_leaves(
    harness: OrderHarness, hours: float
) -> None:
    async with harness.on_a_clock(timedelta(hours=hours)) as wrong:
        lose(harness, "drop_before")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await wrong.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
    async with harness.on_a_clock(RIGHT) as right:
        assert (await right.operations.orders.place(harness.generate())).recovered
    assert len(harness.charges()) == 1


@pytest.mark.parametrize("dated", [True, False])
async def test_an_order_of_a_clock_two_minutes_fast_is_found_upstream_under_another_key(
    harness: OrderHarness, dated: bool
) -> None:
    async with harness.on_a_clock(timedelta(minutes=2), dated=dated) as fast:
        lose(harness, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await fast.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
    async with harness.on_a_clock(RIGHT, dated=dated, api_key=harness.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(harness.generate())).recovered
    assert len(harness.charges()) == 1


async def test_without_upstreams_time_a_clock_that_went_backwards_ends_the_time_for_good(harness: OrderHarness) -> None:
    async with harness.on_a_clock(RIGHT, dated=False) as context:
        lose(harness, "drop_before")
        for order in (harness.generate(), harness.clone()):
            with pytest.raises(Exception, match="UNREACHABLE"):
                await context.operations.orders.place(order)
        harness.sandbox.faults.clear()
    posts = harness.posts()
    for hours in (-2, 3):
        async with harness.on_a_clock(timedelta(hours=hours), dated=False) as later:
            with pytest.raises(OperationError, match="no longer safe to send again"):
                await later.operations.orders.place(harness.generate())
    assert harness.posts() == posts
    async with harness.on_a_clock(RIGHT, dated=False) as context:
        assert (await context.operations.orders.place(harness.clone())).recovered


async def test_the_day_of_a_daily_limit_is_upstreams(harness: OrderHarness) -> None:
    async with harness.on_a_clock(timedelta(hours=15), daily_credit_limit=120) as tomorrow:
        await tomorrow.operations.orders.place(harness.clone())
    async with harness.on_a_clock(RIGHT, daily_credit_limit=120) as today:
        with pytest.raises(OperationError, match="120 are ordered today"):
            await today.operations.orders.place(harness.clone(take=2))


async def test_an_order_is_dated_by_upstreams_clock(harness: OrderHarness) -> None:
    async with harness.on_a_clock(timedelta(days=3)) as wrong:
        placed = await wrong.operations.orders.place(harness.clone())
    assert abs(placed.record.ordered_at - START) < timedelta(minutes=1)
