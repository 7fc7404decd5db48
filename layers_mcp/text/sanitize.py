"""Text that strangers wrote, made fit to stand in an agent's context.

Titles, captions and hooks come from posts: anyone may have written them. What cannot be seen is taken out, so that the
agent reads what a person would read, and length is capped, so that one post cannot crowd out the rest.
"""

from __future__ import annotations

import re
from unicodedata import category

TITLE_LIMIT = 300
"""Longest title, handle or name in a result, in characters."""

TERMINAL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)"
)
"""What colours a terminal or sets its title: taken out whole, or its tail would stand in the text."""
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})
"""Unicode categories without a glyph of their own: controls, format and bidi marks, halves of pairs, private use."""
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U000e0000-\U000e0fff]"
)
"""Letters, marks and reserved code points that show nothing (mostly Unicode's Default_Ignorable_Code_Point)."""


def clean(text: str, limit: int = TITLE_LIMIT, *, lines: bool = False) -> tuple[str, bool]:
    """`text` without invisible, bidi and control characters, at most `limit` characters long, and whether it was cut.

    A line break or tab becomes a space; with `lines`, line breaks stay (captions that a person is to approve).
    """
    if not (text.isascii() and text.isprintable()):
        text = _seen(text, lines)
    text = text.strip()
    if len(text) <= limit:
        return text, False
    return text[:limit].rstrip(), True


def _seen(text: str, lines: bool) -> str:
    text = _BLANK.sub("", TERMINAL_SEQUENCE.sub("", text))
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept: list[str] = []
    for char in text:
        if char in _BREAKS:
            kept.append("\n" if lines and char != "\t" else " ")
        elif char.isprintable() or (category(char) not in _UNSEEN and not _noncharacter(char)):
            kept.append(char)
    return "".join(kept)


def _noncharacter(char: str) -> bool:
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
