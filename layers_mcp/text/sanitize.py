"""Make untrusted text fit for an agent's context.

Titles, captions and hooks come from posts: anyone may have written them. Invisible characters are removed, so that the
agent reads what a person would read, and length is capped, so that one post cannot crowd out the rest. What writing
needs stays, although it shows nothing by itself: joiners inside words of the scripts that use them and inside emoji,
variation selectors after what they select, flags.
"""

from __future__ import annotations

import re
from unicodedata import category

from layers_mcp.text import scripts

TITLE_LIMIT = 300
"""Longest title, handle or name in a result, in characters."""

_MOST_READ = 16
"""How many times its limit of a text is looked at: a text that needs more holds mostly what cannot be seen."""

TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)"
)
"""What colours a terminal or sets its title: taken out whole, or its tail would stay in the text."""
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})
"""Unicode categories without a glyph of their own: controls, format and bidi marks, halves of pairs, private use."""
_SHOWN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Format characters that do show: number and verse signs around what follows."""
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U000e0000-\U000e001f"
    "\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]"
)
"""Letters, marks and reserved code points that show nothing (mostly Unicode's Default_Ignorable_Code_Point)."""

_SHAPING = re.compile("[\u180b-\u180f\u200b-\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]+")
"""What shows nothing by itself and may shape its neighbours: joiners, selectors, tags."""
_ZERO_WIDTH_SPACE, _NON_JOINER, _JOINER = "\u200b", "\u200c", "\u200d"
_BLACK_FLAG = "\U0001f3f4"
_DRAWN_REGIONS = ("gbeng", "gbnir", "gbsct", "gbwls", "usca", "ustx")
"""The regions whose flags fonts draw; tags that spell anything else are a hidden text."""
_FLAG_TAGS = tuple("".join(chr(0xE0000 + ord(letter)) for letter in f"{name}\x7f") for name in _DRAWN_REGIONS)
_LONGEST_CHARACTER = 32
"""How far back a cut may move so as not to fall inside what a reader takes for one character."""


def clean(text: str, limit: int = TITLE_LIMIT, *, lines: bool = False) -> tuple[str, bool]:
    """Return `text` without what cannot be seen, at most `limit` characters long, and whether it is less than the
    original.

    A line break or tab becomes a space; with `lines`, line breaks stay (captions that a person is to approve). Blanks
    at the ends go without being told.
    """
    original = text.strip()
    if lines:
        original = original.replace("\r\n", "\n")
    text = original[: _MOST_READ * limit]
    if not (text.isascii() and text.isprintable()):
        text = _SHAPING.sub(_needed, _visible(text, lines=lines)).strip()
    if len(text) > limit:
        text = text[: _cut(text, limit)].rstrip()
    return text, text != original


def _visible(text: str, *, lines: bool) -> str:
    """Return `text` with only characters that show, and those that may shape them."""
    text = _BLANK.sub("", TERMINAL_SEQUENCE.sub("", text))
    if lines:
        text = text.replace("\r", "\n")
    kept: list[str] = []
    for char in text:
        if char in _BREAKS:
            kept.append("\n" if lines and char != "\t" else " ")
        elif (
            char.isprintable()
            or char in _SHOWN_FORMATS
            or _SHAPING.match(char)
            or (category(char) not in _UNSEEN and not _noncharacter(char))
        ):
            kept.append(char)
    return "".join(kept)


def _needed(run: re.Match[str]) -> str:
    """Return what of a run of shaping characters its neighbours need: mostly one, and only where writing has it."""
    marks, text = run[0], run.string
    before = text[run.start() - 1] if run.start() else " "
    after = text[run.end()] if run.end() < len(text) else " "
    if before == _BLACK_FLAG and marks.startswith(_FLAG_TAGS):
        return next(tags for tags in _FLAG_TAGS if marks.startswith(tags))
    selector = marks[0] if scripts.has_variant(before, marks[0], (marks + after)[1]) else ""
    return selector + _joiner(marks[len(selector) :], before, after)


def _joiner(marks: str, before: str, after: str) -> str:
    """Return a single joiner or zero-width space where it has something to do; of anything else, nothing."""
    if marks == _ZERO_WIDTH_SPACE:
        needed = scripts.is_unspaced(before) and scripts.is_unspaced(after)
    elif marks in (_JOINER, _NON_JOINER):
        needed = scripts.joins(before) or scripts.joins(after)
        needed = needed or (marks == _JOINER and scripts.ends_emoji(before) and scripts.is_emoji(after))
    else:
        needed = False
    return marks if needed else ""


def _cut(text: str, limit: int) -> int:
    """Return where to cut so that at most `limit` characters stay, and none that a reader sees as one is halved."""
    for place in range(limit, max(limit - _LONGEST_CHARACTER, 0), -1):
        if not (_extends(text[place]) or text[place - 1] == _JOINER):
            return place
    while limit and _SHAPING.match(text[limit - 1]):
        limit -= 1
    return limit


def _extends(char: str) -> bool:
    """Return whether a character is drawn into the one before it."""
    return category(char)[0] == "M" or _SHAPING.match(char) is not None or scripts.is_skin_tone(char)


def _noncharacter(char: str) -> bool:
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
