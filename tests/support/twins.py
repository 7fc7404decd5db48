"""One API with organizations that are twins down to the ids of their projects, and an application in front of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from layers_mcp.http_app import HttpApp
from layers_mcp.sandbox import Sandbox
from tests.support.upstream import refused


class Layers(httpx2.AsyncBaseTransport):
    """One API with both organizations. Keys that were given up, and unknown ones, are refused."""

    def __init__(self, **worlds: Sandbox) -> None:
        self.worlds = worlds
        self.keys = {world.api_key: name for name, world in worlds.items()}

    def new_key(self, name: str) -> str:
        key = self.worlds[name].issue_key()
        self.keys = {known: owner for known, owner in self.keys.items() if owner != name} | {key: name}
        return key

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        name = self.keys.get(request.headers["Authorization"].removeprefix("Bearer "))
        if name is None:
            return refused(401, "UNAUTHENTICATED", "The key is not valid.")
        return await self.answer(name, request)

    async def answer(self, name: str, request: httpx2.Request) -> httpx2.Response:
        answer = await self.worlds[name].transport().handle_async_request(request)
        if request.url.path == "/v1/whoami" and answer.status_code == 200:
            await answer.aread()
            return httpx2.Response(200, json={**answer.json(), "organizationId": f"org_{name}"})
        return answer


class PartnerLayers(Layers):
    """One API where both organizations are children of a partner, with one key for all of them."""

    def __init__(self, **worlds: Sandbox) -> None:
        super().__init__(**worlds)
        self.key, self.children = "lp_test_partner_1", set(worlds)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = dict(request.headers)
        name = headers.pop("x-layers-organization", "").removeprefix("org_")
        if headers["authorization"] != f"Bearer {self.key}":
            return refused(401, "UNAUTHENTICATED", "The key is not valid.")
        if name not in self.children:
            return refused(404, "NOT_FOUND", "There is no such organization.")
        headers["authorization"] = f"Bearer {self.worlds[name].api_key}"
        content = await request.aread()
        return await self.answer(name, httpx2.Request(request.method, request.url, headers=headers, content=content))


class Running:
    """An application between the start and the end of its lifespan, in a task of its own."""

    def __init__(self, app: HttpApp) -> None:
        self.app = app
        self._started, self._stop = asyncio.Event(), asyncio.Event()
        self._asked = False
        self._task = asyncio.create_task(app({"type": "lifespan", "state": {}}, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, told: Any) -> None:
        if told["type"] == "lifespan.startup.complete":
            self._started.set()

    async def started(self) -> None:
        await self._started.wait()

    async def stop(self) -> None:
        self._stop.set()
        await self._task
