"""A real HTTP server in the test's own loop, on a free loopback port."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2

from layers_mcp.transports.http_server import DrainingServer, listen
from tests.support import PATIENCE

HANDSHAKE = "2025-11-25"
MODERN = "2026-07-28"
ERAS = (HANDSHAKE, MODERN)


@asynccontextmanager
async def serving(application: Callable[[int], Any]) -> AsyncGenerator[str]:
    """Serve what `application(port)` makes; the URL of its root."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = _PromptServer(application(port), ready=lambda: None, draining=lambda: None, busy=lambda: False)
    await server.begin([listening])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        with anyio.CancelScope(shield=True):
            await server.shutdown()


class _PromptServer(DrainingServer):
    """Begins and ends without the tenths of a second for which a server of its own process sleeps."""

    async def begin(self, sockets: list[socket.socket]) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets)
        await self.on_tick(0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        with anyio.move_on_after(1) as late:
            while state.connections or state.tasks:  # noqa: ASYNC110 - they tell nobody
                await anyio.sleep(0.001)
        if late.cancelled_caught:
            for task in state.tasks:
                task.cancel()
        await self.lifespan.shutdown()


def plain_client(url: str, **settings: Any) -> httpx2.AsyncClient:
    """A client of a server without TLS; the machine's certificates, which take long to load, are left alone."""
    return httpx2.AsyncClient(base_url=url, transport=httpx2.AsyncHTTPTransport(verify=False), **settings)


def message(
    method: str,
    params: dict[str, Any] | None = None,
    *,
    era: str = HANDSHAKE,
    id: int = 1,  # noqa: A002
    capabilities: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A JSON-RPC request, with the envelope that the later era wants; there it says what its client can do, too."""
    params = dict(params or {})
    if era == MODERN:
        params["_meta"] = {
            **params.get("_meta", {}),
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": capabilities or {},
        }
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def headers_for(body: dict[str, Any], era: str = HANDSHAKE) -> dict[str, str]:
    """The headers of a POST in this era."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": era,
    }
    if era == MODERN:
        headers["Mcp-Method"] = body["method"]
        if name := body["params"].get("name"):
            headers["Mcp-Name"] = name
    return headers


async def post(
    http: httpx2.AsyncClient, url: str, body: dict[str, Any], era: str = HANDSHAKE, **headers: str
) -> httpx2.Response:
    """One POST of a client, with `headers` beside the era's own (underscores for hyphens)."""
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.post(url, json=body, headers={**headers_for(body, era), **own})


def messages(response: httpx2.Response) -> list[dict[str, Any]]:
    """What was answered, be it one JSON document or a stream of events."""
    if response.headers["content-type"].startswith("application/json"):
        return [response.json()]
    return [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]


def result(response: httpx2.Response) -> dict[str, Any]:
    """The result that ends an answer."""
    assert response.status_code == 200, response.text
    return messages(response)[-1]["result"]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    with anyio.fail_after(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await anyio.sleep(0.01)
