"""The few statistics that the loop rests on."""

from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.analytics.statistics import median, ratio


@given(st.lists(st.floats(0, 1), max_size=9))
def test_the_median_lies_in_the_middle(values: list[float]) -> None:
    middle = median(values)
    if not values:
        assert middle is None
    else:
        assert middle is not None
        assert sum(value <= middle for value in values) * 2 >= len(values)
        assert sum(value >= middle for value in values) * 2 >= len(values)


def test_a_ratio_to_nothing_is_not_told() -> None:
    assert ratio(0.5, 0.25) == 2
    assert (ratio(None, 1), ratio(1, None), ratio(1, 0), ratio(1e308, 1e-308)) == (None, None, None, None)
