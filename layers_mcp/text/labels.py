"""Upstream's labels and messages on one line, without invisible characters; not for untrusted text."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_LABEL = 64
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Letters, marks and signs without a glyph, which can carry a hidden text."""


def label(value: str) -> str:
    """Return an open enum's value without anything that is not printed, at most 64 characters."""
    return printable(value)[:_LONGEST_LABEL]


def printable(text: str) -> str:
    """Return `text` on one line, without control, invisible, bidi, private-use and unassigned characters."""
    if text.isascii() and text.isprintable():
        return text
    text = _BLANK.sub("", text)
    kept = (" " if char.isspace() else char for char in text if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join("".join(kept).split())
