"""The whole HTTP server in the test's own loop, on a sandbox of several organizations, spoken to over real sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Container
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
from opentelemetry.metrics import Meter

from layers_mcp.app import create_app
from layers_mcp.config import ServerConfig
from layers_mcp.http_app import HttpApp
from layers_mcp.http_config import HttpConfig
from layers_mcp.sandbox import Sandbox
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from tests.support import BASE_URL
from tests.support.http_server import HANDSHAKE, message, plain_client, post, result, serving


class TeamServer:
    """A running server, and clients of it."""

    def __init__(self, app: HttpApp, http: httpx2.AsyncClient) -> None:
        self.app = app
        self.http = http
        self.root = str(http.base_url).rstrip("/")
        self.url = f"{self.root}/mcp"

    async def call(
        self, tool: str, arguments: dict[str, Any] | None = None, *, era: str = HANDSHAKE, **headers: str
    ) -> Any:
        """Call a tool; its result as it is on the wire."""
        return result(await self.post(tool, arguments, era=era, **headers))

    async def facts(self, tool: str, arguments: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """The structured content of a call that has to succeed."""
        answer = await self.call(tool, arguments, **headers)
        assert not answer["isError"], answer
        return answer["structuredContent"]

    async def error(self, tool: str, arguments: dict[str, Any] | None = None, **headers: str) -> str:
        """The text of a call that has to fail."""
        answer = await self.call(tool, arguments, **headers)
        assert answer["isError"], answer
        return answer["content"][0]["text"]

    async def post(
        self, tool: str, arguments: dict[str, Any] | None = None, *, era: str = HANDSHAKE, **headers: str
    ) -> httpx2.Response:
        """The HTTP response of a tool call."""
        body = message("tools/call", {"name": tool, "arguments": arguments or {}}, era=era)
        return await post(self.http, "/mcp", body, era, **headers)

    async def request(self, method: str, *, era: str = HANDSHAKE, **headers: str) -> Any:
        """The result of any other request."""
        return result(await post(self.http, "/mcp", message(method, era=era), era, **headers))


class Held(httpx2.AsyncBaseTransport):
    """The way to a sandbox, on which some requests of one kind wait until they are let go."""

    def __init__(self, sandbox: Sandbox, method: str, ending: str, *, calls: Container[int] = (1,)) -> None:
        """Hold those `calls`, the first being 1, of this method whose path has this ending."""
        self.calls = 0
        self.held = 0
        self.let_go = anyio.Event()
        self._way = sandbox.transport()
        self._method, self._ending, self._calls = method, ending, calls

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == self._method and request.url.path.endswith(self._ending):
            self.calls += 1
            if self.calls in self._calls:
                self.held += 1
                await self.let_go.wait()
        return await self._way.handle_async_request(request)


@asynccontextmanager
async def team_server(
    sandbox: Sandbox,
    state_dir: Path,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    meter: Meter | None = None,
    **settings: Any,
) -> AsyncGenerator[TeamServer]:
    """Serve on the sandbox; `settings` are those of HttpConfig, ServerConfig, Credentials and Policy."""

    def part(kind: Any, **known: Any) -> Any:
        names = {each.name for each in fields(kind)} & settings.keys()
        return kind(**{**known, **{name: settings.pop(name) for name in names}})

    config = HttpConfig(
        server=part(ServerConfig, base_url=BASE_URL, state_dir=state_dir),
        credentials=part(Credentials),
        policy=part(Policy),
        **settings,
    )
    assert not config.conflict(), config.conflict()
    apps: list[HttpApp] = []

    def application(port: int) -> HttpApp:
        upstream = transport or sandbox.transport()
        apps.append(create_app(replace(config, port=port), transport=upstream, clock=sandbox.now, meter=meter))
        return apps[-1]

    async with serving(application) as url, plain_client(url, timeout=60) as http:
        yield TeamServer(apps[0], http)
