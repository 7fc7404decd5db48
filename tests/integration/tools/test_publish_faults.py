"""Whatever goes wrong while content is published, or its schedule changed, it goes out once and as it was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support.publishing_harness import (
    CANCEL,
    PUBLISH,
    RESCHEDULE,
    SCHEDULE,
    PublishingHarness,
    open_publishing_harness,
)

pytestmark = pytest.mark.jumping

FAULTS: dict[str, dict[str, Any]] = {
    "late": {"kind": "latency", "seconds": 3_600},
    "429": {"kind": "status", "status": 429, "seconds": 300},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "504": {"kind": "status", "status": 504},
    "drop before": {"kind": "drop_before"},
    "drop after": {"kind": "drop_after"},
    "truncated": {"kind": "truncate"},
    "HTML 502": {"kind": "html_502"},
}
NEVER_ARRIVED = {"429"}
"""After which it is certain that nothing was changed."""

PASSED_OVER = {"late", "drop after", "truncated"}
"""After which a change is there: reading the schedule shows it."""

TOMORROW = "2026-04-18T09:00Z"
LATER = "2026-04-19T09:00Z"

QUICK = ("late", "429", "drop after")
"""One of each kind; the default run leaves the others to CI."""

every_fault = pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FAULTS]
)
now_or_later = pytest.mark.parametrize("at", ["", TOMORROW])


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PublishingHarness]:
    async with open_publishing_harness(tmp_path) as harness:
        yield harness


@every_fault
@now_or_later
async def test_a_publication_that_met_a_fault_is_posted_once_by_the_same_call(
    harness: PublishingHarness, at: str, fault: str
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE if at else PUBLISH, **FAULTS[fault]))
    with pytest.raises(LayersError) as raised:
        await harness.publish(at=at)
    assert raised.value.nothing_changed == (fault in NEVER_ARRIVED)
    if raised.value.nothing_changed:
        assert await harness.scheduled() == []
    harness.sandbox.faults.clear()
    await anyio.sleep(400)
    placed = await harness.publish(at=at)
    [post] = await harness.scheduled()
    assert [each.scheduled_post_id for each in placed.scheduled_posts] == [post]
    assert (await harness.publish(at=at)).replayed
    assert len(await harness.scheduled()) == 1


@every_fault
@pytest.mark.parametrize("action", ["reschedule", "cancel"])
async def test_a_change_that_met_a_fault_is_made_by_the_same_call(
    harness: PublishingHarness, action: str, fault: str
) -> None:
    [post] = (await harness.publish(at=TOMORROW)).scheduled_posts
    change: dict[str, Any] = {"action": action} | ({"at": LATER} if action == "reschedule" else {})
    wanted = ("queued", "2026-04-19T09:00:00Z") if action == "reschedule" else ("canceled", "2026-04-18T09:00:00Z")
    harness.sandbox.faults.append(Fault(endpoint=RESCHEDULE if action == "reschedule" else CANCEL, **FAULTS[fault]))
    if fault in PASSED_OVER:
        changed = await harness.change(post.scheduled_post_id, **change)
        assert (changed.status, changed.scheduled_for) == wanted
    else:
        with pytest.raises(LayersError) as raised:
            await harness.change(post.scheduled_post_id, **change)
        assert raised.value.nothing_changed == (fault in NEVER_ARRIVED)
    harness.sandbox.faults.clear()
    await anyio.sleep(400)
    changed = await harness.change(post.scheduled_post_id, **change)
    assert (changed.status, changed.scheduled_for) == wanted
    upstream = await harness.context.api.publishing.get(post.scheduled_post_id)
    assert upstream.status == wanted[0]


@pytest.mark.parametrize("action", ["reschedule", "cancel"])
@pytest.mark.parametrize("kind", ["drop_after", "truncate"])
async def test_a_change_whose_answer_was_lost_is_read_from_the_schedule(
    harness: PublishingHarness, action: str, kind: Any
) -> None:
    [post] = (await harness.publish(at=TOMORROW)).scheduled_posts
    harness.sandbox.faults.append(Fault(endpoint=RESCHEDULE if action == "reschedule" else CANCEL, kind=kind))
    changed = await harness.change(post.scheduled_post_id, action=action, at=LATER if action == "reschedule" else "")
    assert changed.status == ("queued" if action == "reschedule" else "canceled")
    assert changed.notes == ["The answer to the change was lost; the schedule shows that it was made."]


@now_or_later
async def test_a_day_later_an_unanswered_publication_is_found_in_the_schedule(
    harness: PublishingHarness, at: str
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE if at else PUBLISH, kind="drop_after"))
    with pytest.raises(LayersError, match="UNREACHABLE"):
        await harness.publish(at=at)
    harness.sandbox.faults.clear()
    sent = harness.sent()
    harness.clock.move(hours=25)
    found = await harness.publish(at=at)
    assert (found.status, found.replayed, harness.sent()) == ("published", True, sent)
    assert any("found in the project's schedule" in note for note in found.notes)
    assert (await harness.publish(at=at)).publication_id == found.publication_id
    assert len(await harness.scheduled()) == 1


@now_or_later
async def test_a_day_later_an_unanswered_publication_that_is_nowhere_is_told_as_unknown(
    harness: PublishingHarness, at: str
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE if at else PUBLISH, kind="drop_before"))
    with pytest.raises(LayersError, match="UNREACHABLE"):
        await harness.publish(at=at)
    harness.sandbox.faults.clear()
    sent = harness.sent()
    harness.clock.move(hours=25)
    with pytest.raises(OperationError, match="PUBLICATION_UNKNOWN") as raised:
        await harness.publish(at=at)
    assert "list_schedule and the project_id before another take" in raised.value.next_step
    assert (harness.sent(), await harness.scheduled()) == (sent, [])


async def test_another_publication_of_the_content_is_not_taken_for_an_unanswered_one(
    harness: PublishingHarness,
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="drop_before"))
    with pytest.raises(LayersError, match="UNREACHABLE"):
        await harness.publish()
    harness.sandbox.faults.clear()
    await harness.publish(take=2)
    harness.clock.move(hours=25)
    with pytest.raises(OperationError, match=r"PUBLICATION_UNKNOWN.*holds it for 0 of 1 accounts"):
        await harness.publish()
    assert len(await harness.scheduled()) == 1


async def test_two_programs_that_publish_at_once_post_once(harness: PublishingHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="latency", seconds=5))
    told: list[Any] = []

    async def publish(context: Any) -> None:
        told.append(await harness.publish(context))

    async with harness.open() as other, anyio.create_task_group() as group:
        for context in (harness.context, other, harness.context, other):
            group.start_soon(publish, context)
    assert len({each.publication_id for each in told}) == 1
    assert sorted(each.replayed for each in told) == [False, True, True, True]
    assert (len(await harness.scheduled()), harness.sent()) == (1, 1)


async def test_a_call_that_waited_for_another_one_publishes_what_that_one_could_not(harness: PublishingHarness) -> None:
    harness.sandbox.faults += [
        Fault(endpoint=PUBLISH, kind="latency", seconds=5, calls=(1,)),
        Fault(endpoint=PUBLISH, kind="status", status=403, code="APPROVAL_REQUIRED", calls=(1,)),
    ]
    told: list[Any] = []

    async def publish() -> None:
        try:
            told.append(await harness.publish())
        except LayersError as error:
            told.append(error.code)

    async with harness.open(), anyio.create_task_group() as group:
        group.start_soon(publish)
        await anyio.sleep(1)
        group.start_soon(publish)
    assert told[0] == "APPROVAL_REQUIRED"
    assert told[1].status == "scheduled"
    assert len(await harness.scheduled()) == 1
