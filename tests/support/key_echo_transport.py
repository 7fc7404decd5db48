"""An upstream that sends the key back: in headers, content, errors, redirects, pages and exceptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2

from layers_mcp.sandbox import Fault, Sandbox
from tests.security.keys import PUNCTUATED, secret_in
from tests.support import BASE_URL

Echo = Callable[[httpx2.Request, httpx2.Response], httpx2.Response]


PARTING = ("\u200b", "\x7f", "\x1b[31m", "\x9b31m", "\ue000", "\U000e0041")


def parted(key: str, by: str = "\u200b") -> str:
    """The key with characters in it that cleaning takes out again."""
    return f"{key[:12]}{by}{key[12:]}"


def in_headers(key: str) -> Echo:
    """A good answer whose headers hold the key."""
    headers = {
        "X-Echo": f"Bearer {key}",
        "X-Request-Id": key,
        "ETag": f'"{key}"',
        "Set-Cookie": f"key={quote(key)}",
        "X-RateLimit-Endpoint-Class": key,
    }

    def echo(_: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(answer.status_code, headers={**answer.headers, **headers}, content=answer.content)

    return echo


def in_content(key: str) -> Echo:
    """A good answer in which every text that is no id ends in the key."""

    def spoiled(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {field: spoiled(item, field) for field, item in value.items()} | {key: key}
        if isinstance(value, list):
            return [spoiled(item, name) for item in value]
        keeps = name.lower().endswith(("id", "ids", "at", "status", "since", "until", "cursor", "policy", "bucket"))
        return value if keeps or not isinstance(value, str) else f"{value} {key} {quote(key, safe='')}"

    def echo(_: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code == 304:
            return answer
        body = json.dumps(spoiled(answer.json()), ensure_ascii=False)
        if key == PUNCTUATED:
            body = body.replace("<", "\\u003c").replace("/", "\\/")
        return httpx2.Response(answer.status_code, content=body, headers={"Content-Type": "application/json"})

    return echo


def in_error(key: str, status: int, code: str) -> Echo:
    """An error that holds the key in every place that an error has."""
    details = {
        "issues": [{"path": [key], "message": f"{key} is bad"}, key],
        "missingFields": [key],
        "layers": [key, {"id": key}],
        "approvalStatus": key,
        "subcode": key,
        key: key,
    }
    error = {"code": code or key, "message": f"Bearer {key} is wrong", "requestId": key, "details": details}

    def echo(_: httpx2.Request, __: httpx2.Response) -> httpx2.Response:
        headers = {"X-Request-Id": key, "Retry-After": key} if key.isascii() else {}
        return httpx2.Response(status, json={"error": error}, headers=headers)

    return echo


def in_redirect(key: str) -> Echo:
    """A way to elsewhere, with the key in its address."""

    def echo(_: httpx2.Request, __: httpx2.Response) -> httpx2.Response:
        location = f"https://evil.example/{quote(key, safe='')}?key={quote(key)}"
        return httpx2.Response(302, headers={"Location": location}, text=f"See {location}")

    return echo


def in_page(key: str) -> Echo:
    """A proxy's page."""

    def echo(_: httpx2.Request, __: httpx2.Response) -> httpx2.Response:
        return httpx2.Response(502, html=f"<html>Authorization: Bearer {key}</html>")

    return echo


def in_exception(key: str, kind: type[Exception]) -> Echo:
    """A network whose exception quotes the request."""

    def echo(_: httpx2.Request, __: httpx2.Response) -> httpx2.Response:
        raise kind(f"failed: Authorization: Bearer {key}")

    return echo


ECHOES: dict[str, Callable[[str], Echo]] = {
    "headers": in_headers,
    "content": in_content,
    "redirect": in_redirect,
    "page": in_page,
    **{f"content, parted by {by!a}": lambda key, by=by: in_content(parted(key, by)) for by in PARTING},
    "401 UNAUTHENTICATED, parted": lambda key: in_error(parted(key), 401, "UNAUTHENTICATED"),
    "422 VALIDATION, parted": lambda key: in_error(parted(key), 422, "VALIDATION"),
    "connection refused": lambda key: in_exception(key, httpx2.ConnectError),
    "connection lost": lambda key: in_exception(key, httpx2.ReadError),
    "protocol": lambda key: in_exception(key, httpx2.LocalProtocolError),
    "an exception nobody knows": lambda key: in_exception(key, RuntimeError),
    **{
        f"{status} {code}": lambda key, status=status, code=code: in_error(key, status, code)
        for status, code in (
            (401, "UNAUTHENTICATED"),
            (403, "FORBIDDEN_SCOPE"),
            (404, "NOT_FOUND"),
            (409, "CONFLICT"),
            (409, "IDEMPOTENCY_CONFLICT"),
            (410, ""),
            (422, "VALIDATION"),
            (429, "RATE_LIMITED"),
            (503, "KILL_SWITCH"),
            (500, "INTERNAL"),
            (418, "PLATFORM_ERROR"),
        )
    },
}
FAULTS = [Fault(kind=kind) for kind in ("status", "drop_after", "truncate", "html_502", "job_failed")]


class KeyEchoTransport(httpx2.AsyncBaseTransport):
    """Reach a sandbox under any key; `echo` rewrites its answers, `leaks` holds each request that gave the key away."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.echo: Echo | None = None
        self.leaks: list[str] = []

    def __call__(self, sandbox: Sandbox) -> KeyEchoTransport:
        self._sandbox, self._inner = sandbox, sandbox.transport()
        return self

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        others = [(name, value) for name, value in request.headers.raw if name.lower() != b"authorization"]
        sent = f"{request.url} {others} {request.content!r}"
        right_place = str(request.url).startswith(f"{BASE_URL}/v1/")
        if not right_place or request.headers["Authorization"] != f"Bearer {self._key}" or secret_in(sent, self._key):
            self.leaks.append(sent)
        request.headers["Authorization"] = f"Bearer {self._sandbox.api_key}"
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        return self.echo(request, answer) if self.echo else answer
