"""change_schedule and list_schedule: what is queued is shown, moved and canceled; what is out is left alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.protocol import ToolError
from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.text.ids import id_key
from layers_mcp.tools.change_schedule import change_schedule
from layers_mcp.tools.list_schedule import list_schedule
from tests.support.publishing_harness import PublishingHarness, open_publishing_harness
from tests.support.upstream import Upstream

pytestmark = pytest.mark.jumping

TOMORROW = "2026-04-18T09:00Z"
LATER = "2026-04-19T09:00Z"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[PublishingHarness]:
    async with open_publishing_harness(tmp_path) as harness:
        yield harness


@pytest.fixture
async def post(harness: PublishingHarness) -> str:
    """The id of a post that is queued for tomorrow."""
    [scheduled] = (await harness.publish(at=TOMORROW)).scheduled_posts
    return scheduled.scheduled_post_id


async def test_an_empty_schedule_says_so_and_a_reversed_window_is_refused(harness: PublishingHarness) -> None:
    empty = await list_schedule(harness.context, project_id=harness.sandbox.project_id("hooli-new"))
    assert (empty.items, empty.notes) == ([], ["The schedule of this project holds nothing."])
    filtered = await list_schedule(harness.context, project_id=harness.project, status=("queued",))
    assert filtered.notes == ["The schedule of this project holds nothing with this status or in this time."]
    before = len(harness.sandbox.requests)
    with pytest.raises(ToolError, match="`since` must not be after `until`"):
        await list_schedule(harness.context, project_id=harness.project, since="1d", until="2d")
    assert len(harness.sandbox.requests) == before


@pytest.mark.parametrize(
    ("mode", "words"), [("publish", "It goes out in"), ("draft", "It reaches the app's drafts in")]
)
async def test_what_happens_within_half_a_minute_is_what_was_asked_for(
    harness: PublishingHarness, mode: str, words: str
) -> None:
    assert (await harness.publish(mode=mode)).next_step.startswith(f"{words} about half a minute;")


async def test_the_schedule_is_listed_moved_and_canceled(harness: PublishingHarness) -> None:
    placed = await harness.publish(at=TOMORROW)
    [post] = placed.scheduled_posts
    listed = await list_schedule(harness.context, project_id=harness.project, status=("queued",))
    [item] = [each for each in listed.items if each.scheduled_post_id == post.scheduled_post_id]
    assert (item.hook, item.publication_id, item.scheduled_for) == (
        "Plan less, do more.",
        placed.publication_id,
        "2026-04-18T09:00:00Z",
    )
    moved = await harness.change(post.scheduled_post_id, action="reschedule", at=LATER)
    assert (moved.status, moved.scheduled_for) == ("queued", "2026-04-19T09:00:00Z")
    for expected in ([], ["It was canceled before this call."]):
        canceled = await harness.change(post.scheduled_post_id, action="cancel")
        assert (canceled.status, canceled.notes) == ("canceled", expected)


@pytest.mark.parametrize(("speaks", "then"), [("preview", "current"), ("current", "preview")])
async def test_drafts_are_listed_in_the_words_of_now(tmp_path: Path, speaks: Vintage, then: Vintage) -> None:
    async with open_publishing_harness(tmp_path, vintage=speaks) as harness:
        await harness.publish(mode="draft")
        harness.clock.move(minutes=2)
        for words in (speaks, then):
            harness.sandbox.speak(words)
            [draft] = (await list_schedule(harness.context, project_id=harness.project, status=("draft",))).items
            assert draft.status == "draft"
        refused = [each for each in harness.sandbox.requests if each.status == 422]
        assert len(refused) == 1


async def test_a_new_time_is_read_on_the_projects_clock_or_on_the_one_that_is_named(
    harness: PublishingHarness, post: str
) -> None:
    moved = await harness.change(post, action="reschedule", at="2026-04-18T09:00")
    assert (moved.scheduled_for, moved.scheduled_for_local) == (
        "2026-04-18T13:00:00Z",
        "2026-04-18T09:00-04:00 America/New_York",
    )
    moved = await harness.change(post, action="reschedule", at="2026-04-18T09:00", timezone="Europe/Berlin")
    assert moved.scheduled_for_local == "2026-04-18T09:00+02:00 Europe/Berlin"
    again = await harness.change(post, action="reschedule", at="2026-04-18T07:00:00.000Z")
    assert again.notes == ["It had this time."]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"action": "reschedule"}, "`at` is needed"),
        ({"action": "reschedule", "at": "2026-04-16T09:00Z"}, "`at` is in the past"),
        ({"action": "reschedule", "at": "soon"}, "`at` is not an ISO datetime"),
        ({"action": "reschedule", "at": LATER, "timezone": "Mars/Olympus"}, "`timezone` is no IANA time zone"),
        (
            {"action": "reschedule", "at": "2026-11-01T01:30", "timezone": "America/New_York"},
            "2026-11-01T05:30Z or 2026-11-01T06:30Z",
        ),
        ({"action": "cancel", "at": LATER}, "`at` is for reschedule"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(
    change: dict[str, Any], why: str, harness: PublishingHarness, post: str
) -> None:
    before = harness.sent("POST", "DELETE")
    with pytest.raises(ToolError) as raised:
        await harness.change(post, **change)
    assert why in str(raised.value)
    assert "Nothing was changed." in str(raised.value)
    assert harness.sent("POST", "DELETE") == before


@pytest.mark.parametrize(
    ("becomes", "instead"),
    [
        ("publishing", "The platform has it already"),
        ("published", "can only be removed on the platform"),
        ("draft", "in the account's drafts"),
        ("failed", "a higher take tries again"),
    ],
)
@pytest.mark.parametrize("change", [{"action": "cancel"}, {"action": "reschedule", "at": LATER}])
async def test_what_left_the_queue_is_refused_before_anything_is_sent(
    change: dict[str, Any], becomes: str, instead: str, harness: PublishingHarness
) -> None:
    [post] = (await harness.publish(mode="draft" if becomes == "draft" else "publish")).scheduled_posts
    if becomes == "failed":
        harness.sandbox.set_account_status("globex-fit", "tiktok", "reauth_required")
    harness.clock.move(seconds=32 if becomes == "publishing" else 120)
    before = harness.sent("POST", "DELETE")
    with pytest.raises(ToolError, match="CONFLICT: The post is no longer queued") as raised:
        await harness.change(post.scheduled_post_id, **change)
    assert instead in str(raised.value)
    assert harness.sent("POST", "DELETE") == before


async def test_a_canceled_post_is_not_moved_but_can_be_published_anew(harness: PublishingHarness, post: str) -> None:
    await harness.change(post, action="cancel")
    with pytest.raises(ToolError, match="publish_content with a higher take"):
        await harness.change(post, action="reschedule", at=LATER)


async def test_a_post_that_leaves_the_queue_while_it_is_changed_is_told_as_too_late(
    harness: PublishingHarness, post: str
) -> None:
    harness.sandbox.faults.append(Fault(endpoint="DELETE /v1/scheduled-posts/:id", kind="status", status=409))
    with pytest.raises(ToolError, match=r"\(409\): The post is no longer queued"):
        await harness.change(post, action="cancel")


async def test_a_local_time_is_never_read_in_a_zone_that_was_guessed(harness: PublishingHarness, post: str) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/content/:id", kind="status", status=500))
    with pytest.raises(ToolError, match="time zone could not be read"):
        await harness.change(post, action="reschedule", at="2026-04-18T09:00")
    assert (await harness.change(post, action="cancel")).status == "canceled"


async def test_a_post_that_is_unknown_is_not_found(harness: PublishingHarness) -> None:
    with pytest.raises(LayersError, match="NOT_FOUND"):
        await harness.change("sp_nothing", action="cancel")


async def test_a_failed_post_says_why_and_what_to_do(harness: PublishingHarness) -> None:
    [post] = (await harness.publish()).scheduled_posts
    harness.sandbox.set_account_status("globex-fit", "tiktok", "reauth_required")
    harness.clock.move(minutes=5)
    listed = await list_schedule(harness.context, project_id=harness.project, status=("failed",))
    [item] = [each for each in listed.items if each.scheduled_post_id == post.scheduled_post_id]
    assert item.error == (
        "CREDENTIAL_INVALID: the account's login expired. Connect it again in Layers, then publish with a new take."
    )


async def test_a_long_schedule_says_for_how_much_of_it_hooks_were_read(harness: PublishingHarness) -> None:
    for hook in range(11):
        order = await harness.order(f"Hook {hook}.")
        await harness.publish(container_id=order, at=TOMORROW)
    listed = await list_schedule(harness.context, project_id=harness.project, status=("queued",))
    assert sum(item.hook is not None for item in listed.items) == 10
    assert "Hooks are shown for the first 10 pieces of content." in listed.notes


ULID = "01KNWBE7J0C00HH08EJXXGB97Y"
TOKYO = {"id": "7d0a0e51-0c52-4c5e-9f0e-0f6a1b1c2d3e", "name": "Another", "timezone": "Asia/Tokyo"}
BERLIN = {"id": id_key(ULID), "name": "This one, as the other vintage spells it", "timezone": "Europe/Berlin"}


async def moved_to_nine(state_dir: Path, projects: list[dict[str, str]]) -> str:
    """The instant to which a post of the project `ULID` is moved for 09:00 by its project's clock."""
    queued = {"id": "sp_1", "containerId": "cnt_1", "status": "queued", "scheduledFor": TOMORROW}
    upstream = Upstream()
    upstream.replies |= {
        "GET /v1/scheduled-posts/sp_1": queued,
        "GET /v1/content/cnt_1": {"id": "cnt_1", "projectId": f"prj_{ULID}", "status": "completed"},
        "GET /v1/projects": {"items": projects, "nextCursor": None},
        "POST /v1/scheduled-posts/sp_1/reschedule": lambda request: queued | json.loads(request.content),
    }
    async with upstream.open_tool_context(state_dir) as context:
        call = {"scheduled_post_id": "sp_1", "action": "reschedule", "at": "2026-04-18T09:00"}
        return (await change_schedule(context, **call)).scheduled_for or ""


async def test_a_local_time_is_read_on_the_clock_of_the_posts_own_project_however_its_id_is_spelled(
    tmp_path: Path,
) -> None:
    assert await moved_to_nine(tmp_path, [TOKYO, BERLIN]) == "2026-04-18T07:00:00Z"


async def test_another_projects_clock_is_no_guess_at_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="time zone could not be read"):
        await moved_to_nine(tmp_path, [TOKYO])
