"""Whether a way of ordering earns what its sources should be expected to earn."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.lift import estimate_lift

ratios = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(
    ("versus_expected", "lift"),
    [
        ([0.9, 1.2, 0.8], (0.964, 0.698, 1.330)),
        ([1.3, 1.5, 1.2, 1.4, 1.6, 1.3], (1.323, 1.048, 1.670)),
        ([0.7] * 10, (0.722, 0.596, 0.875)),
    ],
)
def test_the_cases_come_out_as_published(versus_expected: list[float], lift: tuple[float, float, float]) -> None:
    found = estimate_lift(versus_expected)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(lift, abs=0.0006)


@given(st.lists(ratios, max_size=2))
def test_under_three_judged_orders_nothing_is_told(versus_expected: list[float]) -> None:
    assert estimate_lift(versus_expected) is None


@given(st.lists(ratios, min_size=3, max_size=40))
def test_the_lift_lies_within_its_range_and_nearer_to_one_than_the_mean(versus_expected: list[float]) -> None:
    found = estimate_lift(versus_expected)
    assert found is not None
    assert 0 < found.low < found.value < found.high
    assert isfinite(found.high)
    assert min(*versus_expected, 1) * (1 - 1e-9) <= found.value <= max(*versus_expected, 1) * (1 + 1e-9)


@given(ratios, st.integers(3, 40))
def test_more_orders_alike_narrow_the_range(ratio: float, count: int) -> None:
    fewer, more = estimate_lift([ratio] * count), estimate_lift([ratio] * (count + 1))
    assert fewer is not None
    assert more is not None
    assert more.high / more.low < fewer.high / fewer.low
