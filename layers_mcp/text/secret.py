"""An API key that never shows in a repr or a log."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from urllib.parse import quote

from layers_mcp.text.ids import is_visible_ascii
from layers_mcp.text.sanitize import TERMINAL_SEQUENCE

_SHORTEST = 8
"""Characters of a value that is searched for in whole answers; one that is shorter is in any text by chance."""

_CONTROLS = bytes([*range(0x20), 0x7F])


class Secret:
    """A value that shows itself only when asked to."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """Return the value itself: for the one header it belongs into."""
        return self._value

    def is_header_safe(self) -> bool:
        """Return whether it can be in a header: visible ASCII, no space."""
        return is_visible_ascii(self._value)

    def fingerprint(self) -> str:
        """16 hex digits of its SHA-256."""
        return hashlib.sha256(self._value.encode("utf-8", "replace")).hexdigest()[:16]

    def redact(self, text: str, instead: str = "[key]") -> str:
        """Replace the value in `text`, be it spelled as it is, in JSON, in a URL or in Python's quotes.

        A text that holds it parted by characters which cleaning takes out, and so would join, is replaced whole.
        """
        for spelling in self._spellings:
            text = text.replace(spelling, instead)
        if not (text.isascii() and text.isprintable()) and self._stands_in(_skeleton(text)):
            return instead
        return text

    def may_contain(self, body: bytes) -> bool:
        """Return whether a JSON body has to be searched: it holds the value, or escapes that could spell it."""
        if len(self._value) < _SHORTEST:
            return False
        if b"\\" in body or any(spelling.encode() in body for spelling in self._spellings):
            return True
        could_be_parted = b"\x7f" in body or not body.isascii()
        return could_be_parted and self._stands_in(_skeleton(body.decode("utf-8", "replace")))

    def _stands_in(self, text: str) -> bool:
        return any(spelling in text for spelling in self._spellings)

    @cached_property
    def _spellings(self) -> tuple[str, ...]:
        value = self._value
        if not value:
            return ()
        in_json = json.dumps(value)[1:-1]
        spelled = {value, in_json, in_json.replace("/", "\\/"), repr(value)[1:-1], quote(value), quote(value, safe="")}
        return tuple(sorted(spelled, key=len, reverse=True))


def _skeleton(text: str) -> str:
    """Return the visible ASCII of `text`: less than what cleaning leaves of it, and all that a key is made of."""
    return TERMINAL_SEQUENCE.sub("", text).encode("ascii", "ignore").translate(None, _CONTROLS).decode()
