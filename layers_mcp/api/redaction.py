"""Keeping the API key out of what the HTTP libraries write down."""

from __future__ import annotations

import logging

from layers_mcp.text.secret import Secret

_HTTP_LOGGERS = (
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
    "layers_mcp.api",
)


class Redaction(logging.Filter):
    """Takes the key out of what the HTTP libraries log: a server that echoes it would put it there."""

    def __init__(self, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the key hidden."""
        message = record.getMessage()
        if (hidden := self._secret.redact(message)) != message:
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
