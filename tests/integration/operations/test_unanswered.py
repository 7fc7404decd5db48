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
from layers_mcp.operations import Limits, OperationError
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.models import NotFoundUpstream
from layers_mcp.sandbox import Fault
from tests.support.factories import generate
from tests.support.order_harness import CLONE, OrderHarness
from tests.support.upstream import Upstream, client, ok

pytestmark = pytest.mark.jumping


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "truncate"])
async def test_a_lost_reply_is_recovered_without_a_second_charge(harness: OrderHarness, kind: str) -> None:
    for order in (harness.clone(), harness.generate()):
        await harness.lose(order, kind)
        known = await harness.orders.preview(order)
        assert (known.record.status, known.replayed) == ("unknown", True)
        completed = await harness.orders.place(order)
        assert (completed.replayed, completed.recovered) == (True, True)
        assert completed.record.status in ("running", "completed")
        assert any("sent again under the same ids, and is charged once" in note for note in completed.notes)
        assert not (await harness.orders.place(order)).recovered
    assert len(harness.charges()) == 2


async def test_the_first_body_is_the_one_that_is_sent_again(harness: OrderHarness) -> None:
    await harness.lose(harness.generate(theme_tags=("b", "a")))
    again = await harness.orders.place(harness.generate(theme_tags=("a", "b")))
    assert again.recovered
    assert len(harness.charges()) == 1


async def test_a_refusal_frees_the_order(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=402))
    with pytest.raises(BillingExhausted) as raised:
        await harness.orders.place(harness.clone())
    assert raised.value.nothing_changed
    assert await harness.since() == []
    harness.sandbox.faults.clear()
    assert not (await harness.orders.place(harness.clone())).replayed


async def test_a_connection_that_was_never_made_frees_the_order(harness: OrderHarness) -> None:
    harness.sandbox.suspend()
    with pytest.raises(LayersError) as raised:
        await harness.orders.place(harness.clone())
    assert (raised.value.code, raised.value.nothing_changed) == ("KILL_SWITCH", True)
    harness.sandbox.resume()
    assert not (await harness.orders.place(harness.clone())).replayed


@pytest.mark.parametrize(("status", "error"), [(402, BillingExhausted), (429, RateLimited)])
async def test_a_reply_lost_and_then_a_refusal_stay_unknown_and_say_so(
    harness: OrderHarness, status: int, error: type[LayersError]
) -> None:
    await harness.lose(harness.clone())
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=status))
    with pytest.raises(error) as raised:
        await harness.orders.place(harness.clone())
    assert not raised.value.nothing_changed
    assert (await harness.orders.preview(harness.clone())).record.status == "unknown"
    harness.sandbox.faults.clear()
    assert (await harness.orders.place(harness.clone())).recovered
    assert len(harness.charges()) == 1


async def test_a_server_fault_leaves_the_order_unknown(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="status", status=500))
    with pytest.raises(ServerFault) as raised:
        await harness.orders.place(harness.clone())
    assert not raised.value.nothing_changed
    assert [order.status for order in await harness.since()] == ["unknown"]


async def test_an_unanswered_clone_is_sent_again_after_a_week_and_under_another_key(harness: OrderHarness) -> None:
    await harness.lose(harness.clone())
    harness.clock.move(days=7)
    async with harness.open(api_key=harness.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(harness.clone())).recovered
    assert len(harness.charges()) == 1


async def test_an_unanswered_generate_that_arrived_is_found_in_the_projects_content(harness: OrderHarness) -> None:
    await harness.lose(harness.generate(variations=2))
    await harness.orders.place(harness.generate("Another hook."))
    harness.clock.move(days=1)
    found = await harness.orders.place(harness.generate(variations=2))
    assert (found.recovered, found.record.status, found.record.job_id) == (True, "completed", "")
    assert len(found.record.container_ids) == 2
    assert any("found in the project's content" in note for note in found.notes)
    again = await harness.orders.place(harness.generate(variations=2))
    assert again.record.container_ids == found.record.container_ids
    assert len(harness.charges()) == 2


async def test_an_unanswered_generate_under_another_key_is_looked_for_and_not_sent(harness: OrderHarness) -> None:
    await harness.lose(harness.generate())
    posts = harness.posts()
    async with harness.open(api_key=harness.sandbox.issue_key()) as other:
        assert (await other.operations.orders.place(harness.generate())).record.status in ("running", "completed")
    assert harness.posts() == posts


async def test_a_generate_that_never_arrived_is_refused_once_it_is_no_longer_safe(harness: OrderHarness) -> None:
    await harness.lose(harness.generate(), "drop_before")
    harness.clock.move(days=1)
    with pytest.raises(OperationError) as raised:
        await harness.orders.place(harness.generate())
    assert (raised.value.code, raised.value.nothing_changed) == ("ORDER_UNKNOWN", False)
    assert "holds 0 containers" in raised.value.reason
    assert "1 were ordered" in raised.value.reason
    assert raised.value.next_step == (
        "Look for it with get_content, the project_id and since=2026-04-17T09:10:00Z; take=2 orders another one."
    )
    assert not (await harness.orders.place(harness.generate(take=2))).replayed
    with pytest.raises(OperationError, match="holds 0 containers"):
        await harness.orders.place(harness.generate())
    assert len(harness.charges()) == 1


async def test_containers_of_a_clone_that_are_not_named_yet_are_not_taken_for_a_generates(
    harness: OrderHarness,
) -> None:
    ranking = await harness.context.api.metrics.top_performers(harness.project, metric="views", window="30d")
    hook = ranking.items[0].title
    await harness.lose(harness.generate(hook, variations=1), "drop_before")
    async with harness.open(api_key=harness.sandbox.issue_key()) as other:
        await other.operations.orders.place(harness.clone(variations=2))
        with pytest.raises(OperationError, match="whose is whose is unclear"):
            await other.operations.orders.place(harness.generate(hook, variations=1))
        harness.clock.move(minutes=1)
        with pytest.raises(OperationError, match="holds 0 containers"):
            await other.operations.orders.place(harness.generate(hook, variations=1))


async def test_content_of_another_order_is_not_adopted_under_another_spelling_of_its_id() -> None:
    lost, mine = generate(), replace(generate(take=2), status="completed", container_ids=("cnt_1",))
    content = {"items": [{"id": "1", "status": "completed", "hook": "Get things done."}]}
    async with client(Upstream(ok(content))) as layers:
        found = await KINDS[lost.tool].reconcile(layers, lost, [mine])
    assert isinstance(found, NotFoundUpstream)
    assert "holds 0 containers" in found.reason


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
async def test_an_unanswered_order_above_the_budget_is_looked_for_first(harness: OrderHarness, kind: str) -> None:
    await harness.lose(harness.generate(), kind)
    posts = harness.posts()
    if kind == "drop_after":
        found = await harness.orders.place(harness.generate(), Limits(max_credits=1))
        assert (found.recovered, found.record.status) == (True, "running")
        assert any("found in the project's content" in note for note in found.notes)
    else:
        with pytest.raises(OperationError, match="above max_credits") as raised:
            await harness.orders.place(harness.generate(), Limits(max_credits=1))
        assert not raised.value.nothing_changed
    assert harness.posts() == posts


async def test_what_is_found_is_looked_for_once_while_the_journal_cannot_keep_it(harness: OrderHarness) -> None:
    await harness.lose(harness.generate())
    posts = harness.posts()
    async with harness.impatient() as impatient:
        with harness.locked(), pytest.raises(OperationError, match="above max_credits") as raised:
            await impatient.operations.orders.place(harness.generate(), Limits(max_credits=1))
        assert not raised.value.nothing_changed
        assert (await impatient.operations.orders.place(harness.generate(), Limits(max_credits=1))).recovered
    assert harness.posts() == posts


async def test_content_that_cannot_be_read_adopts_nothing(harness: OrderHarness) -> None:
    await harness.lose(harness.generate())
    harness.clock.move(days=1)
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/content", kind="status", status=403))
    with pytest.raises(OperationError, match="could not be read just now"):
        await harness.orders.place(harness.generate())
    harness.sandbox.faults[:] = [Fault(endpoint="GET /v1/projects/:id/content", kind="latency", seconds=60)]
    with pytest.raises(OperationError, match="could not be read"):
        await harness.orders.place(harness.generate())
