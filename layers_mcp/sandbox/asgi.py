"""ASGI: requests read whole, responses sent, and connections that break on purpose."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from layers_mcp.sandbox.responses import Response, invalid

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE_CONNECTION = "layers.close_connection"
"""The scope extension by which a server lets a fault close the connection."""


class DroppedConnectionError(Exception):
    """The exchange was broken off by a fault; `sent` of `length` bytes of the body got through."""

    def __init__(self, sent: int = 0, length: int = 0) -> None:
        super().__init__("The connection was dropped.")
        self.sent = sent
        self.length = length


class ClientDisconnect(Exception):  # noqa: N818 - named for what happened, as in Starlette
    """The client left before its request was whole."""


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @classmethod
    async def read(cls, scope: Message, receive: Receive) -> Request:
        """Return the whole request, body included. Raises `ClientDisconnect`."""
        parts: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.split(b"?")[0].decode("latin-1")
        return cls(
            method=scope["method"],
            path=path,
            segments=tuple(unquote(segment) for segment in path.split("/")),
            query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body=b"".join(parts),
        )

    def json(self) -> object:
        """Return the body as JSON; none at all reads as an empty object."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise invalid("", "The body is not JSON.") from None


async def send_response(send: Send, response: Response, cut: int | None) -> None:
    """Send the response, or its body up to `cut` and the promise of more."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    if response.status != 304:
        headers.append((b"Content-Length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body[:cut], "more_body": cut is not None})


async def drop_connection(scope: Message, receive: Receive, sent: int = 0, length: int = 0) -> None:
    """Break the exchange off: close the server's connection, or in process raise what a client would meet."""
    close = scope.get("extensions", {}).get(CLOSE_CONNECTION)
    if close is None:
        raise DroppedConnectionError(sent, length)
    close()
    while (await receive())["type"] != "http.disconnect":
        pass
