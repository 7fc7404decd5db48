"""Placing orders on the sandbox: what is sent, and what is answered from the journal."""

from __future__ import annotations

import anyio
import pytest

from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.order_harness import OrderHarness

pytestmark = pytest.mark.jumping


async def test_an_order_is_sent_once_and_then_answered_from_the_journal(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.clone(variations=2))
    again = await harness.orders.place(harness.clone(variations=2))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.record.job_id == first.record.job_id
    assert (
        again.record.ordered_at
        == first.record.ordered_at
        == START.replace(microsecond=first.record.ordered_at.microsecond)
    )
    assert harness.posts() == 1
    assert len(harness.charges()) == 1


async def test_the_answer_to_a_known_order_costs_one_read_of_its_job_until_that_ended(harness: OrderHarness) -> None:
    job = (await harness.orders.place(harness.clone())).record.job_id
    before = len(harness.sandbox.requests)
    assert (await harness.orders.place(harness.clone())).record.status == "running"
    assert harness.requests_since(before) == [f"GET /v1/jobs/{job}"]
    harness.clock.move(minutes=1)
    ended = await harness.orders.place(harness.clone())
    assert ended.record.status == "completed"
    before = len(harness.sandbox.requests)
    assert (await harness.orders.place(harness.clone())).record.status == "completed"
    assert harness.requests_since(before) == []


async def test_a_known_order_whose_job_is_gone_is_read_from_its_container(harness: OrderHarness) -> None:
    first = await harness.orders.place(harness.clone())
    harness.clock.move(minutes=1)
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="status", status=404))
    before = len(harness.sandbox.requests)
    assert (await harness.orders.place(harness.clone())).record.status == "completed"
    assert harness.requests_since(before)[-1] == f"GET /v1/content/{first.record.container_ids[0]}"


async def test_a_known_order_that_cannot_be_read_keeps_its_last_status_and_says_so(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="status", status=403))
    known = await harness.orders.place(harness.clone())
    assert known.record.status == "running"
    assert any("last one known" in note for note in known.notes)
    harness.sandbox.faults[:] = [
        Fault(endpoint="GET /v1/jobs/:id", kind="status", status=404),
        Fault(endpoint="GET /v1/content/:id", kind="status", status=404),
    ]
    assert (await harness.orders.place(harness.clone())).record.status == "running"


async def test_reading_what_was_ordered_opens_nothing_where_nothing_was_ordered(harness: OrderHarness) -> None:
    before = len(harness.sandbox.requests)
    assert await harness.since() == []
    assert await harness.history.commission_ids(["cnt_1"]) == ({}, "")
    assert await harness.history.variations(["job_1"]) == ({}, "")
    assert await harness.history.followed_posts(harness.project) == (frozenset(), "")
    assert list(harness.state_dir.iterdir()) == []
    assert len(harness.sandbox.requests) == before


async def test_a_job_that_does_not_answer_in_time_holds_up_no_replay(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/jobs/:id", kind="latency", seconds=60))
    start = anyio.current_time()
    known = await harness.orders.place(harness.clone())
    assert (known.replayed, known.record.status) == (True, "running")
    assert anyio.current_time() - start < 6
