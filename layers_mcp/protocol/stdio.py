"""Serving one client over the process's own stdin and stdout, and leaving well."""

from __future__ import annotations

import logging
import os
import signal
import sys
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
        async with stdio_server() as (read, write):
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
