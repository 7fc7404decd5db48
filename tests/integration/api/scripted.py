"""An upstream that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2

from layers_mcp.api import LayersClient
from layers_mcp.lifecycle import TaskSupervisor

KEY = "lp_test_keyid_secret"
NOW = datetime(2026, 4, 17, 12, 0, tzinfo=UTC)

Reply = Callable[[httpx2.Request], Awaitable[httpx2.Response]]


def ok(body: object, status: int = 200, **headers: str) -> Reply:
    """A success in JSON."""

    async def reply(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json=body, headers=_dashed(headers))

    return reply


def refused(status: int, code: str, message: str = "No.", details: object = None, **headers: str) -> Reply:
    """An error envelope."""
    error = {"code": code, "message": message, "requestId": "req_01HX"} | ({"details": details} if details else {})
    return ok({"error": error}, status, **headers)


def raw(status: int, body: bytes, content_type: str = "application/json") -> Reply:
    """Any body at all."""

    async def reply(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"Content-Type": content_type} if content_type else {})

    return reply


def broken(error: type[httpx2.TransportError], text: str = "gone") -> Reply:
    """A connection that fails."""

    async def reply(request: httpx2.Request) -> httpx2.Response:
        raise error(text, request=request)

    return reply


def _dashed(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


class Upstream:
    """Gives its replies in order, the last one for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self._answer)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return await reply(request)


@asynccontextmanager
async def client(upstream: Upstream, **settings: Any) -> AsyncIterator[LayersClient]:
    """A client of `upstream`, closed when the block ends."""
    defaults: dict[str, Any] = {
        "base_url": "https://api.layers.test",
        "api_key": KEY,
        "now": lambda: NOW,
        "transport": upstream.transport,
    }
    async with TaskSupervisor() as supervisor:
        layers = LayersClient(supervisor=supervisor, **(defaults | settings))
        try:
            yield layers
        finally:
            await layers.aclose()


def routed(replies: dict[str, Reply]) -> Reply:
    """Each address of "METHOD /v1/…" has its own reply; any other is a 404."""

    async def reply(request: httpx2.Request) -> httpx2.Response:
        return await replies.get(f"{request.method} {request.url.path}", refused(404, "NOT_FOUND"))(request)

    return reply
