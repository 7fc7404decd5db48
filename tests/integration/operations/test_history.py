"""What the journal knows afterwards."""

from __future__ import annotations

import pytest

from layers_mcp.api.errors import (
    Lost,
)
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.order_harness import CLONE, GENERATE, OrderHarness

pytestmark = pytest.mark.jumping


async def test_a_jobs_end_seen_by_any_tool_is_written_back(harness: OrderHarness) -> None:
    placed = await harness.orders.place(harness.clone(variations=2))
    assert (await harness.history.variations([placed.record.job_id, "job_unknown"])).value == {placed.record.job_id: 2}
    harness.clock.move(minutes=1)
    await harness.history.record_job(await harness.context.api.jobs.get(placed.record.job_id))
    [order] = await harness.since(harness.project)
    assert (order.status, len(order.container_ids)) == ("completed", 2)
    named, _ = await harness.history.commission_ids([*order.container_ids, "cnt_other"])
    assert named == dict.fromkeys(order.container_ids, order.commission_id)


async def test_a_container_is_known_with_and_without_its_prefix_and_among_very_many(harness: OrderHarness) -> None:
    record = (await harness.orders.place(harness.clone())).record
    [named] = record.container_ids
    bare = named.removeprefix("cnt_")
    assert named != bare
    others = [f"cnt_{number}" for number in range(1500)]
    assert await harness.history.commission_ids([bare, *others]) == ({bare: record.commission_id}, "")
    await harness.history.record_content({bare: "completed"})
    assert [order.status for order in await harness.since()] == ["completed"]


async def test_the_end_of_all_containers_of_an_order_is_its_end(harness: OrderHarness) -> None:
    one, two = (await harness.orders.place(harness.generate(variations=2))).record.container_ids

    async def status_after(**statuses: str) -> str:
        await harness.history.record_content({"cnt_other": "failed", **statuses})
        [order] = await harness.since()
        return order.status

    assert await status_after(**{one: "completed"}) == "running"
    assert await status_after(**{one: "completed", two: "generating"}) == "running"
    assert await status_after(**{one: "completed", two: "failed"}) == "completed"


async def test_containers_of_a_clone_that_names_only_some_end_nothing(harness: OrderHarness) -> None:
    [named] = (await harness.orders.place(harness.clone(variations=2))).record.container_ids
    await harness.history.record_content({named: "failed"})
    assert [order.status for order in await harness.since()] == ["running"]


async def test_a_failed_order_names_the_next_take_and_is_no_clone_of_its_post(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="job_failed"))
    await harness.orders.place(harness.clone())
    assert (await harness.history.followed_posts(harness.project)).value == {harness.post}
    await harness.orders.place(harness.clone(take=2))
    harness.clock.move(minutes=1)
    failed = await harness.orders.place(harness.clone())
    assert (failed.record.status, failed.next_take) == ("failed", 3)
    assert (await harness.orders.place(harness.clone(take=2))).next_take == 3
    assert (await harness.history.followed_posts(harness.project)).value == frozenset()


async def test_similar_orders_of_the_last_hour_are_told_before_anything_is_spent(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.generate("Plan less, do more.", cta="Try it"))
    await harness.orders.place(harness.generate("Something else."))
    await harness.orders.place(harness.clone())
    preview = await harness.orders.preview(harness.generate(" plan less - do MORE ", variations=2, take=3))
    assert preview.record is None
    [similar] = preview.similar
    assert similar.record.commission_id == first.record.commission_id
    assert set(similar.differs_in) == {"hook", "cta", "variations", "take"}
    harness.clock.move(minutes=61)
    assert (await harness.orders.preview(harness.generate(variations=2))).similar == ()


async def test_an_order_of_another_process_is_seen(harness: OrderHarness) -> None:
    async with harness.open() as other:
        await other.operations.orders.place(harness.clone())
    assert (await harness.orders.preview(harness.clone())).replayed


async def test_the_book_works_the_same_on_both_storages(harness: OrderHarness, journal_url: str) -> None:
    async with harness.open(journal_url=journal_url, daily_credit_limit=360) as one:
        placed = await one.operations.orders.place(harness.clone())
        harness.clock.move(minutes=1)
        async with harness.open(
            journal_url=journal_url, daily_credit_limit=360, api_key=harness.sandbox.issue_key()
        ) as other:
            assert (await other.operations.orders.place(harness.clone())).record.job_id == placed.record.job_id
            harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_after"))
            with pytest.raises(Lost):
                await other.operations.orders.place(harness.generate())
            harness.sandbox.faults.clear()
            assert (await one.operations.orders.place(harness.generate())).record.container_ids
            with pytest.raises(OperationError, match="daily limit"):
                await one.operations.orders.place(harness.clone(variations=2))
            harness.clock.move(minutes=1)
            assert await other.operations.history.record_job(await other.api.jobs.get(placed.record.job_id)) == ""
            orders, warning = await one.operations.history.since(START)
            assert ([order.status for order in orders], warning) == (["running", "completed"], "")
    assert len(harness.charges()) == 2
