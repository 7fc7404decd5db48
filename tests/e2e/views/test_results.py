"""The results view: orders against what their sources should be expected to earn."""

from __future__ import annotations

import pytest

from tests.e2e.views.browser import Shown, Wire
from tests.e2e.views.samples import REVIEW, live, order


def show(shown: Shown, facts: Wire = REVIEW) -> None:
    shown.open("results")
    shown.connect()
    shown.give(facts)
    if shown.has("more"):
        shown.press("more")


def rows(shown: Shown) -> dict[str, str]:
    return dict(zip(shown.ids, shown.texts("row"), strict=True))


def test_orders_come_in_the_results_order_eight_first(shown: Shown) -> None:
    shown.open("results")
    shown.connect()
    shown.give(REVIEW)
    assert shown.ids == [one["commission_id"] for one in REVIEW["commissions"][:8]]
    shown.press("more")
    assert shown.ids == [one["commission_id"] for one in REVIEW["commissions"]]


def test_every_state_of_an_order_has_its_word(shown: Shown) -> None:
    show(shown)
    text = {key: value.lower() for key, value in rows(shown).items()}
    assert "too early" in text["com_waiting"]
    assert "waits for a decision" in text["com_waiting"]
    assert "being made" in text["com_made"]
    assert "small sample" in text["com_fluke"]
    for state in ("failed", "canceled", "rejected", "unranked", "unknown"):
        assert state in text[f"com_{state}"], state
    assert "0.9x expected" in text["com_below"]
    assert "charged 240 credits" in text["com_below"]


def test_marks_are_on_one_linear_scale_from_zero(shown: Shown) -> None:
    show(shown)
    below, above, fluke = (shown.marks(f"com_{name}") for name in ("below", "above", "fluke"))
    scale = above["own"] / 0.092
    assert below == pytest.approx({"source": 0.0744 * scale, "own": 0.064 * scale, "median": 0.037 * scale}, abs=0.01)
    assert above == pytest.approx({"source": 0.082 * scale, "own": 0.092 * scale, "median": 0.037 * scale}, abs=0.01)
    assert fluke["own"] == pytest.approx(1, abs=0.01), "a small sample may be cut at the end of the scale"
    assert shown.marks("com_waiting") == {}


def test_without_an_expectation_the_sources_own_rate_is_marked(shown: Shown) -> None:
    one = live("old", 0.05, 0.04)
    del one["versus_expected"]
    show(shown, {"commissions": [one], "by_mode": [], "notes": []})
    found = shown.marks("com_old")
    assert found["source"] / found["own"] == pytest.approx(0.044 / 0.05, abs=0.02)


def test_each_way_of_ordering_tells_its_lift_its_range_and_its_wins(shown: Shown) -> None:
    show(shown)
    boxes = dict(zip(("fork", "reimagine", "hook"), shown.texts("by-mode"), strict=True))
    assert shown.evaluate(
        "() => [...document.querySelectorAll('[data-testid=by-mode]')].map((box) => box.dataset.id)"
    ) == list(boxes)
    fork = boxes["fork"]
    for words in (
        "0.97x",
        "as good as its sources",
        "0.75 to 1.31",
        "1 of 2 beat the source",
        "2 of 2 beat the median",
        "1.9x the usual",
    ):
        assert words in fork
    assert "Too few judged" in boxes["reimagine"]
    assert "0 of 1 beat the source" in boxes["reimagine"]
    assert "Too early" in boxes["hook"]
    assert " of " not in boxes["hook"]


def test_a_way_whose_rankings_could_not_be_read_is_not_said_to_be_early(shown: Shown) -> None:
    show(shown, {"commissions": [order("one")], "by_mode": [{"mode": "fork", "commissions": 1}], "notes": []})
    [box] = shown.texts("by-mode")
    assert "Its results could not be read" in box
    assert "live" not in box


def test_credits_are_told_as_estimated_and_charged(shown: Shown) -> None:
    show(shown)
    assert "estimated 2,400 credits" in shown.page_text
    assert "charged 1,960 credits" in shown.page_text


def test_no_order_that_is_live_draws_no_scale(shown: Shown) -> None:
    show(shown, {"commissions": [order("one"), order("two", status="failed")], "by_mode": [], "notes": []})
    assert shown.evaluate("() => document.querySelectorAll('.track, .key').length") == 0
