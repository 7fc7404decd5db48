"""The MCP endpoint over real sockets, before a server that is not ours: who and what comes through."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolRequestParams
from starlette.applications import Starlette
from starlette.datastructures import Headers

from layers_mcp.transports.http import CALLER, CallLimiter, EarlyResponse, McpEndpoint, error_response
from layers_mcp.transports.http_origins import Origins
from layers_mcp.transports.http_routes import MetadataEndpoint, create_http_app
from tests.support.http_server import (
    ERAS,
    HANDSHAKE,
    headers_for,
    message,
    messages,
    plain_client,
    post,
    result,
    serving,
    until,
)

pytestmark = pytest.mark.anyio

RESOURCE = "https://mcp.example.com/mcp"
WHO = {"Authorization": "Bearer ada"}


class Lighthouse:
    """A server with three tools: who is calling, wait with progress, and wait for ever."""

    def __init__(self, *, most: int = 10) -> None:
        self.calls = CallLimiter(most)
        self.word = ""
        self.asked: list[str] = []
        self.cancelled = 0
        server: Server[Any] = Server("lighthouse")
        server.add_request_handler("tools/call", CallToolRequestParams, self._call)
        self.manager = StreamableHTTPSessionManager(app=server, stateless=True)

    async def _call(self, context: Any, params: CallToolRequestParams) -> dict[str, Any]:
        if params.name == "blink":
            for step in range(3):
                await context.session.report_progress(step, 3, f"blink {step}")
        if params.name == "watch":
            try:
                await anyio.sleep_forever()
            finally:
                self.cancelled += 1
        who = context.request.scope[CALLER]
        return {"content": [{"type": "text", "text": who}], "isError": False, "resultType": "complete"}

    async def _authenticate(self, headers: Headers) -> str:
        self.asked.append(headers.get("authorization", ""))
        if not self.asked[-1].startswith("Bearer "):
            raise EarlyResponse(error_response(401, "invalid_request", "Who are you?", {"WWW-Authenticate": "Bearer"}))
        return self.asked[-1].removeprefix("Bearer ")

    def application(self, port: int) -> Starlette:
        origins = Origins.of(loopback_port=port, public_url=RESOURCE, origins=["https://chat.example.com"])

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[None]:
            async with self.manager.run():
                yield

        async def ready() -> str:
            if self.word == "never":
                await anyio.sleep_forever()
            return self.word

        return create_http_app(
            endpoint=McpEndpoint(
                origins=origins,
                authenticate=self._authenticate,
                calls=self.calls,
                manager_of=lambda caller: self.manager,
            ),
            ready=ready,
            lifespan=lifespan,
            metadata=MetadataEndpoint(
                origins=origins, resource=RESOURCE, issuer="https://issuer.example", scopes=("a", "b")
            ),
        )


@asynccontextmanager
async def lighthouse(**settings: Any) -> AsyncGenerator[tuple[Lighthouse, httpx2.AsyncClient]]:
    house = Lighthouse(**settings)
    async with serving(house.application) as url, plain_client(url, headers=WHO, timeout=20) as http:
        yield house, http


def call(name: str, era: str = HANDSHAKE, **meta: Any) -> dict[str, Any]:
    return message("tools/call", {"name": name, "arguments": {}, "_meta": meta}, era=era)


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_stands_alone_and_its_handler_learns_who_is_calling(era: str) -> None:
    async with lighthouse() as (_, http):
        answer = await post(http, "/mcp", call("who", era), era, Mcp_Session_Id="long-gone")
        assert result(answer)["content"][0]["text"] == "ada"
        assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("era", ERAS)
async def test_progress_travels_on_the_stream_of_its_own_post(era: str) -> None:
    async with lighthouse() as (_, http):
        answer = await post(http, "/mcp", call("blink", era, progressToken="t"), era)
        assert answer.headers["content-type"].startswith("text/event-stream")
        *notes, last = messages(answer)
        assert [note["params"]["message"] for note in notes] == ["blink 0", "blink 1", "blink 2"]
        assert last["result"]["content"][0]["text"] == "ada"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"])
async def test_every_method_but_post_is_told_so(method: str) -> None:
    async with lighthouse() as (house, http):
        answer = await http.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert not house.asked


async def test_a_preflight_needs_no_credentials_and_names_what_may_be_sent() -> None:
    asking = {"Origin": "https://chat.example.com", "Access-Control-Request-Method": "POST"}
    async with lighthouse() as (house, http):
        for path, method in (("/mcp", "POST"), ("/.well-known/oauth-protected-resource/mcp", "GET")):
            answer = await http.options(path, headers=asking)
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-origin"] == "https://chat.example.com"
            assert answer.headers["access-control-allow-methods"] == method
            allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
            assert {"authorization", "mcp-method", "mcp-name", "x-layers-api-key", "traceparent"} <= set(allowed)
            assert "access-control-allow-credentials" not in answer.headers
            refused = await http.options(path, headers=asking | {"Origin": "https://evil.example"})
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers
        assert not house.asked


async def test_answers_and_refusals_tell_an_allowed_origin_what_it_may_read() -> None:
    async with lighthouse() as (_, http):
        good = await post(http, "/mcp", call("who"), Origin="https://chat.example.com")
        refused = await post(http, "/mcp", call("who"), Origin="https://chat.example.com", Authorization="x")
        for answer, status in ((good, 200), (refused, 401)):
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "https://chat.example.com"
            assert answer.headers["access-control-expose-headers"] == "WWW-Authenticate, Retry-After"
            assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("path", ["/mcp", "/.well-known/oauth-protected-resource/mcp"])
async def test_host_and_origin_are_checked_before_anything_else(path: str) -> None:
    async with lighthouse() as (house, http):
        assert (await post(http, path, call("who"), Host="evil.example")).status_code == 421
        forwarded = await post(http, path, call("who"), Host="evil.example", X_Forwarded_Host="localhost")
        assert forwarded.status_code == 421
        assert (await post(http, path, call("who"), Origin="https://evil.example")).status_code == 403
        assert not house.asked


async def test_health_is_told_to_anyone_and_says_one_word() -> None:
    async with lighthouse() as (house, http):
        evil = {"Host": "evil.example", "Origin": "https://evil.example", "Authorization": ""}
        assert (await http.get("/health/live", headers=evil)).status_code == 200
        ready = await http.get("/health/ready", headers=evil)
        assert (ready.status_code, ready.text) == (200, "ready")
        house.word = "journal"
        away = await http.get("/health/ready", headers=evil)
        assert (away.status_code, away.text) == (503, "journal")
        assert (await http.get("/health/live")).status_code == 200
        assert not house.asked


@pytest.mark.jumping
async def test_readiness_that_hangs_is_answered_within_five_seconds() -> None:
    house = Lighthouse()
    house.word = "never"
    in_process = httpx2.ASGITransport(house.application(80))
    async with httpx2.AsyncClient(transport=in_process, base_url="http://localhost") as http:
        started = anyio.current_time()
        assert (await http.get("/health/ready")).status_code == 503
        assert anyio.current_time() - started <= 5


async def test_metadata_names_the_resource_character_for_character() -> None:
    async with lighthouse() as (house, http):
        answer = await http.get("/.well-known/oauth-protected-resource/mcp")
        assert answer.json()["resource"] == RESOURCE
        assert answer.json()["authorization_servers"] == ["https://issuer.example"]
        assert answer.json()["scopes_supported"] == ["a", "b"]
        assert (await http.post("/.well-known/oauth-protected-resource/mcp")).status_code == 405
        assert not house.asked


@pytest.mark.parametrize(
    "path", ["/", "/mcp/", "/metrics", "/MCP", "/mcp/x", "/health", "/.well-known/openid-configuration"]
)
async def test_nothing_else_is_served_and_nothing_redirects(path: str) -> None:
    async with lighthouse() as (_, http):
        assert (await http.get(path)).status_code == 404


async def test_a_body_of_a_mebibyte_is_taken_and_a_larger_one_is_not() -> None:
    async with lighthouse() as (house, http):
        body = json.dumps(call("who")).encode()
        fits = await http.post("/mcp", content=body.ljust(1024 * 1024), headers=headers_for(call("who")))
        assert fits.status_code == 200
        large = await http.post("/mcp", content=body.ljust(1024 * 1024 + 1), headers=headers_for(call("who")))
        assert large.status_code == 413

        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(40):
                yield b" " * 65536

        endless = await http.post("/mcp", content=pieces(), headers=headers_for(call("who")))
        assert endless.status_code == 413
        assert house.calls.running == 0
        assert (await post(http, "/mcp", call("who"))).status_code == 200


async def test_more_calls_than_the_process_takes_are_told_when_to_come_again() -> None:
    async with lighthouse(most=2) as (house, http), anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(post, http, "/mcp", call("watch"))
        await until(lambda: house.calls.running == 2)
        answer = await post(http, "/mcp", call("who"))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        group.cancel_scope.cancel()


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_goes_away_cancels_its_call_and_frees_its_place(era: str) -> None:
    async with lighthouse(most=1) as (house, http):
        async with anyio.create_task_group() as client:
            client.start_soon(post, http, "/mcp", call("watch", era), era)
            await until(lambda: house.calls.running == 1)
            client.cancel_scope.cancel()
        await until(lambda: house.cancelled == 1 and not house.calls.running)
        assert (await post(http, "/mcp", call("who", era), era)).status_code == 200


async def test_a_draining_server_refuses_new_calls_before_it_asks_who_is_calling() -> None:
    async with lighthouse() as (house, http):
        house.calls.drain()
        answer = await post(http, "/mcp", call("who"))
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert not house.asked
        assert (await http.get("/health/live")).status_code == 200


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"jsonrpc": "2.0"}', b"[" * 5000, b'{"id": ' + b"9" * 5000 + b"}", b"\xff\xfe"]
)
async def test_what_is_no_message_is_answered_without_an_echo(era: str, body: bytes) -> None:
    async with lighthouse() as (_, http):
        answer = await http.post("/mcp", content=body, headers=headers_for(call("who", era), era))
        assert 400 <= answer.status_code < 500 or answer.status_code == 202
        assert "pydantic" not in answer.text
        assert "input_value" not in answer.text
        if answer.text:
            assert answer.json()["error"]["code"] in (-32700, -32600, -32602, -32020, -32001)


async def test_connections_that_say_nothing_keep_nobody_out() -> None:
    async with lighthouse() as (_, http):
        silent = [socket.create_connection((http.base_url.host, http.base_url.port or 0)) for _ in range(300)]
        try:
            assert (await post(http, "/mcp", call("who"))).status_code == 200
            large = b"GET /mcp HTTP/1.1\r\nx: " + b"y" * 65536
            silent[0].sendall(large)
            answer = await anyio.to_thread.run_sync(silent[0].recv, 100)
            assert answer.startswith(b"HTTP/1.1 4")
        finally:
            for each in silent:
                each.close()
