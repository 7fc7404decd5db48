"""Serving one client over the process's own stdin and stdout, and leaving well."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from io import TextIOWrapper
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

logger = logging.getLogger(__name__)


async def serve_stdio(server: Server[Any]) -> None:
    """Serve until the end of input or a signal to stop; the server's lifespan is closed in every case.

    Does not return after a signal: a thread still waits for input then, and no thread can be woken from that.
    """
    stop = _Stop()
    try:
        async with stdio_server(stdin=_input()) as (read, write):
            async with anyio.create_task_group() as group:
                stop.scope = group.cancel_scope
                group.start_soon(stop.listen)
                await server.run(read, write, server.create_initialization_options())
                group.cancel_scope.cancel("the end of input")
            if stop.signalled:
                logging.shutdown()
                os._exit(0)
    except* BrokenPipeError:
        logger.info("the client went away")


def whole(line: str) -> str:
    """The line with halves of surrogate pairs replaced by U+FFFD.

    A client that cuts a text in the middle of an emoji sends one, escaped, and the SDK's parser would drop the whole
    message: its call would never be answered.
    """
    if "\\ud" not in line and "\\uD" not in line:
        return line
    return _ESCAPE.sub(lambda match: r"\ufffd" if match["half"] else match[0], line)


_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.")
"""A pair, a half of one, or any other escape, which is matched so that an escaped backslash begins nothing."""


class _Lines(TextIOWrapper):
    """The process's input in whole lines, whatever its locale and newlines."""

    def readline(self, size: int = -1, /) -> str:
        return whole(super().readline(size))


def _input() -> anyio.AsyncFile[str]:
    return anyio.wrap_file(_Lines(sys.stdin.buffer, encoding="utf-8", errors="replace"))


class _Stop:
    """Cancels its scope when the process is asked to stop."""

    def __init__(self) -> None:
        self.signalled = False
        self.scope = anyio.CancelScope()

    async def listen(self) -> None:
        if sys.platform == "win32":  # its event loop takes no signal handlers; there a signal simply ends the process
            return
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                logger.info("stopping on %s", number.name)
                self.signalled = True
                self.scope.cancel(f"{number.name} received")
