"""A Layers API that says what a test wants it to say, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from layers_mcp.settings import Settings
from layers_mcp.workspace import Workspace

NOW = datetime(2026, 4, 17, 9, 30, tzinfo=UTC)
PROJECT = "prj_01HX9Y7K8M2P4RSTUV56789AB"
Answer = dict[str, Any] | Callable[[httpx2.Request], httpx2.Response]


def refusal(status: int, code: str) -> Callable[[httpx2.Request], httpx2.Response]:
    """The error envelope of the API."""
    body = {"error": {"code": code, "message": "No.", "requestId": "req_01"}}
    return lambda _: httpx2.Response(status, json=body, headers={"X-Request-Id": "req_01"})


class Upstream(httpx2.MockTransport):
    """Answers by path under `/v1/`; whatever it was not told about is not found."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        super().__init__(self._answer)
        self.answers = answers
        self.requests: list[httpx2.Request] = []

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.get(request.url.path.removeprefix("/v1/"), refusal(404, "NOT_FOUND"))
        return answer(request) if callable(answer) else httpx2.Response(200, json=answer)

    @property
    def queries(self) -> list[list[tuple[str, str]]]:
        """The query of each request, repeated keys and their order kept."""
        return [request.url.params.multi_items() for request in self.requests]

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/v1/") for request in self.requests]


@asynccontextmanager
async def opened(upstream: httpx2.AsyncBaseTransport, state_dir: Path, now: datetime = NOW) -> AsyncIterator[Workspace]:
    """A workspace on a scripted upstream, at a fixed moment."""
    settings = Settings(api_key="lp_test_x", base_url="https://api.layers.test", state_dir=state_dir)
    async with Workspace(settings, transport=upstream, clock=lambda: now) as workspace:
        yield workspace
