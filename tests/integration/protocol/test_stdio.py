"""Lines of input are made whole before they are parsed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.transports.json_lines import replace_lone_surrogates


@pytest.mark.parametrize(
    ("line", "made"),
    [
        (r'"\ud83d\ude80"', r'"\ud83d\ude80"'),
        (r'"\uD83D\uDE80"', r'"\uD83D\uDE80"'),
        (r'"\ud83d"', r'"\ufffd"'),
        (r'"\ude80"', r'"\ufffd"'),
        (r'"\ude80\ud83d"', r'"\ufffd\ufffd"'),
        (r'"\ud83d\ud83d\ude80"', r'"\ufffd\ud83d\ude80"'),
        (r'"\ud83dx\ude80"', r'"\ufffdx\ufffd"'),
        (r'"\\ud83d"', r'"\\ud83d"'),
        (r'"\\\ud83d"', r'"\\\ufffd"'),
        (r'"\n\u00e9 plain"', r'"\n\u00e9 plain"'),
    ],
)
def test_only_halves_of_pairs_are_replaced(line: str, made: str) -> None:
    assert replace_lone_surrogates(line) == made


@given(st.text(alphabet=st.characters(codec=None) | st.sampled_from("\\\ud83d\ude80u")))
def test_what_is_read_is_what_was_sent_with_its_halves_replaced(text: str) -> None:
    read = json.loads(replace_lone_surrogates(json.dumps(text)))
    assert read == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
