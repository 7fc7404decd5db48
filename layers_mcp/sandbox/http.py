"""The sandbox over HTTP, on this machine only."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from layers_mcp.sandbox.asgi import CLOSE_CONNECTION, Message, Receive, Send
from layers_mcp.sandbox.sandbox import Sandbox

HOST = "127.0.0.1"


class ClosableProtocol(H11Protocol):
    """Lets the application close the connection in the middle of an exchange, as a fault does."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        # asyncio does this only for sockets that name their protocol; else each answer waits 40 ms for an old ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = self.app

        async def closable(scope: Message, receive: Receive, send: Send) -> None:
            extensions = {**scope.get("extensions", {}), CLOSE_CONNECTION: transport.close}
            try:
                await app({**scope, "extensions": extensions}, receive, send)
            except asyncio.CancelledError:  # the server ends before a late answer: its client sees a lost connection
                transport.abort()
                self.cycle.disconnected = True

        self.app = closable


class StoppableServer(Server):
    """Ends well when it is asked to: uvicorn's own would meet the signal once more, and die of it."""

    def __init__(self, config: Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def listen(port: int) -> socket.socket:
    """Return a socket that takes connections from now on; port 0 picks a free one.

    Raises `OSError` where it is taken.
    """
    return socket.create_server((HOST, port))


def http_server(sandbox: Sandbox, ready: Callable[[], None] = lambda: None) -> Server:
    """Return a server to run on a listening socket; it calls `ready` once it answers, and ends well at a signal from
    then on.

    The world's time is its `Date`.
    """
    return StoppableServer(
        Config(
            sandbox.app,
            http=ClosableProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        ),
        ready,
    )
