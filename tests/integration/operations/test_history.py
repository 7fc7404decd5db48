"""What the journal knows afterwards."""

from __future__ import annotations

import pytest

from layers_mcp.api.errors import (
    Lost,
)
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.shop import CLONE, GENERATE, Shop

pytestmark = pytest.mark.jumping


async def test_a_jobs_end_seen_by_any_tool_is_written_back(shop: Shop) -> None:
    placed = await shop.orders.place(shop.clone(variations=2))
    assert (await shop.history.variations([placed.record.job_id, "job_unknown"])).value == {placed.record.job_id: 2}
    shop.clock.move(minutes=1)
    await shop.history.record_job(await shop.ws.api.jobs.get(placed.record.job_id))
    [order] = await shop.since(shop.project)
    assert (order.status, len(order.container_ids)) == ("completed", 2)
    named, _ = await shop.history.commission_ids([*order.container_ids, "cnt_other"])
    assert named == dict.fromkeys(order.container_ids, order.commission_id)


async def test_a_container_is_known_with_and_without_its_prefix_and_among_very_many(shop: Shop) -> None:
    record = (await shop.orders.place(shop.clone())).record
    [named] = record.container_ids
    bare = named.removeprefix("cnt_")
    assert named != bare
    others = [f"cnt_{number}" for number in range(1500)]
    assert await shop.history.commission_ids([bare, *others]) == ({bare: record.commission_id}, "")
    await shop.history.record_content({bare: "completed"})
    assert [order.status for order in await shop.since()] == ["completed"]


async def test_the_end_of_all_containers_of_an_order_is_its_end(shop: Shop) -> None:
    one, two = (await shop.orders.place(shop.generate(variations=2))).record.container_ids

    async def status_after(**statuses: str) -> str:
        await shop.history.record_content({"cnt_other": "failed", **statuses})
        [order] = await shop.since()
        return order.status

    assert await status_after(**{one: "completed"}) == "running"
    assert await status_after(**{one: "completed", two: "generating"}) == "running"
    assert await status_after(**{one: "completed", two: "failed"}) == "completed"


async def test_containers_of_a_clone_that_names_only_some_end_nothing(shop: Shop) -> None:
    [named] = (await shop.orders.place(shop.clone(variations=2))).record.container_ids
    await shop.history.record_content({named: "failed"})
    assert [order.status for order in await shop.since()] == ["running"]


async def test_a_failed_order_names_the_next_take_and_is_no_clone_of_its_post(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="job_failed"))
    await shop.orders.place(shop.clone())
    assert (await shop.history.cloned_posts(shop.project)).value == {shop.post}
    await shop.orders.place(shop.clone(take=2))
    shop.clock.move(minutes=1)
    failed = await shop.orders.place(shop.clone())
    assert (failed.record.status, failed.next_take) == ("failed", 3)
    assert (await shop.orders.place(shop.clone(take=2))).next_take == 3
    assert (await shop.history.cloned_posts(shop.project)).value == frozenset()


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
        await other.operations.orders.place(shop.clone())
    assert (await shop.orders.preview(shop.clone())).replayed


async def test_the_book_works_the_same_on_both_storages(shop: Shop, journal_url: str) -> None:
    async with shop.open(journal_url=journal_url, daily_credit_limit=360) as one:
        placed = await one.operations.orders.place(shop.clone())
        shop.clock.move(minutes=1)
        async with shop.open(
            journal_url=journal_url, daily_credit_limit=360, api_key=shop.sandbox.issue_key()
        ) as other:
            assert (await other.operations.orders.place(shop.clone())).record.job_id == placed.record.job_id
            shop.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_after"))
            with pytest.raises(Lost):
                await other.operations.orders.place(shop.generate())
            shop.sandbox.faults.clear()
            assert (await one.operations.orders.place(shop.generate())).record.container_ids
            with pytest.raises(OperationError, match="daily limit"):
                await one.operations.orders.place(shop.clone(variations=2))
            shop.clock.move(minutes=1)
            assert await other.operations.history.record_job(await other.api.jobs.get(placed.record.job_id)) == ""
            orders, warning = await one.operations.history.since(START)
            assert ([order.status for order in orders], warning) == (["running", "completed"], "")
    assert len(shop.charges()) == 2
