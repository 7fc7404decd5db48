"""Each arrow of the drawing in `states`, and the arrows that are not there."""

from dataclasses import replace

import pytest

from layers_mcp.operations import states
from tests.support.factories import MORNING, clone, generate, later

ANSWER = {"job_id": "job_1", "kind": "content_clone_from_post", "container_ids": ["cnt_1"], "answer": {"ok": True}}


def accepted(entry, status="running"):
    return states.accepted(entry, later(seconds=1), status=status, **ANSWER)


def test_an_answered_order_runs_and_knows_its_job() -> None:
    running = accepted(clone())
    assert (running.status, running.job_id, running.container_ids, running.unanswered) == (
        "running",
        "job_1",
        ("cnt_1",),
        0,
    )


def test_a_refusal_of_the_only_attempt_frees_the_order() -> None:
    refused = states.turned_down(clone(), later(seconds=1), answer={"code": "BILLING_EXHAUSTED"})
    assert (refused.status, refused.unanswered, refused.answer) == ("refused", 0, {"code": "BILLING_EXHAUSTED"})


def test_a_reply_lost_and_then_a_refusal_stay_unknown() -> None:
    again = states.attempted(clone(), later(seconds=1))
    assert again.unanswered == 2
    still = states.turned_down(again, later(seconds=2), answer={})
    assert (still.status, still.unanswered) == ("unknown", 1)


def test_of_two_attempts_that_were_both_refused_nothing_is_left() -> None:
    again = states.attempted(clone(), later(seconds=1))
    once = states.turned_down(again, later(seconds=2), answer={})
    assert states.turned_down(once, later(seconds=3), answer={}).status == "refused"


def test_a_refusal_that_comes_after_an_acceptance_changes_nothing() -> None:
    running = accepted(clone())
    assert states.turned_down(running, later(seconds=2), answer={"code": "RATE_LIMITED"}) == running
    assert states.attempted(running, later(seconds=2)) == running


@pytest.mark.parametrize("end", ["completed", "failed", "canceled"])
def test_an_end_is_final(end: str) -> None:
    ended = states.learned(accepted(clone()), later(minutes=1), status=end, container_ids=["cnt_2"])
    assert (ended.status, ended.container_ids) == (end, ("cnt_1", "cnt_2"))
    assert states.learned(ended, later(minutes=2), status="running", container_ids=["cnt_1"]) == ended
    assert accepted(ended).status == end


def test_a_container_counts_once_with_and_without_its_prefix() -> None:
    known = states.learned(accepted(clone()), later(minutes=1), status="running", container_ids=["1", "2"])
    assert known.container_ids == ("cnt_1", "2")


def test_an_open_status_of_a_later_api_counts_as_running() -> None:
    assert states.learned(accepted(clone()), later(minutes=1), status="paused", container_ids=[]).status == "running"
    assert accepted(clone(), status="completed").status == "completed"


def test_a_clone_may_be_sent_again_for_ever_and_under_any_key() -> None:
    assert states.may_be_sent_again(clone(), "bbbb", later(days=400))


def test_a_generate_may_be_sent_again_for_23_hours_and_under_its_key_only() -> None:
    order = generate()
    assert states.may_be_sent_again(order, "aaaa", later(hours=22, minutes=59))
    assert not states.may_be_sent_again(order, "aaaa", later(hours=23))
    assert not states.may_be_sent_again(order, "bbbb", later(minutes=1))


def test_a_clock_that_went_backwards_ends_the_time_for_sending_again_for_good() -> None:
    tried_again = states.attempted(generate(), later(hours=5))
    assert states.doubted(tried_again, later(hours=5, seconds=-4)) == tried_again
    doubted = states.doubted(tried_again, later(hours=4))
    assert not states.may_be_sent_again(doubted, "aaaa", later(hours=4))
    assert not states.may_be_sent_again(doubted, "aaaa", later(hours=6))
    assert doubted.key_fingerprint == "aaaa"  # what was sent stays on record
    assert states.may_be_sent_again(states.doubted(clone(), later(hours=-4)), "aaaa", later(hours=-4))


def test_sending_again_does_not_prolong_the_window() -> None:
    tried_again = states.attempted(generate(), later(hours=22))
    assert not states.may_be_sent_again(tried_again, "aaaa", later(hours=23, minutes=1))


def test_a_row_comes_back_as_it_was_written() -> None:
    entry = replace(
        accepted(generate("Schöner\x00 \u2028 leben", theme_tags=("b", "a"))),
        estimated_credits=None,
        ordered_at=MORNING,
    )
    assert type(entry).from_row(entry.to_row()) == entry
