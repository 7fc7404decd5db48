"""What every view does with its host: the states, the messages, the page it takes up."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.e2e.views.browser import Shown, error_of, part, result_of
from tests.e2e.views.samples import ALL, HOSTILE, NAMES, PROJECT, RANKING, SERIES, performer, piece, ranking, willing

VIEWS = ("ranking", "series", "approval", "results")
BY_NAME = dict(zip(NAMES, ALL, strict=True))


@pytest.fixture(params=NAMES)
def sample(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A view's name and a result for it."""
    return BY_NAME[request.param]


def show(shown: Shown, name: str, facts: dict[str, Any], **context: Any) -> None:
    width = context.pop("width", 720)
    shown.open(name, answering=willing, width=width)
    shown.connect(**context)
    shown.give(facts, project_id=PROJECT)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_waits_in_words_until_its_result_comes(shown: Shown, name: str) -> None:
    shown.open(name)
    assert shown.state == "waiting"
    shown.connect()
    assert shown.state == "waiting"
    assert "on" in shown.text("empty")
    assert len(shown.text("empty")) > 10
    assert shown.evaluate("() => document.querySelector('[data-testid=status]').getAttribute('role')") == "status"


def test_a_silent_host_is_named_after_five_seconds_and_a_late_one_still_counts(shown: Shown) -> None:
    shown.open("ranking", speed=10)
    silent = "() => document.querySelector('[data-testid=empty]').dataset.state === 'no-host'"
    shown.browser.do("until", script=silent)
    assert "No app answers" in shown.text("empty")
    shown.connect()
    assert shown.state == "waiting"
    shown.give(RANKING, project_id=PROJECT)
    assert shown.state is None


def test_a_result_in_text_alone_is_shown_as_well(shown: Shown) -> None:
    shown.open("ranking")
    shown.connect()
    only_text = {"content": result_of(RANKING)["content"]}
    shown.result(only_text)
    assert len(shown.ids) == 8


@pytest.mark.parametrize("name", VIEWS)
def test_an_error_a_cancelled_call_and_a_foreign_answer_are_told(shown: Shown, name: str) -> None:
    shown.open(name)
    shown.connect()
    shown.result(error_of("NOT_FOUND (404): no such project. Nothing was changed."))
    assert shown.state == "error"
    assert "NOT_FOUND (404)" in shown.text("empty")
    shown.browser.do("cancelled")
    shown.settle()
    assert shown.state == "cancelled"
    shown.result(result_of({"something": "else"}))
    assert shown.state == "error"
    shown.result({"content": [{"type": "text", "text": "no JSON"}]})
    assert shown.state == "error"


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("ranking", {**RANKING, "items": []}),
        ("ranking", {"breakouts": [], "quiet": []}),
        ("series", {**SERIES, "series": [], "totals": {}}),
        ("approval", {"items": []}),
        ("results", {"commissions": [], "by_mode": []}),
    ],
)
def test_an_empty_result_shows_its_notes_then_its_next_step(shown: Shown, name: str, facts: dict[str, Any]) -> None:
    told = {**facts, "notes": ["The first note.", "The second note."], "next_step": "The step after them."}
    shown.open(name)
    shown.connect()
    shown.give(told)
    assert shown.state == "empty"
    text = shown.text("empty")
    places = [text.index(part) for part in ("The first note.", "The second note.", "The step after them.")]
    assert places == sorted(places)


def test_a_new_result_replaces_what_is_shown(shown: Shown) -> None:
    show(shown, "ranking", RANKING)
    shown.press("toggle", "pp_0001")
    shown.result(result_of(ranking(performer(1, "Another one", 900, 0.04))))
    assert shown.ids == ["pp_0001"]
    assert "Another one" in shown.page_text
    assert "Get things done" not in shown.page_text
    assert shown.attribute("[data-testid=row] button[aria-expanded]", "aria-expanded") == "false"


def test_requests_of_the_host_are_answered_and_strangers_are_not_heard(shown: Shown) -> None:
    show(shown, "ranking", RANKING)
    for number, method in enumerate(("ping", "ui/resource-teardown", "sampling/createMessage"), start=900):
        shown.browser.do("post", message={"jsonrpc": "2.0", "id": number, "method": method, "params": {}})
    shown.browser.do("post", message={"jsonrpc": "2.0", "method": "notifications/nobody/knows", "params": {}})
    shown.browser.do("post", message="no object")
    shown.settle()
    answers = {event["message"].get("id"): event["message"] for event in shown.events("posted")}
    assert answers[900]["result"] == {}
    assert answers[901]["result"] == {}
    assert answers[902]["error"]["code"] == -32601
    shown.evaluate(
        """() => postMessage({jsonrpc: "2.0", method: "ui/notifications/tool-cancelled", params: {}}, "*")"""
    )
    shown.settle()
    assert shown.state is None


def test_only_a_host_that_lets_views_call_is_asked(shown: Shown) -> None:
    shown.open("ranking", answering=willing)
    shown.connect(capabilities={"openLinks": {}})
    shown.give(RANKING, project_id=PROJECT)
    shown.press("toggle", "pp_0001")
    assert not shown.has("order")
    assert "not act" in shown.texts("row")[0]
    shown.open("ranking", answering=willing)
    shown.connect(capabilities={})
    shown.give(RANKING, project_id=PROJECT)
    shown.press("toggle", "pp_0001")
    assert shown.has("order")


def test_the_theme_follows_the_host_and_only_what_changed_is_told(shown: Shown) -> None:
    show(shown, "ranking", RANKING, theme="dark")
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    assert shown.evaluate(ground) == "rgb(20, 25, 29)"
    shown.press("toggle", "pp_0001")
    shown.browser.do("context", changes={"theme": "light"})
    shown.settle()
    assert shown.evaluate(ground) == "rgb(255, 255, 255)"
    assert shown.evaluate("() => document.documentElement.dir") == "ltr"
    assert shown.has("order"), "a change of theme closes nothing"
    shown.browser.do("context", changes={"locale": "de-DE"})
    shown.settle()
    assert shown.evaluate(ground) == "rgb(255, 255, 255)"
    assert "8,2" in shown.texts("row")[0]
    assert shown.has("order"), "a change of locale closes nothing"


def test_without_a_theme_the_view_follows_the_system(shown: Shown) -> None:
    shown.open("ranking", colorScheme="dark")
    shown.connect(theme=None)
    shown.give(RANKING)
    assert shown.evaluate("() => document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize(
    ("ground", "ink", "taken"),
    [
        ("#faf9f5", "#23201a", True),
        ("light-dark(#fbfbfb, #101010)", "oklch(0.25 0.02 250)", True),
        ("#888888", "#999999", False),
        ("#f0e6d2", "#23201a", False),
        ("transparent", "#000000", False),
        ("rgba(255, 255, 255, 0.5)", "#000000", False),
        ("not a colour", "#000000", False),
        ("#1b6780", "#ffffff", False),
    ],
)
def test_the_hosts_colours_are_taken_only_where_everything_can_be_read(
    shown: Shown, ground: str, ink: str, taken: bool
) -> None:
    variables = {"--color-background-primary": ground, "--color-text-primary": ink}
    show(shown, "approval", {"items": [piece("one")], "notes": []}, styles={"variables": variables})
    assert shown.evaluate("() => document.documentElement.style.getPropertyValue('--ground') !== ''") is taken
    opaque = shown.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert "rgba" not in opaque
    assert "transparent" not in opaque
    assert [found for found in shown.violations() if found["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize(("locale", "zone"), [("xx-invalid-locale-tag-that-is-none", "Mars/Olympus"), ("en_US", "")])
def test_a_locale_or_zone_that_the_browser_lacks_falls_back(shown: Shown, locale: str, zone: str) -> None:
    for name, facts in ALL:
        show(shown, name, facts, locale=locale, timeZone=zone)
        assert shown.state is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(shown: Shown, sample: tuple[str, dict[str, Any]], theme: str) -> None:
    name, facts = sample
    show(shown, name, facts, theme=theme)
    assert shown.violations() == []
    if name == "ranking" and "items" in facts:
        shown.press("toggle", "pp_0004")
        shown.press("order", "pp_0004")
        shown.wait_for("confirm-order", "pp_0004")
    if name == "series":
        shown.evaluate("() => document.querySelector('summary').click()")
    if name == "approval":
        shown.press("approve", "cnt_one")
        shown.press("reject", "cnt_two")
        shown.press("publish", "cnt_approved")
        shown.wait_for("confirm-publish")
    assert shown.violations() == []


@pytest.mark.parametrize("locale", ["en-US", "ar-EG"])
def test_a_view_fits_its_width_and_tells_its_own_height(
    shown: Shown, sample: tuple[str, dict[str, Any]], locale: str
) -> None:
    name, facts = sample
    show(shown, name, facts, locale=locale)
    assert shown.evaluate("() => document.documentElement.dir") == ("rtl" if locale == "ar-EG" else "ltr")
    for width in (320, 400, 559, 560, 720, 1200):
        shown.browser.do("resize", width=width)
        shown.settle()
        root = shown.evaluate("""() => {
            const { scrollWidth, clientWidth, scrollHeight } = document.documentElement;
            const natural = document.documentElement.getBoundingClientRect().height;
            return { over: scrollWidth - clientWidth, natural, hidden: scrollHeight - innerHeight };
        }""")
        assert root["over"] <= 0, width
        assert abs(shown.height - root["natural"]) <= 2, width
        assert root["hidden"] <= 2, width
    assert {event.get("width") for event in shown.events("size")} == {None}


def test_nothing_is_posted_before_the_host_has_answered(shown: Shown) -> None:
    shown.open("ranking")
    shown.settle()
    assert [event["message"]["method"] for event in shown.events("posted")] == ["ui/initialize"]
    shown.connect()
    shown.settle()
    methods = [event["message"].get("method") for event in shown.events("posted")]
    assert methods[:3] == ["ui/initialize", "ui/notifications/initialized", "ui/notifications/size-changed"]


def test_the_height_is_told_when_it_changes_and_only_then(shown: Shown) -> None:
    show(shown, "ranking", RANKING)
    before = shown.height
    shown.press("toggle", "pp_0001")
    shown.settle()
    assert shown.height > before + 100
    for width in (721, 722, 720):  # back to where lines break as they did
        shown.browser.do("resize", width=width)
        shown.settle()
    heights = [event["height"] for event in shown.events("size")]
    assert all(one != other for one, other in itertools.pairwise(heights))
    shown.press("toggle", "pp_0001")
    shown.settle()
    assert abs(shown.height - before) <= 2


def test_a_double_click_and_a_key_held_down_are_one_press(shown: Shown) -> None:
    show(shown, "ranking", RANKING)
    toggle = part("toggle", "pp_0001")
    shown.press("toggle", "pp_0001", count=2)
    assert shown.attribute(toggle, "aria-expanded") == "true"
    shown.browser.do("focus", selector=toggle)
    shown.browser.do("hold", key="Enter", times=4)
    assert shown.attribute(toggle, "aria-expanded") == "false"


def test_titles_from_outside_stay_text(shown: Shown) -> None:
    rows = [performer(rank, title, 400, 0.04) for rank, title in enumerate(HOSTILE, start=1)]
    show(shown, "ranking", ranking(*rows, notes=[HOSTILE[0]]), width=320)
    shown.press("more")
    assert shown.evaluate("() => document.querySelectorAll('img, b > *, svg, script').length") == 1  # our own script
    text = shown.page_text
    assert all(title in text for title in HOSTILE if not title.startswith("W"))
    assert shown.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    titles = "() => [...document.querySelectorAll('.toggle > span')].every((title) => title.dir === 'auto')"
    assert shown.evaluate(titles)

    pieces = [piece(str(place), hook=text, caption=text, cta=text) for place, text in enumerate(HOSTILE)]
    show(shown, "approval", {"items": pieces, "notes": []}, width=320)
    shown.press("more")
    assert shown.evaluate("() => document.querySelectorAll('img, iframe, script').length") == 1
    assert shown.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_hundred_rows_are_drawn_in_time(shown: Shown) -> None:
    rows = [performer(rank, f"Post number {rank}", 400 + rank, 0.09 - rank / 2_000) for rank in range(1, 101)]
    show(shown, "ranking", ranking(*rows))
    took = shown.evaluate("""() => {
        const start = performance.now();
        document.querySelector("[data-testid=more]").click();
        document.body.getBoundingClientRect();
        return performance.now() - start;
    }""")
    assert len(shown.ids) == 100
    assert took < 1_500
    shown.settle()
    assert abs(shown.height - shown.evaluate("() => document.documentElement.getBoundingClientRect().height")) <= 2


def test_nothing_is_fetched(shown: Shown, sample: tuple[str, dict[str, Any]]) -> None:
    name, facts = sample
    show(shown, name, facts)
    if name != "approval":
        assert shown.requested == []
    else:
        assert all(url.startswith("https://media.layers.com/slides/") for url in shown.requested)
