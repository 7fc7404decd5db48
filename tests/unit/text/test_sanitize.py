"""What strangers wrote comes out as a person would see it, and no longer than agreed."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from layers_mcp.text.sanitize import TITLE_LIMIT, clean
from tests.support.texts import ALL_TITLES, ATTACKS, TITLES

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
SHAPING = {0x200B, 0x200C, 0x200D, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0020, 0xE01F0)}
"""What shows nothing by itself, and may stand where writing needs it: joiners, selectors, tags."""
anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)  # lone surrogates included
woven = st.text(
    st.sampled_from(
        "a م ن न ् ක ្ក ก ᠠ 三 1 # \u20e3 👨 🏽 ❤ 🏴 🏳 \u200b \u200c \u200d \ufe0e \ufe0f \ufe00 \u180e".replace(" ", "")
    )
    | st.characters(min_codepoint=0xE0020, max_codepoint=0xE01EF),
    max_size=40,
)
"""Letters and emoji with the invisible characters that may or may not belong beside them."""


def test_the_titles_are_of_many_scripts() -> None:
    assert len(ALL_TITLES) >= 40
    assert len(TITLES) >= 15


@pytest.mark.parametrize("title", ALL_TITLES)
def test_a_real_title_comes_through_whole(title: str) -> None:
    assert clean(title) == (title, False)
    assert clean(title, lines=True) == (title, False)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_text_hides_is_taken_out_and_told(attack: str) -> None:
    text, shown = ATTACKS[attack]
    assert clean(text) == (shown, True)
    assert clean(shown) == (shown, False)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("Get things done. Faster.", "Get things done. Faster."),
        ("naïve 日本語 👍 שלום", "naïve 日本語 👍 שלום"),
        ("  padded  ", "padded"),
        ("\u200b\u200b", ""),
        ("", ""),
    ],
)
def test_blanks_at_the_ends_go_and_nothing_to_see_is_nothing(raw: str, seen: str) -> None:
    assert clean(raw)[0] == seen


def test_a_longer_text_is_cut_at_the_limit_and_says_so() -> None:
    assert clean("x" * TITLE_LIMIT) == ("x" * 300, False)
    assert clean("x" * (TITLE_LIMIT + 1)) == ("x" * 300, True)
    assert clean("ab cd", 3) == ("ab", True)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("ab👨‍👩‍👧", 5, "ab"),
        ("abc❤️d", 4, "abc"),
        ("ab👍🏽c", 3, "ab"),
        ("abe\u0301c", 3, "ab"),
        ("ab🏴󠁧󠁢󠁳󠁣󠁴󠁿", 6, "ab"),
        ("👨" + "\u200d👨" * 40, 60, "👨" + "\u200d👨" * 29),
        ("e" + "\u0301" * 80, 40, "e" + "\u0301" * 39),
    ],
)
def test_a_cut_does_not_halve_what_a_reader_takes_for_one_character(text: str, limit: int, shown: str) -> None:
    assert clean(text, limit) == (shown, True)


def test_only_what_is_seen_counts_towards_the_limit() -> None:
    assert clean("\u200b" * 1000 + "x" * 300) == ("x" * 300, True)


def test_line_breaks_stay_where_a_caption_is_to_be_read_as_written() -> None:
    assert clean("one\r\ntwo\n\nthree", lines=True) == ("one\ntwo\n\nthree", False)
    assert clean("one\rtwo\tthree\u2029", lines=True) == ("one\ntwo three", True)


def test_a_hostile_text_of_a_million_characters_is_cleaned_at_once() -> None:
    for hostile in (
        "\x1b]" * 500_000,
        "\x9d" * 1_000_000,
        "\x1b[" * 500_000,
        "\u202e" * 1_000_000,
        "👨\u200d" * 500_000,
    ):
        text, changed = clean(hostile)
        assert len(text) <= TITLE_LIMIT
        assert changed


@given(anything | woven, st.booleans())
@example("\x1b[\x1b[0m31m", False)
def test_no_text_keeps_anything_unseen_grows_or_changes_when_cleaned_twice(raw: str, lines: bool) -> None:
    text, changed = clean(raw, lines=lines)
    shown = [char for char in text if not (lines and char == "\n") and ord(char) not in SHAPING]
    assert not [char for char in shown if unicodedata.category(char) in UNSEEN - {"Cf"}]
    assert len(text) <= min(TITLE_LIMIT, len(raw))
    assert clean(text, lines=lines) == (text, False)
    assert changed or text == raw.strip().replace("\r\n", "\n" if lines else "\r\n")
    text.encode()


@given(woven, st.integers(1, 40))
def test_however_invisible_characters_are_woven_in_they_never_stand_in_a_row(raw: str, limit: int) -> None:
    text, _ = clean(raw, limit)
    assert clean(text, limit) == (text, False)
    runs = [run for run in _runs(text) if len(run) > 1]
    assert all(run == "\ufe0f\u200d" or run == "\ufe0e\u200d" or run.endswith("\U000e007f") for run in runs), runs


def _runs(text: str) -> list[str]:
    """The runs of shaping characters in a text."""
    runs = [""]
    for char in text:
        if ord(char) in SHAPING:
            runs[-1] += char
        elif runs[-1]:
            runs.append("")
    return runs


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u3164\uffa0\u2800")))
def test_letters_numbers_and_signs_are_never_touched(raw: str) -> None:
    assert clean(raw, limit=1000) == (raw, False)
