"""Text for people in a terminal: aligned tables, bars, a progress line. Standard library only.

On a terminal there is colour and a progress line that is written over; elsewhere, or with `NO_COLOR` set, the same
text comes plain. A console that cannot show block characters (Windows' cp1252, say) gets plain ASCII in their place.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO

WIDEST = 100
NARROWEST = 60
"""Columns that a line may take: as many as the terminal has between these two, and the most of them elsewhere."""

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
_EIGHTHS = " ▏▎▍▌▋▊▉"
_STYLES = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31", "cyan": "36"}
_ASCII = str.maketrans({"█": "#", "░": ".", "→": ">", "✓": "+", "✗": "x", "·": "-", "…": "~"})
_SPECIAL = "█▏▎▍▌▋▊▉░→✓✗·…"


class Console:
    """A stream to write on, and what it can show. `write` never fails on a character that the stream cannot encode."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        self._open_line = False
        self.blocks = _can_encode(_SPECIAL, self._encoding)
        self.width = _columns_of(environ) if stream.isatty() else WIDEST
        self.live = stream.isatty() and not environ.get("NO_COLOR") and _understands_escapes(environ)

    def line(self, text: str = "") -> None:
        """Write one line, below any open progress line."""
        self.settle()
        self._write(text + "\n")

    def lines(self, texts: Sequence[str]) -> None:
        """Write several lines."""
        for text in texts:
            self.line(text)

    def progress(self, text: str) -> None:
        """Show how far something is: over the last progress line on a terminal, as a line of its own elsewhere."""
        if self.live:
            self._write(f"\r\x1b[K{text}")
            self._open_line = True
        else:
            self.line(text)

    def settle(self) -> None:
        """Leave the open progress line as it is; what is written next goes below it."""
        if self._open_line:
            self._open_line = False
            self._write("\n")

    def style(self, text: str, *names: str) -> str:
        """Return `text` in these styles (bold, dim, green, yellow, red, cyan), or as it is where escapes would show."""
        if not self.live or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"

    def bar(self, share: float, width: int = 24, *, track: bool = False) -> str:
        """Return a bar for `share` (0 to 1) of `width` columns, to an eighth of a column; `track` shows the rest."""
        eighths = round(min(max(share, 0.0), 1.0) * width * 8)
        full, rest = divmod(eighths, 8)
        if not self.blocks:
            full, rest = round(eighths / 8), 0
        bar = "█" * full + (_EIGHTHS[rest] if rest else "")
        return bar + "░" * (width - len(bar)) if track else bar

    def table(self, rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Sequence[int] = ()) -> None:
        """Write rows in aligned columns; the columns of `right` (numbers) are flush right."""
        cells = [list(header), *map(list, rows)] if header else [list(row) for row in rows]
        widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
        for number, row in enumerate(cells):
            parts = [pad(cell, widths[i], right=i in right) for i, cell in enumerate(row)]
            line = "  " + "  ".join(parts).rstrip()
            self.line(self.style(line, "dim") if header and number == 0 else line)

    def _write(self, text: str) -> None:
        if not self.blocks:
            text = text.translate(_ASCII)
        self._stream.write(text.encode(self._encoding, "replace").decode(self._encoding))
        self._stream.flush()


def columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes: wide characters take two; combining ones and styles none."""
    shown = _ESCAPE.sub("", text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, its end shown as cut where it had to be."""
    if columns(text) <= width:
        return text
    while columns(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return `text` filled up with spaces to `width` columns."""
    space = " " * max(width - columns(text), 0)
    return space + text if right else text + space


def _columns_of(environ: Mapping[str, str]) -> int:
    """Return the terminal's columns, within our bounds; `COLUMNS` says otherwise, as it does for other programs."""
    given = environ.get("COLUMNS", "")
    wide = int(given) if given.isdecimal() else shutil.get_terminal_size((WIDEST, 24)).columns
    return min(max(wide, NARROWEST), WIDEST)


def _can_encode(characters: str, encoding: str) -> bool:
    try:
        characters.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _understands_escapes(environ: Mapping[str, str]) -> bool:
    """Terminals do, but for dumb ones and Windows' old console (its successor names itself in `WT_SESSION`)."""
    if environ.get("TERM") == "dumb":
        return False
    return os.name != "nt" or bool(environ.get("WT_SESSION") or environ.get("TERM"))
