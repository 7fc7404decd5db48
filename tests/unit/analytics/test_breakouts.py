"""Who breaks out, by the guide's rule and with our two guards."""

import statistics
from dataclasses import dataclass
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from layers_mcp.analytics.breakouts import Standing, flukes_last, interval, judge, low_sample


@dataclass(frozen=True)
class Post:
    """The organic block of a row, as far as the rule looks."""

    views: int | None
    engagement_rate: float | None


views = st.none() | st.sampled_from([0, 1, 49, 50, 51]) | st.integers(0, 10**6)
rates = st.none() | st.sampled_from([-0.5, 0.0, 0.01, 0.02, 0.04, 0.08, 1.0, 1.3]) | st.floats(0, 1.5)
rows = st.lists(st.none() | st.builds(Post, views, rates), max_size=100)


@given(rows)
def test_flags_follow_the_rule_as_the_references_work_it_out(posts: list[Post | None]) -> None:
    standings = judge(posts)
    trusted = [p.engagement_rate for p in posts if p and (p.views or 0) >= 50 and p.engagement_rate is not None]
    middle = statistics.median(trusted) if trusted else None
    assert standings.median == middle
    assert standings.sampled == len(trusted)
    assert len(standings.rows) == len(posts)
    for post, standing in zip(posts, standings.rows, strict=True):
        breaks_out = bool(
            middle
            and middle > 0
            and post
            and (post.views or 0) >= 50
            and post.engagement_rate
            and post.engagement_rate > 2 * middle
        )
        assert standing.breakout is breaks_out
        assert (standing.evidence is not None) is breaks_out
        assert standing.low_sample == (None if post is None else (post.views or 0) < 50)
        has_times = bool(middle and middle > 0 and post and post.engagement_rate is not None)
        has_times = has_times and isfinite(post.engagement_rate / middle)  # type: ignore[union-attr, operator]
        assert (standing.times_median is not None) is has_times
        if has_times:
            assert standing.times_median == post.engagement_rate / middle  # type: ignore[union-attr, operator]
        if standing.evidence == "solid":
            assert standing.range is not None
            assert standing.range[0] > 2 * middle  # type: ignore[operator]


@given(rows)
def test_solid_is_what_scipys_interval_calls_above_the_line(posts: list[Post | None]) -> None:
    standings = judge(posts)
    for post, standing in zip(posts, standings.rows, strict=True):
        if not standing.breakout:
            continue
        assert post is not None
        assert post.views is not None
        assert post.engagement_rate is not None
        assert standings.median is not None
        if post.engagement_rate > 1:
            assert standing.evidence == "thin"
            continue
        reference = _scipy_low_end(post.engagement_rate, post.views)
        margin = reference - 2 * standings.median
        assert standing.evidence == ("solid" if margin > 0 else "thin") or abs(margin) < 0.5 / post.views


def _scipy_low_end(rate: float, trials: int) -> float:
    """SciPy counts whole successes: the nearest count stands for the rate."""
    return binomtest(round(rate * trials), trials).proportion_ci(0.95, method="wilson").low


@given(rows)
def test_small_samples_go_last_and_nobody_else_moves(posts: list[Post | None]) -> None:
    ordered = flukes_last(posts, low_sample)
    small = [post for post in posts if low_sample(post)]
    assert ordered == [post for post in posts if not low_sample(post)] + small


def test_no_rows_have_no_median() -> None:
    assert judge([]) == judge([None][:0])
    assert judge([]).median is None


def test_a_single_row_is_its_own_median_and_no_breakout() -> None:
    assert judge([Post(100, 0.04)]).rows == (Standing(False, interval(Post(100, 0.04)), 1.0),)


def test_exactly_twice_the_median_is_no_breakout() -> None:
    posts = [Post(1000, 0.02), Post(1000, 0.02), Post(1000, 0.04)]
    assert [row.breakout for row in judge(posts).rows] == [False, False, False]


def test_a_median_of_zero_has_no_breakouts_and_no_multiples() -> None:
    standings = judge([Post(1000, 0.0), Post(1000, 0.0), Post(1000, 0.5)])
    assert standings.median == 0
    assert [(row.breakout, row.times_median) for row in standings.rows] == [(False, None)] * 3


def test_a_rate_below_nothing_makes_no_breakout_of_others() -> None:
    assert not any(row.breakout for row in judge([Post(1000, -0.5), Post(1000, -0.5), Post(1000, 0.1)]).rows)


def test_a_fluke_of_49_views_neither_breaks_out_nor_moves_the_median() -> None:
    standings = judge([Post(49, 0.9), Post(1000, 0.02), Post(1000, 0.03)])
    assert standings.median == 0.025
    assert standings.rows[0].low_sample
    assert not standings.rows[0].breakout
    assert standings.rows[0].times_median == pytest.approx(36)


def test_the_same_rate_is_solid_on_many_views_and_thin_on_few() -> None:
    field = [Post(5000, 0.02)] * 5
    assert judge([*field, Post(14820, 0.082)]).rows[-1].evidence == "solid"
    assert judge([*field, Post(60, 0.082)]).rows[-1].evidence == "thin"


@pytest.mark.parametrize("post", [None, Post(0, 0.1), Post(None, 0.1), Post(10, None), Post(10, 1.2), Post(-5, 0.1)])
def test_no_interval_without_views_or_a_rate_that_is_a_share(post: Post | None) -> None:
    assert interval(post) is None
