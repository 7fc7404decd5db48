"""Whose orders these are: what Layers confirms for the key, and what is shown while it does not."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from layers_mcp.api.errors import LayersError, NotConfigured, NotFound, Unauthenticated
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault, Sandbox
from tests.support import BASE_URL, START, open_tool_context
from tests.support.order_harness import OrderHarness

pytestmark = pytest.mark.jumping

WHOAMI = "GET /v1/whoami"


def whoami_fails(harness: OrderHarness, status: int = 500) -> None:
    harness.sandbox.faults.append(Fault(endpoint=WHOAMI, kind="status", status=status))


async def test_a_rotated_key_of_the_same_organization_sees_the_same_journal(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.generate())
    async with harness.open(api_key=harness.sandbox.issue_key()) as other:
        known = await other.operations.orders.place(harness.generate())
    assert (known.replayed, known.record.job_id) == (True, first.record.job_id)
    assert len(harness.charges()) == 1


async def test_layers_is_asked_whose_the_key_is_at_most_every_ten_minutes(harness: OrderHarness) -> None:
    def asked() -> int:
        return [request.path for request in harness.sandbox.requests].count("/v1/whoami")

    await harness.orders.place(harness.clone())
    await anyio.sleep(599)
    await harness.orders.place(harness.clone())
    assert asked() == 1
    await anyio.sleep(2)
    await harness.since()
    assert asked() == 2
    async with harness.open() as restarted:
        await restarted.operations.orders.place(harness.clone())
    assert asked() == 3


async def test_another_organization_neither_sees_nor_replays_an_order(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.clone())
    async with harness.open(api_key=harness.sandbox.issue_key(organization=Sandbox.stranger)) as stranger:
        history = stranger.operations.history
        assert await history.since(START) == ([], "")
        assert await history.commission_ids(first.record.container_ids) == ({}, "")
        assert await history.variations([first.record.job_id]) == ({}, "")
        with pytest.raises(LayersError) as raised:
            await stranger.operations.orders.place(harness.clone())
    assert raised.value.status == 404


async def test_an_organization_that_is_only_claimed_shows_nothing(harness: OrderHarness) -> None:
    placed = await harness.orders.place(harness.clone())
    key = harness.sandbox.issue_key(organization=Sandbox.stranger)
    async with harness.open(api_key=key, organization=Sandbox.agency) as pretender:
        orders, warning = await pretender.operations.history.since(START)
        assert (orders, "does not confirm" in warning) == ([], True)
        assert (await pretender.operations.history.commission_ids(placed.record.container_ids)).value == {}
        for call in (pretender.operations.orders.place, pretender.operations.orders.preview):
            with pytest.raises(LayersError) as raised:
                await call(harness.clone())
            assert (raised.value.status, raised.value.nothing_changed) == (404, True)


async def test_a_child_organization_has_a_journal_of_its_own(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    async with harness.open(organization=Sandbox.subsidiary) as child:
        assert await child.operations.history.since(START) == ([], "")
        with pytest.raises(NotFound):
            await child.operations.orders.place(harness.clone(take=2))
    assert len(harness.charges()) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_key_that_layers_refuses_is_shown_nothing_and_orders_nothing(
    harness: OrderHarness, status: int
) -> None:
    await harness.orders.place(harness.clone())
    posts = harness.posts()
    whoami_fails(harness, status)
    async with harness.open() as refused:
        orders, warning = await refused.operations.history.since(START)
        assert (orders, "does not confirm" in warning) == ([], True)
        for call in (refused.operations.orders.place, refused.operations.orders.preview):
            with pytest.raises(LayersError) as raised:
                await call(harness.clone())
            assert (raised.value.status, raised.value.nothing_changed) == (status, True)
    assert harness.posts() == posts


async def test_a_key_that_is_revoked_meanwhile_is_shown_nothing_from_its_first_401_on(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    assert len(await harness.since()) == 1
    harness.sandbox.faults.append(Fault(endpoint="*", kind="status", status=401))
    with pytest.raises(Unauthenticated):
        await harness.context.api.projects.list()
    orders, warning = await harness.history.since(START)
    assert (orders, "does not confirm" in warning) == ([], True)


async def test_while_layers_cannot_be_asked_a_key_sees_what_it_ordered_itself(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.generate())
    async with harness.open(api_key=harness.sandbox.issue_key()) as rotated:
        await rotated.operations.orders.place(harness.clone())
    whoami_fails(harness)
    async with harness.open() as restarted:
        assert (await restarted.operations.orders.place(harness.generate())).replayed
        orders, _ = await restarted.operations.history.since(START)
        assert [order.commission_id for order in orders] == [first.record.commission_id]


async def test_a_key_stands_in_until_layers_can_be_asked_and_its_orders_are_the_organizations_then(
    harness: OrderHarness,
) -> None:
    whoami_fails(harness)
    first = await harness.orders.place(harness.generate())
    harness.sandbox.faults.clear()
    assert (await harness.orders.place(harness.generate())).replayed
    async with harness.open(api_key=harness.sandbox.issue_key()) as rotated:
        known = await rotated.operations.orders.place(harness.generate())
    assert known.record.commission_id == first.record.commission_id
    assert len(harness.charges()) == 1


async def test_what_a_key_ordered_as_itself_is_never_taken_over_by_a_child_organization(harness: OrderHarness) -> None:
    whoami_fails(harness)
    first = await harness.orders.place(harness.generate())
    harness.sandbox.faults.clear()
    async with harness.open(organization=Sandbox.subsidiary) as child:
        assert await child.operations.history.since(START) == ([], "")
    assert [order.commission_id for order in await harness.since()] == [first.record.commission_id]
    assert (await harness.orders.place(harness.generate())).replayed


async def test_an_organization_that_is_named_is_not_stood_in_for(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    whoami_fails(harness)
    async with harness.open(organization=Sandbox.agency) as context:
        assert (await context.operations.history.since(START)).value == []
        with pytest.raises(LayersError) as raised:
            await context.operations.orders.place(harness.clone(take=2))
        assert (raised.value.status, raised.value.nothing_changed) == (500, True)


async def test_an_order_that_may_stand_under_a_key_of_unknown_organization_is_not_ordered_again(
    harness: OrderHarness,
) -> None:
    whoami_fails(harness)
    await harness.orders.place(harness.generate())
    async with harness.open(api_key=harness.sandbox.issue_key()) as rotated:
        with pytest.raises(OperationError) as raised:
            await rotated.operations.orders.place(harness.generate())
    assert raised.value.code == "ORDER_UNKNOWN"
    assert len(harness.charges()) == 1


async def test_what_a_key_made_while_nobody_said_whose_it_is_is_not_taken_for_a_lost_order(
    harness: OrderHarness,
) -> None:
    await harness.lose(harness.generate(), "drop_before")
    whoami_fails(harness)
    async with harness.open(api_key=harness.sandbox.issue_key()) as rotated:
        await rotated.operations.orders.place(harness.generate(take=2))
    harness.sandbox.faults.clear()
    harness.clock.move(days=1)
    with pytest.raises(OperationError, match="holds 0 containers with its hook that belong to no other order"):
        await harness.orders.place(harness.generate())
    assert len(harness.charges()) == 1


async def test_a_stranger_is_not_told_an_order_of_others_from_one_that_nobody_has(harness: OrderHarness) -> None:
    whoami_fails(harness)
    await harness.orders.place(harness.generate())
    key = harness.sandbox.issue_key(organization=Sandbox.stranger)
    async with harness.open(api_key=key) as stranger:
        said: list[str] = []
        for order in (harness.generate(), harness.generate("Never ordered by anybody.")):
            with pytest.raises(NotFound) as raised:
                await stranger.operations.orders.place(order)
            said.append(raised.value.code)
    assert said == ["NOT_FOUND", "NOT_FOUND"]


async def test_an_organization_that_is_not_told_in_time_holds_up_no_order(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=WHOAMI, kind="latency", seconds=60))
    start = anyio.current_time()
    assert not (await harness.orders.place(harness.clone())).replayed
    assert anyio.current_time() - start < 6


@pytest.mark.parametrize("spelling", ["https://API.layers.test", f"{BASE_URL}:443", "https://api.layers.test./"])
async def test_every_spelling_of_a_base_url_is_one_tenant_and_one_order(harness: OrderHarness, spelling: str) -> None:
    first = await harness.orders.place(harness.generate())
    async with harness.open(base_url=spelling) as other:
        assert (await other.operations.orders.place(harness.generate())).record.job_id == first.record.job_id
    assert len(harness.charges()) == 1


async def test_without_a_key_what_was_ordered_cannot_be_read(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    async with harness.open(api_key="") as context:
        assert (await context.operations.history.since(START)).value == []


async def test_without_a_key_nothing_is_written_or_sent(harness: OrderHarness, tmp_path: Path) -> None:
    async with open_tool_context(harness.sandbox, tmp_path / "fresh", api_key="") as context:
        with pytest.raises(NotConfigured):
            await context.operations.orders.place(harness.clone())
        assert (await context.operations.history.since(START)).value == []
    assert not (tmp_path / "fresh").exists()
