"""Two keys, every way to spell one, and all that is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from layers_mcp.cli.logs import RedactingFormatter

PLAIN = "lp_live_k3y1d_s3cr3tS3CR3T0123456789"
PUNCTUATED = "lp_live_\"q\\b/c?d=e&f%41<g>'h+_s3cr3t"
every_key = pytest.mark.parametrize("key", [PLAIN, PUNCTUATED], ids=["plain", "punctuated"])


def spellings(key: str) -> set[str]:
    """The key as it is, in JSON (of two dialects), in a URL and in Python's quotes."""
    in_json = json.dumps(key)[1:-1]
    escaped = "".join(f"\\u{ord(char):04x}" if char in "<>&'+" else char for char in in_json)
    return {key, in_json, in_json.replace("/", "\\/"), escaped, quote(key, safe=""), quote(key), repr(key)[1:-1]}


def secret_in(text: str, key: str) -> list[str]:
    """Which spellings of the key stand in the text."""
    return [spelling for spelling in spellings(key) if spelling in text]


class Listener(logging.Handler):
    """Keeps what it is told by handlers that know nothing of the key; a traceback, as the program writes it."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.plain, self.programs = logging.Formatter("%(name)s: %(message)s"), RedactingFormatter([key])
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((self.programs if record.exc_info else self.plain).format(record))


@contextmanager
def everything_logged(key: str) -> Iterator[list[str]]:
    """What every logger says at debug level."""
    listener, root = Listener(key), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield listener.lines
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
