"""The approval view: looking at what was made, deciding on it for good, publishing it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.e2e.views.browser import Shown, Wire, error_of, part, result_of
from tests.e2e.views.samples import (
    CONTENT,
    MEDIA,
    PROJECT,
    decision,
    pictures,
    piece,
    publication,
    readiness,
    willing,
)

ONE, TWO = "cnt_one", "cnt_two"
DRAWN = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="16"><rect width="9" height="16" fill="teal"/></svg>'
PICTURE = {"type": "image/svg+xml", "base64": base64.b64encode(DRAWN.encode()).decode()}


def show(shown: Shown, facts: Wire = CONTENT, *, answering: Any = willing, **options: Any) -> None:
    capabilities = options.pop("capabilities", None)
    shown.open("approval", answering=answering, **options)
    shown.connect(capabilities=capabilities)
    shown.give(facts, project_id=PROJECT)
    if shown.has("more"):
        shown.press("more")


def items(*found: Wire) -> Wire:
    return {"items": list(found), "notes": []}


def rows(shown: Shown) -> dict[str, str]:
    return dict(zip(shown.ids, shown.texts("row"), strict=True))


def test_each_piece_shows_what_a_person_needs_to_decide(shown: Shown) -> None:
    show(shown)
    assert shown.ids == [item["container_id"] for item in CONTENT["items"]]
    text = rows(shown)
    one = text[ONE]
    for words in (
        "Hook of one",
        "Caption of one.\nTwo lines of it #acme",
        "Download acme-todo",
        "1 of 2",
        "com_one",
        ONE,
    ):
        assert words in one
    assert "3 pieces wait for your decision" in shown.page_text
    assert shown.has("approve", ONE)
    assert shown.has("reject", ONE)
    for name, word in (("rejected", "Rejected"), ("failed", "MODERATION: refused"), ("gone", "Not found")):
        row = f"cnt_{name}"
        assert word in text[row]
        assert not any(shown.has(act, row) for act in ("approve", "reject", "publish"))
    assert "Scheduled: Dec 18" in text["cnt_going"]
    assert not shown.has("publish", "cnt_going")
    assert "A note of the server." in shown.page_text


def test_approving_takes_a_confirmation_and_the_model_is_told(shown: Shown) -> None:
    show(shown)
    shown.press("approve", ONE)
    assert shown.calls == []
    assert not shown.has("approve", ONE)
    text = rows(shown)[ONE]
    assert "final" in text
    assert "You have not played its video here." in text
    assert "question" in str(shown.focused)
    shown.press("confirm-approve", ONE)
    shown.wait_for_text("Decided by you, here")
    assert shown.calls == [("decide_content", {"container_id": ONE, "decision": "approve"})]
    assert "Approved" in rows(shown)[ONE]
    assert "2 pieces wait for your decision" in shown.page_text
    (told,) = shown.wait_for_contexts()
    assert ONE in told
    assert "approved" in told
    assert "Hook of one" not in told
    assert shown.events("message") == []


def test_rejecting_takes_a_reason_and_everything_done_so_far_is_told(shown: Shown) -> None:
    show(shown)
    shown.press("approve", ONE)
    shown.press("confirm-approve", ONE)
    shown.wait_for("publish", ONE)
    shown.press("reject", TWO)
    assert shown.focused == "reason"
    shown.press("confirm-reject", TWO)
    shown.type("   ")
    shown.press("confirm-reject", TWO)
    assert "Give a reason first." in rows(shown)[TWO]
    assert len(shown.calls) == 1
    shown.browser.do("focus", selector=part("reason", TWO))
    shown.type("The logo is last year's.")
    shown.press("confirm-reject", TWO)
    shown.wait_for_text("Decided by you, here, for good. It will not be published.")
    note = "The logo is last year's."
    assert shown.calls[1:] == [("decide_content", {"container_id": TWO, "decision": "reject", "note": note})]
    last = shown.wait_for_contexts()[-1]
    assert ONE in last
    assert TWO in last
    assert note in last
    shown.press("follow")
    shown.settle()
    assert len(shown.events("message")) == 1


def test_a_reason_is_at_most_1024_characters(shown: Shown) -> None:
    show(shown)
    shown.press("reject", TWO)
    shown.browser.do("focus", selector=part("reason", TWO))
    shown.evaluate("() => document.execCommand('insertText', false, 'x'.repeat(2000))")
    assert shown.evaluate("() => document.querySelector('[data-testid=reason]').value.length") == 1_024


@pytest.mark.parametrize(("opener", "confirm"), [("approve", "confirm-approve"), ("reject", "confirm-reject")])
@pytest.mark.parametrize("how", ["same place", "double click", "held Enter"])
def test_no_second_press_of_the_same_kind_decides(shown: Shown, opener: str, confirm: str, how: str) -> None:
    show(shown)
    box = shown.browser.do("box", selector=part(opener, ONE))
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    if how == "same place":
        for _ in range(4):
            shown.browser.do("at", **middle)
    elif how == "double click":
        shown.press(opener, ONE, count=2)
    else:
        shown.browser.do("focus", selector=part(opener, ONE))
        shown.browser.do("hold", key="Enter", times=20)
    shown.settle()
    assert shown.calls == []
    assert shown.has(confirm, ONE), "a double click opens the question and leaves it open"


def test_cancel_goes_back_to_the_button_that_asked(shown: Shown) -> None:
    show(shown)
    for opener in ("approve", "reject"):
        shown.press(opener, ONE)
        shown.press("cancel", ONE)
        assert shown.focused == opener
    assert shown.calls == []


def test_one_call_a_confirmation_and_none_while_another_is_unanswered(shown: Shown) -> None:
    show(shown, answering=lambda name, arguments: None)
    shown.press("approve", ONE)
    shown.press("approve", TWO)
    for _ in range(3):
        shown.press("confirm-approve", ONE)
    shown.press("confirm-approve", TWO)
    shown.settle()
    assert [arguments["container_id"] for _, arguments in shown.calls] == [ONE]
    assert "unanswered" in shown.text("status")
    shown.browser.answer(1, result_of(decision(shown.calls[0][1])))
    shown.wait_for("publish", ONE)
    shown.press("confirm-approve", TWO)
    shown.wait_for_calls(2)
    assert shown.calls[1][1]["container_id"] == TWO


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error_of("CONFLICT (409): the content is rejected already. Nothing was changed."), "rejected already"),
        (error_of("DECLINED: the app's user declined. Nothing was changed."), "DECLINED"),
        ({"error": {"code": -32000, "message": "connection closed"}}, "connection closed"),
        ({"content": [], "requestState": "s", "inputRequests": {}}, "outcome is not known"),
        (result_of({"container_id": ONE, "approval_status": "pending", "notes": []}), "outcome is not known"),
    ],
)
def test_a_decision_without_success_is_told_and_can_be_tried_again(shown: Shown, answer: Wire, words: str) -> None:
    answers = [answer]
    show(shown, answering=lambda name, args: answers.pop() if answers else result_of(decision(args)))
    shown.press("approve", ONE)
    shown.press("confirm-approve", ONE)
    shown.wait_for_text(words)
    assert shown.contexts == []
    shown.press("confirm-approve", ONE)
    shown.wait_for_text("Decided by you, here")
    assert len(shown.wait_for_contexts()) == 1


def test_no_answer_is_told_after_a_while_and_a_late_one_still_counts(shown: Shown) -> None:
    show(shown, answering=lambda name, arguments: None, speed=100)
    shown.press("approve", ONE)
    shown.press("confirm-approve", ONE)
    shown.wait_for_text("no answer yet")
    assert "safe" in rows(shown)[ONE]
    shown.press("confirm-approve", ONE)
    shown.wait_for_calls(2)
    assert shown.calls[0] == shown.calls[1]
    shown.browser.answer(1, result_of(decision(shown.calls[0][1])))
    shown.wait_for_text("Decided by you, here")
    shown.browser.answer(2, result_of(decision(shown.calls[0][1], notes=["It was approved before this call."])))
    shown.settle()
    assert len(shown.wait_for_contexts()) == 1


def test_an_old_result_again_does_not_ask_again_for_what_was_decided_here(shown: Shown) -> None:
    show(shown)
    shown.press("approve", ONE)
    shown.press("confirm-approve", ONE)
    shown.wait_for("publish", ONE)
    shown.result(result_of(CONTENT))
    assert not shown.has("approve", ONE)
    assert "Approved" in rows(shown)[ONE]


def test_a_video_is_fetched_by_its_own_press_alone(shown: Shown) -> None:
    show(shown, items(piece("one"), piece("two")))
    assert shown.requested == []
    shown.press("play", ONE)
    shown.settle()
    assert set(shown.requested) == {f"{MEDIA}/one.mp4"}
    shown.wait_for_text("could not be loaded here")
    assert shown.has("open", ONE)
    assert shown.has("approve", ONE)


def test_pictures_load_as_they_come_into_view_and_a_view_survives_without_them(shown: Shown) -> None:
    found = items(*(piece(f"p{number}", assets=pictures(f"p{number}", 2)) for number in range(6)))
    media = {f"{MEDIA}/p0/1.png": PICTURE}
    show(shown, found, media=media)
    shown.settle()
    assert f"{MEDIA}/p0/1.png" in shown.requested
    lazy = shown.evaluate("() => [...document.images].every((picture) => picture.loading === 'lazy')")
    assert lazy
    loaded = "() => document.querySelector('[data-id=cnt_p0] img')?.naturalWidth > 0"
    shown.browser.do("until", script=loaded)
    shown.wait_for_text("could not be loaded here")
    assert shown.has("approve", "cnt_p0")
    assert shown.has("approve", "cnt_p1")


@pytest.mark.parametrize(
    "url",
    [
        "https://media.layers.com.evil.example/x.png",
        "https://evil.example/media.layers.com/x.png",
        "http://media.layers.com/x.png",
        "https://media.layers.com:8443/x.png",
        "https://media.layers.com@evil.example/x.png",
    ],
)
def test_a_file_from_elsewhere_is_never_loaded_but_can_be_opened(shown: Shown, url: str) -> None:
    kinds = [{"asset_id": "a", "kind": kind, "url": url} for kind in ("image", "video")]
    show(shown, items(piece("one", assets=kinds)))
    assert shown.evaluate("() => document.querySelectorAll('img, video').length") == 0
    assert not shown.has("play")
    assert "Kept elsewhere" in rows(shown)[ONE]
    shown.press("open", ONE)
    shown.settle()
    assert [event["params"]["url"] for event in shown.events("open-link")] == [url]
    assert shown.requested == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,<b>x", "file:///etc/passwd", "no address", ""])
def test_what_is_no_web_address_is_not_even_a_link(shown: Shown, url: str) -> None:
    show(shown, items(piece("one", assets=[{"asset_id": "a", "kind": "image", "url": url}])))
    assert not shown.has("open")
    assert shown.has("approve", ONE)


def test_a_server_with_other_media_loads_from_them_and_from_nowhere_else(shown: Shown) -> None:
    origin = "https://cdn.example.com"
    show(
        shown,
        items(piece("one", assets=pictures("one", 1, origin)), piece("two", assets=pictures("two", 1))),
        media_origins=(origin,),
        media={f"{origin}/one/1.png": PICTURE},
    )
    shown.browser.do("until", script="() => document.images[0]?.naturalWidth > 0")
    assert shown.requested == [f"{origin}/one/1.png"]
    assert "Kept elsewhere" in rows(shown)[TWO]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"read_only": True}, "read-only"), ({"capabilities": {"openLinks": {}}}, "not act")],
)
def test_where_nobody_may_act_the_view_shows_and_says_why(shown: Shown, options: Wire, words: str) -> None:
    show(shown, **options)
    assert len(shown.ids) == len(CONTENT["items"])
    assert not any(shown.has(act) for act in ("approve", "reject", "publish"))
    assert words in shown.page_text


def test_publishing_offers_connected_accounts_and_shows_both_times_first(shown: Shown) -> None:
    show(shown)
    shown.press("publish", "cnt_approved")
    shown.wait_for("confirm-publish")
    assert shown.calls == [
        ("check_readiness", {"project_id": PROJECT}),
        ("publish_content", {"container_id": "cnt_approved", "social_account_ids": ["sa_1"], "dry_run": True}),
    ]
    text = rows(shown)["cnt_approved"]
    assert "@acmetodo on tiktok" in text
    assert "@acme.todo on instagram" in text
    assert "@old" not in text
    assert "2026-12-18 09:00 America/New_York" in text
    assert "Dec 18, 2026, 2:00" in text
    shown.press("confirm-publish")
    shown.wait_for_text("Being published")
    assert shown.calls[2] == ("publish_content", {"container_id": "cnt_approved", "social_account_ids": ["sa_1"]})
    (told,) = shown.wait_for_contexts()
    assert "cnt_approved" in told
    assert "pub_1" in told
    assert "sa_1" in told
    assert not shown.has("publish", "cnt_approved")


def test_a_time_and_other_accounts_are_looked_up_again_before_they_are_confirmed(shown: Shown) -> None:
    show(shown)
    shown.press("publish", "cnt_free")
    shown.wait_for("confirm-publish")
    shown.evaluate("() => document.querySelector('[data-testid=account][data-id=sa_2]').click()")
    assert not shown.has("confirm-publish"), "another choice takes the question away"
    shown.wait_for("confirm-publish")
    shown.evaluate("() => document.querySelector('[data-testid=when][value=at]').click()")
    assert not shown.has("confirm-publish")
    assert "Choose a date and a time." in rows(shown)["cnt_free"]
    shown.evaluate("""() => {
        const at = document.querySelector("[data-testid=at]");
        at.value = "2026-12-18T09:00";
        at.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    shown.wait_for("confirm-publish")
    wanted = {"container_id": "cnt_free", "social_account_ids": ["sa_1", "sa_2"], "at": "2026-12-18T09:00"}
    assert shown.calls[-1] == ("publish_content", {**wanted, "dry_run": True})
    shown.press("confirm-publish")
    shown.wait_for_text("Scheduled: 2026-12-18 09:00 America/New_York")
    assert shown.calls[-1] == ("publish_content", wanted)


def test_without_an_account_chosen_nothing_is_asked(shown: Shown) -> None:
    show(shown)
    shown.press("publish", "cnt_free")
    shown.wait_for("confirm-publish")
    before = len(shown.calls)
    shown.evaluate("() => document.querySelector('[data-testid=account]').click()")
    shown.wait_for_text("Choose an account.")
    assert not shown.has("confirm-publish")
    assert len(shown.calls) == before
    shown.press("cancel", "cnt_free")
    assert shown.focused == "publish"


def test_a_project_without_a_connected_account_says_so(shown: Shown) -> None:
    show(shown, answering=lambda name, arguments: result_of(readiness(accounts=[])))
    shown.press("publish", "cnt_free")
    shown.wait_for_text("nowhere to publish")
    assert [name for name, _ in shown.calls] == ["check_readiness"]


def test_a_publication_that_is_refused_or_exists_is_told(shown: Shown) -> None:
    refusal = error_of("INVALID_ARGUMENT: the account needs a new login. Nothing was changed.")

    def refusing(name: str, arguments: Wire) -> Wire:
        return refusal if name == "publish_content" else willing(name, arguments)

    show(shown, answering=refusing)
    shown.press("publish", "cnt_free")
    shown.wait_for_text("needs a new login")
    assert not shown.has("confirm-publish")

    def existing(name: str, arguments: Wire) -> Wire:
        if name != "publish_content":
            return willing(name, arguments)
        return result_of(publication(arguments, replayed=True, status="scheduled", publication_id="pub_old"))

    show(shown, answering=existing)
    shown.press("publish", "cnt_free")
    shown.wait_for_text("Scheduled")
    assert not shown.has("confirm-publish")
    assert shown.contexts == []


def test_what_is_approved_here_can_be_published_here(shown: Shown) -> None:
    show(shown, items(piece("one", assets=pictures("one", 1))))
    shown.press("approve", ONE)
    assert "played" not in rows(shown)[ONE]
    shown.press("confirm-approve", ONE)
    shown.wait_for("publish", ONE)
    shown.press("publish", ONE)
    shown.wait_for("confirm-publish", ONE)
    shown.press("confirm-publish", ONE)
    shown.wait_for_text("Being published")
    assert [name for name, _ in shown.calls] == [
        "decide_content",
        "check_readiness",
        "publish_content",
        "publish_content",
    ]
    assert "approved" in shown.wait_for_contexts()[-1]
    assert "pub_1" in shown.wait_for_contexts()[-1]


def test_an_approval_that_sets_a_schedule_going_says_so(shown: Shown) -> None:
    going = {"status": "scheduled", "at": "2026-12-18T14:00:00Z", "scheduled_post_ids": ["sp_1"]}
    show(shown, answering=lambda name, args: result_of(decision(args, publication=going)))
    shown.press("approve", ONE)
    shown.press("confirm-approve", ONE)
    shown.wait_for_text("Scheduled: Dec 18")
    assert not shown.has("publish", ONE)
    assert "scheduled" in shown.wait_for_contexts()[-1]


def test_everything_can_be_done_by_keyboard(shown: Shown) -> None:
    show(shown)
    shown.browser.do("focus", selector=part("approve", ONE))
    shown.key("Enter", "Tab")
    assert shown.focused == "cancel"
    shown.key("Tab")
    assert shown.focused == "confirm-approve"
    shown.key("Enter")
    shown.wait_for("publish", ONE)
    shown.browser.do("focus", selector=part("reject", TWO))
    shown.key("Enter")
    shown.type("No")
    shown.key("Tab", "Tab", "Enter")
    shown.wait_for_text("It will not be published")
    assert shown.calls[-1][1]["note"] == "No"
