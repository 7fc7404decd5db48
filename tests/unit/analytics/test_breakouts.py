"""Who breaks out, by the guide's rule, and how likely it is more than luck."""

import statistics
from dataclasses import dataclass
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.breakouts import BreakoutScore, flukes_last, judge, low_sample


@dataclass(frozen=True)
class Post:
    """The organic block of a row, as far as the rule looks."""

    views: int | None
    engagement_rate: float | None
    platforms: tuple[str, ...] = ("tiktok",)


views = st.none() | st.sampled_from([0, 1, 49, 50, 51]) | st.integers(0, 10**6)
rates = st.none() | st.sampled_from([-0.5, 0.0, 0.01, 0.02, 0.04, 0.08, 1.0, 1.3]) | st.floats(0, 1.5)
rows = st.lists(st.none() | st.builds(Post, views, rates), max_size=40)


@given(rows)
def test_flags_follow_the_rule_as_the_references_work_it_out(posts: list[Post | None]) -> None:
    scores = judge(posts)
    trusted = [p.engagement_rate for p in posts if p and p.engagement_rate is not None and _takes_part(p)]
    middle = statistics.median(trusted) if trusted else None
    assert scores.median == middle
    assert scores.sampled == len(trusted)
    assert len(scores.rows) == len(posts)
    for post, score in zip(posts, scores.rows, strict=True):
        breaks_out = bool(
            middle
            and middle > 0
            and post
            and _takes_part(post)
            and post.engagement_rate
            and post.engagement_rate > 2 * middle
        )
        assert score.breakout is breaks_out
        assert (score.evidence is not None) is breaks_out
        assert score.low_sample == (None if post is None else (post.views or 0) < 50)
        has_times = bool(middle and middle > 0 and post and post.engagement_rate is not None)
        has_times = has_times and isfinite(post.engagement_rate / middle)  # type: ignore[union-attr, operator]
        assert (score.times_median is not None) is has_times
        if has_times:
            assert score.times_median == post.engagement_rate / middle  # type: ignore[union-attr, operator]
        assert (score.chance_real is not None) is bool(post and _takes_part(post) and len(trusted) >= 5)
        assert score.no_share is bool(post and post.engagement_rate is not None and post.engagement_rate > 1)
        if score.evidence is not None:
            assert score.evidence == ("solid" if score.likely else "thin")


def _takes_part(post: Post) -> bool:
    return (post.views or 0) >= 50 and post.engagement_rate is not None and 0 <= post.engagement_rate <= 1


@given(rows)
def test_what_is_told_is_rounded_and_never_certain(posts: list[Post | None]) -> None:
    for score in judge(posts).rows:
        if score.chance_real is not None:
            assert 0.01 <= score.chance_real <= 0.99
            assert score.chance_real == round(score.chance_real, 2)
            assert score.expected_rate == float(f"{score.expected_rate:.4g}")


@given(rows)
def test_small_samples_go_last_and_nobody_else_moves(posts: list[Post | None]) -> None:
    ordered = flukes_last(posts, low_sample)
    small = [post for post in posts if low_sample(post)]
    assert ordered == [post for post in posts if not low_sample(post)] + small


def test_no_rows_have_no_median() -> None:
    assert judge([]) == judge([None][:0])
    assert judge([]).median is None


def test_a_single_row_is_its_own_median_and_no_breakout() -> None:
    assert judge([Post(100, 0.04)]).rows == (BreakoutScore(low_sample=False, times_median=1.0),)


def test_exactly_twice_the_median_is_no_breakout() -> None:
    posts = [Post(1000, 0.02), Post(1000, 0.02), Post(1000, 0.04)]
    assert [row.breakout for row in judge(posts).rows] == [False, False, False]


def test_a_median_of_zero_has_no_breakouts_and_no_multiples() -> None:
    scores = judge([Post(1000, 0.0), Post(1000, 0.0), Post(1000, 0.5)])
    assert scores.median == 0
    assert [(row.breakout, row.times_median) for row in scores.rows] == [(False, None)] * 3


def test_a_rate_that_is_no_share_of_views_takes_no_part() -> None:
    field = [Post(1000, 0.02)] * 5
    for odd in (3.1881, -0.5):
        scores = judge([Post(14_820, odd), *field])
        assert (scores.median, scores.sampled) == (0.02, 5)
        assert scores.rows[0].breakout is False
        assert scores.rows[0].chance_real is None
        assert scores.rows[0].no_share is (odd > 1)
        assert scores.rows[1:] == judge(field).rows


def test_a_fluke_of_49_views_neither_breaks_out_nor_moves_the_median() -> None:
    scores = judge([Post(49, 0.9), Post(1000, 0.02), Post(1000, 0.03)])
    assert scores.median == 0.025
    assert scores.rows[0].low_sample
    assert not scores.rows[0].breakout
    assert scores.rows[0].times_median == pytest.approx(36)


def test_the_same_rate_is_solid_on_many_views_and_thin_on_few() -> None:
    field = [Post(5000, rate / 1000) for rate in (18, 19, 20, 21, 22)]
    solid, thin = judge([*field, Post(14820, 0.082)]).rows[-1], judge([*field, Post(60, 0.082)]).rows[-1]
    assert (solid.evidence, thin.evidence) == ("solid", "thin")
    assert (solid.chance_real or 0) > 0.6 > (thin.chance_real or 0)


def test_sixty_one_views_with_nine_engagements_are_no_reason_to_order() -> None:
    field = [Post(1500, rate / 1000) for rate in (30, 28, 34, 41, 25, 36, 33, 29, 38, 31)]
    fluke = judge([Post(61, 9 / 61), *field]).rows[0]
    assert (fluke.breakout, fluke.evidence) == (True, "thin")


def test_under_five_rows_a_breakout_is_thin() -> None:
    scores = judge([Post(50_000, 0.09), Post(50_000, 0.02), Post(50_000, 0.02)])
    assert (scores.rows[0].breakout, scores.rows[0].evidence, scores.rows[0].chance_real) == (
        True,
        "thin",
        None,
    )
    assert dict(scores.usual) == {}


def test_platforms_are_compared_only_where_there_are_several() -> None:
    tiktoks = [Post(3000, rate / 1000) for rate in (61, 58, 66, 55, 63, 60)]
    reels = [Post(3000, rate / 1000, ("instagram",)) for rate in (26, 24, 27, 22, 25, 25)]
    mixed = judge([Post(3000, 0.065, ("instagram",)), *tiktoks, *reels])
    assert mixed.rows[0].expected_times_usual == pytest.approx(2.17, abs=0.02)
    assert list(mixed.usual) == ["instagram", "tiktok"]
    assert mixed.rows[0].likely
    assert not mixed.rows[0].breakout
    assert {row.expected_times_usual for row in judge(tiktoks).rows} == {None}
