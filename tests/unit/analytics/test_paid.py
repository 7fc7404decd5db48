"""What a creative should be expected to return, with luck taken out."""

from __future__ import annotations

from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.paid import PaidResult, estimate_paid

CASES = [
    (PaidResult(2, 1, 30), (1.89, 0.64, 3.67), True),
    (PaidResult(400, 22, 1.2), (1.18, 0.82, 1.59), False),
    (PaidResult(350, 10, 0.6), (0.67, 0.40, 1.00), False),
    (PaidResult(120, 9, 1.9), (1.60, 0.92, 2.42), True),
    (PaidResult(60, 0, 0), (0.55, 0.15, 1.16), True),
]

amounts = st.none() | st.sampled_from([0.0, 1.0, 1e12]) | st.floats(0, 1e9)
results = st.lists(st.builds(PaidResult, amounts, amounts, amounts), max_size=20)


def test_the_cases_come_out_as_published() -> None:
    for (result, (expected, low, high), few), found in zip(
        CASES, estimate_paid([case[0] for case in CASES]), strict=True
    ):
        assert found is not None
        assert (found.expected_roas, found.roas_low, found.roas_high) == (
            pytest.approx(expected, abs=0.005),
            pytest.approx(low, abs=0.005),
            pytest.approx(high, abs=0.005),
        )
        assert result.few_conversions is few
    [first, *_] = estimate_paid([case[0] for case in CASES])
    assert first is not None
    assert first.expected_cpa == pytest.approx((2 + 3 * 932 / 42) / 4)


def test_a_creative_without_its_figures_is_left_out_and_the_others_are_told() -> None:
    rows = [PaidResult(100, 5, None), PaidResult(100, None, 2), PaidResult(None, 5, 2), PaidResult(100, 20, 2)]
    assert [found is not None for found in estimate_paid(rows)] == [False, False, False, True]


@pytest.mark.parametrize(
    "rows",
    [
        [PaidResult(100, 0, 0), PaidResult(50, 0, 0)],
        [PaidResult(0, 5, 3), PaidResult(0, 2, 1)],
        [PaidResult(100, 5, None)],
        [],
    ],
)
def test_without_a_conversion_or_spend_or_return_nothing_is_told(rows: list[PaidResult]) -> None:
    assert estimate_paid(rows) == [None] * len(rows)


def test_a_field_counts_where_it_is_a_finite_number_of_zero_or_more() -> None:
    assert PaidResult.of({"spend": 12.5, "conversions": 3, "roas": 0}) == PaidResult(12.5, 3, 0)
    for odd in (None, "12", True, -1, nan, inf, [1], {"value": 1}, 10**400):
        assert PaidResult.of({"spend": odd, "conversions": odd, "roas": odd}) == PaidResult(None, None, None)
    assert PaidResult.of(None) == PaidResult(None, None, None)
    assert PaidResult.of({}).few_conversions is None


@given(results)
def test_any_figures_give_finite_ranges_around_the_expectation(rows: list[PaidResult]) -> None:
    for found in estimate_paid(rows):
        if found is not None:
            assert 0 <= found.roas_low <= found.expected_roas <= found.roas_high
            assert isfinite(found.roas_high)
            assert isfinite(found.expected_cpa)


@given(st.floats(1, 1e6), st.floats(0, 50), st.integers(1, 10**5))
def test_the_more_conversions_the_narrower_the_range(spend: float, roas: float, conversions: int) -> None:
    few, many = estimate_paid([PaidResult(spend, conversions, roas), PaidResult(spend, conversions * 10, roas)])
    if few is not None and many is not None and few.expected_roas and many.expected_roas:
        assert many.roas_high / many.expected_roas <= few.roas_high / few.expected_roas
        assert many.roas_low / many.expected_roas >= few.roas_low / few.expected_roas
