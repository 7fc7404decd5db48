"""The routes of the HTTP server: the MCP endpoint, health, and where OAuth clients learn who issues tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from layers_mcp.transports.http import MCP_PATH, McpEndpoint, with_headers
from layers_mcp.transports.http_origins import Origins, cors_headers, is_preflight, preflight_answer

METADATA_PATH = "/.well-known/oauth-protected-resource"
"""Followed by the path of the resource (RFC 9728, 3.1)."""

READY_SECONDS = 5.0
"""Within which readiness is answered, whatever it depends on does."""

Ready = Callable[[], Awaitable[str]]
"""One plain word for what keeps calls from being taken, "" where nothing does."""


def create_http_app(
    *,
    endpoint: McpEndpoint,
    ready: Ready,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    metadata: MetadataEndpoint | None = None,
) -> Starlette:
    """Return the ASGI application. `lifespan` holds what calls rely on: session managers, tenants, journal."""

    async def live(request: Request) -> Response:
        return PlainTextResponse("live")

    async def is_ready(request: Request) -> Response:
        word = "late"
        with anyio.move_on_after(READY_SECONDS - 0.5):
            word = await ready()
        return PlainTextResponse(word or "ready", 503 if word else 200)

    routes = [
        Route(MCP_PATH, endpoint),
        Route("/health/live", live, methods=["GET"]),
        Route("/health/ready", is_ready, methods=["GET"]),
    ]
    if metadata is not None:
        routes += [Route(path, metadata) for path in metadata.paths]
    application = Starlette(routes=routes, lifespan=lifespan)
    application.router.redirect_slashes = False  # a redirect would name the host that the caller sent
    return application


class MetadataEndpoint:
    """RFC 9728: which resource this is, and who issues tokens for it."""

    def __init__(self, *, origins: Origins, resource: str, issuer: str, scopes: tuple[str, ...]) -> None:
        self._origins = origins
        self._content: Mapping[str, Any] = {
            "resource": resource,
            "authorization_servers": [issuer],
            "scopes_supported": list(scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": "Layers: publish to learn",
        }
        self.paths = tuple(dict.fromkeys((METADATA_PATH + MCP_PATH, METADATA_PATH + urlsplit(resource).path)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if refusal := self._origins.refusal(headers):
            return await refusal(scope, receive, send)
        answer = self._answer(scope["method"], headers)
        return await answer(scope, receive, with_headers(send, cors_headers(headers)))

    def _answer(self, method: str, headers: Headers) -> Response:
        if is_preflight(method, headers):
            return preflight_answer("GET")
        if method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        return JSONResponse(self._content, headers={"Cache-Control": "public, max-age=300"})


def metadata_url(resource: str) -> str:
    """Return where clients find the metadata of a resource, as the challenge of a 401 tells them."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{METADATA_PATH}{parts.path}"
