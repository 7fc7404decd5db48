"""The process around the HTTP application: its listening sockets, and a shutdown that loses no call."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from types import FrameType

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config, Server

from layers_mcp.deadlines import PROMISED_SECONDS
from layers_mcp.transports.http_protocol import RECEIVE_SECONDS, TimedProtocol

DRAIN_SECONDS = PROMISED_SECONDS
"""How long calls that run at a signal to stop may still take: as long as any call may."""


class DrainingServer(Server):
    """Serves until it is told to stop, then until the last call has ended.

    The port stays open meanwhile, so that health checks and refused calls get an answer. `draining` is called at the
    signal; `busy` tells whether a call still runs. A second signal ends the process at once.
    """

    def __init__(
        self,
        application: ASGIApp,
        *,
        ready: Callable[[], None],
        draining: Callable[[], None],
        busy: Callable[[], bool],
        reload: Callable[[], None] = lambda: None,
    ) -> None:
        config = Config(
            application,
            interface="asgi3",
            http=TimedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(RECEIVE_SECONDS),
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._ready = ready
        self._draining = draining
        self._busy = busy
        self._reload = reload
        self._until: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; uvicorn's own handler would close the port at once."""
        if self._until is not None:
            os._exit(128 + sig)  # what is in the journal is safe, as it is from SIGKILL
        self._until = asyncio.get_running_loop().time() + DRAIN_SECONDS
        self._draining()

    async def on_tick(self, counter: int) -> bool:
        """Decide ten times a second whether to stop now."""
        if self._until is not None and (not self._busy() or asyncio.get_running_loop().time() >= self._until):
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections from now on; port 0 picks a free one.

    Raises `OSError` where it is taken.
    """
    family, _, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol; else answers wait for old ACKs.
    listening = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


def allow_many_connections() -> None:
    """Raise the limit on open files to what this process may have: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def by_port(application: ASGIApp, other: ASGIApp, port: int) -> ASGIApp:
    """Return one application for both sockets of a process: `other` answers what came in at `port`."""

    async def picking(scope: Scope, receive: Receive, send: Send) -> None:
        came_in_at = scope.get("server") or ("", None)
        await (other if came_in_at[1] == port else application)(scope, receive, send)

    return picking


def serve(server: DrainingServer, sockets: Sequence[socket.socket]) -> None:
    """Serve on the sockets until told to stop."""
    asyncio.run(server.serve(list(sockets)))
