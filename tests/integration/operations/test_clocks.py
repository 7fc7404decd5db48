"""Machines whose clocks are wrong: by upstream's time, every process agrees how old an order is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.shop import CLONE, GENERATE, Shop

pytestmark = pytest.mark.jumping

RIGHT = timedelta()


def lose(shop: Shop, kind: str) -> None:
    shop.sandbox.faults += [Fault(endpoint=where, kind=kind) for where in (CLONE, GENERATE)]


@pytest.mark.parametrize("hours", [5, -5])
async def test_a_clock_that_is_set_right_unseen_does_not_prolong_the_time_for_sending_again(
    shop: Shop, hours: float
) -> None:
    async with shop.on_a_clock(timedelta(hours=hours)) as wrong:
        lose(shop, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await wrong.operations.orders.place(shop.generate())
        shop.sandbox.faults.clear()
    posts = shop.posts()
    shop.clock.move(hours=24.5)
    async with shop.on_a_clock(RIGHT) as right:
        found = await right.operations.orders.place(shop.generate())
    assert (found.recovered, found.record.status) == (True, "completed")
    assert shop.posts() == posts
    assert len(shop.charges()) == 1


async def test_an_order_is_dated_right_though_the_clock_was_set_wrong_while_the_server_ran(shop: Shop) -> None:
    ahead = RIGHT
    async with shop.on_a_clock(lambda: ahead) as running:
        await running.api.whoami()
        ahead = timedelta(hours=5)
        lose(shop, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await running.operations.orders.place(shop.generate())
        shop.sandbox.faults.clear()
        shop.clock.move(hours=24.5)
        ahead, posts = RIGHT, shop.posts()
        found = await running.operations.orders.place(shop.generate())
    assert (found.recovered, shop.posts(), len(shop.charges())) == (True, posts, 1)


async def test_a_clock_that_is_set_back_while_the_server_runs_does_not_prolong_the_time_for_sending_again(
    shop: Shop,
) -> None:
    ahead = RIGHT
    async with shop.on_a_clock(lambda: ahead) as running:
        lose(shop, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await running.operations.orders.place(shop.generate())
        shop.sandbox.faults.clear()
        shop.clock.move(hours=24.5)
        ahead, posts = timedelta(hours=-3), shop.posts()
        found = await running.operations.orders.place(shop.generate())
    assert (found.recovered, shop.posts(), len(shop.charges())) == (True, posts, 1)


@pytest.mark.parametrize("hours", [5, -5, 0.2])
async def test_a_wrong_clock_ends_no_time_for_sending_again_that_upstreams_clock_leaves(
    shop: Shop, hours: float
) -> None:
    async with shop.on_a_clock(timedelta(hours=hours)) as wrong:
        lose(shop, "drop_before")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await wrong.operations.orders.place(shop.generate())
        shop.sandbox.faults.clear()
    async with shop.on_a_clock(RIGHT) as right:
        assert (await right.operations.orders.place(shop.generate())).recovered
    assert len(shop.charges()) == 1


@pytest.mark.parametrize("dated", [True, False])
async def test_an_order_of_a_clock_two_minutes_fast_is_found_upstream_under_another_key(
    shop: Shop, dated: bool
) -> None:
    async with shop.on_a_clock(timedelta(minutes=2), dated=dated) as fast:
        lose(shop, "drop_after")
        with pytest.raises(Exception, match="UNREACHABLE"):
            await fast.operations.orders.place(shop.generate())
        shop.sandbox.faults.clear()
    async with shop.on_a_clock(RIGHT, dated=dated, api_key=shop.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(shop.generate())).recovered
    assert len(shop.charges()) == 1


async def test_without_upstreams_time_a_clock_that_went_backwards_ends_the_time_for_good(shop: Shop) -> None:
    async with shop.on_a_clock(RIGHT, dated=False) as ws:
        lose(shop, "drop_before")
        for order in (shop.generate(), shop.clone()):
            with pytest.raises(Exception, match="UNREACHABLE"):
                await ws.operations.orders.place(order)
        shop.sandbox.faults.clear()
    posts = shop.posts()
    for hours in (-2, 3):
        async with shop.on_a_clock(timedelta(hours=hours), dated=False) as later:
            with pytest.raises(OperationError, match="no longer safe to send again"):
                await later.operations.orders.place(shop.generate())
    assert shop.posts() == posts
    async with shop.on_a_clock(RIGHT, dated=False) as ws:
        assert (await ws.operations.orders.place(shop.clone())).recovered


async def test_the_day_of_a_daily_limit_is_upstreams(shop: Shop) -> None:
    async with shop.on_a_clock(timedelta(hours=15), daily_credit_limit=120) as tomorrow:
        await tomorrow.operations.orders.place(shop.clone())
    async with shop.on_a_clock(RIGHT, daily_credit_limit=120) as today:
        with pytest.raises(OperationError, match="120 are ordered today"):
            await today.operations.orders.place(shop.clone(take=2))


async def test_an_order_is_dated_by_upstreams_clock(shop: Shop) -> None:
    async with shop.on_a_clock(timedelta(days=3)) as wrong:
        placed = await wrong.operations.orders.place(shop.clone())
    assert abs(placed.record.ordered_at - START) < timedelta(minutes=1)
