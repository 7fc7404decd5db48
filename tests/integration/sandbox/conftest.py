"""A sandbox whose clock is set by hand, and a plain HTTP client on it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from layers_mcp.sandbox import Sandbox

START = datetime(2026, 4, 17, 9, 10, tzinfo=UTC)


@dataclass
class HandClock:
    """Time that stands until it is moved."""

    time: datetime = START

    def __call__(self) -> datetime:
        return self.time

    def move(self, **step: float) -> None:
        self.time += timedelta(**step)


class Api:
    """Requests to one sandbox; `json` of what is expected to succeed."""

    def __init__(self, sandbox: Sandbox, client: httpx2.AsyncClient) -> None:
        self.sandbox = sandbox
        self.client = client

    def path(self, rest: str, project: str = "acme-todo") -> str:
        return f"/v1/projects/{self.sandbox.project_id(project)}/{rest}"

    async def json(self, method: str, path: str, **request: Any) -> Any:
        reply = await self.client.request(method, path, **request)
        assert reply.is_success, reply.text
        return reply.json()

    async def error(self, method: str, path: str, **request: Any) -> tuple[int, str]:
        reply = await self.client.request(method, path, **request)
        assert reply.json()["error"]["requestId"].startswith("req_")
        return reply.status_code, reply.json()["error"]["code"]

    async def ranking(self, project: str = "acme-todo", **query: Any) -> list[dict[str, Any]]:
        query = {"metric": "engagement_rate", "limit": 100} | query
        return (await self.json("GET", self.path("top-performers", project), params=query))["items"]

    async def best(self) -> dict[str, Any]:
        return next(row for row in await self.ranking() if row["organic"]["views"] >= 50)

    async def clone(self, project: str = "acme-todo", key: str = "", **body: Any) -> httpx2.Response:
        """POST a clone, of the best post unless `sourcePlatformPostId` says another, under a fresh path id."""
        path_id = body.pop("path_id", None) or str(uuid.uuid4())
        if "sourcePlatformPostId" not in body:
            body["sourcePlatformPostId"] = (await self.best())["platformPostId"]
        body = {"projectId": self.sandbox.project_id(project)} | body
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(f"/v1/content/{path_id}/clone-from-post", json=body, headers=headers)

    async def generate(self, project: str = "acme-todo", key: str = "", **body: Any) -> httpx2.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.client.post(self.path("content", project), json=body, headers=headers)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sandbox(clock: HandClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with open_api(sandbox) as api:
        yield api


class open_api:  # noqa: N801 - reads as a function
    """An `Api` on a sandbox, with the agency's key or another."""

    def __init__(self, sandbox: Sandbox, key: str = "", **headers: str) -> None:
        authorization = {"Authorization": f"Bearer {key or sandbox.api_key}"} if key != "none" else {}
        self._api = Api(
            sandbox,
            httpx2.AsyncClient(
                transport=sandbox.transport(), base_url="https://api.layers.test", headers=authorization | headers
            ),
        )

    async def __aenter__(self) -> Api:
        return self._api

    async def __aexit__(self, *exception: object) -> None:
        await self._api.client.aclose()


def charges(sandbox: Sandbox) -> list[int]:
    """What was charged and given back, in order."""
    return [event.credits for event in sandbox.ledger() if event.type != "grant"]
