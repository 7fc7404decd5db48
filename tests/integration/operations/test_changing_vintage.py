"""The API changes its vintage between two calls, or while an order is unanswered: nothing is ordered twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox import Fault
from tests.support.harness import Stage, open_stage, text_of

pytestmark = pytest.mark.jumping

CLONE = "POST /v1/content/:id/clone-from-post"
BRIEF = "POST /v1/projects/:id/content"
SLIDESHOW = "POST /v1/projects/:id/content/slideshow-builder"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as stage:
        yield stage


def three(stage: Stage, **arguments: Any) -> dict[str, Any]:
    return {"project_id": stage.project, "hook": "Plan less, do more.", "variations": 3, **arguments}


async def lose(stage: Stage, where: str, kind: Any, tool: str, order: dict[str, Any]) -> None:
    """Place an order whose answer never comes."""
    stage.sandbox.faults.append(Fault(endpoint=where, kind=kind))
    assert (await stage.call(tool, order)).is_error
    stage.sandbox.faults.clear()


async def test_an_order_of_the_earlier_vintage_is_answered_from_the_journal(stage: Stage) -> None:
    first = await stage.facts("generate_with_hook", **three(stage))
    stage.sandbox.speak("current")
    again = await stage.facts("generate_with_hook", **three(stage))
    assert (again["replayed"], again["commission_id"]) == (True, first["commission_id"])
    assert len(stage.charges()) == 1


async def test_a_new_order_meets_no_address_and_is_planned_anew_once(stage: Stage) -> None:
    ugc = {"format": "ugc_remix"}  # priced by one name in both, so that the price tells nothing
    await stage.facts("generate_with_hook", **three(stage, take=2, **ugc))
    stage.sandbox.speak("current")
    before = len(stage.sandbox.requests)
    placed = await stage.facts("generate_with_hook", **three(stage, **ugc))
    assert len(placed["job_ids"]) == 3
    assert placed["replayed"] is False
    assert len(stage.charges()) == 4
    sent = [(each.path.rpartition("/")[2], each.status) for each in stage.sandbox.requests[before:]]
    assert [each for each in sent if each[0] == "content"] == [("content", 404)]
    assert placed["estimated_credits"] == 360
    stage.sandbox.speak("preview")
    back = await stage.facts("generate_with_hook", **three(stage, take=3, **ugc))
    assert "job_ids" not in back
    assert len(stage.charges()) == 5


async def test_a_new_order_that_has_no_price_any_more_is_planned_anew_before_it_is_sent(stage: Stage) -> None:
    await stage.facts("generate_with_hook", **three(stage, take=2))
    stage.sandbox.speak("current")
    placed = await stage.facts("generate_with_hook", **three(stage))
    assert (len(placed["job_ids"]), placed["estimated_credits"]) == (3, 150)
    assert not any(each.status == 404 and each.method == "POST" for each in stage.sandbox.requests)


async def test_a_clone_that_meets_no_address_says_what_keeps_its_hook(stage: Stage) -> None:
    order = {"project_id": stage.project, "source_platform_post_id": await stage.winner()}
    await stage.facts("clone_post", **order)
    stage.sandbox.speak("current")
    text = text_of(await stage.call("clone_post", {**order, "take": 2}))
    assert text.startswith("NOT_SUPPORTED: ")
    assert "Nothing was changed." in text
    assert "generate_with_hook" in text
    assert len(stage.charges()) == 1


@pytest.mark.parametrize("others", [0, 1])
async def test_an_unanswered_order_that_arrived_is_found_in_the_later_vintage(stage: Stage, others: int) -> None:
    await lose(stage, BRIEF, "drop_after", "generate_with_hook", three(stage))
    for take in range(others):
        await stage.facts("generate_with_hook", **three(stage, hook="Another.", take=take + 1))
    stage.sandbox.speak("current")
    found = await stage.facts("generate_with_hook", **three(stage))
    assert (found["replayed"], len(found["container_ids"])) == (True, 3)
    assert any("found in the project's content" in note for note in found["notes"])
    assert len(stage.charges()) == 1 + others
    assert await stage.facts("generate_with_hook", **three(stage)) != {}
    assert len(stage.charges()) == 1 + others


@pytest.mark.parametrize(
    ("tool", "where", "kind"),
    [
        ("generate_with_hook", BRIEF, "drop_before"),
        ("clone_post", CLONE, "drop_before"),
        ("clone_post", CLONE, "drop_after"),
    ],
)
async def test_an_unanswered_order_that_is_not_found_is_told_as_unknown(
    stage: Stage, tool: str, where: str, kind: Any
) -> None:
    order = three(stage)
    if tool == "clone_post":
        order = {"project_id": stage.project, "source_platform_post_id": await stage.winner()}
    await lose(stage, where, kind, tool, order)
    charged = len(stage.charges())
    stage.sandbox.speak("current")
    for _ in range(2):
        text = text_of(await stage.call(tool, order))
        assert text.startswith("ORDER_UNKNOWN: ")
        assert "Unknown whether" in text
    assert len(stage.charges()) == charged
    stage.sandbox.speak("both")
    assert (await stage.facts(tool, **order))["replayed"]
    assert len(stage.charges()) == 1


async def test_what_is_left_of_an_order_in_pieces_is_placed_in_the_vintage_that_is_there(tmp_path: Path) -> None:
    async with open_stage(tmp_path, speaks="current") as stage:
        stage.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="status", status=402, calls=(2,)))
        first = await stage.facts("generate_with_hook", **three(stage))
        assert (first["status"], len(first["container_ids"])) == ("running", 1)
        stage.sandbox.speak("preview")
        rest = await stage.facts("generate_with_hook", **three(stage))
        assert len(rest["job_ids"]) == 2
        stage.clock.move(minutes=5)
        await stage.facts("wait_job", job_ids=rest["job_ids"], timeout_seconds=0)
        again = await stage.facts("generate_with_hook", **three(stage))
        assert (again["status"], len(again["container_ids"]), len(stage.charges())) == ("completed", 3, 2)


async def test_what_is_left_of_an_order_in_pieces_is_priced_by_the_vintage_that_is_there(tmp_path: Path) -> None:
    async with open_stage(tmp_path, speaks="current") as stage:
        stage.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind="status", status=402, calls=(2,)))
        await stage.facts("generate_with_hook", **three(stage))
        stage.sandbox.speak("preview")
        preview = await stage.facts("generate_with_hook", **three(stage, max_credits=240, dry_run=True))
        assert preview["estimated_credits"] == 240
        assert not any("max_credits" in note or "slideshow" in note for note in preview["notes"])
        dear = text_of(await stage.call("generate_with_hook", three(stage, max_credits=239)))
        assert dear.startswith("MAX_CREDITS: The estimate of 240 credits is above")
        rest = await stage.facts("generate_with_hook", **three(stage, max_credits=240))
        assert (len(rest["job_ids"]), len(stage.charges())) == (2, 2)


@pytest.mark.parametrize(("speaks", "then", "price"), [("current", "preview", 120), ("preview", "current", 50)])
async def test_a_budget_is_held_against_the_price_of_the_vintage_that_is_there(
    tmp_path: Path, speaks: Any, then: Any, price: int
) -> None:
    async with open_stage(tmp_path, speaks=speaks) as stage:
        order = {"project_id": stage.project, "hook": "Plan less."}
        await stage.facts("generate_with_hook", **order)
        stage.sandbox.speak(then)
        placed = await stage.facts("generate_with_hook", **order, take=2, max_credits=price)
        assert placed["estimated_credits"] == price
        assert len(stage.charges()) == 2


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_budget_does_not_keep_an_unanswered_piece_from_being_looked_for(tmp_path: Path, kind: Any) -> None:
    async with open_stage(tmp_path, speaks="current") as stage:
        stage.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind=kind, calls=tuple(range(3, 23))))
        await stage.facts("generate_with_hook", **three(stage))
        stage.sandbox.faults.clear()
        stage.sandbox.speak("preview")
        known = await stage.facts("generate_with_hook", **three(stage, max_credits=50))
        assert len(known["container_ids"]) == len(stage.charges()) == (3 if kind == "drop_after" else 2)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_an_unanswered_piece_is_found_or_told_as_unknown_in_another_vintage(tmp_path: Path, kind: Any) -> None:
    async with open_stage(tmp_path, speaks="current") as stage:
        stage.sandbox.faults.append(Fault(endpoint=SLIDESHOW, kind=kind, calls=tuple(range(3, 23))))
        await stage.facts("generate_with_hook", **three(stage))
        stage.sandbox.faults.clear()
        stage.sandbox.speak("preview")
        known = await stage.facts("generate_with_hook", **three(stage))
        assert len(known["container_ids"]) == (3 if kind == "drop_after" else 2)
        told = "found in the project's content" if kind == "drop_after" else "Piece 3 of this order was never answered"
        assert any(told in note for note in known["notes"])
        assert len(stage.charges()) == len(known["container_ids"])


async def test_a_404_says_whether_an_id_or_the_address_is_missing(tmp_path: Path) -> None:
    async with open_stage(tmp_path, speaks="current") as stage:
        unknown = {"project_id": stage.sandbox.project_id("acme-todo")[:-4] + "0000", "hook": "H"}
        text = text_of(await stage.call("generate_with_hook", unknown))
        assert text.startswith("NOT_FOUND (404): An id in the order is unknown")


@pytest.mark.parametrize(("setting", "speaks"), [("preview", "current"), ("current", "preview")])
async def test_a_vintage_that_the_user_named_is_kept_and_said_to_be_wrong(
    tmp_path: Path, setting: str, speaks: Any
) -> None:
    async with open_stage(tmp_path, speaks=speaks, vintage=setting) as stage:
        text = text_of(await stage.call("generate_with_hook", three(stage)))
        assert text.startswith("NOT_FOUND (404): This API has no such endpoint")
        assert "--vintage auto" in text
        assert stage.charges() == []
