"""A scripted Layers API: each answer is given in advance, each request is kept.

It misbehaves where the sandbox cannot: forged answers, proxies' pages, broken connections.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import httpx2

from layers_mcp.api import LayersClient
from layers_mcp.api.plans import OrderRequest
from layers_mcp.api.request import path
from layers_mcp.app import open_context
from layers_mcp.context import ToolContext
from layers_mcp.lifecycle import TaskSupervisor
from tests.support import BASE_URL, configured

KEY = "lp_test_keyid_secret"
NOW = datetime(2026, 4, 17, 12, 0, tzinfo=UTC)

Answer: TypeAlias = "Mapping[str, Any] | httpx2.Response"
Reply: TypeAlias = "Answer | Callable[[httpx2.Request], Answer | Awaitable[Answer]]"
"""A body in JSON, a response, or what makes one of the request."""


def ok(body: object, status: int = 200, **headers: str) -> httpx2.Response:
    """A success in JSON that is pure ASCII, so that it may hold any code point, halves of pairs included."""
    return raw(status, json.dumps(body).encode(), **headers)


def refused(status: int, code: str, message: str = "No.", details: object = None, **headers: str) -> httpx2.Response:
    """An error envelope as Layers writes it."""
    error = {"code": code, "message": message, "requestId": "req_01HX"} | ({"details": details} if details else {})
    return ok({"error": error}, status, **headers)


def raw(status: int, body: bytes, content_type: str = "application/json", **headers: str) -> httpx2.Response:
    """Any body at all. Headers are spelled with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type:
        named["Content-Type"] = content_type
    return httpx2.Response(status, content=body, headers=[(k.encode(), v.encode()) for k, v in named.items()])


def broken(error: type[httpx2.TransportError], text: str = "gone") -> Callable[[httpx2.Request], httpx2.Response]:
    """A connection that fails."""

    def reply(request: httpx2.Request) -> httpx2.Response:
        raise error(text, request=request)

    return reply


def routed(replies: dict[str, Reply]) -> Reply:
    """Each address of "METHOD /v1/…" has its own reply; any other is a 404."""

    def reply(request: httpx2.Request) -> Any:
        chosen = replies.get(f"{request.method} {request.url.path}", refused(404, "NOT_FOUND"))
        return chosen(request) if callable(chosen) else chosen

    return reply


def generate(project_id: str, body: Mapping[str, Any]) -> OrderRequest:
    """An order of the preview vintage, by a brief."""
    return OrderRequest(path=path("projects", project_id, "content"), body=body)


def clone(container_id: str, body: Mapping[str, Any]) -> OrderRequest:
    """An order of the preview vintage, of a post's clone."""
    return OrderRequest(path=path("content", container_id, "clone-from-post"), body=body)


def query_of(request: httpx2.Request) -> dict[str, list[str]]:
    """The request's query parameters, each with its values in order."""
    return parse_qs(request.url.query.decode(), keep_blank_values=True)


def pairs_of(request: httpx2.Request) -> list[tuple[str, str]]:
    """The request's query as it was sent: repeated keys, and their order."""
    return request.url.params.multi_items()


class Upstream:
    """Gives its replies to whatever is asked, in order, the last one for ever.

    With none, `replies` is a dict by "METHOD /v1/path", whose values may be such lists; any other request is a 404.
    """

    def __init__(self, *replies: Reply) -> None:
        known = {"GET /v1/whoami": {"organizationId": "org_1", "scopes": []}}
        self.replies: Any = list(replies) or known
        self.requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self._next(request)
        if callable(reply):
            made = reply(request)
            reply = await made if inspect.isawaitable(made) else made
        return reply if isinstance(reply, httpx2.Response) else ok(reply)

    def _next(self, request: httpx2.Request) -> Any:
        reply = self.replies
        if isinstance(reply, dict):
            reply = reply.get(f"{request.method} {request.url.path}", refused(404, "NOT_FOUND"))
        if isinstance(reply, list):
            return reply.pop(0) if len(reply) > 1 else reply[0]
        return reply

    def asked(self, path: str) -> list[httpx2.Request]:
        """The requests to `path`, in order."""
        return [request for request in self.requests if request.url.path == path]

    @asynccontextmanager
    async def open_tool_context(
        self, state_dir: Path, *, now: datetime = NOW, read_only: bool = False
    ) -> AsyncIterator[ToolContext]:
        """Open a workspace whose network is this script and whose time is always `now`, and yield a context on it."""
        known = configured(api_key=KEY, base_url=BASE_URL, state_dir=state_dir, read_only=read_only)
        async with open_context(**known, transport=self.transport, clock=lambda: now) as context:
            yield context


@asynccontextmanager
async def client(upstream: Upstream, **settings: Any) -> AsyncIterator[LayersClient]:
    """A client of `upstream`, closed when the block ends."""
    defaults: dict[str, Any] = {
        "base_url": BASE_URL,
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
