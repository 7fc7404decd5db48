"""publish_content: content goes out once, when a person wants it to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import anyio
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import OperationError
from layers_mcp.protocol import ToolError
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools.decide_content import decide_content
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.list_schedule import list_schedule
from layers_mcp.tools.publish_content import publish_content
from tests.support import START, LoopClock, open_tool_context
from tests.support.publishing_harness import PUBLISH, SCHEDULE, PublishingHarness, open_publishing_harness
from tests.support.tool_harness import open_tool_harness, text_of

pytestmark = pytest.mark.jumping


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PublishingHarness]:
    async with open_publishing_harness(tmp_path) as harness:
        yield harness


async def test_content_is_published_once_however_often_it_is_asked_for(harness: PublishingHarness) -> None:
    first = await harness.publish()
    assert (first.status, first.replayed, first.at) == ("scheduled", False, None)
    assert first.publication_id.startswith("pub_")
    again = await harness.publish(social_account_ids=tuple(harness.accounts[:1]) * 2)
    assert (again.replayed, again.publication_id) == (True, first.publication_id)
    assert [post.scheduled_post_id for post in again.scheduled_posts] == await harness.scheduled()
    harness.clock.move(minutes=2)
    assert (await harness.publish()).status == "published"
    assert len(await harness.scheduled()) == 1
    assert harness.sent() == 1


async def test_another_take_publishes_the_same_again_on_purpose_and_is_told_as_similar(
    harness: PublishingHarness,
) -> None:
    await harness.publish()
    second = await harness.publish(take=2)
    assert not second.replayed
    assert any("within a day" in note for note in second.notes)
    assert len(await harness.scheduled()) == 2


async def test_a_dry_run_publishes_nothing(harness: PublishingHarness) -> None:
    preview = await harness.publish(dry_run=True)
    assert (preview.status, preview.publication_id, preview.replayed) == ("not_published", None, False)
    assert harness.sent() == 0


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
async def test_a_lost_answer_is_recovered_without_a_second_post(harness: PublishingHarness, kind: str) -> None:
    harness.sandbox.faults.append(Fault(endpoint=PUBLISH, kind=kind))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.publish()
    harness.sandbox.faults.clear()
    recovered = await harness.publish()
    assert any("published once" in note for note in recovered.notes)
    assert len(await harness.scheduled()) == 1


async def test_an_unanswered_publication_of_another_key_is_found_in_the_schedule(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind="drop_after"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.publish(at="2026-04-18T09:00Z")
    harness.sandbox.faults.clear()
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as other:
        found = await publish_content(
            other,
            container_id=harness.container,
            social_account_ids=tuple(harness.accounts[:1]),
            at="2026-04-18T11:00+02:00",
        )
    assert any("found in the project's schedule" in note for note in found.notes)
    assert len(await harness.scheduled()) == 1


async def test_an_unanswered_publication_that_is_nowhere_is_not_sent_again(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="drop_before"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.publish()
    harness.sandbox.faults.clear()
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as other:
        with pytest.raises(OperationError, match="PUBLICATION_UNKNOWN"):
            await publish_content(other, container_id=harness.container, social_account_ids=tuple(harness.accounts[:1]))
    assert await harness.scheduled() == []


async def test_a_publication_of_a_key_that_nobody_knows_whose_it_is_is_not_made_again(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=500))
    wanted = {"container_id": harness.container, "social_account_ids": tuple(harness.accounts[:1])}
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as unknown:
        await publish_content(unknown, **wanted)
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as rotated:
        with pytest.raises(
            OperationError, match="PUBLICATION_UNKNOWN: This publication is in the journal under another"
        ):
            await publish_content(rotated, **wanted)
    assert len(await harness.scheduled()) == 1


async def test_the_post_of_another_publication_is_known_however_its_id_is_spelled_by_now(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    at = "2026-04-18T09:00Z"
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind="drop_before"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.publish(at=at)
    harness.sandbox.faults.clear()
    placed = await harness.publish(at=at, take=2)
    harness.sandbox.speak("current")
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as other:
        [post] = (await list_schedule(other, project_id=harness.project, status=("queued",))).items
        with pytest.raises(OperationError, match=r"PUBLICATION_UNKNOWN.* holds it for 0 of 1 accounts"):
            await harness.publish(other, at=at)
    assert post.scheduled_post_id != placed.scheduled_posts[0].scheduled_post_id
    assert post.publication_id == placed.publication_id


async def test_a_publication_does_not_take_the_post_of_another_that_was_never_answered_either(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    for take, kind in ((1, "drop_before"), (2, "drop_after")):
        harness.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind=kind))
        with pytest.raises(Exception, match="UNREACHABLE"):
            await harness.publish(at="2026-04-18T09:00Z", take=take)
        harness.sandbox.faults.clear()
    async with open_tool_context(harness.sandbox, tmp_path, api_key=harness.sandbox.issue_key()) as other:
        with pytest.raises(OperationError, match="whose is whose is unclear"):
            await publish_content(
                other,
                container_id=harness.container,
                social_account_ids=tuple(harness.accounts[:1]),
                at="2026-04-18T09:00Z",
            )
    assert len(await harness.scheduled()) == 1


async def test_calls_at_once_publish_once(harness: PublishingHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=PUBLISH, kind="latency", seconds=3))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(harness.publish)
    assert len(await harness.scheduled()) == 1


async def test_an_instant_is_one_publication_however_it_is_spelled(harness: PublishingHarness) -> None:
    first = await harness.publish(at="2026-04-18T09:00", timezone="America/New_York")
    assert (first.at, first.at_local) == ("2026-04-18T13:00:00Z", "2026-04-18T09:00-04:00 America/New_York")
    assert (await harness.publish(at="2026-04-18T13:00:00Z")).replayed
    assert len(await harness.scheduled()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"at": "2026-04-16T09:00Z"}, "`at` is in the past: it is 2026-04-1"),
        ({"at": "2026-04-16T09:00Z"}, "-04:00 America/New_York now. Nothing"),
        ({"at": "tomorrow"}, "`at` is not an ISO datetime"),
        ({"at": "2027-03-14T02:30", "timezone": "America/New_York"}, "a clock change leaves out"),
        ({"at": "2026-11-01T01:30", "timezone": "America/New_York"}, "2026-11-01T05:30Z or 2026-11-01T06:30Z"),
        ({"at": "2026-04-18T09:00", "timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"at": "2027-02-30T09:00Z"}, "`at` is not an ISO datetime"),
        ({"at": "9999-12-31T23:59-05:00"}, "`at` is not an ISO datetime"),
        ({"social_account_ids": ("sa_of_somebody_else",)}, "not an account of this content's project"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    harness: PublishingHarness, arguments: dict, why: str
) -> None:
    with pytest.raises(ToolError) as raised:
        await harness.publish(**arguments)
    assert why in str(raised.value)
    assert "Nothing was changed." in str(raised.value)
    assert harness.sent() == 0


async def test_publications_are_no_orders(harness: PublishingHarness) -> None:
    await harness.publish()
    orders, _ = await harness.context.operations.history.since(START)
    assert [order.tool for order in orders] == ["generate_with_hook"]


async def test_an_account_that_cannot_be_published_on_is_refused_with_those_that_would_do(
    harness: PublishingHarness,
) -> None:
    tiktok, instagram = harness.accounts
    for status, why in (("reauth_required", "needs a new login"), ("disconnected", "is not connected")):
        harness.sandbox.set_account_status("globex-fit", "tiktok", status)
        with pytest.raises(ToolError, match=f"{why}.*These would do: {instagram} \\(instagram\\)\\.") as raised:
            await harness.publish(social_account_ids=(tiktok, instagram))
        assert "Nothing was changed." in str(raised.value)
    harness.sandbox.set_account_status("globex-fit", "instagram", "disconnected")
    with pytest.raises(ToolError, match="No account of the project is connected"):
        await harness.publish()
    assert harness.sent() == 0


async def test_content_that_still_runs_or_was_rejected_is_refused_before_anything_is_sent(
    harness: PublishingHarness,
) -> None:
    order = await generate_with_hook(harness.context, project_id=harness.project, hook="Not yet.")
    with pytest.raises(ToolError, match="CONFLICT: The content is not finished"):
        await harness.publish(container_id=order.container_ids[0])
    await harness.prepare("acme-todo")
    await decide_content(harness.context, container_id=harness.container, decision="reject", note="Off brand.")
    for arguments in ({}, {"at": "2026-04-18T09:00Z"}, {"dry_run": True}):
        with pytest.raises(ToolError, match="CONTENT_REJECTED"):
            await harness.publish(**arguments)
    assert harness.sent() == 0


async def test_what_waits_for_a_person_can_be_scheduled_and_goes_out_once_it_is_approved(
    harness: PublishingHarness,
) -> None:
    await harness.prepare("acme-todo")
    with pytest.raises(ToolError, match="APPROVAL_REQUIRED"):
        await harness.publish()
    assert harness.sent() == 0
    blocked = await harness.publish(at="2026-04-18T09:00Z")
    assert blocked.status == "blocked_on_approval"
    assert "approving it starts this publication" in blocked.notes[0]
    listed = await list_schedule(harness.context, project_id=harness.project, status=("queued",))
    assert "Queued posts that go out only once a person has approved their content: 1." in listed.notes
    await decide_content(harness.context, container_id=harness.container, decision="approve")
    again = await harness.publish(at="2026-04-18T09:00Z")
    assert (again.status, again.replayed, len(await harness.scheduled())) == ("scheduled", True, 1)
    assert (await list_schedule(harness.context, project_id=harness.project, status=("queued",))).notes == []


async def test_an_api_that_refuses_to_schedule_what_waits_says_who_decides(harness: PublishingHarness) -> None:
    await harness.prepare("acme-todo")
    harness.sandbox.faults.append(Fault(endpoint=SCHEDULE, kind="status", status=403, code="APPROVAL_REQUIRED"))
    with pytest.raises(LayersError, match="APPROVAL_REQUIRED") as raised:
        await harness.publish(at="2026-04-18T09:00Z")
    assert raised.value.nothing_changed
    harness.sandbox.faults.clear()
    assert (await harness.publish(at="2026-04-18T09:00Z")).replayed is False


@pytest.mark.parametrize(
    ("first", "second", "similar"),
    [
        ({"at": "2026-04-24T09:00Z"}, {"at": "2026-04-24T10:00Z"}, True),
        ({"at": "2026-04-24T09:00Z"}, {"at": "2026-04-27T09:00Z"}, False),
        ({}, {"at": "2026-04-24T09:00Z"}, False),
        ({"at": "2026-04-24T09:00Z"}, {"at": "2026-04-24T10:00Z", "account": 1}, False),
    ],
)
async def test_the_same_content_on_the_same_account_within_a_day_is_told_as_similar_however_long_ago_it_was_asked_for(
    first: dict, second: dict, similar: bool, harness: PublishingHarness
) -> None:
    await harness.publish(**first)
    harness.clock.move(days=5)
    account = second.pop("account", 0)
    for dry_run in (True, False):
        wanted = {**second, "social_account_ids": (harness.accounts[account],), "dry_run": dry_run}
        told = await harness.publish(**wanted)
        assert any("within a day" in note for note in told.notes) == similar


async def test_a_canceled_publication_is_not_posted_again_but_names_the_take_that_would(
    harness: PublishingHarness,
) -> None:
    [post] = (await harness.publish(at="2026-04-18T09:00Z")).scheduled_posts
    await harness.change(post.scheduled_post_id, action="cancel")
    again = await harness.publish(at="2026-04-18T09:00Z")
    assert (again.status, again.replayed, harness.sent()) == ("canceled", True, 1)
    assert "take=2 publishes it again, if a person wants that." in again.next_step


async def test_a_publication_is_canceled_only_once_it_is_on_every_account(harness: PublishingHarness) -> None:
    wanted = {"mode": "draft", "at": "2026-04-18T09:00Z", "social_account_ids": tuple(harness.accounts[:2])}
    first, _ = (await harness.publish(**wanted)).scheduled_posts
    await harness.change(first.scheduled_post_id, action="cancel")
    assert (await harness.publish(**wanted)).status == "scheduled"
    harness.clock.move(days=2)
    drafted = await harness.publish(**wanted)
    assert [post.status for post in drafted.scheduled_posts] == ["canceled", "draft"]
    assert (drafted.status, "canceled" in drafted.next_step) == ("draft", False)


async def test_a_publication_that_was_canceled_on_every_account_is_canceled(harness: PublishingHarness) -> None:
    wanted = {"at": "2026-04-18T09:00Z", "social_account_ids": tuple(harness.accounts[:2])}
    for post in (await harness.publish(**wanted)).scheduled_posts:
        await harness.change(post.scheduled_post_id, action="cancel")
    assert (await harness.publish(**wanted)).status == "canceled"


async def test_a_publication_that_failed_says_where_to_look_and_names_the_take_that_tries_again(
    harness: PublishingHarness,
) -> None:
    await harness.publish()
    harness.sandbox.set_account_status("globex-fit", "tiktok", "reauth_required")
    harness.clock.move(minutes=5)
    failed = await harness.publish()
    assert (failed.status, failed.replayed, harness.sent()) == ("failed", True, 1)
    assert failed.next_step == (
        "list_schedule says why it failed and what to do. take=2 publishes it again, if a person wants that."
    )


async def test_a_publication_that_was_moved_says_to_when_if_it_is_asked_for_again(harness: PublishingHarness) -> None:
    wanted = {"at": "2026-04-18T09:00Z", "social_account_ids": tuple(harness.accounts[:2])}
    first, second = (await harness.publish(**wanted)).scheduled_posts
    await harness.change(first.scheduled_post_id, action="reschedule", at="2026-04-19T09:00Z")
    apart = await harness.publish(**wanted)
    await harness.change(second.scheduled_post_id, action="reschedule", at="2026-04-19T09:00Z")
    together = await harness.publish(**wanted)
    assert apart.replayed
    assert "It was moved to another time since: list_schedule shows which." in apart.notes
    assert "It was moved since, to 2026-04-19T09:00:00Z; `at` is what was asked for." in together.notes


async def test_a_publication_that_is_out_is_still_answered_though_its_time_has_passed(
    harness: PublishingHarness,
) -> None:
    await harness.publish(at="2026-04-18T09:00Z")
    harness.clock.move(days=3)
    harness.sandbox.set_account_status("globex-fit", "tiktok", "reauth_required")
    again = await harness.publish(at="2026-04-18T09:00Z")
    assert (again.status, again.replayed) == ("published", True)


async def test_a_local_time_is_never_read_in_a_zone_that_was_guessed(harness: PublishingHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/projects", kind="status", status=500))
    with pytest.raises(ToolError, match=r"the project's time zone could not be read.*Name the `timezone`"):
        await harness.publish(at="2026-04-18T09:00")
    assert harness.sent() == 0
    placed = await harness.publish(at="2026-04-18T09:00Z")
    assert placed.at_local == "2026-04-18T09:00+00:00 UTC"
    assert (await harness.publish(at="2026-04-18T11:00", timezone="Europe/Berlin")).replayed


async def test_a_caption_that_is_too_long_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        call = {"container_id": "cnt_1", "social_account_ids": "sa_1", "caption": "x" * 5_000}
        before = len(harness.sandbox.requests)
        result = await harness.call("publish_content", call)
        assert text_of(result).startswith("INVALID_ARGUMENT: `caption`")
        assert "4000" in text_of(result)
        assert len(harness.sandbox.requests) == before


@pytest.mark.parametrize("vintage", ["current", "both"])
async def test_every_vintage_takes_posts_and_drafts_now_and_later(
    vintage: Literal["current", "both"], tmp_path: Path
) -> None:
    clock = LoopClock(START)
    with Sandbox(clock=clock, vintage=vintage) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            harness = PublishingHarness(sandbox, clock, context, tmp_path)
            await harness.prepare()
            both = tuple(harness.accounts)
            now = await harness.publish(social_account_ids=both)
            draft = await harness.publish(mode="draft", at="2026-04-18T09:00Z")
            assert (now.status, draft.status, len(now.scheduled_posts)) == ("scheduled", "scheduled", 2)
            clock.move(days=2)
            assert (await harness.publish(social_account_ids=both)).status == "published"
            assert (await harness.publish(mode="draft", at="2026-04-18T09:00Z")).status == "draft"
            listed = await list_schedule(context, project_id=harness.project, status=("draft",))
            assert [item.publication_id for item in listed.items] == [draft.publication_id]


async def test_while_the_journal_cannot_be_read_nothing_is_published_and_nothing_said_to_be(
    harness: PublishingHarness, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "orders.db").write_bytes(b"no database")
    async with open_tool_context(harness.sandbox, damaged) as other:
        for dry_run in (True, False):
            with pytest.raises(OperationError, match="JOURNAL_UNAVAILABLE") as refused:
                await harness.publish(other, dry_run=dry_run)
            assert refused.value.nothing_changed
    assert harness.sent() == 0


async def test_the_same_publication_is_the_same_however_the_api_spells_its_ids(harness: PublishingHarness) -> None:
    first = await harness.publish(at="2026-04-18T09:00Z")
    harness.sandbox.speak("current")
    again = await harness.publish(at="2026-04-18T09:00Z")
    assert (again.replayed, again.publication_id) == (True, first.publication_id)
    accounts = await harness.context.api.projects.social_accounts(harness.project)
    spelled = [one.social_account_id for one in accounts if one.status == "connected"][:1]
    assert spelled != harness.accounts[:1]
    anew = await harness.publish(at="2026-04-18T09:00Z", social_account_ids=tuple(spelled))
    assert (anew.replayed, anew.publication_id) == (True, first.publication_id)
    assert harness.sent() == 1


async def test_nothing_is_published_where_reading_left_too_little_time_to_send(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        call = await harness.ready_for("publish_content")
        for endpoint in ("GET /v1/content/:id", "GET /v1/projects/:id/social-accounts"):
            harness.sandbox.faults.append(Fault(endpoint=endpoint, kind="latency", seconds=60, calls=(1,)))
        text = text_of(await harness.call("publish_content", call))
        assert text.startswith("TIMEOUT: Layers did not answer in time. Nothing was changed.")
        assert not (await harness.call("publish_content", call)).is_error


async def test_a_schedule_that_comes_late_is_shown_in_utc_where_the_zone_does_not_come_in_time(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        posts = {"endpoint": "GET /v1/projects/:id/scheduled-posts", "calls": (1, 2)}
        for endpoint in (posts, {"endpoint": "GET /v1/projects"}):
            harness.sandbox.faults.append(Fault(kind="latency", seconds=60, **endpoint))
        schedule = await harness.facts("list_schedule", project_id=harness.project)
    assert schedule["items"]
    assert all(item["scheduled_for_local"].endswith(" UTC") for item in schedule["items"])
