"""What one ranking can carry: the published table of cases, and what holds for any ranking."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.shrinkage import Estimate, estimate
from layers_mcp.analytics.statistics import usable

TIKTOK, REELS = ("tiktok",), ("instagram",)


@dataclass(frozen=True)
class Post:
    """The organic block of a row, as far as the estimate looks."""

    views: int | None
    engagement_rate: float | None
    platforms: tuple[str, ...] = TIKTOK


def posts(views: int, percents: str, platforms: tuple[str, ...] = TIKTOK) -> list[Post]:
    """Posts of as many views, with these rates in percent."""
    return [Post(views, float(percent) / 100, platforms) for percent in percents.split()]


ALIKE = posts(1500, "3.0 2.8 3.4 4.1 2.5 3.6 3.3 2.9 3.8 3.1")
MIXED = [*posts(3000, "6.1 5.8 6.6 5.5 6.3 6.0"), *posts(3000, "2.6 2.4 2.7 2.2 2.5 2.5", REELS)]
FEW = [Post(2000, 0.034), Post(1800, 0.031), Post(2500, 0.036), Post(900, 0.028)]

CASES = {
    "the guide's winner among five": ([Post(14820, 0.082), *FEW], (0.6057, 0.0789, 0.0373)),
    "beside ten alike": ([Post(14820, 0.082), *ALIKE], (0.8151, 0.0778, 0.0342)),
    "on 300 views": ([Post(300, 0.082), *ALIKE], (0.1828, 0.0539, 0.0338)),
    "on 60 views": ([Post(60, 0.0833), *ALIKE], (0.0260, 0.0386, 0.0333)),
    "without an engagement": ([Post(800, 0), *ALIKE], (0.0053, 0.0300, 0.0325)),
    "a plain TikTok beside Reels": (MIXED, (0.0000, 0.0606, 0.0601)),
    "a Reel as good as a TikTok": ([Post(3000, 0.065, REELS), *MIXED], (0.6851, 0.0576, 0.0266)),
    "beside thirty alike": ([Post(14820, 0.082), *ALIKE * 3], (0.8792, 0.0758, 0.0332)),
}

views = st.integers(50, 10**12)
rates = st.floats(0, 1)
platforms = st.sampled_from([(), TIKTOK, REELS, ("instagram", "tiktok"), ("tiktok", "instagram"), ("mastodon",)])
usable_posts = st.lists(st.builds(Post, views, rates, platforms), min_size=5, max_size=12)
any_posts = st.lists(
    st.none() | st.builds(Post, st.none() | st.integers(-(10**12), 10**12), st.none() | st.floats(-1, 2), platforms),
    max_size=30,
)


def first(rows: list[Post]) -> Estimate:
    found = estimate(rows).rows[0]
    assert found is not None
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_cases_come_out_as_published(case: str) -> None:
    rows, (chance, expected, usual) = CASES[case]
    found = first(rows)
    assert found.chance_real == pytest.approx(chance, abs=0.005)
    assert found.expected_rate == pytest.approx(expected, rel=0.005)
    assert found.usual_rate == pytest.approx(usual, rel=0.005)


@pytest.mark.parametrize(
    ("seen", "chance"),
    [
        (50, 0.020),
        (100, 0.044),
        (200, 0.109),
        (500, 0.318),
        (1_000, 0.523),
        (3_000, 0.728),
        (10_000, 0.805),
        (10**12, 0.836),
    ],
)
def test_the_more_have_seen_a_high_rate_the_likelier_it_is_real(seen: int, chance: float) -> None:
    assert first([Post(seen, 0.082), *ALIKE]).chance_real == pytest.approx(chance, abs=0.005)


def test_under_five_usable_rows_nothing_is_told() -> None:
    rows = [*FEW, Post(49, 0.05), Post(1000, 1.2), Post(1000, -0.1), Post(None, 0.03), Post(1000, None), None]
    found = estimate(rows)
    assert found.rows == (None,) * len(rows)
    assert (dict(found.usual), found.platforms) == ({}, frozenset())


def test_a_row_that_says_too_little_stays_without_an_estimate_among_those_that_do() -> None:
    found = estimate([Post(49, 0.9), *ALIKE, None])
    assert (found.rows[0], found.rows[-1]) == (None, None)
    assert found.rows[1:-1] == estimate(ALIKE).rows


def test_usual_rates_are_told_by_platform_those_with_most_posts_first() -> None:
    found = estimate([Post(3000, 0.065, ("Instagram", "TikTok", "tiktok")), *MIXED, *MIXED[:1]])
    assert list(found.usual) == ["tiktok", "instagram", "instagram+tiktok"]
    assert found.platforms == {"tiktok", "instagram"}
    assert found.usual["tiktok"] == pytest.approx(0.060, abs=0.001)
    assert found.usual["instagram"] == pytest.approx(0.026, abs=0.002)


def test_what_orders_made_is_judged_but_does_not_raise_its_own_bar() -> None:
    winners = [Post(14820, 0.082)] * 6
    alone, with_ordered = estimate([*winners[:1], *ALIKE]), estimate([*winners, *ALIKE])
    kept_apart = estimate([*winners, *ALIKE], [False, True, True, True, True, True])
    assert kept_apart.usual["tiktok"] == pytest.approx(alone.usual["tiktok"])
    assert with_ordered.usual["tiktok"] > kept_apart.usual["tiktok"] * 1.2
    ordered = kept_apart.rows[1]
    assert ordered is not None
    assert ordered.chance_real == pytest.approx(first([Post(14820, 0.082), *ALIKE]).chance_real)


def test_orders_of_a_platform_that_nothing_else_is_on_are_held_against_the_overall_rate() -> None:
    rows = [Post(3000, 0.06, ("youtube",)), *ALIKE]
    found = estimate(rows, [True])
    ordered, other = found.rows[0], found.rows[1]
    assert ordered is not None
    assert other is not None
    assert ordered.usual_rate == pytest.approx(other.usual_rate)
    assert 0.02 < ordered.expected_rate < 0.06


def test_where_nearly_everything_was_ordered_all_rows_say_what_is_usual() -> None:
    assert estimate(ALIKE, [True] * 6) == estimate(ALIKE)


@given(any_posts)
def test_any_rows_are_estimated_without_an_exception_and_within_bounds(rows: list[Post | None]) -> None:
    found = estimate(rows)
    assert len(found.rows) == len(rows)
    told = sum(map(usable, rows)) >= 5
    for row, one in zip(rows, found.rows, strict=True):
        assert (one is not None) == (told and usable(row))
        if one is not None:
            assert 0 <= one.chance_real <= 1
            assert 0 < one.expected_rate < 1
            assert 0 < one.usual_rate < 1
            assert isfinite(one.times_usual)


@given(usable_posts, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[Post], shuffler: random.Random) -> None:
    order = list(range(len(rows)))
    shuffler.shuffle(order)
    shuffled = estimate([rows[place] for place in order])
    found = estimate(rows)
    assert [found.rows[place] for place in order] == list(shuffled.rows)
    assert shuffled.usual == found.usual


@given(st.integers(50, 10**12), st.integers(50, 10**12), st.floats(0.07, 0.4))
def test_chance_rises_with_views_at_a_fixed_high_rate(one: int, other: int, rate: float) -> None:
    fewer, more = sorted((one, other))
    chances = [first([Post(seen, rate), *ALIKE]).chance_real for seen in (fewer, more)]
    assert chances[0] <= chances[1] + 1e-9


@given(st.integers(50, 10**9), st.floats(0.04, 1), st.floats(0.04, 1))
def test_chance_rises_with_a_rate_above_the_usual_at_fixed_views(seen: int, one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    chances = [first([Post(seen, rate), *ALIKE]).chance_real for rate in (lower, higher)]
    assert chances[0] <= chances[1] + 1e-9


@given(usable_posts)
def test_expectation_lies_between_what_was_seen_and_what_is_usual(rows: list[Post]) -> None:
    for row, one in zip(rows, estimate(rows).rows, strict=True):
        assert one is not None
        smoothed = ((row.engagement_rate or 0) * (row.views or 0) + 0.5) / ((row.views or 0) + 1)
        low, high = sorted((smoothed, one.usual_rate))
        assert low * 0.5 <= one.expected_rate <= high * 2


def test_a_count_of_views_past_all_people_is_no_trouble() -> None:
    huge = first([replace(ALIKE[0], views=10**40), *ALIKE])
    assert huge.expected_rate == pytest.approx(0.03, rel=0.1)
