"""The publishing status of content, as get_content and decide_content tell it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.context import ToolContext
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools._publication_status import PublicationStatus
from layers_mcp.tools.change_schedule import change_schedule
from layers_mcp.tools.decide_content import decide_content
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.get_content import Content, get_content
from layers_mcp.tools.publish_content import publish_content
from layers_mcp.tools.review_commissions import review_commissions
from tests.support import START, LoopClock, open_tool_context
from tests.support.upstream import Upstream, refused

pytestmark = pytest.mark.jumping

SCHEDULE = "/scheduled-posts"


class PublicationHarness:
    """acme-todo, whose content waits for approval, with two finished pieces of one order, and its accounts."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, context: ToolContext) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.context = context
        self.project = sandbox.project_id("acme-todo")
        self.containers: list[str] = []
        self.accounts: list[str] = []

    async def prepare(self) -> None:
        order = await generate_with_hook(self.context, project_id=self.project, hook="Plan less.", variations=2)
        self.clock.move(minutes=5)
        page = await get_content(self.context, project_id=self.project, limit=2)
        self.containers = [item.container_id for item in page.items if item.commission_id == order.commission_id]
        linked = await self.context.api.projects.social_accounts(self.project)
        self.accounts = [one.social_account_id for one in linked if one.status == "connected"]

    async def publish(self, container: str, at: str = "", accounts: int = 1, **more: Any) -> list[str]:
        placed = await publish_content(
            self.context, container_id=container, social_account_ids=tuple(self.accounts[:accounts]), at=at, **more
        )
        return [post.scheduled_post_id for post in placed.scheduled_posts]

    async def publication(self, container: str) -> PublicationStatus | None:
        [item] = (await get_content(self.context, container_ids=(container,))).items
        return item.publication

    def schedule_reads(self) -> int:
        return sum(each.method == "GET" and SCHEDULE in each.path for each in self.sandbox.requests)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PublicationHarness]:
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            harness = PublicationHarness(sandbox, clock, context)
            await harness.prepare()
            yield harness


async def test_pieces_of_an_order_tell_their_place_source_and_project(harness: PublicationHarness) -> None:
    page = await get_content(harness.context, container_ids=tuple(harness.containers))
    assert sorted(item.variation or "" for item in page.items) == ["1 of 2", "2 of 2"]
    assert {item.project_name for item in page.items} == {"acme-todo"}
    listed = await get_content(harness.context, project_id=harness.project, limit=2)
    assert {item.project_name for item in listed.items} == {"acme-todo"}


async def test_content_that_waits_was_perhaps_scheduled_elsewhere(harness: PublicationHarness, tmp_path: Path) -> None:
    one, other = harness.containers
    async with open_tool_context(harness.sandbox, tmp_path / "elsewhere") as elsewhere:
        call = {"container_id": one, "social_account_ids": tuple(harness.accounts[:1])}
        await publish_content(elsewhere, **call, at="2026-04-18T09:00:00Z")
    for listed in ({"container_ids": (one, other)}, {"project_id": harness.project}, {"awaiting_approval": True}):
        items = {item.container_id: item.publication for item in (await get_content(harness.context, **listed)).items}
        assert [told and told.status for told in (items[one], items[other])] == ["blocked_on_approval", "not_published"]


async def test_rejected_content_is_not_published_and_asks_for_no_schedule(harness: PublicationHarness) -> None:
    for one in harness.containers:
        await decide_content(harness.context, one, "reject", note="Off brand.")
    before = harness.schedule_reads()
    page = await get_content(harness.context, container_ids=tuple(harness.containers))
    assert [item.publication and item.publication.status for item in page.items] == ["not_published"] * 2
    assert page.next_step is None
    reviewed = await review_commissions(harness.context, project_id=harness.project)
    decisions = [one for row in reviewed.commissions for one in row.decisions]
    assert [(one["approval_status"], one["publication"]["status"]) for one in decisions] == [
        ("rejected", "not_published")
    ] * 2
    assert not any("may go live" in note for note in reviewed.notes)
    assert harness.schedule_reads() == before


@pytest.mark.parametrize("later", ["failed", "draft"])
async def test_what_is_live_stays_live_whatever_a_later_publication_comes_to(
    harness: PublicationHarness, later: str
) -> None:
    one, _ = harness.containers
    await decide_content(harness.context, one, "approve")
    [live] = await harness.publish(one)
    harness.clock.move(minutes=5)
    told = await harness.publication(one)
    if later == "failed":
        harness.sandbox.faults.append(Fault(endpoint="*", kind="login_expired", account=harness.accounts[0]))
    await harness.publish(one, take=2, mode="draft" if later == "draft" else "publish")
    harness.clock.move(minutes=5)
    page = await get_content(harness.context, container_ids=(one,))
    assert told
    assert (told.status, told.scheduled_post_ids) == ("published", [live])
    assert page.items[0].publication == told
    assert any("a later publication failed: list_schedule says why" in note for note in page.notes) == (
        later == "failed"
    )


async def test_approved_content_is_followed_until_it_is_live(harness: PublicationHarness) -> None:
    one, _ = harness.containers
    decided = await decide_content(harness.context, one, "approve", note="Looks good.")
    assert (decided.note, decided.publication) == (
        "Looks good.",
        PublicationStatus(status="not_published", scheduled_post_ids=[]),
    )
    assert "once a person wants that" in (decided.next_step or "")
    assert (await harness.publication(one)) == decided.publication
    ids = await harness.publish(one, accounts=2)
    told = await harness.publication(one)
    assert told
    assert (told.status, sorted(told.scheduled_post_ids)) == ("scheduled", sorted(ids))
    harness.clock.move(minutes=5)
    told = await harness.publication(one)
    assert told
    assert told.status == "published"
    assert told.at
    assert told.at.startswith("2026-04-17T09:1")


async def test_an_approval_that_sets_posts_going_says_which_and_when(harness: PublicationHarness) -> None:
    one, other = harness.containers
    ids = await harness.publish(one, at="2026-04-18T09:00:00Z", accounts=2)
    waits = PublicationStatus(status="blocked_on_approval", at="2026-04-18T09:00:00Z", scheduled_post_ids=sorted(ids))
    told = await harness.publication(one)
    assert told
    assert told.model_copy(update={"scheduled_post_ids": sorted(told.scheduled_post_ids)}) == waits
    decided = await decide_content(harness.context, one, "approve")
    assert decided.publication
    assert (decided.publication.status, decided.publication.at) == ("scheduled", "2026-04-18T09:00:00Z")
    assert sorted(decided.publication.scheduled_post_ids) == sorted(ids)
    assert decided.notes == ["The approval set 2 scheduled posts going."]
    again = await decide_content(harness.context, one, "approve")
    assert (again.publication, again.note) == (await harness.publication(one), None)
    rejected = await decide_content(harness.context, other, "reject", note="Off brand.")
    assert (rejected.publication and rejected.publication.status, rejected.next_step) == ("not_published", None)


async def test_every_post_of_the_same_content_on_one_account_is_listed(harness: PublicationHarness) -> None:
    one, _ = harness.containers
    await decide_content(harness.context, one, "approve")
    [first] = await harness.publish(one, at="2026-04-18T09:00:00Z")
    [second] = await harness.publish(one, at="2026-04-18T10:30:00Z")
    queued = await harness.publication(one)
    harness.clock.move(days=2)
    live = await harness.publication(one)
    reviewed = await review_commissions(harness.context, project_id=harness.project)
    [decision] = [each for row in reviewed.commissions for each in row.decisions if each["container_id"] == one]
    assert queued
    assert queued.at == "2026-04-18T09:00:00Z"
    assert [told and (told.status, set(told.scheduled_post_ids)) for told in (queued, live)] == [
        ("scheduled", {first, second}),
        ("published", {first, second}),
    ]
    assert set(decision["publication"]["scheduled_post_ids"]) == {first, second}


async def test_a_canceled_post_is_not_published_and_the_others_count(harness: PublicationHarness) -> None:
    one, _ = harness.containers
    await decide_content(harness.context, one, "approve")
    first, second = await harness.publish(one, at="2026-04-18T09:00:00Z", accounts=2)
    await change_schedule(harness.context, scheduled_post_id=first, action="cancel")
    told = await harness.publication(one)
    assert told
    assert (told.status, told.scheduled_post_ids) == ("scheduled", [second])
    await change_schedule(harness.context, scheduled_post_id=second, action="cancel")
    assert await harness.publication(one) == PublicationStatus(status="not_published", scheduled_post_ids=[])


@pytest.mark.parametrize("kind", [{"kind": "status", "status": 503}, {"kind": "latency", "seconds": 3600}])
async def test_a_schedule_that_cannot_be_read_hides_no_content_and_undoes_no_decision(
    harness: PublicationHarness, kind: dict[str, object]
) -> None:
    one, _ = harness.containers
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/scheduled-posts", **kind))
    decided = await decide_content(harness.context, one, "approve")
    assert (decided.approval_status, decided.publication) == ("approved", None)
    assert any("could not be read" in note for note in decided.notes)
    page: Content = await get_content(harness.context, container_ids=(one,))
    assert [(item.approval_status, item.publication) for item in page.items] == [("approved", None)]
    assert any("could not be read" in note for note in page.notes)


async def test_orders_of_the_project_that_still_run_are_noted_with_their_jobs(harness: PublicationHarness) -> None:
    order = await generate_with_hook(harness.context, project_id=harness.project, hook="Another one.")
    page = await get_content(harness.context, project_id=harness.project, awaiting_approval=True)
    assert f"Still being made, as far as is known: 1 order ({order.job_id}); wait_job shows how far." in page.notes


async def test_a_promotion_that_failed_is_told(tmp_path: Path) -> None:
    upstream = Upstream()
    promotion = {"status": "failed", "scheduledPostIds": ["sp_1"]}
    upstream.replies["POST /v1/content/cnt_1/approve"] = {
        "id": "cnt_1",
        "approvalStatus": "approved",
        "pendingSchedulePromotion": promotion,
    }
    upstream.replies["GET /v1/content/cnt_1"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        decided = await decide_content(context, "cnt_1", "approve")
    assert (decided.approval_status, decided.publication) == ("approved", None)
    assert decided.notes[0].startswith("What is scheduled of it could not be read. FORBIDDEN_SCOPE (403)")


async def test_posts_that_an_approval_set_going_count_as_scheduled_even_where_they_cannot_be_read(
    tmp_path: Path,
) -> None:
    upstream = Upstream()
    upstream.replies["POST /v1/content/cnt_1/approve"] = {
        "id": "cnt_1",
        "approvalStatus": "approved",
        "pendingSchedulePromotion": {"status": "ok", "scheduledPostIds": ["sp_1", "sp_2"]},
    }
    async with upstream.open_tool_context(tmp_path) as context:
        decided = await decide_content(context, "cnt_1", "approve")
    assert decided.publication == PublicationStatus(status="scheduled", scheduled_post_ids=["sp_1", "sp_2"])
