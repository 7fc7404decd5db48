"""Placing orders on the sandbox: what is sent, what is answered from the journal, and what every failure leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from layers_mcp.api.errors import (
    BillingExhausted,
    KillSwitch,
    LayersError,
    Lost,
    NotConfigured,
    RateLimited,
    ServerFault,
    Unauthenticated,
)
from layers_mcp.context import ToolContext
from layers_mcp.operations import CloneOrder, HookOrder, Order, OrderError
from layers_mcp.operations.upstream import find
from layers_mcp.sandbox import Fault, Sandbox
from tests.integration.api.scripted import Upstream, client, ok
from tests.support import START, LoopClock, open_workspace
from tests.support.factories import generate

pytestmark = pytest.mark.jumping

CLONE = "POST /v1/content/:id/clone-from-post"
GENERATE = "POST /v1/projects/:id/content"


Opening = AbstractAsyncContextManager[ToolContext]


class Shop:
    """A sandbox and the workspace that orders from it."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, ws: ToolContext, post: str, state_dir: Path) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.ws = ws
        self.orders = ws.operations
        self.project = sandbox.project_id("acme-todo")
        self.post = post
        self.state_dir = state_dir

    def clone(self, **arguments) -> CloneOrder:
        return CloneOrder(**{"project_id": self.project, "source_platform_post_id": self.post, **arguments})

    def generate(self, hook="Plan less, do more.", **arguments) -> HookOrder:
        return HookOrder(project_id=self.project, hook=hook, **arguments)

    def open(self, **settings) -> Opening:
        """Another process on the same journal."""
        return open_workspace(self.sandbox, self.state_dir, **settings)

    def charges(self) -> list[int]:
        return [-event.credits for event in self.sandbox.ledger() if event.type == "usage"]

    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.sandbox.requests)

    def requests_since(self, before: int) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.sandbox.requests[before:]]

    async def lose(self, order: Order, kind: str = "drop_after") -> None:
        """Place an order whose answer never comes."""
        self.sandbox.faults += [Fault(endpoint=where, kind=kind) for where in (CLONE, GENERATE)]
        with pytest.raises(LayersError) as raised:
            await self.orders.place(order)
        assert not raised.value.nothing_changed
        self.sandbox.faults.clear()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_workspace(sandbox, tmp_path) as ws:
            ranking = await ws.api.metrics.top_performers(sandbox.project_id("acme-todo"), metric="views", window="30d")
            yield Shop(sandbox, clock, ws, ranking.items[0].platform_post_id, tmp_path)


# --- new and known orders


async def test_an_order_is_sent_once_and_then_answered_from_the_journal(shop: Shop) -> None:
    first = await shop.orders.place(shop.clone(variations=2))
    again = await shop.orders.place(shop.clone(variations=2))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.record.job_id == first.record.job_id
    assert (
        again.record.ordered_at
        == first.record.ordered_at
        == START.replace(microsecond=first.record.ordered_at.microsecond)
    )
    assert shop.posts() == 1
    assert len(shop.charges()) == 1


async def test_the_answer_to_a_known_order_costs_one_read_of_its_job_until_that_ended(shop: Shop) -> None:
    job = (await shop.orders.place(shop.clone())).record.job_id
    before = len(shop.sandbox.requests)
    assert (await shop.orders.place(shop.clone())).record.status == "running"
    assert shop.requests_since(before) == [f"GET /v1/jobs/{job}"]
    shop.clock.move(minutes=1)
    ended = await shop.orders.place(shop.clone())
    assert ended.record.status == "completed"
    before = len(shop.sandbox.requests)
    assert (await shop.orders.place(shop.clone())).record.status == "completed"
    assert shop.requests_since(before) == []


async def test_a_known_order_whose_job_is_gone_is_read_from_its_container(shop: Shop) -> None:
    first = await shop.orders.place(shop.clone())
    shop.clock.move(minutes=1)
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="status", status=404))
    before = len(shop.sandbox.requests)
    assert (await shop.orders.place(shop.clone())).record.status == "completed"
    assert shop.requests_since(before)[-1] == f"GET /v1/content/{first.record.container_ids[0]}"


async def test_a_known_order_that_cannot_be_read_keeps_its_last_status_and_says_so(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="status", status=403))
    known = await shop.orders.place(shop.clone())
    assert known.record.status == "running"
    assert any("last one known" in note for note in known.notes)
    shop.sandbox.faults[:] = [
        Fault(endpoint="GET /v1/jobs/:id", kind="status", status=404),
        Fault(endpoint="GET /v1/content/:id", kind="status", status=404),
    ]
    assert (await shop.orders.place(shop.clone())).record.status == "running"


async def test_a_rotated_key_of_the_same_organization_sees_the_same_journal(shop: Shop) -> None:
    first = await shop.orders.place(shop.generate())
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        known = await other.operations.place(shop.generate())
    assert (known.replayed, known.record.job_id) == (True, first.record.job_id)
    assert len(shop.charges()) == 1


async def test_the_organization_is_asked_for_once_and_remembered(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    async with shop.open() as restarted:
        await restarted.operations.place(shop.clone(take=2))
    assert [request.path for request in shop.sandbox.requests].count("/v1/whoami") == 1


async def test_an_organization_named_in_the_settings_is_not_asked_for(shop: Shop) -> None:
    async with shop.open(organization=Sandbox.subsidiary) as child:
        with pytest.raises(LayersError):
            await child.operations.place(shop.clone())
    assert "/v1/whoami" not in [request.path for request in shop.sandbox.requests]


async def test_another_organization_neither_sees_nor_replays_an_order(shop: Shop) -> None:
    first = await shop.orders.place(shop.clone())
    async with shop.open(api_key=shop.sandbox.issue_key(organization=Sandbox.stranger)) as stranger:
        assert await stranger.operations.since(START) == []
        assert await stranger.operations.commission_ids(first.record.container_ids) == {}
        with pytest.raises(LayersError) as raised:
            await stranger.operations.place(shop.clone())
    assert raised.value.status == 404


async def test_the_fingerprint_stands_in_until_the_organization_can_be_read(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=404))
    first = await shop.orders.place(shop.generate())
    shop.sandbox.faults.clear()
    assert (await shop.orders.place(shop.generate())).replayed
    async with shop.open(api_key=shop.sandbox.issue_key()) as rotated:
        known = await rotated.operations.place(shop.generate())
    assert known.record.commission_id == first.record.commission_id
    assert len(shop.charges()) == 1


async def test_an_order_that_may_stand_under_a_key_of_unknown_organization_is_not_ordered_again(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=404))
    await shop.orders.place(shop.generate())
    async with shop.open(api_key=shop.sandbox.issue_key()) as rotated:
        with pytest.raises(OrderError) as raised:
            await rotated.operations.place(shop.generate())
    assert raised.value.code == "ORDER_UNKNOWN"
    assert len(shop.charges()) == 1


async def test_without_a_key_what_was_ordered_cannot_be_read(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    async with shop.open(api_key="") as ws:
        assert await ws.operations.since(START) == []


async def test_without_a_key_nothing_is_written_or_sent(shop: Shop, tmp_path: Path) -> None:
    async with open_workspace(shop.sandbox, tmp_path / "fresh", api_key="") as ws:
        with pytest.raises(NotConfigured):
            await ws.operations.place(shop.clone())
        assert await ws.operations.since(START) == []
    assert not (tmp_path / "fresh").exists()


async def test_reading_what_was_ordered_opens_nothing_where_nothing_was_ordered(shop: Shop) -> None:
    before = len(shop.sandbox.requests)
    assert await shop.orders.since(START) == []
    assert await shop.orders.commission_ids(["cnt_1"]) == {}
    assert await shop.orders.variations(["job_1"]) == {}
    assert await shop.orders.cloned_posts(shop.project) == frozenset()
    assert shop.orders.trouble is None
    assert list(shop.state_dir.iterdir()) == []
    assert len(shop.sandbox.requests) == before


async def test_a_job_that_does_not_answer_in_time_holds_up_no_replay(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="latency", seconds=60))
    start = anyio.current_time()
    known = await shop.orders.place(shop.clone())
    assert (known.replayed, known.record.status) == (True, "running")
    assert anyio.current_time() - start < 6


# --- answers that were lost


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "truncate"])
async def test_a_lost_reply_is_recovered_without_a_second_charge(shop: Shop, kind: str) -> None:
    for order in (shop.clone(), shop.generate()):
        await shop.lose(order, kind)
        known = await shop.orders.preview(order)
        assert (known.record.status, known.replayed) == ("unknown", True)
        completed = await shop.orders.place(order)
        assert (completed.replayed, completed.completed_now) == (True, True)
        assert completed.record.status in ("running", "completed")
        assert any("sent again under the same ids, and is charged once" in note for note in completed.notes)
        assert not (await shop.orders.place(order)).completed_now
    assert len(shop.charges()) == 2


async def test_the_first_body_is_the_one_that_is_sent_again(shop: Shop) -> None:
    await shop.lose(shop.generate(theme_tags=("b", "a")))
    again = await shop.orders.place(shop.generate(theme_tags=("a", "b")))
    assert again.completed_now
    assert len(shop.charges()) == 1


async def test_a_refusal_frees_the_order(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=402))
    with pytest.raises(BillingExhausted) as raised:
        await shop.orders.place(shop.clone())
    assert raised.value.nothing_changed
    assert await shop.orders.since(START) == []
    shop.sandbox.faults.clear()
    assert not (await shop.orders.place(shop.clone())).replayed


async def test_a_connection_that_was_never_made_frees_the_order(shop: Shop) -> None:
    shop.sandbox.suspend()
    with pytest.raises(LayersError) as raised:
        await shop.orders.place(shop.clone())
    assert (raised.value.code, raised.value.nothing_changed) == ("KILL_SWITCH", True)
    shop.sandbox.resume()
    assert not (await shop.orders.place(shop.clone())).replayed


@pytest.mark.parametrize(("status", "error"), [(402, BillingExhausted), (429, RateLimited)])
async def test_a_reply_lost_and_then_a_refusal_stay_unknown_and_say_so(
    shop: Shop, status: int, error: type[LayersError]
) -> None:
    await shop.lose(shop.clone())
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=status))
    with pytest.raises(error) as raised:
        await shop.orders.place(shop.clone())
    assert not raised.value.nothing_changed
    assert (await shop.orders.preview(shop.clone())).record.status == "unknown"
    shop.sandbox.faults.clear()
    assert (await shop.orders.place(shop.clone())).completed_now
    assert len(shop.charges()) == 1


async def test_a_server_fault_leaves_the_order_unknown(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=500))
    with pytest.raises(ServerFault) as raised:
        await shop.orders.place(shop.clone())
    assert not raised.value.nothing_changed
    assert [order.status for order in await shop.orders.since(START)] == ["unknown"]


async def test_an_unanswered_clone_is_sent_again_after_a_week_and_under_another_key(shop: Shop) -> None:
    await shop.lose(shop.clone())
    shop.clock.move(days=7)
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        assert (await other.operations.place(shop.clone())).completed_now
    assert len(shop.charges()) == 1


async def test_an_unanswered_generate_that_arrived_is_found_in_the_projects_content(shop: Shop) -> None:
    await shop.lose(shop.generate(variations=2))
    await shop.orders.place(shop.generate("Another hook."))
    shop.clock.move(days=1)
    found = await shop.orders.place(shop.generate(variations=2))
    assert (found.completed_now, found.record.status, found.record.job_id) == (True, "completed", "")
    assert len(found.record.container_ids) == 2
    assert any("found in the project's content" in note for note in found.notes)
    again = await shop.orders.place(shop.generate(variations=2))
    assert again.record.container_ids == found.record.container_ids
    assert len(shop.charges()) == 2


async def test_an_unanswered_generate_under_another_key_is_looked_for_and_not_sent(shop: Shop) -> None:
    await shop.lose(shop.generate())
    posts = shop.posts()
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        assert (await other.operations.place(shop.generate())).record.status in ("running", "completed")
    assert shop.posts() == posts


async def test_a_clock_that_went_backwards_ends_the_time_for_sending_again_for_good(shop: Shop) -> None:
    await shop.lose(shop.generate(), "drop_before")
    await shop.lose(shop.clone(), "drop_before")
    posts = shop.posts()
    for hours in (-2, 5):
        shop.clock.move(hours=hours)
        with pytest.raises(OrderError, match="no longer safe to send again"):
            await shop.orders.place(shop.generate())
    assert shop.posts() == posts
    assert (await shop.orders.place(shop.clone())).completed_now


async def test_a_generate_that_never_arrived_is_refused_once_it_is_no_longer_safe(shop: Shop) -> None:
    await shop.lose(shop.generate(), "drop_before")
    shop.clock.move(days=1)
    with pytest.raises(OrderError) as raised:
        await shop.orders.place(shop.generate())
    assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_UNKNOWN", False)
    assert "holds 0 containers" in raised.value.reason
    assert "1 were ordered" in raised.value.reason
    assert raised.value.next_step == (
        "Look for it with get_content, the project_id and since=2026-04-17T09:10:00Z; take=2 orders another one."
    )
    assert not (await shop.orders.place(shop.generate(take=2))).replayed
    with pytest.raises(OrderError, match="holds 0 containers"):
        await shop.orders.place(shop.generate())
    assert len(shop.charges()) == 1


async def test_containers_of_a_clone_that_are_not_named_yet_are_not_taken_for_a_generates(shop: Shop) -> None:
    hook = (await shop.ws.api.metrics.top_performers(shop.project, metric="views", window="30d")).items[0].title
    await shop.lose(shop.generate(hook, variations=1), "drop_before")
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        await other.operations.place(shop.clone(variations=2))
        with pytest.raises(OrderError, match="whose is whose is unclear"):
            await other.operations.place(shop.generate(hook, variations=1))
        shop.clock.move(minutes=1)
        with pytest.raises(OrderError, match="holds 0 containers"):
            await other.operations.place(shop.generate(hook, variations=1))


async def test_content_of_another_order_is_not_adopted_under_another_spelling_of_its_id() -> None:
    lost, mine = generate(), replace(generate(take=2), status="completed", container_ids=("cnt_1",))
    content = {"items": [{"id": "1", "status": "completed", "hook": "Get things done."}]}
    async with client(Upstream(ok(content))) as layers:
        assert "holds 0 containers" in str(await find(layers, lost, [mine]))


async def test_content_that_cannot_be_read_adopts_nothing(shop: Shop) -> None:
    await shop.lose(shop.generate())
    shop.clock.move(days=1)
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/content", kind="status", status=403))
    with pytest.raises(OrderError, match="could not be read just now"):
        await shop.orders.place(shop.generate())
    shop.sandbox.faults[:] = [Fault(endpoint="GET /v1/projects/:id/content", kind="latency", seconds=60)]
    with pytest.raises(OrderError, match="could not be read"):
        await shop.orders.place(shop.generate())


# --- several at once, and callers that go away


async def test_calls_at_once_of_one_process_send_one_request(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(shop.orders.place, shop.clone())
    assert shop.posts() == 1


async def test_calls_at_once_of_several_processes_are_one_order(shop: Shop) -> None:
    async with shop.open() as other, anyio.create_task_group() as group:
        for book in (shop.orders, shop.orders, other.operations):
            group.start_soon(book.place, shop.clone())
            group.start_soon(book.place, shop.generate())
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
    [order] = await shop.orders.since(START)
    assert order.status == "running"
    assert order.job_id


async def test_an_order_on_its_way_again_is_finished_without_its_caller(shop: Shop) -> None:
    await shop.lose(shop.clone(), "drop_before")
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    with anyio.move_on_after(2) as patience:
        await shop.orders.place(shop.clone())
    assert patience.cancelled_caught
    await anyio.sleep(5)
    [order] = await shop.orders.since(START)
    assert order.status == "running"


async def test_an_order_on_its_way_is_finished_when_the_server_closes(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=3))
    async with shop.open() as closing:
        with anyio.move_on_after(1):
            await closing.operations.place(shop.clone())
    [order] = await shop.orders.since(START)
    assert order.status == "running"


async def test_a_caller_that_leaves_before_anything_was_sent_orders_nothing(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=3))
    with anyio.move_on_after(1):
        await shop.orders.place(shop.clone())
    await anyio.sleep(10)
    assert shop.posts() == 0
    assert await shop.orders.since(START) == []


# --- the budget


async def test_an_estimate_above_max_credits_is_refused_before_anything_is_spent(shop: Shop) -> None:
    with pytest.raises(OrderError) as raised:
        await shop.orders.place(shop.clone(variations=2), max_credits=239)
    assert (raised.value.code, raised.value.nothing_changed) == ("MAX_CREDITS", True)
    assert raised.value.reason == "The estimate of 240 credits is above max_credits of 239."
    assert shop.posts() == 0
    assert (await shop.orders.place(shop.clone(variations=2), max_credits=240)).estimated_credits == 240


async def test_max_credits_is_no_part_of_the_order_and_does_not_concern_a_known_one(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    assert (await shop.orders.place(shop.clone(), max_credits=1)).replayed


async def test_without_an_estimate_max_credits_refuses(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="status", status=403))
    with pytest.raises(OrderError, match="max_credits cannot be held") as raised:
        await shop.orders.place(shop.clone(), max_credits=10_000)
    assert "fewer" not in raised.value.next_step
    unpriced = await shop.orders.place(shop.clone())
    assert unpriced.estimated_credits is None


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (503, KillSwitch)])
async def test_a_key_that_can_order_nothing_is_told_before_any_budget_and_in_a_preview(
    shop: Shop, status: int, error: type[LayersError]
) -> None:
    known = (await shop.orders.place(shop.clone(take=9))).record
    key = "lp_test_wrong" if status == 401 else shop.sandbox.api_key
    if status == 503:
        shop.sandbox.suspend()
    organization = "" if status == 503 else shop.sandbox.agency
    async with shop.open(api_key=key, organization=organization, daily_credit_limit=5) as ws:
        for ordering in (
            ws.operations.place(shop.clone()),
            ws.operations.place(shop.clone(), max_credits=1),
            ws.operations.preview(shop.clone()),
        ):
            with pytest.raises(error) as raised:
                await ordering
            assert raised.value.nothing_changed
        assert (await ws.operations.place(shop.clone(take=9))).record.job_id == known.job_id
    assert shop.posts() == 1


async def test_prices_that_do_not_come_in_time_hold_up_no_order(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=60))
    start = anyio.current_time()
    assert (await shop.orders.place(shop.clone())).estimated_credits is None
    assert anyio.current_time() - start < 6


async def test_an_organization_that_is_not_told_in_time_holds_up_no_order(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="latency", seconds=60))
    start = anyio.current_time()
    assert not (await shop.orders.place(shop.clone())).replayed
    assert anyio.current_time() - start < 6


async def test_the_daily_limit_refuses_before_any_request_that_spends(shop: Shop) -> None:
    async with shop.open(daily_credit_limit=250) as ws:
        await ws.operations.place(shop.clone())
        await ws.operations.place(shop.generate(format="slideshow_remix"))
        posts = shop.posts()
        with pytest.raises(OrderError) as raised:
            await ws.operations.place(shop.clone(take=2))
        assert (raised.value.code, raised.value.nothing_changed) == ("DAILY_LIMIT", True)
        assert shop.posts() == posts
        preview = await ws.operations.preview(shop.clone(take=2), max_credits=100)
        assert any("would pass the daily limit of 250 credits: 170 are ordered today" in note for note in preview.notes)
        assert any("above max_credits of 100" in note for note in preview.notes)
        assert (await ws.operations.place(shop.clone())).replayed
        shop.clock.move(days=1)
        assert not (await ws.operations.place(shop.clone(take=2))).replayed


async def test_the_daily_limit_holds_for_orders_placed_at_once(shop: Shop) -> None:
    refused = []

    async def place(ws: ToolContext, take: int) -> None:
        try:
            await ws.operations.place(shop.clone(take=take))
        except OrderError:
            refused.append(take)

    one, other = shop.open(daily_credit_limit=360), shop.open(daily_credit_limit=360)
    async with one as first, other as second, anyio.create_task_group() as group:
        for take in range(1, 9):
            group.start_soon(place, (first, second)[take % 2], take)
    assert len(refused) == 5
    assert sum(shop.charges()) <= 360


async def test_a_refusal_gives_back_what_it_held_of_the_daily_limit_and_an_unknown_order_does_not(shop: Shop) -> None:
    async with shop.open(daily_credit_limit=120) as ws:
        shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=402))
        with pytest.raises(BillingExhausted):
            await ws.operations.place(shop.clone())
        shop.sandbox.faults[:] = [Fault(endpoint=CLONE, kind="drop_before")]
        with pytest.raises(Lost):
            await ws.operations.place(shop.clone(take=2))
        shop.sandbox.faults.clear()
        with pytest.raises(OrderError, match="daily limit"):
            await ws.operations.place(shop.clone(take=3))


async def test_with_a_daily_limit_an_order_without_an_estimate_is_refused(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="status", status=403))
    async with shop.open(daily_credit_limit=1000) as ws:
        with pytest.raises(OrderError, match="the daily limit cannot be held") as raised:
            await ws.operations.place(shop.clone())
        preview = await ws.operations.preview(shop.clone())
    assert raised.value.code == "DAILY_LIMIT"
    assert any("the daily limit cannot be held" in note for note in preview.notes)


# --- what the journal knows afterwards


async def test_a_jobs_end_seen_by_any_tool_is_written_back(shop: Shop) -> None:
    placed = await shop.orders.place(shop.clone(variations=2))
    assert await shop.orders.variations([placed.record.job_id, "job_unknown"]) == {placed.record.job_id: 2}
    shop.clock.move(minutes=1)
    await shop.orders.settle(await shop.ws.api.jobs.get(placed.record.job_id))
    [order] = await shop.orders.since(START, shop.project)
    assert (order.status, len(order.container_ids)) == ("completed", 2)
    named = await shop.orders.commission_ids([*order.container_ids, "cnt_other"])
    assert named == dict.fromkeys(order.container_ids, order.commission_id)


async def test_a_container_is_known_with_and_without_its_prefix_and_among_very_many(shop: Shop) -> None:
    record = (await shop.orders.place(shop.clone())).record
    [named] = record.container_ids
    bare = named.removeprefix("cnt_")
    assert named != bare
    others = [f"cnt_{number}" for number in range(1500)]
    assert await shop.orders.commission_ids([bare, *others]) == {bare: record.commission_id}
    await shop.orders.settle_content({bare: "completed"})
    assert [order.status for order in await shop.orders.since(START)] == ["completed"]


async def test_the_end_of_all_containers_of_an_order_is_its_end(shop: Shop) -> None:
    one, two = (await shop.orders.place(shop.generate(variations=2))).record.container_ids

    async def status_after(**statuses: str) -> str:
        await shop.orders.settle_content({"cnt_other": "failed", **statuses})
        [order] = await shop.orders.since(START)
        return order.status

    assert await status_after(**{one: "completed"}) == "running"
    assert await status_after(**{one: "completed", two: "generating"}) == "running"
    assert await status_after(**{one: "completed", two: "failed"}) == "completed"


async def test_containers_of_a_clone_that_names_only_some_end_nothing(shop: Shop) -> None:
    [named] = (await shop.orders.place(shop.clone(variations=2))).record.container_ids
    await shop.orders.settle_content({named: "failed"})
    assert [order.status for order in await shop.orders.since(START)] == ["running"]


async def test_a_failed_order_names_the_next_take_and_is_no_clone_of_its_post(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="job_failed"))
    await shop.orders.place(shop.clone())
    assert await shop.orders.cloned_posts(shop.project) == {shop.post}
    await shop.orders.place(shop.clone(take=2))
    shop.clock.move(minutes=1)
    failed = await shop.orders.place(shop.clone())
    assert (failed.record.status, failed.next_take) == ("failed", 3)
    assert (await shop.orders.place(shop.clone(take=2))).next_take == 3
    assert await shop.orders.cloned_posts(shop.project) == frozenset()


async def test_similar_orders_of_the_last_hour_are_told_before_anything_is_spent(shop: Shop) -> None:
    first = await shop.orders.place(shop.generate("Plan less, do more.", cta="Try it"))
    await shop.orders.place(shop.generate("Something else."))
    await shop.orders.place(shop.clone())
    preview = await shop.orders.preview(shop.generate(" plan less - do MORE ", variations=2, take=3))
    assert preview.record is None
    [similar] = preview.similar
    assert similar.record.commission_id == first.record.commission_id
    assert set(similar.differs_in) == {"hook", "cta", "variations", "take"}
    shop.clock.move(minutes=61)
    assert (await shop.orders.preview(shop.generate(variations=2))).similar == ()


async def test_an_order_of_another_process_is_seen(shop: Shop) -> None:
    async with shop.open() as other:
        await other.operations.place(shop.clone())
    assert (await shop.orders.preview(shop.clone())).replayed


async def test_the_book_works_the_same_on_both_storages(shop: Shop, journal_url: str) -> None:
    async with shop.open(journal_url=journal_url, daily_credit_limit=360) as one:
        placed = await one.operations.place(shop.clone())
        async with shop.open(
            journal_url=journal_url, daily_credit_limit=360, api_key=shop.sandbox.issue_key()
        ) as other:
            assert (await other.operations.place(shop.clone())).record.job_id == placed.record.job_id
            shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_after"))
            with pytest.raises(Lost):
                await other.operations.place(shop.generate())
            shop.sandbox.faults.clear()
            assert (await one.operations.place(shop.generate())).record.container_ids
            with pytest.raises(OrderError, match="daily limit"):
                await one.operations.place(shop.clone(variations=2))
            shop.clock.move(minutes=1)
            await other.operations.settle(await other.api.jobs.get(placed.record.job_id))
            assert [order.status for order in await one.operations.since(START)] == ["running", "completed"]
        assert one.operations.trouble is None
    assert len(shop.charges()) == 2


# --- without a journal


async def test_with_the_journal_deleted_the_derived_ids_still_collapse_a_repeat(shop: Shop) -> None:
    first = [await shop.orders.place(order) for order in (shop.clone(), shop.generate())]
    for file in shop.state_dir.iterdir():
        file.unlink()
    shop.clock.move(hours=20)
    again = [await shop.orders.place(order) for order in (shop.clone(), shop.generate())]
    assert [each.record.job_id for each in again] == [each.record.job_id for each in first]
    assert len(shop.charges()) == 2


async def test_a_damaged_journal_leaves_the_order_protected_and_says_so(shop: Shop) -> None:
    (shop.state_dir / "orders.db").write_bytes(b"this is no database" * 100)
    for _ in range(2):
        placed = await shop.orders.place(shop.clone())
        assert any("could not be written: its file is damaged" in note for note in placed.notes)
    assert shop.orders.trouble == "The order journal could not be read or written: its file is damaged."
    assert await shop.orders.since(START) == []
    await shop.orders.settle(await shop.ws.api.jobs.get(placed.record.job_id))
    assert len(shop.charges()) == 1


async def test_a_state_directory_that_cannot_be_made_leaves_the_order_protected_and_says_so(
    shop: Shop, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("in the way")
    async with shop.open(state_dir=tmp_path / "a file") as ws:
        placed = await ws.operations.place(shop.clone())
    assert any("its folder cannot be used" in note for note in placed.notes)


@pytest.fixture
def impatient(shop: Shop) -> Opening:
    """A process that waits for the journal's lock for a moment only."""
    return shop.open(journal_url=f"sqlite:///{shop.state_dir / 'orders.db'}?timeout=0.05")


@contextmanager
def locked(shop: Shop) -> Iterator[None]:
    """Another process holds the journal's write lock."""
    with closing(sqlite3.connect(shop.state_dir / "orders.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield


async def test_a_state_directory_that_cannot_even_be_looked_at_reads_as_empty_and_says_why(shop: Shop) -> None:
    async with shop.open(state_dir=shop.state_dir / ("x" * 300)) as ws:
        assert await ws.operations.since(START) == []
        assert "its folder cannot be used" in ws.operations.trouble


async def test_a_locked_journal_leaves_the_order_protected_and_says_so(shop: Shop, impatient: Opening) -> None:
    async with impatient as ws:
        await ws.operations.place(shop.generate())
        with locked(shop):
            placed = await ws.operations.place(shop.clone())
            assert any("another process holds it locked" in note for note in placed.notes)
            assert (await ws.operations.place(shop.generate())).replayed
        assert (await ws.operations.place(shop.clone())).record.job_id == placed.record.job_id
    assert len(shop.charges()) == 2


async def test_an_answer_that_could_not_be_written_is_asked_for_again(shop: Shop, impatient: Opening) -> None:
    sent = Fault(endpoint=CLONE, kind="latency", seconds=5)
    shop.sandbox.faults.append(sent)

    async def place() -> None:
        notes.extend((await ws.operations.place(shop.clone())).notes)

    notes: list[str] = []
    async with impatient as ws:
        async with anyio.create_task_group() as group:
            group.start_soon(place)
            await anyio.sleep(4)
            with locked(shop):
                await anyio.sleep(4)
        assert any("could not be written" in note for note in notes)
        shop.sandbox.faults.clear()
        assert [order.status for order in await ws.operations.since(START)] == ["unknown"]
        assert (await ws.operations.place(shop.clone())).completed_now
    assert len(shop.charges()) == 1


async def test_a_known_order_that_cannot_be_brought_up_to_date_still_says_how_it_stands(
    shop: Shop, impatient: Opening
) -> None:
    async with impatient as ws:
        await ws.operations.place(shop.clone())
        shop.clock.move(minutes=1)
        with locked(shop):
            assert (await ws.operations.place(shop.clone())).record.status == "completed"


async def test_with_a_daily_limit_an_unwritable_journal_refuses(shop: Shop) -> None:
    (shop.state_dir / "orders.db").write_bytes(b"this is no database" * 100)
    async with shop.open(daily_credit_limit=10_000) as ws:
        with pytest.raises(OrderError, match="the order journal cannot be written, because its file is damaged"):
            await ws.operations.place(shop.clone())
    assert shop.posts() == 0
