"""Keep API keys out of the log records of HTTP libraries."""

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
    """Takes keys out of what the HTTP libraries log: a server that echoes one would put it there.

    One filter serves all clients of a process: it is on their loggers while any key is watched for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._secrets: list[Secret] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the keys hidden."""
        message = hidden = record.getMessage()
        for secret in tuple(self._secrets):
            hidden = secret.redact(hidden)
        if hidden != message:
            record.msg, record.args = hidden, ()
        return True

    def watch(self, secret: Secret) -> None:
        """Hide `secret` from now on."""
        if not self._secrets:
            for name in _HTTP_LOGGERS:
                logging.getLogger(name).addFilter(self)
        self._secrets.append(secret)

    def forget(self, secret: Secret) -> None:
        """Undo one `watch`; with the last, the loggers are as they were."""
        self._secrets.remove(secret)
        if not self._secrets:
            for name in _HTTP_LOGGERS:
                logging.getLogger(name).removeFilter(self)
