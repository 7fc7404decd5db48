"""What strangers wrote comes out as a person would see it, and no longer than agreed."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from layers_mcp.text.sanitize import TITLE_LIMIT, clean

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)  # lone surrogates included


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("Get things done. Faster.", "Get things done. Faster."),
        ("a\u200bb\u2060c\ufeffd", "abcd"),
        ("pay\u202etxt.exe\u202c", "paytxt.exe"),
        ("\u2066hidden\u2069", "hidden"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\x1b[31mred\x1b[0m alert", "red alert"),
        ("\x9b1mbold", "bold"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("nul\x00bell\x07", "nulbell"),
        ("one\ntwo\r\nthree\tfour\u2028five", "one two  three four five"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("vary\ufe0f\U000e0100", "vary"),
        ("filler\u3164\u115f\u2800!", "filler!"),
        ("lone\ud83dhalf", "lonehalf"),
        ("private\ue000use", "privateuse"),
        ("no\ufdd0character\U0001ffff", "nocharacter"),
        ("  padded  ", "padded"),
        ("naïve 日本語 👍 שלום", "naïve 日本語 👍 שלום"),
        ("\u200b\u200b", ""),
        ("", ""),
    ],
)
def test_invisible_text_is_gone_and_visible_text_stays(raw: str, seen: str) -> None:
    assert clean(raw) == (seen, False)


def test_a_longer_text_is_cut_at_the_limit_and_says_so() -> None:
    assert clean("x" * TITLE_LIMIT) == ("x" * 300, False)
    assert clean("x" * (TITLE_LIMIT + 1)) == ("x" * 300, True)
    assert clean("ab cd", 3) == ("ab", True)


def test_only_what_is_seen_counts_towards_the_limit() -> None:
    assert clean("\u200b" * 1000 + "x" * 300) == ("x" * 300, False)


def test_line_breaks_stay_where_a_caption_is_to_be_read_as_written() -> None:
    assert clean("one\r\ntwo\rthree\tfour\u2029", lines=True) == ("one\ntwo\nthree four", False)


def test_a_hostile_text_of_a_million_characters_is_cleaned_at_once() -> None:
    for hostile in ("\x1b]" * 500_000, "\x9d" * 1_000_000, "\x1b[" * 500_000, "\u202e" * 1_000_000):
        text, _ = clean(hostile)
        assert len(text) <= TITLE_LIMIT


@given(anything, st.booleans())
@example("\x1b[\x1b[0m31m", False)
def test_no_text_keeps_anything_unseen_grows_or_changes_when_cleaned_twice(raw: str, lines: bool) -> None:
    text, cut = clean(raw, lines=lines)
    unseen = [char for char in text if unicodedata.category(char) in UNSEEN and not (lines and char == "\n")]
    assert not unseen
    assert len(text) <= min(TITLE_LIMIT, len(raw))
    assert clean(text, lines=lines) == (text, False)
    assert cut <= (len(raw) > TITLE_LIMIT)
    text.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u3164\uffa0\u2800")))
def test_letters_numbers_and_signs_are_never_touched(raw: str) -> None:
    assert clean(raw, limit=1000) == (raw, False)
