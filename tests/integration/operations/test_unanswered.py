"""Orders whose answer was lost: sent again while that is safe, then looked for, and never charged twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from layers_mcp.api.errors import (
    BillingExhausted,
    LayersError,
    RateLimited,
    ServerFault,
)
from layers_mcp.operations import OperationError
from layers_mcp.operations.kinds.content import find_by_hook
from layers_mcp.sandbox import Fault
from tests.support.factories import generate
from tests.support.shop import CLONE, Shop
from tests.support.upstream import Upstream, client, ok

pytestmark = pytest.mark.jumping


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "truncate"])
async def test_a_lost_reply_is_recovered_without_a_second_charge(shop: Shop, kind: str) -> None:
    for order in (shop.clone(), shop.generate()):
        await shop.lose(order, kind)
        known = await shop.orders.preview(order)
        assert (known.record.status, known.replayed) == ("unknown", True)
        completed = await shop.orders.place(order)
        assert (completed.replayed, completed.recovered) == (True, True)
        assert completed.record.status in ("running", "completed")
        assert any("sent again under the same ids, and is charged once" in note for note in completed.notes)
        assert not (await shop.orders.place(order)).recovered
    assert len(shop.charges()) == 2


async def test_the_first_body_is_the_one_that_is_sent_again(shop: Shop) -> None:
    await shop.lose(shop.generate(theme_tags=("b", "a")))
    again = await shop.orders.place(shop.generate(theme_tags=("a", "b")))
    assert again.recovered
    assert len(shop.charges()) == 1


async def test_a_refusal_frees_the_order(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=402))
    with pytest.raises(BillingExhausted) as raised:
        await shop.orders.place(shop.clone())
    assert raised.value.nothing_changed
    assert await shop.since() == []
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
    assert (await shop.orders.place(shop.clone())).recovered
    assert len(shop.charges()) == 1


async def test_a_server_fault_leaves_the_order_unknown(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=500))
    with pytest.raises(ServerFault) as raised:
        await shop.orders.place(shop.clone())
    assert not raised.value.nothing_changed
    assert [order.status for order in await shop.since()] == ["unknown"]


async def test_an_unanswered_clone_is_sent_again_after_a_week_and_under_another_key(shop: Shop) -> None:
    await shop.lose(shop.clone())
    shop.clock.move(days=7)
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(shop.clone())).recovered
    assert len(shop.charges()) == 1


async def test_an_unanswered_generate_that_arrived_is_found_in_the_projects_content(shop: Shop) -> None:
    await shop.lose(shop.generate(variations=2))
    await shop.orders.place(shop.generate("Another hook."))
    shop.clock.move(days=1)
    found = await shop.orders.place(shop.generate(variations=2))
    assert (found.recovered, found.record.status, found.record.job_id) == (True, "completed", "")
    assert len(found.record.container_ids) == 2
    assert any("found in the project's content" in note for note in found.notes)
    again = await shop.orders.place(shop.generate(variations=2))
    assert again.record.container_ids == found.record.container_ids
    assert len(shop.charges()) == 2


async def test_an_unanswered_generate_under_another_key_is_looked_for_and_not_sent(shop: Shop) -> None:
    await shop.lose(shop.generate())
    posts = shop.posts()
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(shop.generate())).record.status in ("running", "completed")
    assert shop.posts() == posts


async def test_a_generate_that_never_arrived_is_refused_once_it_is_no_longer_safe(shop: Shop) -> None:
    await shop.lose(shop.generate(), "drop_before")
    shop.clock.move(days=1)
    with pytest.raises(OperationError) as raised:
        await shop.orders.place(shop.generate())
    assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_UNKNOWN", False)
    assert "holds 0 containers" in raised.value.reason
    assert "1 were ordered" in raised.value.reason
    assert raised.value.next_step == (
        "Look for it with get_content, the project_id and since=2026-04-17T09:10:00Z; take=2 orders another one."
    )
    assert not (await shop.orders.place(shop.generate(take=2))).replayed
    with pytest.raises(OperationError, match="holds 0 containers"):
        await shop.orders.place(shop.generate())
    assert len(shop.charges()) == 1


async def test_containers_of_a_clone_that_are_not_named_yet_are_not_taken_for_a_generates(shop: Shop) -> None:
    hook = (await shop.ws.api.metrics.top_performers(shop.project, metric="views", window="30d")).items[0].title
    await shop.lose(shop.generate(hook, variations=1), "drop_before")
    async with shop.open(api_key=shop.sandbox.issue_key()) as other:
        await other.operations.orders.place(shop.clone(variations=2))
        with pytest.raises(OperationError, match="whose is whose is unclear"):
            await other.operations.orders.place(shop.generate(hook, variations=1))
        shop.clock.move(minutes=1)
        with pytest.raises(OperationError, match="holds 0 containers"):
            await other.operations.orders.place(shop.generate(hook, variations=1))


async def test_content_of_another_order_is_not_adopted_under_another_spelling_of_its_id() -> None:
    lost, mine = generate(), replace(generate(take=2), status="completed", container_ids=("cnt_1",))
    content = {"items": [{"id": "1", "status": "completed", "hook": "Get things done."}]}
    async with client(Upstream(ok(content))) as layers:
        assert "holds 0 containers" in str(await find_by_hook(layers, lost, [mine]))


async def test_content_that_cannot_be_read_adopts_nothing(shop: Shop) -> None:
    await shop.lose(shop.generate())
    shop.clock.move(days=1)
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/content", kind="status", status=403))
    with pytest.raises(OperationError, match="could not be read just now"):
        await shop.orders.place(shop.generate())
    shop.sandbox.faults[:] = [Fault(endpoint="GET /v1/projects/:id/content", kind="latency", seconds=60)]
    with pytest.raises(OperationError, match="could not be read"):
        await shop.orders.place(shop.generate())
