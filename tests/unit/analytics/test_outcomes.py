"""Orders held against a ranking: what is live, what it beat, and what nobody can say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.outcomes import Outcome, RankingIndex, by_mode, covering_window, judge
from layers_mcp.text.ids import container_key

NOW = datetime(2026, 4, 17, tzinfo=UTC)


@dataclass(frozen=True)
class Organic:
    views: int | None
    engagement_rate: float | None
    platforms: tuple[str, ...] = ("tiktok",)


@dataclass(frozen=True)
class Row:
    source_id: str | None = None
    platform_post_id: str | None = None
    title: str | None = None
    organic: Organic | None = None


@dataclass(frozen=True)
class Order:
    mode: str = "fork"
    status: str = "completed"
    source_platform_post_id: str = "pp_source"
    hook: str = ""
    container_ids: tuple[str, ...] = ("cnt_a",)


@dataclass(frozen=True)
class Piece:
    status: str | None = "completed"
    approval_status: str | None = "approved"


SOURCE = Row(platform_post_id="pp_source", title="The hook", organic=Organic(1000, 0.08))
PLAIN = Row(platform_post_id="pp_plain", title="Another", organic=Organic(1000, 0.02))


def index(*rows: Row, made: tuple[str, ...] = ("cnt_a", "cnt_b")) -> RankingIndex:
    return RankingIndex(rows, made)


def live(container: str, views: int | None, rate: float | None) -> Row:
    return Row(
        source_id=container, platform_post_id=f"pp_of_{container}", title="The hook", organic=Organic(views, rate)
    )


def test_an_order_names_its_source_before_anything_of_it_is_live():
    outcome = judge(Order(), index(SOURCE, PLAIN), {})
    assert (outcome.live, outcome.source_title, outcome.source_value) == (False, "The hook", None)


def test_a_live_order_is_held_against_its_source_and_the_median():
    outcome = judge(Order(), index(SOURCE, live("cnt_a", 400, 0.1), PLAIN), {})
    assert outcome.live
    assert outcome.metric_value == pytest.approx(0.1)
    assert outcome.source_value == 0.08
    assert outcome.versus_source == pytest.approx(1.25)
    assert outcome.versus_median == pytest.approx(0.1 / 0.08)
    assert outcome.low_sample is False


def test_several_live_containers_of_one_order_count_by_their_views():
    rows = index(SOURCE, live("cnt_a", 900, 0.10), live("cnt_b", 100, 0.02))
    outcome = judge(Order(container_ids=("cnt_a", "cnt_b", "cnt_c")), rows, {})
    assert outcome.metric_value == pytest.approx((90 + 2) / 1000)


def test_one_container_posted_on_two_platforms_counts_with_both_posts():
    rows = index(SOURCE, live("cnt_a", 300, 0.1), live("cnt_a", 100, 0.2))
    assert judge(Order(), rows, {}).metric_value == pytest.approx(50 / 400)


def test_an_order_under_fifty_views_is_live_and_counts_in_no_win():
    outcome = judge(Order(), index(SOURCE, live("cnt_a", 49, 0.9)), {})
    assert outcome.live
    assert outcome.low_sample is True
    (summary,) = by_mode([("fork", outcome)])
    assert (summary.live, summary.judged, summary.beat_source, summary.beat_median) == (1, 0, None, None)
    assert summary.median_versus_source is None


def test_fifty_views_over_two_containers_are_enough():
    rows = index(SOURCE, live("cnt_a", 25, 0.1), live("cnt_b", 25, 0.1))
    assert judge(Order(container_ids=("cnt_a", "cnt_b")), rows, {}).low_sample is False


@pytest.mark.parametrize("views", [0, None])
def test_a_live_order_without_views_has_no_rate(views):
    outcome = judge(Order(), index(SOURCE, live("cnt_a", views, 0.0)), {})
    assert outcome.live
    assert outcome.low_sample is True
    assert outcome.metric_value is None
    assert outcome.versus_source is None


def test_an_order_whose_rows_have_no_organic_block_is_live_and_not_judged():
    outcome = judge(Order(), index(SOURCE, Row(source_id="cnt_a")), {})
    assert (outcome.live, outcome.low_sample, outcome.judged) == (True, None, False)
    assert outcome.metric_value is None


def test_a_row_without_a_rate_says_nothing_of_the_order():
    unrated = live("cnt_b", 5000, None)
    alone = judge(Order(container_ids=("cnt_b",)), index(SOURCE, unrated), {})
    assert (alone.live, alone.metric_value, alone.judged) == (True, None, False)
    both = judge(Order(container_ids=("cnt_a", "cnt_b")), index(SOURCE, live("cnt_a", 100, 0.1), unrated), {})
    assert both.metric_value == pytest.approx(0.1)


def test_ids_with_and_without_their_prefix_are_the_same_container():
    assert judge(Order(container_ids=("cnt_a",)), index(SOURCE, live("a", 100, 0.1)), {}).live
    assert container_key("cnt_a") == container_key("a") == "a"


def test_the_source_of_a_hook_is_the_most_viewed_post_with_it_that_no_order_made():
    order = Order(mode="hook", source_platform_post_id="", hook="The hook", container_ids=("cnt_a",))
    rows = index(
        live("cnt_b", 9000, 0.5),
        Row(source_id="cnt_other", title="The hook", organic=Organic(2000, 0.06)),
        SOURCE,
        live("cnt_a", 100, 0.03),
    )
    outcome = judge(order, rows, {})
    assert outcome.source_value == 0.06
    assert outcome.versus_source == pytest.approx(0.5)


def test_a_hook_is_found_in_spite_of_invisible_characters_and_composition():
    order = Order(mode="hook", source_platform_post_id="", hook="Caf\u00e9 first")
    rows = index(Row(title=" Cafe\u0301\u200b first", organic=Organic(500, 0.05)), live("cnt_a", 100, 0.1))
    assert judge(order, rows, {}).source_value == 0.05


@pytest.mark.parametrize(
    "order", [Order(source_platform_post_id="pp_gone"), Order(source_platform_post_id="", hook="?")]
)
def test_without_its_source_in_the_ranking_an_order_has_no_versus_source(order):
    outcome = judge(order, index(PLAIN, live("cnt_a", 100, 0.1)), {})
    assert outcome.source_value is None
    assert outcome.versus_source is None
    assert outcome.versus_median is not None
    (summary,) = by_mode([("fork", outcome)])
    assert summary.beat_source is None
    assert summary.beat_median == 1


def test_a_source_without_engagement_gives_no_ratio():
    zero = Row(platform_post_id="pp_source", organic=Organic(500, 0.0))
    assert judge(Order(), index(zero, live("cnt_a", 100, 0.1)), {}).versus_source is None


def test_with_nothing_live_wins_are_left_out():
    (summary,) = by_mode([("reimagine", Outcome("running")), ("reimagine", Outcome("failed"))])
    assert (summary.commissions, summary.live, summary.judged) == (2, 0, 0)
    assert summary.beat_source is summary.beat_median is summary.median_versus_source is None


def test_modes_are_summed_up_apart_and_only_where_ordered():
    win = Outcome("completed", None, True, False, 0.1, 0.05, 2.0, 3.0)
    loss = Outcome("completed", None, True, False, 0.04, 0.05, 0.8, 1.1)
    tie = Outcome("completed", None, True, False, 0.05, 0.05, 1.0, 1.0)
    fork, hook = by_mode([("hook", win), ("fork", win), ("fork", loss), ("fork", tie)])
    assert (fork.mode, fork.commissions, fork.live, fork.beat_source, fork.beat_median) == ("fork", 3, 3, 1, 2)
    assert fork.median_versus_source == 1.0
    assert (hook.mode, hook.beat_source) == ("hook", 1)


def full(*rows: Row) -> RankingIndex:
    filler = [Row(platform_post_id=f"pp_{number}", organic=Organic(100, 0.05)) for number in range(100 - len(rows))]
    return index(*rows, *filler)


def test_a_finished_order_below_a_full_ranking_is_unranked_and_not_live():
    outcome = judge(Order(), full(SOURCE), {})
    assert outcome.status == "unranked"
    assert not outcome.live
    assert judge(Order(), index(SOURCE), {}).status == "completed"
    assert judge(Order(), full(SOURCE, live("cnt_a", 100, 0.1)), {}).status == "completed"


@pytest.mark.parametrize("status", ["unknown", "running", "failed", "canceled"])
def test_only_a_finished_order_can_be_unranked(status):
    assert judge(Order(status=status), full(SOURCE), {}).status == status


@pytest.mark.parametrize("approval", ["pending", "rejected"])
def test_content_that_was_never_published_is_not_unranked(approval):
    outcome = judge(Order(), full(SOURCE), {"a": Piece(approval_status=approval)})
    assert outcome.status == "completed"
    assert outcome.approval_status == approval


@pytest.mark.parametrize(
    ("journal", "pieces", "status"),
    [
        ("running", ["completed", "completed"], "completed"),
        ("running", ["completed", "failed"], "completed"),
        ("running", ["failed", "failed"], "failed"),
        ("running", ["canceled", "canceled"], "canceled"),
        ("running", ["generating", "completed"], "running"),
        ("unknown", ["queued", "queued"], "running"),
        ("failed", ["completed", "completed"], "failed"),
        ("unknown", [], "unknown"),
    ],
)
def test_an_end_the_journal_has_not_heard_of_is_read_from_the_content(journal, pieces, status):
    order = Order(status=journal, container_ids=("cnt_a", "cnt_b"))
    content = {key: Piece(status=piece) for key, piece in zip("ab", pieces, strict=False)}
    assert judge(order, index(SOURCE), content).status == status


def test_approval_is_mixed_where_containers_differ_and_left_out_where_none_was_seen():
    order = Order(container_ids=("cnt_a", "cnt_b"))
    seen = {"a": Piece(approval_status="approved"), "b": Piece(approval_status="rejected")}
    assert judge(order, index(SOURCE), seen).approval_status == "mixed"
    assert judge(order, index(SOURCE), {"a": Piece(approval_status="pending")}).approval_status == "pending"
    assert judge(order, index(SOURCE), {"a": Piece(approval_status=None)}).approval_status is None
    assert judge(order, index(SOURCE), {}).approval_status is None


def test_without_a_ranking_nothing_is_said_about_results():
    outcome = judge(Order(status="running"), None, {"a": Piece()})
    assert outcome == Outcome("completed", "approved", live=None)


def test_a_live_order_is_finished_whatever_the_journal_last_heard():
    assert judge(Order(status="unknown"), index(SOURCE, live("cnt_a", 100, 0.1)), {}).status == "completed"


@pytest.mark.parametrize(
    ("age", "window", "covered"),
    [
        (timedelta(hours=1), "7d", True),
        (timedelta(days=7), "7d", True),
        (timedelta(days=7, seconds=1), "30d", True),
        (timedelta(days=30), "30d", True),
        (timedelta(days=31), "90d", True),
        (timedelta(days=90), "90d", True),
        (timedelta(days=91), "90d", False),
        (timedelta(days=-1), "7d", True),
    ],
)
def test_the_smallest_window_that_reaches_back_far_enough_is_chosen(age, window, covered):
    assert covering_window(NOW - age, NOW) == (window, covered)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_pooled_rate_lies_between_its_parts(parts):
    rows = [live(f"cnt_{place}", views, rate) for place, (views, rate) in enumerate(parts)]
    order = Order(container_ids=tuple(f"cnt_{place}" for place in range(len(parts))))
    outcome = judge(order, RankingIndex(rows, order.container_ids), {})
    seen = [rate for views, rate in parts if views]
    if not seen:
        assert outcome.metric_value is None
    else:
        assert outcome.metric_value is not None
        assert min(seen) - 1e-9 <= outcome.metric_value <= max(seen) + 1e-9
