"""What an order may cost at most, from prices of any form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.operations.pricing import HIGHEST, estimate

NAMES = ("video_remix", "slideshow_remix", "ugc_remix", "auto")
prices = st.dictionaries(st.sampled_from(NAMES), st.none() | st.integers(0, 2_000_000))
keys = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)


@given(prices, keys, st.integers(1, 10))
def test_an_estimate_is_an_upper_bound_or_there_is_none(prices, keys, pieces) -> None:
    bound = estimate(keys, pieces, prices)
    may_be = [prices.get(key) for key in keys or prices]
    if not may_be or None in may_be or max(may_be) * pieces > HIGHEST:
        assert bound is None
    else:
        assert bound == max(may_be) * pieces


@pytest.mark.parametrize(
    ("price_keys", "expected"),
    [(("slideshow_remix",), 150), (("video_remix",), None), (("unheard_of",), None), ((), None)],
)
def test_an_unknown_price_makes_every_bound_unknown_that_may_rest_on_it(price_keys, expected) -> None:
    assert estimate(price_keys, 3, {"video_remix": None, "slideshow_remix": 50}) == expected


def test_without_any_price_there_is_no_bound() -> None:
    assert estimate((), 1, {}) is None
