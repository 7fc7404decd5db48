"""Each arrow of the drawing in `state_machine`, and the arrows that are not there."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.operations.state_machine import (
    AttemptUnanswered,
    ClockWentBackwards,
    Event,
    Observed,
    Released,
    Renewed,
    Reserved,
    can_retry,
    clock_went_backwards,
    is_free,
    transition,
)
from layers_mcp.operations.store.rows import from_row, to_row
from tests.support.factories import MORNING, accepted, attempted, clone, generate, later, rejected, start


def lost(row, lease="a", now=MORNING):
    return transition(attempted(row, lease, now), AttemptUnanswered(lease=lease, answer={"code": "TIMEOUT"}), now)


def running(row=None, status="running"):
    return transition(attempted(row or clone()), accepted("cnt_1", status=status), later(seconds=1))


def test_what_is_reserved_was_never_sent_and_what_was_attempted_may_have_been() -> None:
    reserved = clone()
    assert (reserved.status, reserved.unanswered, reserved.sent_at) == ("reserved", 0, None)
    sent = attempted(reserved)
    assert (sent.status, sent.unanswered, sent.lease, sent.sent_at) == ("unknown", 1, "a", MORNING)


def test_an_answered_order_runs_and_knows_its_job() -> None:
    row = running()
    assert (row.status, row.job_id, row.container_ids, row.unanswered, row.lease) == (
        "running",
        "job_1",
        ("cnt_1",),
        0,
        "",
    )


def test_a_rejection_of_the_only_attempt_frees_the_order() -> None:
    refused = transition(attempted(clone()), rejected(), later(seconds=1))
    assert (refused.status, refused.unanswered, refused.answer) == ("refused", 0, {"code": "BILLING_EXHAUSTED"})
    assert is_free(refused, MORNING)


def test_a_reply_lost_and_then_a_rejection_stay_unknown() -> None:
    again = attempted(lost(clone()), "b")
    assert again.unanswered == 2
    still = transition(again, rejected("b"), later(seconds=2))
    assert (still.status, still.unanswered, still.lease) == ("unknown", 1, "")


def test_a_rejection_that_is_recorded_twice_counts_once() -> None:
    again = attempted(lost(clone()), "b")
    once = transition(again, rejected("b"), later(seconds=2))
    assert transition(once, rejected("b"), later(seconds=3)) == once


def test_a_rejection_of_an_attempt_that_was_taken_for_dead_leaves_the_order_unknown() -> None:
    taken_over = attempted(attempted(clone(), "a"), "b")
    assert (taken_over.lease, taken_over.unanswered) == ("b", 2)
    assert transition(taken_over, rejected("a"), MORNING) == taken_over
    assert transition(taken_over, rejected("b"), MORNING).status == "unknown"


def test_an_attempt_starts_only_from_what_was_seen_last() -> None:
    row = attempted(clone(), "a")
    seen = start(row, "b")
    assert transition(transition(row, Renewed(lease="a"), MORNING), seen, MORNING).lease == "a"
    assert transition(row, seen, MORNING).lease == "b"
    assert transition(transition(row, seen, MORNING), replace(seen, lease="c"), MORNING).lease == "b"


def test_an_attempt_that_is_recorded_twice_is_one_attempt() -> None:
    row = clone()
    event = start(row, "a")
    once = transition(row, event, MORNING)
    assert transition(once, event, MORNING) == once


def test_what_comes_after_an_acceptance_changes_nothing() -> None:
    row = running()
    for event in (rejected(), start(row, "b"), Released(lease="a"), Renewed(lease="a"), Reserved(draft=clone())):
        assert transition(row, event, later(seconds=2)) == row


def test_a_late_acceptance_is_an_acceptance_whatever_was_thought_meanwhile() -> None:
    refused = transition(attempted(clone()), rejected(), later(seconds=1))
    assert transition(refused, accepted("cnt_1"), later(seconds=2)).status == "running"
    reserved_anew = transition(refused, Reserved(draft=clone(now=later(hours=1))), later(hours=1))
    assert transition(reserved_anew, accepted("cnt_1"), later(hours=1)).status == "running"


@pytest.mark.parametrize("end", ["completed", "failed", "canceled"])
def test_an_end_is_final(end: str) -> None:
    ended = transition(running(), Observed(status=end, container_ids=("cnt_2",)), later(minutes=1))
    assert (ended.status, ended.container_ids) == (end, ("cnt_1", "cnt_2"))
    assert transition(ended, Observed(status="running", container_ids=("cnt_1",)), later(minutes=2)) == ended
    assert transition(ended, accepted("cnt_1"), later(minutes=2)).status == end


def test_a_container_counts_once_with_and_without_its_prefix() -> None:
    known = transition(running(), Observed(status="running", container_ids=("1", "2")), later(minutes=1))
    assert known.container_ids == ("cnt_1", "2")


def test_an_open_status_of_a_later_api_counts_as_running() -> None:
    assert transition(running(), Observed(status="paused"), later(minutes=1)).status == "running"
    assert running(status="completed").status == "completed"


def test_a_reservation_that_nobody_sends_or_releases_expires() -> None:
    row = clone()
    assert not is_free(row, later(minutes=10))
    assert is_free(row, later(minutes=11))
    anew = transition(row, Reserved(draft=replace(clone(now=later(minutes=11)), lease="s")), later(minutes=11))
    assert (anew.entry, anew.lease, anew.ordered_at) == (row.entry, "s", later(minutes=11))


def test_a_released_reservation_is_free_at_once_and_so_is_an_attempt_that_never_left() -> None:
    assert is_free(transition(clone(), Released(lease="r"), MORNING), MORNING)
    assert not is_free(transition(clone(), Released(lease="another call's"), MORNING), MORNING)
    assert is_free(transition(attempted(clone()), Released(lease="a"), MORNING), MORNING)
    earlier_one_lost = transition(attempted(lost(clone()), "b"), Released(lease="b"), MORNING)
    assert (earlier_one_lost.status, earlier_one_lost.unanswered) == ("unknown", 1)


def test_what_an_order_may_cost_is_the_highest_estimate_of_its_unanswered_attempts() -> None:
    row = lost(clone(estimate=120))
    assert transition(row, start(row, "b", estimated_credits=50), MORNING).estimated_credits == 120
    assert transition(row, start(row, "b", estimated_credits=500), MORNING).estimated_credits == 500
    assert transition(row, start(row, "b", estimated_credits=None), MORNING).estimated_credits is None
    reserved = clone(estimate=120)
    assert transition(reserved, start(reserved, "b", estimated_credits=50), MORNING).estimated_credits == 50


def test_a_clone_may_be_sent_again_for_ever_and_under_any_key() -> None:
    assert can_retry(lost(clone()), "bbbb", later(days=400))


def test_a_generate_may_be_sent_again_for_23_hours_and_under_its_key_only() -> None:
    order = lost(generate())
    assert can_retry(order, "aaaa", later(hours=22, minutes=59))
    assert not can_retry(order, "aaaa", later(hours=23))
    assert not can_retry(order, "bbbb", later(minutes=1))


def test_the_key_that_counts_is_the_one_under_which_it_was_first_sent() -> None:
    reserved_by_another = generate(key="bbbb")
    sent = transition(reserved_by_another, start(reserved_by_another, key_fingerprint="aaaa"), MORNING)
    assert sent.key_fingerprint == "aaaa"
    unanswered = transition(sent, AttemptUnanswered(lease="a", answer={}), MORNING)
    assert transition(unanswered, start(unanswered, "b", key_fingerprint="cccc"), MORNING).key_fingerprint == "aaaa"


def test_a_clock_that_went_backwards_ends_the_time_for_sending_again_for_good() -> None:
    tried_again = lost(lost(generate()), "b", later(hours=5))
    assert not clock_went_backwards(tried_again, later(hours=4, minutes=51))
    assert clock_went_backwards(tried_again, later(hours=4))
    doubted = transition(tried_again, ClockWentBackwards(), later(hours=4))
    assert not can_retry(doubted, "aaaa", later(hours=4))
    assert not can_retry(doubted, "aaaa", later(hours=6))
    assert doubted.key_fingerprint == "aaaa"  # what was sent stays on record
    assert can_retry(transition(lost(clone()), ClockWentBackwards(), later(hours=-4)), "aaaa", later(hours=-4))


def test_sending_again_does_not_prolong_the_window() -> None:
    tried_again = lost(lost(generate()), "b", later(hours=22))
    assert not can_retry(tried_again, "aaaa", later(hours=23, minutes=1))


def test_a_row_comes_back_as_it_was_written() -> None:
    row = replace(
        running(generate("Schöner\x00 \u2028 leben", theme_tags=("b", "a"))), estimated_credits=None, ordered_at=MORNING
    )
    assert from_row(to_row(row)) == row


leases = st.sampled_from("abc")
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(lambda lease, seen: ("start", lease, seen), leases, st.booleans()),
    leases.map(lambda lease: rejected(lease)),
    leases.map(lambda lease: AttemptUnanswered(lease=lease, answer={})),
    leases.map(lambda lease: Renewed(lease=lease)),
)


@given(st.lists(events, max_size=12))
def test_as_long_as_an_attempt_has_no_rejection_of_its_own_the_order_is_not_free(steps: list) -> None:
    """Attempts by unique leases; each is rejected at most once, by the holder of the lease."""
    row = clone()
    open_attempts: set[str] = set()
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            lease = f"{step[1]}{number}"
            changed = attempted(row, lease)
            if changed.lease == lease:
                open_attempts.add(lease)
        else:
            held = replace(step, lease=row.lease) if step.lease == row.lease[:1] else step
            changed = transition(row, held, MORNING)
            if type(held).__name__ == "Rejected" and changed != row:
                open_attempts.discard(row.lease)
        assert is_free(changed, MORNING) == (changed.status == "refused")
        if changed.status == "refused":
            assert not open_attempts
            return
        row = changed
