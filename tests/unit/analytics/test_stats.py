"""The median and the interval agree with the references: `statistics` and SciPy."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from layers_mcp.analytics.stats import median, ratio, wilson

rates = st.floats(0, 1)


@given(st.lists(rates, min_size=1, max_size=101))
def test_the_median_is_that_of_the_standard_library(values: list[float]) -> None:
    assert median(iter(values)) == statistics.median(values)


def test_the_median_of_nothing_is_unknown() -> None:
    assert median([]) is None


@pytest.mark.parametrize(
    ("values", "middle"), [([3.0], 3.0), ([1.0, 2.0], 1.5), ([5.0, 1.0, 3.0], 3.0), ([2.0, 2.0, 2.0, 9.0], 2.0)]
)
def test_single_even_odd_and_tied_values_have_the_median_one_learns_at_school(
    values: list[float], middle: float
) -> None:
    assert median(values) == middle


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_scipy(successes_of: tuple[int, int]) -> None:
    successes, trials = successes_of
    reference = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    low, high = wilson(successes / trials, trials)
    assert low == pytest.approx(reference.low, abs=1e-9)
    assert high == pytest.approx(reference.high, abs=1e-9)


@given(rates, st.integers(1, 10**9))
def test_the_interval_holds_the_rate_and_stays_a_share(rate: float, trials: int) -> None:
    low, high = wilson(rate, trials)
    assert 0 <= low <= rate + 1e-12
    assert rate - 1e-12 <= high <= 1


@given(st.floats(0.001, 0.999), st.integers(1, 10**6))
def test_more_views_narrow_the_interval(rate: float, trials: int) -> None:
    low, high = wilson(rate, trials)
    nearer_low, nearer_high = wilson(rate, trials * 4)
    assert nearer_high - nearer_low < high - low


@pytest.mark.parametrize(("rate", "trials"), [(-0.1, 10), (1.1, 10), (0.5, 0), (float("nan"), 10)])
def test_what_is_no_share_of_trials_has_no_interval(rate: float, trials: int) -> None:
    with pytest.raises(ValueError, match="rate from 0 to 1"):
        wilson(rate, trials)


@pytest.mark.parametrize(
    ("value", "base", "expected"),
    [
        (0.09, 0.03, 3.0),
        (0.0, 0.03, 0.0),
        (None, 0.03, None),
        (0.09, None, None),
        (0.09, 0.0, None),
        (1.0, 5e-324, None),
    ],
)
def test_a_ratio_is_a_finite_number_or_unknown(value: float | None, base: float | None, expected: float | None) -> None:
    assert ratio(value, base) == (None if expected is None else pytest.approx(expected))
