"""MCP over Streamable HTTP: what is checked before the SDK's handlers.

Every request to `/mcp` is one independent POST, in both eras of the protocol: no session, any replica answers. Its
Host, Origin, method, credentials and size are checked in this order; the caller is passed on in the ASGI scope.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import INVALID_REQUEST, PARSE_ERROR
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from layers_mcp.transports.http_origins import Origins, cors_headers, is_preflight, preflight_answer

MCP_PATH = "/mcp"

LARGEST_BODY = 1024 * 1024
"""Bytes of a request."""

CALLER = "layers_mcp.caller"
"""Where in the ASGI scope the endpoint leaves who is calling; a handler's `context.request.scope` has it."""


class EarlyResponse(Exception):  # noqa: N818 - named for what happened
    """The request is answered before it reaches the SDK."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


Authenticate = Callable[[Headers], Awaitable[Any]]
"""Finds out who sent these headers. Raises EarlyResponse."""


def error_response(status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal in the form that OAuth gives its errors (RFC 6749, 5.2)."""
    return JSONResponse({"error": error, "error_description": description}, status, headers)


class CallLimiter:
    """Counts the calls that run; refuses more than `most`, and all of them once the process drains."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.running = 0
        self.draining = False

    def drain(self) -> None:
        """Refuse all further calls."""
        self.draining = True

    def check(self) -> None:
        """Raise EarlyResponse if no call can be taken now."""
        if self.draining:
            raise EarlyResponse(_unavailable("The server is stopping. Call again: another one answers.", 5))
        if self.running >= self._most:
            raise EarlyResponse(_unavailable("The server is busy with as many calls as it can run. Call again.", 1))

    @contextmanager
    def slot(self) -> Generator[None]:
        """Count a call while it runs. Raises EarlyResponse if it cannot be taken."""
        self.check()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1


def _unavailable(description: str, seconds: int) -> Response:
    return error_response(503, "temporarily_unavailable", description, {"Retry-After": str(seconds)})


class McpEndpoint:
    """The ASGI application of `/mcp`."""

    def __init__(
        self,
        *,
        origins: Origins,
        authenticate: Authenticate,
        calls: CallLimiter,
        manager_of: Callable[[Any], StreamableHTTPSessionManager],
    ) -> None:
        """`manager_of` picks the SDK's session manager for what `authenticate` answered."""
        self._origins = origins
        self._authenticate = authenticate
        self._calls = calls
        self._manager_of = manager_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if refusal := self._origins.refusal(headers):
            return await refusal(scope, receive, send)
        send = with_headers(send, cors_headers(headers))
        if is_preflight(scope["method"], headers):
            return await preflight_answer("POST")(scope, receive, send)
        if scope["method"] != "POST":
            return await Response(status_code=405, headers={"Allow": "POST"})(scope, receive, send)
        try:
            self._calls.check()  # a process that takes no calls asks nobody for credentials
            caller = await self._authenticate(headers)
            body = await _read_body(headers, receive)
            if body is None:
                return None
            with self._calls.slot():
                manager = self._manager_of(caller)
                await manager.handle_request({**scope, CALLER: caller}, _replay(body, receive), _without_echo(send))
        except EarlyResponse as early:
            await early.response(scope, receive, send)
        return None


def with_headers(send: Send, added: Mapping[str, str]) -> Send:
    """Return `send`, adding headers to whatever answer passes."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(added)
        await send(message)

    return sending


def _without_echo(send: Send) -> Send:
    """Return `send`, with the SDK's words for a body that is no message replaced: they quote the body and link to
    pydantic.
    """
    held: list[Message] = []

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 400:
            held.append(message)
        elif held:
            start, body = held.pop(), message["body"]
            body = next((ours for theirs, ours in _WORDS.items() if theirs in body), body)
            MutableHeaders(scope=start)["content-length"] = str(len(body))
            await send(start)
            await send({**message, "body": body})
        else:
            await send(message)

    return sending


def _error(code: int, text: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": text}}).encode()


_WORDS = {
    b'"message":"Parse error: ': _error(PARSE_ERROR, "Parse error: the body is no JSON."),
    b'"message":"Validation error: ': _error(INVALID_REQUEST, "The body is no single JSON-RPC message."),
}


async def _read_body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the whole body; None where the client left before its end. Raises EarlyResponse where it is too large."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST_BODY:
        raise _too_large()
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


def _too_large() -> EarlyResponse:
    return EarlyResponse(error_response(413, "invalid_request", f"The body is larger than {LARGEST_BODY} bytes."))


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what was read already, then whatever follows: the client's leaving."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replaying() -> Message:
        return read.pop() if read else await receive()

    return replaying
