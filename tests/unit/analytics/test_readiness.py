"""The eight checks: what was found, in words a customer understands, and what decides."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from layers_mcp.analytics import readiness
from layers_mcp.analytics.paid import PaidResult
from layers_mcp.analytics.readiness_inputs import (
    Creative,
    Credits,
    LinkedAccount,
    Post,
    ReadinessInputs,
    Review,
    Unread,
)

NOW = datetime(2026, 4, 17, 14, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=60)

HEALTHY = ReadinessInputs(
    now=NOW,
    accounts=(LinkedAccount("instagram", "connected", LONG_AGO), LinkedAccount("tiktok", "connected", LONG_AGO)),
    post_count=23,
    posts=tuple(Post(views=1200, engagement_rate=0.04, watch_time_ms=90_000) for _ in range(23)),
    paid=(PaidResult(spend=None, conversions=40, roas=3.1), PaidResult(spend=None, conversions=2, roas=1.2)),
    creatives=(Creative(7.0, True), Creative(None, False)),
    promoted=True,
    credits=Credits(5000, {"auto": 120, "slideshow_remix": 50}),
    review=Review("review_all", None, 2),
)


def check(inputs: ReadinessInputs, name: str) -> readiness.Check:
    return next(one for one in readiness.check(inputs) if one.name == name)


def test_the_checks_come_in_the_order_of_the_loop():
    assert [one.name for one in readiness.check(HEALTHY)] == [
        "social_accounts",
        "posts_synced",
        "sample_size",
        "creatives_scored",
        "organic_ranking",
        "paid_ranking",
        "credits",
        "review_policy",
    ]


def test_a_healthy_project_is_ok_throughout_and_needs_no_fix():
    checks = readiness.check(HEALTHY)
    assert {one.status for one in checks} == {"ok"}
    assert all(one.fix == "" for one in checks)
    assert readiness.is_ready(checks)


def test_every_check_that_is_not_ok_offers_a_fix():
    poor = ReadinessInputs(NOW, (), 0, (), (), (), False, Credits(0, {}), Review("auto_approve", None, None))
    checks = readiness.check(poor)
    assert [one.status for one in checks] == ["missing"] * 7 + ["warning"]
    assert all(one.fix for one in checks)
    assert not readiness.is_ready(checks)


@pytest.mark.parametrize(
    ("accounts", "status", "words"),
    [
        ((), "missing", "No social account is linked"),
        ((LinkedAccount("tiktok", "connected", None),), "ok", "1 account connected: tiktok."),
        (
            (LinkedAccount("tiktok", "connected", None), LinkedAccount("instagram", "reauth_required", None)),
            "warning",
            "1 of 2 linked accounts connected; 1 account signed out by the platform",
        ),
        (
            (LinkedAccount("tiktok", "connected", None), LinkedAccount("instagram", "disconnected", None)),
            "warning",
            "1 of 2 linked accounts connected; 1 account disconnected.",
        ),
        ((LinkedAccount("tiktok", "reauth_required", None),), "missing", "0 of 1 linked account connected"),
    ],
)
def test_accounts_are_ok_only_where_all_are_connected(accounts, status, words):
    answer = check(replace(HEALTHY, accounts=accounts), "social_accounts")
    assert answer.status == status
    assert words in answer.detail


@pytest.mark.parametrize(("count", "status"), [(0, "missing"), (1, "warning"), (4, "warning"), (5, "ok")])
def test_five_live_posts_are_enough(count, status):
    inputs = replace(HEALTHY, post_count=count)
    assert check(inputs, "posts_synced").status == status
    assert readiness.is_ready(readiness.check(inputs)) is (status == "ok")


@pytest.mark.parametrize(
    ("views", "status"), [((49, 49, 900), "warning"), ((50, 50, 1), "ok"), ((40, 60), "ok"), ((40, 58), "warning")]
)
def test_the_median_post_decides_the_sample_size(views, status):
    posts = tuple(Post(count, 0.1, None) for count in views)
    inputs = replace(HEALTHY, posts=posts)
    assert check(inputs, "sample_size").status == status
    assert readiness.is_ready(readiness.check(inputs)) is (status == "ok")


def test_two_projects_that_are_empty_for_different_causes_get_different_words():
    empty = replace(HEALTHY, post_count=0, posts=(), creatives=())
    fresh = LinkedAccount("tiktok", "connected", NOW - timedelta(minutes=7))
    states = {
        "nothing is linked": replace(empty, accounts=()),
        "their first sync (30 minutes) is due by 14:23 utc": replace(empty, accounts=(fresh,)),
        "no linked account is connected": replace(
            empty, accounts=(LinkedAccount("tiktok", "reauth_required", LONG_AGO),)
        ),
        "have been synced, and no post of theirs is live": empty,
        "or none has arrived yet": replace(empty, accounts=(LinkedAccount("tiktok", "connected", None),)),
        "3 live posts in 90 days; 5 are needed": replace(empty, post_count=3),
        "8 posts live, and none is scored yet": replace(empty, post_count=8),
    }
    for words, inputs in states.items():
        for name in ("organic_ranking", "sample_size"):
            answer = check(inputs, name)
            assert words in answer.detail.lower()
            assert answer.status == "missing"
            assert answer.fix


def test_posts_that_were_never_scored_are_told_how_long_scoring_takes():
    inputs = replace(HEALTHY, posts=())
    assert "every 6 hours" in check(inputs, "organic_ranking").fix


@pytest.mark.parametrize("creatives", [HEALTHY.creatives, Unread("it broke.")])
def test_an_empty_ranking_beside_scored_creatives_is_not_put_down_to_scoring(creatives):
    answer = check(replace(HEALTHY, posts=(), creatives=creatives), "organic_ranking")
    assert answer.detail == "The ranking is empty. 23 posts live, and none of them is ranked yet."
    assert "every 30 minutes" in answer.fix


def test_an_unread_post_count_leaves_the_cause_of_an_empty_ranking_open():
    inputs = replace(HEALTHY, posts=(), post_count=Unread("it broke."))
    assert check(inputs, "organic_ranking").detail == "The ranking is empty. No posts are there to rank."


@pytest.mark.parametrize(
    ("creatives", "status", "words"),
    [
        ((), "missing", "No creative is in the scoring pool yet."),
        ((Creative(None, None), Creative(0.0, None)), "warning", "0 of 2 creatives"),
        ((Creative(2.1, None),), "warning", "none reaching 4, the bar"),
        ((Creative(2.1, True),), "ok", "1 of them eligible"),
        ((Creative(4.0, None),), "ok", "1 of them eligible"),
        ((Creative(9.0, False),), "warning", "none reaching 4"),
    ],
)
def test_creatives_are_ok_once_one_is_scored_and_eligible(creatives, status, words):
    answer = check(replace(HEALTHY, creatives=creatives), "creatives_scored")
    assert answer.status == status
    assert words in answer.detail


def test_fewer_ranked_than_live_posts_is_said_and_no_fault():
    answer = check(replace(HEALTHY, post_count=30), "organic_ranking")
    assert answer.status == "ok"
    assert "23 posts ranked over 90 days of 30 live" in answer.detail


def test_a_full_ranking_does_not_count_what_is_missing_from_it():
    posts = HEALTHY.posts[:1] * 100
    answer = check(replace(HEALTHY, posts=posts, post_count=400), "organic_ranking")
    assert answer.detail == "100 posts ranked over 90 days."


@pytest.mark.parametrize(
    ("promoted", "status", "detail"),
    [
        (False, "missing", "No creative has been put into ads yet, so there are no paid results."),
        (True, "warning", "Creatives have been put into ads, but no paid results have come in over 90 days."),
        (None, "missing", "There are no paid results in 90 days."),
    ],
)
def test_nothing_promoted_is_said_only_where_that_is_known(promoted, status, detail):
    answer = check(replace(HEALTHY, paid=(), promoted=promoted), "paid_ranking")
    assert (answer.status, answer.detail) == (status, detail)


def test_ad_spend_without_conversions_is_a_warning():
    inputs = replace(HEALTHY, paid=(PaidResult(None, 0, 0.0), PaidResult(None, None, None)))
    assert check(inputs, "paid_ranking").status == "warning"
    assert check(inputs, "paid_ranking").detail == "2 creatives with ad spend, and no conversions in 90 days."


@pytest.mark.parametrize(
    ("balance", "status"),
    [
        (Credits(120, {"auto": 120, "slideshow_remix": 50}), "ok"),
        (Credits(119, {"auto": 120, "slideshow_remix": 50}), "warning"),
        (Credits(49, {"auto": 120, "slideshow_remix": 50}), "missing"),
        (Credits(1, {}), "ok"),
        (Credits(0, {}), "missing"),
        (Credits(None, {"auto": 120}), "warning"),
    ],
)
def test_credits_are_held_against_the_dearest_piece(balance, status):
    inputs = replace(HEALTHY, credits=balance)
    assert check(inputs, "credits").status == status
    assert readiness.is_ready(readiness.check(inputs))


@pytest.mark.parametrize(
    ("review", "status", "words"),
    [
        (Review("review_all", None, 0), "ok", "waits for a person's decision. 0 waiting now."),
        (Review("auto_approve", None, None), "warning", "can go live without a person's approval: nothing is held."),
        (Review("review_first_n", 3, 1), "warning", "Only the first 3 pieces wait for a person"),
        (Review("review_first_n", 3, 2), "warning", "2 waiting now"),
        (Review("review_first_n", None, None), "warning", "Only the first pieces wait"),
        (Review("review_until_timeout", None, None), "warning", "only for a while"),
        (Review("something_new", None, None), "warning", "may go live without a person"),
    ],
)
def test_only_review_of_everything_holds_content_for_a_person(review, status, words):
    answer = check(replace(HEALTHY, review=review), "review_policy")
    assert answer.status == status
    assert words in answer.detail


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("accounts", "social_accounts"),
        ("post_count", "posts_synced"),
        ("posts", "sample_size"),
        ("posts", "organic_ranking"),
        ("paid", "paid_ranking"),
        ("creatives", "creatives_scored"),
        ("credits", "credits"),
        ("review", "review_policy"),
    ],
)
def test_what_could_not_be_read_is_a_warning_that_says_so(part, name):
    inputs = replace(HEALTHY, **{part: Unread("FORBIDDEN_SCOPE (403): no.", "Use another key.")})
    answer = check(inputs, name)
    assert answer.status == "warning"
    assert "could not be read: FORBIDDEN_SCOPE (403): no." in answer.detail
    assert answer.fix == "Use another key."


def test_an_unreadable_review_policy_is_not_taken_for_a_hold():
    answer = check(replace(HEALTHY, review=Unread("it broke.")), "review_policy")
    assert "may go live without a person" in answer.detail


def test_too_few_conversions_are_told_in_numbers():
    reason = readiness.suggest_metric(replace(HEALTHY, paid=(PaidResult(None, 40, 2.0),))).reason
    assert "1 creative brought 40 conversions in 90 days, 10 or more on 1 of them" in reason
    assert "30 in all and 2 creatives with 10 are enough" in reason


@pytest.mark.parametrize(
    ("paid", "metric"),
    [
        ((), "engagement_rate"),
        ((PaidResult(None, 0, 2.0),), "engagement_rate"),
        ((PaidResult(None, None, 2.0),), "engagement_rate"),
        ((PaidResult(None, 40, 2.0),), "engagement_rate"),
        ((PaidResult(None, 15, 2.0), PaidResult(None, 14, 2.0)), "engagement_rate"),
        ((PaidResult(None, 25, 2.0), PaidResult(None, 9, 2.0)), "engagement_rate"),
        ((PaidResult(None, 20, 2.0), PaidResult(None, 10, 2.0)), "roas"),
        ((PaidResult(None, 20, None), PaidResult(None, 10, None), PaidResult(None, 1, 1.0)), "conversions"),
        ((PaidResult(None, 20, 0.0), PaidResult(None, 10, 0.0)), "conversions"),
    ],
)
def test_the_suggested_metric_is_what_the_data_can_carry(paid, metric):
    suggestion = readiness.suggest_metric(replace(HEALTHY, paid=paid))
    assert suggestion.metric == metric
    assert suggestion.reason


def test_watch_time_stands_in_where_no_engagement_was_measured():
    posts = (Post(500, None, 9000), Post(800, 0.0, 0))
    assert readiness.suggest_metric(replace(HEALTHY, paid=(), posts=posts)).metric == "watch_time_ms"


def test_unread_paid_results_suggest_the_early_metric_and_say_so():
    suggestion = readiness.suggest_metric(replace(HEALTHY, paid=Unread("it broke."), posts=Unread("it broke.")))
    assert suggestion.metric == "engagement_rate"
    assert "could not be read" in suggestion.reason
