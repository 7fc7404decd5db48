"""Series that cannot be right are told apart from those that are merely odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.plausibility import before_connection, unmoving, wrong_totals

START = datetime(2026, 4, 10, tzinfo=UTC)
DAY = timedelta(days=1)

DAYS: list[dict[str, Any]] = [
    {"bucket": "2026-04-10", "views": 3120, "engagement_rate": 0.038, "reach": 900},
    {"bucket": "2026-04-11", "views": 5402, "engagement_rate": 0.044, "reach": 1100},
    {"bucket": "2026-04-12", "views": 4100, "engagement_rate": 0.041, "reach": 1000},
]
METRICS = ("views", "engagement_rate", "reach")


def test_totals_that_their_buckets_add_up_to_are_no_news() -> None:
    totals = {"views": 12622, "engagement_rate": 0.0415, "reach": 1400, "post_count": 23}
    assert wrong_totals(DAYS, totals, METRICS, whole=True) == []


@pytest.mark.parametrize(
    ("totals", "wrong"),
    [
        ({"views": 48210}, ["views"]),
        ({"views": 5402}, ["views"]),
        ({"engagement_rate": 0.06}, ["engagement_rate"]),
        ({"engagement_rate": 4.1}, ["engagement_rate"]),
        ({"views": 0, "engagement_rate": 0.0}, ["views", "engagement_rate"]),
        ({"reach": 1}, []),
        ({"views": "many"}, []),
        ({}, []),
    ],
)
def test_a_total_that_its_buckets_cannot_give_is_named(totals: dict[str, Any], wrong: list[str]) -> None:
    assert wrong_totals(DAYS, totals, METRICS, whole=True) == wrong


def test_what_a_cut_bucket_may_explain_is_not_called_wrong() -> None:
    assert wrong_totals(DAYS, {"views": 12622 - 3000}, METRICS, whole=False) == []
    assert wrong_totals(DAYS, {"views": 12622 - 3000}, METRICS, whole=True) == ["views"]
    assert wrong_totals(DAYS, {"views": 48210}, METRICS, whole=False) == ["views"]


def test_a_metric_that_some_bucket_lacks_is_not_added_up() -> None:
    assert wrong_totals([*DAYS, {"bucket": "2026-04-13"}], {"views": 48210}, METRICS, whole=True) == []
    assert wrong_totals([], {"views": 48210}, METRICS, whole=True) == []


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.booleans())
def test_a_sum_is_never_called_wrong(values: list[int], whole: bool) -> None:
    series = [{"views": value, "engagement_rate": 0.02} for value in values]
    totals = {"views": sum(values), "engagement_rate": 0.02}
    assert wrong_totals(series, totals, METRICS, whole=whole) == []


def test_the_same_value_in_every_bucket_of_several_metrics_is_told() -> None:
    still = [{"views": 100, "engagement_rate": 0.04, "likes": day, "followers": 7} for day in range(5)]
    assert unmoving(still, ("views", "engagement_rate", "likes", "followers")) == ["views", "engagement_rate"]


@pytest.mark.parametrize(
    "series",
    [
        [{"views": 100, "engagement_rate": rate} for rate in (0.04, 0.04, 0.05)],
        [{"views": 100, "engagement_rate": 0.04}] * 2,
        [{"views": 0, "engagement_rate": 0.0}] * 9,
        [{"followers": 100, "views": 9}] * 9,
        [],
    ],
)
def test_a_quiet_or_short_series_may_stand_still(series: list[dict[str, Any]]) -> None:
    assert unmoving(series, ("views", "engagement_rate", "followers")) == []


def test_buckets_from_before_the_account_was_connected_are_counted_where_they_hold_something() -> None:
    buckets = [(START + DAY, {"views": 5}), (START + 2 * DAY, {"views": 0}), (START + 3 * DAY, {"views": 9})]
    assert before_connection(buckets, ("views",), START + 3 * DAY) == 2
    assert before_connection(buckets, ("views",), START + 2.5 * DAY) == 1
    assert before_connection(buckets, ("likes",), START + 9 * DAY) == 0
