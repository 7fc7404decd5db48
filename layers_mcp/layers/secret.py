"""The API key, and keeping it out of everything that is written down."""

from __future__ import annotations

import hashlib
import logging

_HTTP_LOGGERS = (
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
    "layers_mcp.layers",
)


class Secret:
    """A value that shows itself only when asked to."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """The value itself: for the one header it belongs into."""
        return self._value

    def sendable(self) -> bool:
        """Whether it can stand in a header: visible ASCII, no space."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    def fingerprint(self) -> str:
        """16 hex digits of its SHA-256."""
        return hashlib.sha256(self._value.encode("utf-8", "replace")).hexdigest()[:16]

    def hide(self, text: str) -> str:
        """`text` without the value."""
        return text.replace(self._value, "[key]") if self._value else text


class Redaction(logging.Filter):
    """Takes the key out of what the HTTP libraries log: a server that echoes it would put it there."""

    def __init__(self, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the key hidden."""
        message = record.getMessage()
        if (hidden := self._secret.hide(message)) != message:
            record.msg, record.args = hidden, ()
        return True

    def install(self) -> None:
        """Hide the key in the HTTP libraries' loggers from now on."""
        for name in _HTTP_LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Leave the loggers as they were."""
        for name in _HTTP_LOGGERS:
            logging.getLogger(name).removeFilter(self)
