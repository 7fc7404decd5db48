"""A scripted Layers API for tests of single tools: each answer is given in advance, each request is kept."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx2

from layers_mcp.app import open_context
from layers_mcp.context import ToolContext
from tests.support import configured

NOW = datetime(2026, 4, 17, 14, 0, tzinfo=UTC)

Reply = dict[str, Any] | httpx2.Response | Callable[[httpx2.Request], "dict[str, Any] | httpx2.Response"]


def answer(body: Any, status: int = 200) -> httpx2.Response:
    """An answer in JSON that is pure ASCII, so that it may hold any code point, halves of pairs included."""
    return httpx2.Response(status, content=json.dumps(body), headers={"Content-Type": "application/json"})


def refusal(status: int, code: str, message: str = "No.", **details: Any) -> httpx2.Response:
    """An error envelope as Layers writes it."""
    error = {"code": code, "message": message, "requestId": "req_1", **({"details": details} if details else {})}
    return answer({"error": error}, status)


def query_of(request: httpx2.Request) -> dict[str, list[str]]:
    """The request's query parameters, each with its values in order."""
    return parse_qs(request.url.query.decode(), keep_blank_values=True)


def pairs_of(request: httpx2.Request) -> list[tuple[str, str]]:
    """The request's query as it was sent: repeated keys, and their order."""
    return request.url.params.multi_items()


class Upstream:
    """Answers `replies["METHOD /v1/path"]`, a list in turn (its last reply stays); anything else is a 404."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply | list[Reply]] = {"GET /v1/whoami": {"organizationId": "org_1", "scopes": []}}
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = self.replies.get(f"{request.method} {request.url.path}", refusal(404, "NOT_FOUND"))
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        if callable(reply):
            reply = reply(request)
        return reply if isinstance(reply, httpx2.Response) else answer(reply)

    def asked(self, path: str) -> list[httpx2.Request]:
        """The requests to `path`, in order."""
        return [request for request in self.requests if request.url.path == path]

    @asynccontextmanager
    async def workspace(
        self, state_dir: Path, *, now: datetime = NOW, read_only: bool = False
    ) -> AsyncIterator[ToolContext]:
        """A workspace whose network is this script and whose clock stands at `now`."""
        settings = configured(
            api_key="lp_test_x", base_url="https://api.layers.test", state_dir=state_dir, read_only=read_only
        )
        async with open_context(**settings, transport=httpx2.MockTransport(self), clock=lambda: now) as workspace:
            yield workspace
