"""Logging to stderr, with every secret removed: stdout belongs to the protocol."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable

from layers_mcp.text.secret import Secret

_SHAPES = (
    re.compile(r"(?i)(bearer\s+)[^\s'\",]+"),
    re.compile(r"()\blp_(?:live|test)_[A-Za-z0-9_-]+"),
    re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+(?=@)"),
)
_STRUCK_OUT = "[redacted]"


class RedactingFormatter(logging.Formatter):
    """Strikes out the given secrets wherever they are, tracebacks included, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [Secret(secret) for secret in secrets]

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(super().format(record))

    def redact(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self._secrets:
            text = secret.redact(text, _STRUCK_OUT)
        for shape in _SHAPES:
            text = shape.sub(rf"\1{_STRUCK_OUT}", text)
        return text


def quieten_libraries() -> None:
    """Leave out what libraries tell of every request: URLs with ids, and whole results where they debug."""
    for name in ("httpx2", "httpcore2", "mcp", "uvicorn", "sse_starlette", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_to_stderr(level: str, formatter: logging.Formatter) -> None:
    """Send every record of at least `level` to stderr, and none anywhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
