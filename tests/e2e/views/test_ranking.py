"""The ranking view: what is winning, what is lucky, and ordering more with a price and a second press."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.views.browser import Shown, Wire, error_of, part, result_of
from tests.e2e.views.samples import (
    PAID,
    PROJECT,
    RANKING,
    ROUND,
    performer,
    placed,
    priced,
    ranking,
    willing,
)

FIRST = "pp_0001"
MISSING = "\u2013"


def show(shown: Shown, facts: Wire = RANKING, *, answering: Any = willing, **arguments: Any) -> None:
    shown.open("ranking", answering=answering, read_only=arguments.pop("read_only", False))
    shown.connect(capabilities=arguments.pop("capabilities", None))
    shown.give(facts, **({"project_id": PROJECT} | arguments))


def open_order(shown: Shown, row: str = FIRST) -> None:
    shown.press("toggle", row)
    shown.wait_for("order", row)


def ask_price(shown: Shown, row: str = FIRST) -> None:
    open_order(shown, row)
    shown.press("order", row)
    shown.wait_for("confirm-order", row)


def test_rows_come_in_the_results_order_and_more_shows_all(shown: Shown) -> None:
    show(shown)
    assert shown.ids == [row["platform_post_id"] for row in RANKING["items"][:8]]
    assert shown.text("more") == "Show all 11"
    shown.press("more")
    assert shown.ids == [row["platform_post_id"] for row in RANKING["items"]]
    assert not shown.has("more")
    assert shown.focused == "toggle"


def test_each_kind_of_row_says_what_it_is_in_words(shown: Shown) -> None:
    show(shown)
    shown.press("more")
    text = dict(zip(shown.ids, shown.texts("row"), strict=True))
    assert "Likely breakout · 82%" in text["pp_0001"]
    assert "expect 7.8%" in text["pp_0001"]
    assert "Breakout, thin evidence · 31%" in text["pp_0002"]
    assert "Small sample" in text["pp_0003"]
    assert "reakout" not in text["pp_0004"]
    looks = {
        id_: shown.evaluate(
            """(id) => {
                const look = getComputedStyle(document.querySelector(`[data-id="${id}"] [data-mark="bar"]`));
                return [look.borderTopStyle, look.backgroundImage.split("(")[0], look.backgroundColor];
            }""",
            id_,
        )
        for id_ in ("pp_0001", "pp_0002", "pp_0003", "pp_0004")
    }
    assert looks["pp_0003"][0] == "dashed"
    assert looks["pp_0002"][1] == "repeating-linear-gradient"
    assert len({tuple(look) for look in looks.values()}) == 4


def test_marks_are_on_one_linear_scale_from_zero(shown: Shown) -> None:
    show(shown)
    shown.press("more")
    by_id = {row["platform_post_id"]: row for row in RANKING["items"]}
    first = shown.marks(FIRST)
    scale = first["bar"] / by_id[FIRST]["engagement_rate"]
    for id_, row in by_id.items():
        found = shown.marks(id_)
        expected = {
            "bar": min(1, row["engagement_rate"] * scale),
            "median": 0.0311 * scale,
            "twice": 0.0622 * scale,
        }
        if "expected_rate" in row:
            expected["expected"] = row["expected_rate"] * scale
        assert found == pytest.approx(expected, abs=0.012), id_


def test_sorting_is_by_any_number_with_small_samples_last_and_ranks_as_they_were(shown: Shown) -> None:
    show(shown)
    shown.press("more")
    options = shown.evaluate("() => [...document.querySelector('[data-testid=sort]').options].map((one) => one.value)")
    assert options == [
        "engagement_rate",
        "engagement_times_median",
        "expected_rate",
        "chance_real",
        "views",
        "watch_time_ms",
        "watch_seconds_per_view",
    ]
    assert shown.evaluate("() => document.querySelector('[data-testid=sort]').value") == "engagement_rate"
    for field in options:
        shown.select("sort", field)
        rows = sorted(RANKING["items"], key=lambda row: (row["low_sample"], -row.get(field, -1.0)))
        assert shown.ids == [row["platform_post_id"] for row in rows], field
        assert [text.split()[0] for text in shown.texts("row")] == [str(row["rank"]) for row in rows]
        with_median = field in {"engagement_rate", "engagement_times_median", "expected_rate"}
        assert ("median" in shown.marks(FIRST)) is with_median, field
    shown.select("sort", "views")
    first = shown.marks(FIRST)
    assert list(first) == ["bar"]
    assert shown.marks("pp_0004")["bar"] / first["bar"] == pytest.approx(2_718 / 14_820, abs=0.01)


def test_a_missing_value_is_no_zero(shown: Shown) -> None:
    row = performer(2, "No watch time", 900, 0.03)
    del row["watch_time_ms"], row["watch_seconds_per_view"]
    show(shown, ranking(performer(1, "Watched", 900, 0.04), row))
    shown.select("sort", "watch_time_ms")
    assert MISSING in shown.texts("row")[1]
    assert "bar" not in shown.marks("pp_0002")


def test_a_paid_ranking_shows_what_to_expect_and_its_small_samples(shown: Shown) -> None:
    show(shown, PAID)
    text = shown.texts("row")
    assert "30.0x" in text[0]
    assert "Small sample" in text[0]
    assert "expect 1.9x" in text[0]
    assert "expect 1.2x" in text[2]
    found = shown.marks("pp_0003")
    assert found["expected"] / found["bar"] == pytest.approx(1.18 / 1.2, abs=0.02)
    assert "median" not in found
    shown.press("toggle", "pp_0003")
    assert "0.8x to 1.6x" in shown.texts("row")[2]
    shown.select("sort", "spend")
    assert shown.ids == ["pp_0003", "pp_0004", "pp_0002", "pp_0001"]


def test_a_morning_round_is_on_the_scale_of_times_with_the_quiet_projects_below(shown: Shown) -> None:
    show(shown, ROUND, project_ids=[])
    assert shown.ids == [row["platform_post_id"] for row in ROUND["breakouts"]]
    found = shown.marks(shown.ids[0])
    assert found["twice"] / found["median"] == pytest.approx(2, abs=0.02)
    assert found["bar"] / found["median"] == pytest.approx(2.621, abs=0.05)
    assert "acme-todo" in shown.texts("row")[0]
    assert "Ordered before" in shown.texts("row")[2]
    shown.evaluate("() => document.querySelector('.quiet summary').click()")
    assert "hooli-new" in shown.page_text
    assert "No account connected" in shown.page_text
    ask_price(shown, "pp_globex-fit_1")
    assert shown.calls[0][1]["project_id"] == "prj_other"


def test_ordering_takes_a_price_and_one_more_press(shown: Shown) -> None:
    show(shown)
    open_order(shown)
    assert shown.calls == []
    shown.press("order", FIRST)
    shown.wait_for("confirm-order", FIRST)
    asked = {"project_id": PROJECT, "source_platform_post_id": FIRST, "mode": "fork", "variations": 2}
    assert shown.calls == [("clone_post", {**asked, "dry_run": True})]
    text = shown.texts("row")[0]
    for words in ("Up to 240 credits", "18,580", "wait for your approval", "The estimate is an upper bound."):
        assert words in text
    assert shown.contexts == []
    shown.press("confirm-order", FIRST)
    shown.wait_for("follow", FIRST)
    assert shown.calls[1:] == [("clone_post", {**asked, "max_credits": 240})]
    assert "Ordered" in shown.texts("row")[0]
    assert "com_new" in shown.texts("row")[0]
    (told,) = shown.wait_for_contexts()
    for words in ("fork", "variations 2", FIRST, PROJECT, "com_new", "job_new", "240 credits"):
        assert words in told
    assert "Get things done" not in told
    assert shown.events("message") == []
    shown.press("follow", FIRST)
    shown.settle()
    (message,) = shown.events("message")
    assert "com_new" in message["params"]["content"][0]["text"]


def test_another_choice_takes_the_price_away(shown: Shown) -> None:
    show(shown)
    ask_price(shown)
    shown.select("variations", "5", FIRST)
    assert not shown.has("confirm-order")
    assert "Up to 240" not in shown.texts("row")[0]
    shown.press("order", FIRST)
    shown.wait_for("confirm-order", FIRST)
    assert "Up to 600 credits" in shown.texts("row")[0]
    shown.evaluate("() => document.querySelector('[data-testid=mode][value=reimagine]').click()")
    assert not shown.has("confirm-order")
    shown.press("order", FIRST)
    shown.wait_for("confirm-order", FIRST)
    shown.press("confirm-order", FIRST)
    shown.wait_for("follow", FIRST)
    assert shown.calls[-1][1] == {
        "project_id": PROJECT,
        "source_platform_post_id": FIRST,
        "mode": "reimagine",
        "variations": 5,
        "max_credits": 600,
    }


def test_the_price_of_a_choice_that_was_changed_meanwhile_is_not_shown(shown: Shown) -> None:
    show(shown, answering=lambda name, arguments: None)
    open_order(shown)
    shown.press("order", FIRST)
    shown.wait_for_calls(1)
    shown.select("variations", "7", FIRST)
    shown.browser.answer(shown.events("call")[0]["call"], result_of(priced({"variations": 2})))
    shown.settle()
    assert not shown.has("confirm-order")
    assert "240" not in shown.texts("row")[0]


def test_not_now_goes_back_without_a_call(shown: Shown) -> None:
    show(shown)
    ask_price(shown)
    shown.press("cancel", FIRST)
    assert shown.has("order", FIRST)
    assert not shown.has("confirm-order")
    assert shown.focused == "order"
    assert len(shown.calls) == 1


@pytest.mark.parametrize("how", ["twice", "double click", "held Enter", "same place"])
def test_no_second_press_of_the_same_kind_orders(shown: Shown, how: str) -> None:
    show(shown)
    open_order(shown)
    box = shown.browser.do("box", selector=part("order", FIRST))
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    match how:
        case "twice":
            shown.browser.do("at", **middle)
            shown.browser.do("at", **middle)
        case "double click":
            shown.press("order", FIRST, count=2)
        case "held Enter":
            shown.browser.do("focus", selector=part("order", FIRST))
            shown.browser.do("hold", key="Enter", times=30)
        case _:
            shown.browser.do("at", **middle)
            shown.wait_for("confirm-order", FIRST)
            shown.browser.do("at", **middle)
    shown.wait_for("confirm-order", FIRST)
    shown.browser.do("hold", key="Enter", times=10)
    shown.settle()
    assert [arguments.get("dry_run") for _, arguments in shown.calls] == [True]


def test_a_confirmation_calls_once_however_often_it_is_pressed(shown: Shown) -> None:
    def slow(name: str, arguments: Wire) -> Wire | None:
        return result_of(priced(arguments)) if arguments.get("dry_run") else None

    show(shown, answering=slow)
    ask_price(shown)
    for _ in range(3):
        shown.press("confirm-order", FIRST)
    shown.press("cancel", FIRST)
    shown.browser.do("focus", selector=part("confirm-order", FIRST))
    shown.key("Enter", "Space", "Enter")
    shown.settle()
    assert len(shown.calls) == 2
    assert shown.has("confirm-order", FIRST), "what was sent cannot be called back"
    shown.browser.answer(shown.events("call")[1]["call"], result_of(placed({"variations": 2})))
    shown.wait_for("follow", FIRST)
    assert len(shown.calls) == 2
    assert len(shown.wait_for_contexts()) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error_of("MAX_CREDITS: the estimate is 260 credits. Nothing was changed."), "MAX_CREDITS"),
        (error_of("DECLINED: the app's user declined. Nothing was changed."), "DECLINED"),
        (error_of("CONFIRMATION_REQUIRED: this client cannot ask. Nothing was changed."), "CONFIRMATION_REQUIRED"),
    ],
)
def test_a_refusal_is_shown_and_the_price_has_to_be_asked_for_again(shown: Shown, answer: Wire, words: str) -> None:
    show(shown, answering=lambda name, args: result_of(priced(args)) if args.get("dry_run") else answer)
    ask_price(shown)
    shown.press("confirm-order", FIRST)
    shown.wait_for_text(words)
    assert shown.contexts == []
    assert shown.has("order", FIRST)
    assert not shown.has("confirm-order")


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32001, "message": "Request timed out"}},
        {"content": [], "inputRequests": {"q": {"method": "elicitation/create"}}, "requestState": "s"},
        result_of({"status": "not_ordered", "replayed": False}),
        result_of({"foreign": True}),
    ],
    ids=["error", "input required", "not ordered", "foreign"],
)
def test_what_is_no_outcome_is_no_success_and_the_same_press_is_safe(shown: Shown, answer: Wire) -> None:
    answers = [answer]

    def answering(name: str, arguments: Wire) -> Wire:
        if arguments.get("dry_run"):
            return result_of(priced(arguments))
        return answers.pop() if answers else result_of(placed(arguments, replayed=True))

    show(shown, answering=answering)
    ask_price(shown)
    shown.press("confirm-order", FIRST)
    shown.wait_for_text("outcome is not known")
    assert "safe" in shown.texts("row")[0]
    assert shown.contexts == []
    shown.press("confirm-order", FIRST)
    shown.wait_for("follow", FIRST)
    assert shown.calls[1] == shown.calls[2]
    assert "existed before" in shown.wait_for_contexts()[-1]


def test_an_order_that_exists_is_told_and_not_offered_again(shown: Shown) -> None:
    def answering(name: str, arguments: Wire) -> Wire:
        return result_of(placed(arguments, replayed=True, status="completed", commission_id="com_old"))

    show(shown, answering=answering)
    open_order(shown)
    shown.press("order", FIRST)
    shown.wait_for_text("ordered already")
    assert "com_old" in shown.texts("row")[0]
    assert "completed" in shown.texts("row")[0]
    assert not shown.has("confirm-order")
    assert not shown.has("order")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"held_for_approval": True}, "wait for your approval"),
        ({"held_for_approval": False}, "go live without approval"),
        ({"held_for_approval": None}, "may go live without it"),
        ({"credits_available": 100}, "less than this can cost"),
        ({"credits_available": None}, "balance is not known"),
    ],
)
def test_the_price_says_what_can_be_known(shown: Shown, fields: Wire, words: str) -> None:
    def answering(name: str, arguments: Wire) -> Wire:
        facts = {**priced(arguments), **fields}
        return result_of({key: value for key, value in facts.items() if value is not None})

    show(shown, answering=answering)
    ask_price(shown)
    assert words in shown.texts("row")[0]


def test_without_a_price_nothing_is_offered(shown: Shown) -> None:
    show(shown, answering=lambda name, args: result_of({"status": "not_ordered", "replayed": False, "notes": []}))
    open_order(shown)
    shown.press("order", FIRST)
    shown.wait_for_text("No price is known")
    assert not shown.has("confirm-order")
    assert shown.has("order", FIRST)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"read_only": True}, "read-only"),
        ({"project_id": ""}, "which project"),
        (
            {
                "facts": ranking(
                    {key: value for key, value in performer(1, "x", 90, 0.03).items() if key != "platform_post_id"}
                )
            },
            "names no post",
        ),
    ],
)
def test_a_row_that_cannot_be_ordered_says_why(shown: Shown, setting: dict[str, Any], words: str) -> None:
    show(shown, setting.pop("facts", RANKING), **setting)
    shown.press("toggle", shown.ids[0])
    assert not shown.has("order")
    assert not shown.has("mode")
    assert words in shown.texts("row")[0]


def test_everything_can_be_done_by_keyboard(shown: Shown) -> None:
    show(shown)
    shown.browser.do("focus", selector=part("toggle", FIRST))
    shown.key("Enter")
    assert shown.attribute(part("toggle", FIRST), "aria-expanded") == "true"
    shown.key("Tab")
    assert shown.focused == "mode"
    shown.key("ArrowRight", "Tab")
    assert shown.focused == "variations"
    shown.key("ArrowDown", "Tab")
    assert shown.focused == "order"
    shown.key("Enter")
    shown.wait_for("confirm-order", FIRST)
    shown.key("Tab")
    assert shown.focused == "cancel"
    shown.key("Tab")
    assert shown.focused == "confirm-order"
    shown.key("Space")
    shown.wait_for("follow", FIRST)
    assert shown.calls[-1][1]["mode"] == "reimagine"
    assert shown.calls[-1][1]["variations"] == 3


def test_a_row_opens_by_touch_and_stays_open_when_rows_are_sorted(shown: Shown) -> None:
    show(shown)
    shown.tap("toggle", "pp_0004")
    shown.tap("order", "pp_0004")
    shown.wait_for("confirm-order", "pp_0004")
    shown.select("sort", "views")
    assert shown.has("confirm-order", "pp_0004")
    shown.tap("confirm-order", "pp_0004")
    shown.wait_for("follow", "pp_0004")
    assert len(shown.calls) == 2
