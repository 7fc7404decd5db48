"""The sandbox as an HTTP transport: requests reach it without a socket, and fail as they would over one."""

from __future__ import annotations

import anyio
from httpx2 import ASGITransport, ReadTimeout, RemoteProtocolError, Request, Response

from layers_mcp.sandbox.app import App
from layers_mcp.sandbox.asgi import DroppedConnectionError


class SandboxTransport(ASGITransport):
    """In process, with a network's two ways to fail: a connection that breaks, an answer that does not come."""

    def __init__(self, app: App) -> None:
        super().__init__(app)  # pyright: ignore[reportArgumentType]

    async def handle_async_request(self, request: Request) -> Response:
        patience = request.extensions.get("timeout", {}).get("read")
        try:
            with anyio.fail_after(patience):
                return await super().handle_async_request(request)
        except TimeoutError:
            raise ReadTimeout("The read operation timed out", request=request) from None
        except DroppedConnectionError as drop:
            if drop.length:
                text = f"peer closed the connection after {drop.sent} of {drop.length} bytes of the body"
            else:
                text = "Server disconnected without sending a response."
            raise RemoteProtocolError(text, request=request) from None
