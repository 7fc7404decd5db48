"""Orders where the format is the address and one request makes one piece: today's API, through the tools."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.api.errors import NotFound
from layers_mcp.sandbox import Fault
from layers_mcp.tools.get_ads_metrics import get_ads_metrics
from tests.support import open_tool_context
from tests.support.tool_harness import ToolHarness, open_tool_harness, text_of

pytestmark = pytest.mark.jumping

SLIDESHOW = "POST /v1/projects/:id/content/slideshow-builder"
UGC = "POST /v1/projects/:id/content/ugc-remix"
VIDEO = "POST /v1/projects/:id/content/video-remix"
TIKTOK = "7412345678901234567"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ToolHarness]:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        yield harness


def three(harness: ToolHarness, **arguments: Any) -> dict[str, Any]:
    return {"project_id": harness.project, "hook": "Plan less, do more.", "variations": 3, **arguments}


def posts(harness: ToolHarness) -> list[str]:
    """Where the orders went, in order."""
    return [request.path.rpartition("/")[2] for request in harness.sandbox.requests if request.method == "POST"]


def from_piece(piece: int) -> tuple[int, ...]:
    """The calls of a piece, and all that the client sends again for it."""
    return tuple(range(piece, piece + 20))


async def refused(harness: ToolHarness, tool: str, **arguments: Any) -> str:
    """The text of a refusal, which is the same in a dry run, and sends nothing that spends."""
    texts: list[str] = []
    for dry_run in (True, False):
        result = await harness.call(tool, {**arguments, "dry_run": dry_run})
        assert result.is_error, result.structured_content
        texts.append(text_of(result))
    assert texts[0] == texts[1]
    assert "Nothing was changed." in texts[0]
    assert posts(harness) == []
    return texts[0]


async def test_each_variation_is_a_request_and_a_job_of_its_own(harness: ToolHarness) -> None:
    preview = await harness.facts("generate_with_hook", **three(harness), dry_run=True)
    assert (preview["status"], preview["estimated_credits"], preview["replayed"]) == ("not_ordered", 150, False)
    placed = await harness.facts("generate_with_hook", **three(harness))
    assert posts(harness) == ["slideshow-builder"] * 3
    assert placed["job_ids"] == harness.charges()
    assert placed["job_id"] == placed["job_ids"][0]
    assert len(set(placed["container_ids"])) == 3
    assert placed["estimated_credits"] == 150
    assert harness.spent() == -150
    assert "these job_ids" in placed["next_step"]
    again = await harness.facts("generate_with_hook", **three(harness))
    assert (again["replayed"], again["job_ids"]) == (True, placed["job_ids"])
    assert len(posts(harness)) == 3


async def test_one_variation_names_one_job(harness: ToolHarness) -> None:
    placed = await harness.facts(
        "generate_with_hook", project_id=harness.project, hook="Plan less.", format="ugc_remix"
    )
    assert posts(harness) == ["ugc-remix"]
    assert placed["estimated_credits"] == -harness.spent() == 120
    assert "job_ids" not in placed
    assert [placed["job_id"]] == harness.charges()


async def test_a_tiktok_video_is_remixed_by_its_own_id(harness: ToolHarness) -> None:
    order = {"project_id": harness.project, "source_platform_post_id": TIKTOK, "variations": 2}
    placed = await harness.facts("clone_post", **order)
    assert posts(harness) == ["video-remix"] * 2
    assert placed["estimated_credits"] == -harness.spent() == 240
    assert not any("upper bound" in note for note in placed["notes"])


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "html_502"])
@pytest.mark.parametrize("piece", [1, 2, 3])
async def test_a_piece_whose_answer_is_lost_is_completed_by_the_same_call(
    harness: ToolHarness, kind: Any, piece: int
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind=kind, calls=from_piece(piece)))
    first = await harness.call("generate_with_hook", three(harness))
    if piece == 1:
        assert first.is_error
        assert "Unknown whether the order was placed" in text_of(first)
    else:
        told = first.structured_content or {}
        assert (told["status"], len(told["container_ids"])) == ("running", piece - 1)
        assert any(note.startswith(f"{piece - 1} of 3 pieces are placed") for note in told["notes"])
    harness.sandbox.faults.clear()
    rest = await harness.facts("generate_with_hook", **three(harness))
    assert len(set(rest["container_ids"])) == 3
    assert rest["job_ids"] == [job for job in rest["job_ids"] if job in harness.charges()]
    assert len(harness.charges()) == 3
    assert harness.spent() == -150


async def test_a_dry_run_of_an_order_that_was_placed_in_part_tells_what_the_rest_costs(harness: ToolHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="status", status=402, calls=(2,)))
    first = await harness.facts("generate_with_hook", **three(harness))
    assert (first["status"], len(first["container_ids"])) == ("running", 1)
    preview = await harness.facts("generate_with_hook", **three(harness), dry_run=True)
    assert (preview["estimated_credits"], preview["replayed"]) == (100, True)
    assert "1 of 3 pieces are placed. The same call orders the rest." in preview["notes"]
    over = await harness.call("generate_with_hook", three(harness, max_credits=99))
    assert text_of(over).startswith("MAX_CREDITS: The estimate of 100 credits")
    rest = await harness.facts("generate_with_hook", **three(harness, max_credits=100))
    assert len(rest["job_ids"]) == len(harness.charges()) == 3
    assert any("only now" in note for note in rest["notes"])


async def test_two_clients_at_once_are_one_order(harness: ToolHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="latency", seconds=2))
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(harness.call, "generate_with_hook", three(harness))
    assert len(harness.charges()) == 3


async def test_what_was_never_answered_stays_so_when_another_piece_fails(harness: ToolHarness, tmp_path: Path) -> None:
    await harness.facts("generate_with_hook", **three(harness))
    with contextlib.closing(sqlite3.connect(tmp_path / "orders.db")) as journal, journal:  # as if never answered
        journal.execute("UPDATE orders SET status = 'unknown', unanswered = 1, job_id = '' WHERE piece < 3")
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="drop_before"))
    assert (await harness.call("generate_with_hook", three(harness))).structured_content
    harness.sandbox.faults.clear()
    harness.clock.move(hours=25)
    await harness.call("generate_with_hook", three(harness))
    assert len(harness.charges()) == 3


async def test_a_call_that_was_killed_is_not_told_as_being_at_it_for_ever(harness: ToolHarness, tmp_path: Path) -> None:
    await harness.facts("generate_with_hook", **three(harness))
    with contextlib.closing(sqlite3.connect(tmp_path / "orders.db")) as journal, journal:
        journal.execute("UPDATE orders SET status = 'unknown', unanswered = 1, job_id = '', lease = 'gone'")
    at_work = await harness.facts("generate_with_hook", **three(harness), dry_run=True)
    assert "Another call is placing this order right now." in at_work["notes"]
    harness.clock.move(hours=1)
    later = await harness.facts("generate_with_hook", **three(harness), dry_run=True)
    assert "Another call is placing this order right now." not in later["notes"]


async def test_a_day_later_unanswered_pieces_are_found_among_the_projects_content(harness: ToolHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="drop_after", calls=from_piece(2)))
    await harness.facts("generate_with_hook", **three(harness))
    harness.sandbox.faults.clear()
    harness.clock.move(hours=25)
    before = len(posts(harness))
    found = await harness.facts("generate_with_hook", **three(harness))
    assert len(set(found["container_ids"])) == 3
    assert len(posts(harness)) == before + 1  # the third was never sent
    assert len(harness.charges()) == 3
    assert any("found in the project's content" in note for note in found["notes"])


async def test_a_day_later_a_piece_that_never_arrived_is_told_as_unknown(harness: ToolHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="drop_before", calls=from_piece(3)))
    await harness.facts("generate_with_hook", **three(harness))
    harness.sandbox.faults.clear()
    harness.clock.move(hours=25)
    known = await harness.facts("generate_with_hook", **three(harness))
    assert (known["status"], len(known["container_ids"])) == ("running", 2)
    assert any(note.startswith("Piece 3 of this order was never answered.") for note in known["notes"])
    assert len(harness.charges()) == 2
    lost = {"project_id": harness.project, "source_platform_post_id": TIKTOK}
    harness.sandbox.faults.append(Fault(endpoint=VIDEO, kind="drop_before"))
    assert (await harness.call("clone_post", lost)).is_error
    harness.sandbox.faults.clear()
    harness.clock.move(hours=25)
    assert text_of(await harness.call("clone_post", lost)).startswith("ORDER_UNKNOWN: ")
    assert len(harness.charges()) == 2


async def test_a_day_later_a_remix_is_found_by_the_video_that_it_remixes(harness: ToolHarness) -> None:
    order = {"project_id": harness.project, "source_platform_post_id": TIKTOK}
    harness.sandbox.faults.append(Fault(endpoint=VIDEO, kind="drop_after"))
    assert (await harness.call("clone_post", order)).is_error
    harness.sandbox.faults.clear()
    await harness.facts("clone_post", **order, take=2)
    harness.clock.move(hours=25)
    found = await harness.facts("clone_post", **order)
    assert (found["status"], found["replayed"]) == ("completed", True)
    assert len(harness.charges()) == 2


@pytest.mark.parametrize(
    ("tool", "arguments", "told", "instead"),
    [
        ("clone_post", {"source_platform_post_id": "pp_1"}, "clones no post", "generate_with_hook"),
        ("clone_post", {"source_platform_post_id": TIKTOK, "caption": "New"}, "without caption", "Leave out caption"),
        (
            "generate_with_hook",
            {"hook": "H", "cta": "Buy", "theme_tags": ["a"]},
            "without cta, theme_tags",
            "Leave out",
        ),
        ("generate_with_hook", {"hook": "H", "format": "video_remix"}, "no given hook", "clone_post"),
    ],
)
async def test_what_this_api_cannot_do_is_refused_with_the_call_that_does_the_job(
    harness: ToolHarness, tool: str, arguments: dict[str, Any], told: str, instead: str
) -> None:
    text = await refused(harness, tool, project_id=harness.project, **arguments)
    assert text.startswith("NOT_SUPPORTED: ")
    assert told in text
    assert instead in text


@pytest.mark.parametrize(
    ("project", "order", "told", "way_out"),
    [
        ("initech-notes", {"format": "ugc_remix"}, "no demo of its app", 'format="auto"'),
        ("hooli-new", {}, "no description", "Have a person add"),
    ],
)
async def test_what_the_project_lacks_is_a_sentence_that_says_what_to_do(
    harness: ToolHarness, project: str, order: dict[str, Any], told: str, way_out: str
) -> None:
    known = {"project_id": harness.sandbox.project_id(project), "hook": "H", **order}
    text = text_of(await harness.call("generate_with_hook", known))
    assert told in text
    assert way_out in text
    assert "Nothing was changed." in text
    assert harness.charges() == []
    harness.sandbox.describe_app(project, name="App", description="It works.", demo=True)
    assert (await harness.facts("generate_with_hook", **known))["status"] == "running"


async def test_who_speaks_is_asked_for_where_several_could(harness: ToolHarness) -> None:
    order = {"project_id": harness.sandbox.project_id("globex-fit"), "hook": "H", "format": "ugc_remix"}
    text = await refused(harness, "generate_with_hook", **order)
    assert text.startswith("INVALID_ARGUMENT: ")
    assert "influencer_id" in text
    [first, *_] = text.split(": ")[2].split(", ")
    placed = await harness.facts("generate_with_hook", **order, influencer_id=first)
    assert placed["status"] == "running"
    named = await harness.call("check_readiness", {"project_id": order["project_id"]})
    account = (named.structured_content or {})["accounts"][0]["social_account_id"]
    other = await harness.facts("generate_with_hook", **order, social_account_id=account)
    assert other["commission_id"] != placed["commission_id"]


async def test_a_similar_order_is_told_once_however_many_pieces_it_has(harness: ToolHarness) -> None:
    placed = await harness.facts("generate_with_hook", **three(harness))
    preview = await harness.facts("generate_with_hook", **three(harness, variations=1), dry_run=True)
    [similar] = preview["similar_orders"]
    assert (similar["commission_id"], similar["differs_in"]) == (placed["commission_id"], ["variations"])


@pytest.mark.parametrize("tool", ["rank_top_performers", "find_breakouts"])
async def test_what_a_ranking_suggests_is_what_the_api_can_do(harness: ToolHarness, tool: str) -> None:
    await harness.facts("generate_with_hook", **three(harness), dry_run=True)  # which finds out what it can do
    asked = {"project_id": harness.project, "metric": "engagement_rate"} if tool == "rank_top_performers" else {}
    next_step = (await harness.facts(tool, **asked))["next_step"]
    assert "generate_with_hook" in next_step
    assert "clone_post" not in next_step


async def test_a_dry_run_says_what_will_be_made_and_who_speaks(harness: ToolHarness) -> None:
    slideshow = await harness.facts("generate_with_hook", **three(harness), dry_run=True)
    assert "Format auto is a slideshow here; ugc_remix makes a video." in slideshow["notes"]
    video = await harness.facts("generate_with_hook", **three(harness, format="ugc_remix"), dry_run=True)
    assert any(note.startswith("The one influencer that is ready speaks: inf_") for note in video["notes"])


async def test_paid_metrics_over_time_that_the_api_lacks_name_the_ranking_that_has_them(harness: ToolHarness) -> None:
    lacking = text_of(await harness.call("get_ads_metrics", {"project_id": harness.project}))
    assert lacking.startswith("NOT_SUPPORTED: This API has no paid metrics over time. Nothing was changed.")
    of_campaign = {"project_id": harness.project, "scope": "campaign", "id": "cmp_1"}
    unclear = text_of(await harness.call("get_ads_metrics", of_campaign))
    assert unclear.startswith("NOT_FOUND (404): This API has no paid metrics over time, or knows no such project")
    for text in (lacking, unclear):
        assert 'rank_top_performers with metric="roas"' in text


async def test_a_key_that_may_not_read_the_review_policy_still_tells_the_vintages_apart(
    harness: ToolHarness, tmp_path: Path
) -> None:
    key = harness.sandbox.issue_key(["ads:read", "metrics:read"])
    async with open_tool_context(harness.sandbox, tmp_path / "other", api_key=key) as context:
        with pytest.raises(NotFound, match="This API has no paid metrics over time, or knows no such project"):
            await get_ads_metrics(context, project_id=harness.project)


@pytest.mark.parametrize("tool", ["find_breakouts", "rank_top_performers"])
async def test_the_next_step_of_a_fresh_server_is_no_clone_where_the_api_clones_no_post(
    harness: ToolHarness, tool: str
) -> None:
    calls: dict[str, dict[str, Any]] = {
        "find_breakouts": {"project_ids": [harness.project]},
        "rank_top_performers": {"project_id": harness.project, "metric": "engagement_rate"},
    }
    await harness.facts("check_readiness", project_id=harness.project)
    next_step = (await harness.facts(tool, **calls[tool]))["next_step"]
    assert "generate_with_hook with this post and variations=2 orders more with its hook" in next_step
    before = len(harness.sandbox.requests)
    await harness.facts(tool, **calls[tool])
    again = [request.path for request in harness.sandbox.requests[before:]]
    assert not any(path.endswith("-policy") for path in again), "what was found is kept"
