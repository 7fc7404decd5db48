"""publish_content, list_schedule, change_schedule: content goes out once, when a person wants it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.context import ToolContext
from layers_mcp.protocol import ToolError
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools.change_schedule import change_schedule
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.list_schedule import list_schedule
from layers_mcp.tools.publish_content import publish_content
from tests.support import START, LoopClock, open_workspace

pytestmark = pytest.mark.jumping

PUBLISH = "POST /v1/content/:id/publish"
SCHEDULE = "POST /v1/content/:id/schedule"


class Desk:
    """globex-fit, which needs no approval, a finished piece of it, and its accounts."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, ws: ToolContext) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.ws = ws
        self.project = sandbox.project_id("globex-fit")
        self.container = ""
        self.accounts: list[str] = []

    async def prepare(self) -> None:
        order = await generate_with_hook(self.ws, project_id=self.project, hook="Plan less, do more.")
        self.container = order.container_ids[0]
        self.clock.move(minutes=2)
        linked = await self.ws.api.projects.social_accounts(self.project)
        self.accounts = [one.social_account_id for one in linked if one.status == "connected"]

    async def publish(self, **arguments: Any):
        wanted = {"container_id": self.container, "social_account_ids": tuple(self.accounts[:1]), **arguments}
        return await publish_content(self.ws, **wanted)

    def posts(self) -> int:
        """How many publications upstream took on."""
        return sum(
            request.method == "POST" and request.path.endswith(("/publish", "/schedule"))
            for request in self.sandbox.requests
        )

    async def scheduled(self) -> list[str]:
        page = await self.ws.api.publishing.list(self.project, limit=100)
        return [post.scheduled_post_id for post in page.items if post.container_id == self.container]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_workspace(sandbox, tmp_path) as ws:
            desk = Desk(sandbox, clock, ws)
            await desk.prepare()
            yield desk


async def test_content_is_published_once_however_often_it_is_asked_for(desk: Desk) -> None:
    first = await desk.publish()
    assert (first.status, first.replayed, first.at) == ("scheduled", False, None)
    assert first.publication_id.startswith("pub_")
    again = await desk.publish(social_account_ids=tuple(desk.accounts[:1]) * 2)
    assert (again.replayed, again.publication_id) == (True, first.publication_id)
    assert [post.scheduled_post_id for post in again.scheduled_posts] == await desk.scheduled()
    desk.clock.move(minutes=2)
    assert (await desk.publish()).status == "published"
    assert len(await desk.scheduled()) == 1
    assert desk.posts() == 1


async def test_another_take_publishes_the_same_again_on_purpose_and_is_told_as_similar(desk: Desk) -> None:
    await desk.publish()
    second = await desk.publish(take=2)
    assert not second.replayed
    assert any("within a day" in note for note in second.notes)
    assert len(await desk.scheduled()) == 2


async def test_a_dry_run_publishes_nothing(desk: Desk) -> None:
    preview = await desk.publish(dry_run=True)
    assert (preview.status, preview.publication_id, preview.replayed) == ("not_published", None, False)
    assert desk.posts() == 0


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
async def test_a_lost_answer_is_recovered_without_a_second_post(desk: Desk, kind: str) -> None:
    desk.sandbox.faults.append(Fault(endpoint=PUBLISH, kind=kind))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await desk.publish()
    desk.sandbox.faults.clear()
    recovered = await desk.publish()
    assert any("published once" in note for note in recovered.notes)
    assert len(await desk.scheduled()) == 1


async def test_an_unanswered_publication_of_another_key_is_found_in_the_schedule(desk: Desk, tmp_path: Path) -> None:
    desk.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind="drop_after"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await desk.publish(at="2026-04-18T09:00Z")
    desk.sandbox.faults.clear()
    async with open_workspace(desk.sandbox, tmp_path, api_key=desk.sandbox.issue_key()) as other:
        found = await publish_content(
            other,
            container_id=desk.container,
            social_account_ids=tuple(desk.accounts[:1]),
            at="2026-04-18T11:00+02:00",
        )
    assert any("found in the project's schedule" in note for note in found.notes)
    assert len(await desk.scheduled()) == 1


async def test_an_unanswered_publication_that_is_nowhere_is_not_sent_again(desk: Desk, tmp_path: Path) -> None:
    desk.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="drop_before"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await desk.publish()
    desk.sandbox.faults.clear()
    async with open_workspace(desk.sandbox, tmp_path, api_key=desk.sandbox.issue_key()) as other:
        with pytest.raises(ToolError, match="PUBLICATION_UNKNOWN"):
            await publish_content(other, container_id=desk.container, social_account_ids=tuple(desk.accounts[:1]))
    assert await desk.scheduled() == []


async def test_a_publication_does_not_take_the_post_of_another_that_was_never_answered_either(
    desk: Desk, tmp_path: Path
) -> None:
    for take, kind in ((1, "drop_before"), (2, "drop_after")):
        desk.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind=kind))
        with pytest.raises(Exception, match="UNREACHABLE"):
            await desk.publish(at="2026-04-18T09:00Z", take=take)
        desk.sandbox.faults.clear()
    async with open_workspace(desk.sandbox, tmp_path, api_key=desk.sandbox.issue_key()) as other:
        with pytest.raises(ToolError, match="whose is whose is unclear"):
            await publish_content(
                other,
                container_id=desk.container,
                social_account_ids=tuple(desk.accounts[:1]),
                at="2026-04-18T09:00Z",
            )
    assert len(await desk.scheduled()) == 1


async def test_calls_at_once_publish_once(desk: Desk) -> None:
    desk.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="latency", seconds=3))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(desk.publish)
    assert len(await desk.scheduled()) == 1


async def test_an_instant_is_one_publication_however_it_is_spelled(desk: Desk) -> None:
    first = await desk.publish(at="2026-04-18T09:00", timezone="America/New_York")
    assert (first.at, first.at_local) == ("2026-04-18T13:00:00Z", "2026-04-18T09:00-04:00 America/New_York")
    assert (await desk.publish(at="2026-04-18T13:00:00Z")).replayed
    assert len(await desk.scheduled()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"at": "2026-04-16T09:00Z"}, "`at` is in the past"),
        ({"at": "tomorrow"}, "`at` is not an ISO datetime"),
        ({"at": "2027-03-14T02:30", "timezone": "America/New_York"}, "a clock change leaves out"),
        ({"at": "2026-11-01T01:30", "timezone": "America/New_York"}, "2026-11-01T05:30Z or 2026-11-01T06:30Z"),
        ({"at": "2026-04-18T09:00", "timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"social_account_ids": ("sa_of_somebody_else",)}, "not an account of this content's project"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(desk: Desk, arguments: dict, why: str) -> None:
    with pytest.raises(ToolError) as raised:
        await desk.publish(**arguments)
    assert why in str(raised.value)
    assert "Nothing was changed." in str(raised.value)
    assert desk.posts() == 0


async def test_the_schedule_is_listed_moved_and_canceled(desk: Desk) -> None:
    placed = await desk.publish(at="2026-04-18T09:00Z")
    [post] = placed.scheduled_posts
    listed = await list_schedule(desk.ws, project_id=desk.project, status=("queued",))
    [item] = [each for each in listed.items if each.scheduled_post_id == post.scheduled_post_id]
    assert (item.hook, item.publication_id, item.scheduled_for) == (
        "Plan less, do more.",
        placed.publication_id,
        "2026-04-18T09:00:00Z",
    )
    moved = await change_schedule(
        desk.ws, scheduled_post_id=post.scheduled_post_id, action="reschedule", at="2026-04-19T09:00Z"
    )
    assert (moved.status, moved.scheduled_for) == ("queued", "2026-04-19T09:00:00Z")
    for expected in ([], ["It was canceled before this call."]):
        canceled = await change_schedule(desk.ws, scheduled_post_id=post.scheduled_post_id, action="cancel")
        assert (canceled.status, canceled.notes) == ("canceled", expected)


async def test_what_went_out_cannot_be_changed_any_more(desk: Desk) -> None:
    [post] = (await desk.publish()).scheduled_posts
    desk.clock.move(minutes=5)
    with pytest.raises(ToolError, match="no longer queued"):
        await change_schedule(desk.ws, scheduled_post_id=post.scheduled_post_id, action="cancel")


async def test_publications_are_no_orders(desk: Desk) -> None:
    await desk.publish()
    orders, _ = await desk.ws.operations.history.since(START)
    assert [order.tool for order in orders] == ["generate_with_hook"]
