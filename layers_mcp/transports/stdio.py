"""Serve one client over the process's stdin and stdout, and shut down cleanly."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import aclosing
from io import StringIO, TextIOWrapper
from typing import Any, Protocol

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest

from layers_mcp.transports.json_lines import UnreadableLineError, parse_line

logger = logging.getLogger(__name__)

LAST_WRITE_SECONDS = 0.3
"""How long the client may take to read what was written, once it has closed its end and all work is done."""

REFUSAL_SECONDS = 1.0
"""How long the answer to an unreadable line may wait for a client that does not read."""


async def serve_stdio(server: Server[Any]) -> None:
    """Serve until the end of input or a signal to stop; the server's lifespan is closed in every case.

    Does not return after a signal, nor where the client does not read what was written: a thread waits for input or
    output then, and no thread can be woken from that.
    """
    stop = SignalScope()
    last_write = threading.Timer(LAST_WRITE_SECONDS, _leave)
    last_write.daemon = True
    try:
        # The SDK writes, and keeps the real stdout to itself; it would drop lines that are no messages, so they are
        # read here.
        async with stdio_server(stdin=anyio.wrap_file(StringIO())) as (_, write), anyio.create_task_group() as reading:
            send, read = anyio.create_memory_object_stream[SessionMessage]()
            reading.start_soon(_read_messages, _input(), send, write)
            async with anyio.create_task_group() as group:
                stop.scope = group.cancel_scope
                group.start_soon(stop.listen)
                await _serve_sessions(server, read, write)
                group.cancel_scope.cancel("the end of input")
            if stop.signalled:
                _leave()
            last_write.start()
    except* BrokenPipeError:
        logger.info("the client went away")
    finally:
        last_write.cancel()


async def _serve_sessions(
    server: Server[Any], messages: MemoryObjectReceiveStream[SessionMessage], answers: _Answers
) -> None:
    """Serve until the end of input; start again at an `initialize` that only `server/discover` came before.

    A client that heard nothing for a second, as when this process is slow to start, gives its `server/discover` up and
    falls back to `initialize`. The SDK's session refuses that: its first request chose the later era.
    """
    options = server.create_initialization_options()
    async with aclosing(answers):
        opening: SessionMessage | None = None
        while True:
            send, read = anyio.create_memory_object_stream[SessionMessage]()
            async with anyio.create_task_group() as session, send:
                session.start_soon(server.run, read, answers.clone(), options)
                if opening is not None:
                    await send.send(opening)
                opening = await _hand_on(messages, send)
            if opening is None:
                return


async def _hand_on(
    messages: MemoryObjectReceiveStream[SessionMessage], session: MemoryObjectSendStream[SessionMessage]
) -> SessionMessage | None:
    """Hand messages to a session; return the one that begins another, None at the end of input."""
    only_discover: bool | None = None
    async for message in messages:
        if isinstance(message.message, JSONRPCRequest):
            if message.message.method == "initialize" and only_discover:
                return message
            only_discover = message.message.method == "server/discover" and only_discover is not False
        await session.send(message)
    return None


async def _read_messages(
    lines: anyio.AsyncFile[str], messages: MemoryObjectSendStream[SessionMessage], answers: _Answers
) -> None:
    """Hand each line's message on; answer a line that holds none."""
    async with messages:
        async for line in lines:
            if not line.strip():
                continue
            try:
                message = SessionMessage(parse_line(line))
            except UnreadableLineError as unreadable:
                logger.warning("a line of input was refused: %s", unreadable)
                with anyio.move_on_after(REFUSAL_SECONDS):
                    await answers.send(SessionMessage(unreadable.answer))
            else:
                await messages.send(message)


class _Answers(Protocol):
    async def send(self, item: SessionMessage, /) -> None: ...
    async def aclose(self) -> None: ...
    def clone(self) -> Any: ...


def _input() -> anyio.AsyncFile[str]:
    """Return the process's input in lines that end in LF, whatever its locale, without a leading byte order mark."""
    return anyio.wrap_file(TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="replace", newline="\n"))


def _leave() -> None:
    logging.shutdown()
    os._exit(0)


class SignalScope:
    """Cancels its scope when the process is asked to stop."""

    def __init__(self) -> None:
        self.signalled = False
        self.scope = anyio.CancelScope()

    async def listen(self) -> None:
        """Wait for SIGTERM or SIGINT."""
        if sys.platform == "win32":  # its event loop takes no signal handlers; there a signal simply ends the process
            return
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                logger.info("stopping on %s", number.name)
                self.signalled = True
                self.scope.cancel(f"{number.name} received")
