"""The API changes its vintage between two calls, or while an order is unanswered: nothing is ordered twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox import Fault
from tests.support.tool_harness import ToolHarness, open_tool_harness, text_of

pytestmark = pytest.mark.jumping

CLONE = "POST /v1/content/:id/clone-from-post"
BRIEF = "POST /v1/projects/:id/content"
SLIDESHOW = "POST /v1/projects/:id/content/slideshow-builder"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[ToolHarness]:
    async with open_tool_harness(tmp_path) as harness:
        yield harness


def three(harness: ToolHarness, **arguments: Any) -> dict[str, Any]:
    return {"project_id": harness.project, "hook": "Plan less, do more.", "variations": 3, **arguments}


async def lose(harness: ToolHarness, where: str, kind: Any, tool: str, order: dict[str, Any]) -> None:
    """Place an order whose answer never comes."""
    harness.sandbox.faults.append(Fault(endpoint=where, kind=kind))
    assert (await harness.call(tool, order)).is_error
    harness.sandbox.faults.clear()


async def test_an_order_of_the_earlier_vintage_is_answered_from_the_journal(harness: ToolHarness) -> None:
    first = await harness.facts("generate_with_hook", **three(harness))
    harness.sandbox.speak("current")
    again = await harness.facts("generate_with_hook", **three(harness))
    assert (again["replayed"], again["commission_id"]) == (True, first["commission_id"])
    assert len(harness.charges()) == 1


async def test_a_new_order_meets_no_address_and_is_planned_anew_once(harness: ToolHarness) -> None:
    ugc = {"format": "ugc_remix"}  # priced by one name in both, so that the price tells nothing
    await harness.facts("generate_with_hook", **three(harness, take=2, **ugc))
    harness.sandbox.speak("current")
    before = len(harness.sandbox.requests)
    placed = await harness.facts("generate_with_hook", **three(harness, **ugc))
    assert len(placed["job_ids"]) == 3
    assert placed["replayed"] is False
    assert len(harness.charges()) == 4
    sent = [(each.path.rpartition("/")[2], each.status) for each in harness.sandbox.requests[before:]]
    assert [each for each in sent if each[0] == "content"] == [("content", 404)]
    assert placed["estimated_credits"] == 360
    harness.sandbox.speak("preview")
    back = await harness.facts("generate_with_hook", **three(harness, take=3, **ugc))
    assert "job_ids" not in back
    assert len(harness.charges()) == 5


async def test_a_new_order_that_has_no_price_any_more_is_planned_anew_before_it_is_sent(harness: ToolHarness) -> None:
    await harness.facts("generate_with_hook", **three(harness, take=2))
    harness.sandbox.speak("current")
    placed = await harness.facts("generate_with_hook", **three(harness))
    assert (len(placed["job_ids"]), placed["estimated_credits"]) == (3, 150)
    assert not any(each.status == 404 and each.method == "POST" for each in harness.sandbox.requests)


async def test_a_clone_that_meets_no_address_says_what_keeps_its_hook(harness: ToolHarness) -> None:
    order = {"project_id": harness.project, "source_platform_post_id": await harness.winner()}
    await harness.facts("clone_post", **order)
    harness.sandbox.speak("current")
    text = text_of(await harness.call("clone_post", {**order, "take": 2}))
    assert text.startswith("NOT_SUPPORTED: ")
    assert "Nothing was changed." in text
    assert "generate_with_hook" in text
    assert len(harness.charges()) == 1


@pytest.mark.parametrize("others", [0, 1])
async def test_an_unanswered_order_that_arrived_is_found_in_the_later_vintage(
    harness: ToolHarness, others: int
) -> None:
    await lose(harness, BRIEF, "drop_after", "generate_with_hook", three(harness))
    for take in range(others):
        await harness.facts("generate_with_hook", **three(harness, hook="Another.", take=take + 1))
    harness.sandbox.speak("current")
    found = await harness.facts("generate_with_hook", **three(harness))
    assert (found["replayed"], len(found["container_ids"])) == (True, 3)
    assert any("found in the project's content" in note for note in found["notes"])
    assert len(harness.charges()) == 1 + others
    assert await harness.facts("generate_with_hook", **three(harness)) != {}
    assert len(harness.charges()) == 1 + others


@pytest.mark.parametrize(
    ("tool", "where", "kind"),
    [
        ("generate_with_hook", BRIEF, "drop_before"),
        ("clone_post", CLONE, "drop_before"),
        ("clone_post", CLONE, "drop_after"),
    ],
)
async def test_an_unanswered_order_that_is_not_found_is_told_as_unknown(
    harness: ToolHarness, tool: str, where: str, kind: Any
) -> None:
    order = three(harness)
    if tool == "clone_post":
        order = {"project_id": harness.project, "source_platform_post_id": await harness.winner()}
    await lose(harness, where, kind, tool, order)
    charged = len(harness.charges())
    harness.sandbox.speak("current")
    for _ in range(2):
        text = text_of(await harness.call(tool, order))
        assert text.startswith("ORDER_UNKNOWN: ")
        assert "Unknown whether" in text
    assert len(harness.charges()) == charged
    harness.sandbox.speak("both")
    assert (await harness.facts(tool, **order))["replayed"]
    assert len(harness.charges()) == 1


async def test_what_is_left_of_an_order_in_pieces_is_placed_in_the_vintage_that_is_there(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="status", status=402, calls=(2,)))
        first = await harness.facts("generate_with_hook", **three(harness))
        assert (first["status"], len(first["container_ids"])) == ("running", 1)
        harness.sandbox.speak("preview")
        rest = await harness.facts("generate_with_hook", **three(harness))
        assert len(rest["job_ids"]) == 2
        harness.clock.move(minutes=5)
        await harness.facts("wait_job", job_ids=rest["job_ids"], timeout_seconds=0)
        again = await harness.facts("generate_with_hook", **three(harness))
        assert (again["status"], len(again["container_ids"]), len(harness.charges())) == ("completed", 3, 2)


async def test_what_is_left_of_an_order_in_pieces_is_priced_by_the_vintage_that_is_there(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="status", status=402, calls=(2,)))
        await harness.facts("generate_with_hook", **three(harness))
        harness.sandbox.speak("preview")
        preview = await harness.facts("generate_with_hook", **three(harness, max_credits=240, dry_run=True))
        assert preview["estimated_credits"] == 240
        assert not any("max_credits" in note or "slideshow" in note for note in preview["notes"])
        dear = text_of(await harness.call("generate_with_hook", three(harness, max_credits=239)))
        assert dear.startswith("MAX_CREDITS: The estimate of 240 credits is above")
        rest = await harness.facts("generate_with_hook", **three(harness, max_credits=240))
        assert (len(rest["job_ids"]), len(harness.charges())) == (2, 2)


@pytest.mark.parametrize(("speaks", "then", "price"), [("current", "preview", 120), ("preview", "current", 50)])
async def test_a_budget_is_held_against_the_price_of_the_vintage_that_is_there(
    tmp_path: Path, speaks: Any, then: Any, price: int
) -> None:
    async with open_tool_harness(tmp_path, speaks=speaks) as harness:
        order = {"project_id": harness.project, "hook": "Plan less."}
        await harness.facts("generate_with_hook", **order)
        harness.sandbox.speak(then)
        placed = await harness.facts("generate_with_hook", **order, take=2, max_credits=price)
        assert placed["estimated_credits"] == price
        assert len(harness.charges()) == 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_budget_does_not_keep_an_unanswered_piece_from_being_looked_for(tmp_path: Path, kind: Any) -> None:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind=kind, calls=tuple(range(3, 23))))
        await harness.facts("generate_with_hook", **three(harness))
        harness.sandbox.faults.clear()
        harness.sandbox.speak("preview")
        known = await harness.facts("generate_with_hook", **three(harness, max_credits=50))
        assert len(known["container_ids"]) == len(harness.charges()) == (3 if kind == "drop_after" else 2)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_an_unanswered_piece_is_found_or_told_as_unknown_in_another_vintage(tmp_path: Path, kind: Any) -> None:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        harness.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind=kind, calls=tuple(range(3, 23))))
        await harness.facts("generate_with_hook", **three(harness))
        harness.sandbox.faults.clear()
        harness.sandbox.speak("preview")
        known = await harness.facts("generate_with_hook", **three(harness))
        assert len(known["container_ids"]) == (3 if kind == "drop_after" else 2)
        told = "found in the project's content" if kind == "drop_after" else "Piece 3 of this order was never answered"
        assert any(told in note for note in known["notes"])
        assert len(harness.charges()) == len(known["container_ids"])


async def test_a_404_says_whether_an_id_or_the_address_is_missing(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, speaks="current") as harness:
        unknown = {"project_id": harness.sandbox.project_id("acme-todo")[:-4] + "0000", "hook": "H"}
        text = text_of(await harness.call("generate_with_hook", unknown))
        assert text.startswith("NOT_FOUND (404): An id in the order is unknown")


@pytest.mark.parametrize(("setting", "speaks"), [("preview", "current"), ("current", "preview")])
async def test_a_vintage_that_the_user_named_is_kept_and_said_to_be_wrong(
    tmp_path: Path, setting: str, speaks: Any
) -> None:
    async with open_tool_harness(tmp_path, speaks=speaks, vintage=setting) as harness:
        text = text_of(await harness.call("generate_with_hook", three(harness)))
        assert text.startswith("NOT_FOUND (404): This API has no such endpoint")
        assert "--vintage auto" in text
        assert harness.charges() == []
