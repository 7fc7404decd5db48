"""Placing orders on the sandbox: what is sent, and what is answered from the journal."""

from __future__ import annotations

import anyio
import pytest

from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.shop import Shop

pytestmark = pytest.mark.jumping


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


async def test_reading_what_was_ordered_opens_nothing_where_nothing_was_ordered(shop: Shop) -> None:
    before = len(shop.sandbox.requests)
    assert await shop.since() == []
    assert await shop.history.commission_ids(["cnt_1"]) == ({}, "")
    assert await shop.history.variations(["job_1"]) == ({}, "")
    assert await shop.history.cloned_posts(shop.project) == (frozenset(), "")
    assert list(shop.state_dir.iterdir()) == []
    assert len(shop.sandbox.requests) == before


async def test_a_job_that_does_not_answer_in_time_holds_up_no_replay(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    shop.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="latency", seconds=60))
    start = anyio.current_time()
    known = await shop.orders.place(shop.clone())
    assert (known.replayed, known.record.status) == (True, "running")
    assert anyio.current_time() - start < 6
