"""What an order may cost: prices, the caller's budget, the day's limit."""

from __future__ import annotations

import anyio
import pytest

from layers_mcp.api.errors import (
    BillingExhausted,
    KillSwitch,
    LayersError,
    Lost,
    Unauthenticated,
)
from layers_mcp.context import ToolContext
from layers_mcp.operations import Limits, OperationError
from layers_mcp.sandbox import Fault
from tests.support.order_harness import CLONE, GENERATE, OrderHarness

pytestmark = pytest.mark.jumping


async def test_an_estimate_above_max_credits_is_refused_before_anything_is_spent(harness: OrderHarness) -> None:
    with pytest.raises(OperationError) as raised:
        await harness.orders.place(harness.clone(variations=2), Limits(max_credits=239))
    assert (raised.value.code, raised.value.nothing_changed) == ("MAX_CREDITS", True)
    assert raised.value.reason == "The estimate of 240 credits is above max_credits of 239."
    assert harness.posts() == 0
    assert (await harness.orders.place(harness.clone(variations=2), Limits(max_credits=240))).estimated_credits == 240


async def test_max_credits_is_no_part_of_the_order_and_does_not_concern_a_known_one(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    assert (await harness.orders.place(harness.clone(), Limits(max_credits=1))).replayed


async def test_without_an_estimate_max_credits_refuses(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="status", status=403))
    with pytest.raises(OperationError, match="max_credits cannot be held") as raised:
        await harness.orders.place(harness.clone(), Limits(max_credits=10_000))
    assert "fewer" not in raised.value.next_step
    unpriced = await harness.orders.place(harness.clone())
    assert unpriced.estimated_credits is None


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (503, KillSwitch)])
async def test_a_key_that_can_order_nothing_is_told_before_any_budget_and_in_a_preview(
    harness: OrderHarness, status: int, error: type[LayersError]
) -> None:
    known = (await harness.orders.place(harness.clone(take=9))).record
    key = "lp_test_wrong" if status == 401 else harness.sandbox.api_key
    if status == 503:
        harness.sandbox.suspend()
    organization = "" if status == 503 else harness.sandbox.agency
    async with harness.open(api_key=key, organization=organization, daily_credit_limit=5) as context:
        for ordering in (
            context.operations.orders.place(harness.clone()),
            context.operations.orders.place(harness.clone(), Limits(max_credits=1)),
            context.operations.orders.preview(harness.clone()),
        ):
            with pytest.raises(error) as raised:
                await ordering
            assert raised.value.nothing_changed
        if status == 503:  # the key's organization is known all the same
            assert (await context.operations.orders.place(harness.clone(take=9))).record.job_id == known.job_id
    assert harness.posts() == 1


async def test_prices_that_do_not_come_in_time_hold_up_no_order(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=60))
    start = anyio.current_time()
    assert (await harness.orders.place(harness.clone())).estimated_credits is None
    assert anyio.current_time() - start < 6


async def test_the_daily_limit_refuses_before_any_request_that_spends(harness: OrderHarness) -> None:
    async with harness.open(daily_credit_limit=250) as context:
        await context.operations.orders.place(harness.clone())
        await context.operations.orders.place(harness.generate(format="slideshow_remix"))
        posts = harness.posts()
        with pytest.raises(OperationError) as raised:
            await context.operations.orders.place(harness.clone(take=2))
        assert (raised.value.code, raised.value.nothing_changed) == ("DAILY_LIMIT", True)
        assert harness.posts() == posts
        preview = await context.operations.orders.preview(harness.clone(take=2), Limits(max_credits=100))
        assert any("would pass the daily limit of 250 credits: 170 are ordered today" in note for note in preview.notes)
        assert any("above max_credits of 100" in note for note in preview.notes)
        assert (await context.operations.orders.place(harness.clone())).replayed
        harness.clock.move(days=1)
        assert not (await context.operations.orders.place(harness.clone(take=2))).replayed


async def test_the_daily_limit_holds_for_orders_placed_at_once(harness: OrderHarness) -> None:
    refused = []

    async def place(context: ToolContext, take: int) -> None:
        try:
            await context.operations.orders.place(harness.clone(take=take))
        except OperationError:
            refused.append(take)

    async with (
        harness.open(daily_credit_limit=360) as one,
        harness.open(daily_credit_limit=360) as other,
        anyio.create_task_group() as group,
    ):
        for take in range(1, 9):
            group.start_soon(place, (one, other)[take % 2], take)
    assert len(refused) == 5
    assert sum(harness.charges()) <= 360


async def test_a_refusal_gives_back_what_it_held_of_the_daily_limit_and_an_unknown_order_does_not(
    harness: OrderHarness,
) -> None:
    async with harness.open(daily_credit_limit=120) as context:
        harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=402))
        with pytest.raises(BillingExhausted):
            await context.operations.orders.place(harness.clone())
        harness.sandbox.faults[:] = [Fault(endpoint=CLONE, kind="drop_before")]
        with pytest.raises(Lost):
            await context.operations.orders.place(harness.clone(take=2))
        harness.sandbox.faults.clear()
        with pytest.raises(OperationError, match="daily limit"):
            await context.operations.orders.place(harness.clone(take=3))


async def test_with_a_daily_limit_an_order_without_an_estimate_is_refused(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="status", status=403))
    async with harness.open(daily_credit_limit=1000) as context:
        with pytest.raises(OperationError, match="the daily limit cannot be held") as raised:
            await context.operations.orders.place(harness.clone())
        preview = await context.operations.orders.preview(harness.clone())
    assert raised.value.code == "DAILY_LIMIT"
    assert any("the daily limit cannot be held" in note for note in preview.notes)


async def test_a_budget_is_held_when_an_unanswered_order_is_sent_again_and_a_dry_run_says_so(
    harness: OrderHarness,
) -> None:
    await harness.lose(harness.generate(), "drop_before")
    posts = harness.posts()
    with pytest.raises(OperationError, match="above max_credits of 10") as raised:
        await harness.orders.place(harness.generate(), Limits(max_credits=10))
    assert not raised.value.nothing_changed, "the order may be placed already"
    preview = await harness.orders.preview(harness.generate(), Limits(max_credits=10))
    assert any("above max_credits of 10" in note for note in preview.notes)
    assert (harness.posts(), harness.charges()) == (posts, [])
    assert (await harness.orders.place(harness.generate(), Limits(max_credits=120))).recovered


async def test_the_limit_of_the_day_of_sending_is_held_when_an_unanswered_order_is_sent_again(
    harness: OrderHarness,
) -> None:
    async with harness.open(daily_credit_limit=240) as context:
        harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_before"))
        with pytest.raises(LayersError):
            await context.operations.orders.place(harness.generate())
        harness.sandbox.faults.clear()
        harness.clock.move(hours=16)
        await context.operations.orders.place(harness.clone(variations=2))
        posts = harness.posts()
        with pytest.raises(OperationError, match="would pass the daily limit") as raised:
            await context.operations.orders.place(harness.generate())
        assert (raised.value.code, harness.posts()) == ("DAILY_LIMIT", posts)
        preview = await context.operations.orders.preview(harness.generate())
        assert any("would pass the daily limit" in note for note in preview.notes)
    assert harness.charges() == [240]
