"""Connections to the API: made through the proxy that the environment names, used again only while nothing is unread.

HTTP/1.1 keeps a connection open after an answer. Bytes that follow the answer would be taken for the answer to the
next request, whatever that was, so a connection that has any is closed instead.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import h11
import httpcore2
import httpx2

from layers_mcp.api.errors import BadResponse, LayersError, Lost, TimedOut, Unreachable

MOST_CONNECTIONS = 100
MOST_IDLE = 20
IDLE_SECONDS = 5.0

_MOST_AT_ONCE = 4 * 1024
"""Bytes read in one go: in chunks of a byte each they are 700 events, and the event loop is held up by every read."""

_PEEK_TURNS = 3
"""Turns of the event loop for which a used connection is asked for bytes that nobody is waiting for: one finds what was
read already, two find what waits in the socket. A timer would not do, as selectors wait for whole milliseconds.
"""

_ANY_REQUEST = h11.Request(method="GET", target="/", headers=[("Host", "any")])


class AnsweringStream(httpcore2.AsyncNetworkStream):
    """The bytes of one connection, followed far enough to know where the answer to each request ends."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._answer: h11.Connection | None = None
        """The framing of the answer that is awaited; None between one exchange and the next."""
        self._used = self._spoiled = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """Read what came."""
        data = await self._stream.read(min(max_bytes, _MOST_AT_ONCE), timeout)
        if data:
            self._follow(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write a part of a request. A used connection with anything unread is refused: the pool takes another one."""
        if self._answer is None:
            if self._used and (self._spoiled or await self._has_unread_bytes()):
                raise httpcore2.ConnectionNotAvailable
            self._answer, self._used = _answer_to_any_request(), True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection under TLS."""
        return AnsweringStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what the pool asks for; it closes an idle connection that is readable."""
        return (info == "is_readable" and self._spoiled) or self._stream.get_extra_info(info)

    def _follow(self, data: bytes) -> None:
        if self._answer is None:
            self._spoiled = True
            return
        self._answer.receive_data(data)
        try:
            while (event := self._answer.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.EndOfMessage):
                    self._spoiled = bool(self._answer.trailing_data[0])
                    self._answer = None
                    return
        except h11.RemoteProtocolError:
            self._spoiled = True

    async def _has_unread_bytes(self) -> bool:
        """Return whether bytes or the connection's end came since the last answer: TLS hides both from the socket."""
        with anyio.CancelScope() as peek:
            _after_turns(_PEEK_TURNS, peek.cancel)
            with suppress(httpcore2.ReadError):
                await self._stream.read(1)
            return True
        return False


def _answer_to_any_request() -> h11.Connection:
    framing = h11.Connection(h11.CLIENT)
    framing.send(_ANY_REQUEST)
    framing.send(h11.EndOfMessage())
    return framing


def _after_turns(turns: int, act: Callable[[], None]) -> None:
    if turns:
        asyncio.get_running_loop().call_soon(_after_turns, turns - 1, act)
    else:
        act()


class _Network(httpcore2.AsyncNetworkBackend):
    """The network, with connections that know where an answer ends."""

    def __init__(self) -> None:
        self._sockets = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        return AnsweringStream(await self._sockets.connect_tcp(*args, **kwargs))


class PooledTransport(httpx2.AsyncBaseTransport):
    """httpx's own transport, over connections that know where an answer ends."""

    def __init__(self, proxy: httpx2.Proxy | None, verify: ssl.SSLContext) -> None:
        settings: dict[str, Any] = {
            "ssl_context": verify,
            "max_connections": MOST_CONNECTIONS,
            "max_keepalive_connections": MOST_IDLE,
            "keepalive_expiry": IDLE_SECONDS,
            "network_backend": _Network(),
        }
        if proxy is None:
            self._pool = httpcore2.AsyncConnectionPool(**settings)
            return
        url = httpcore2.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        )
        if proxy.url.scheme.startswith("socks5"):
            self._pool = httpcore2.AsyncSOCKSProxy(url, proxy.raw_auth, **settings)
        else:
            headers = proxy.headers.raw
            self._pool = httpcore2.AsyncHTTPProxy(url, proxy.raw_auth, proxy_headers=headers, **settings)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the response's body is read as it comes."""
        url = request.url
        with _httpx_errors():
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=cast("AsyncIterable[bytes]", request.stream),
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=cast("dict[str, Any]", response.extensions),  # pyright: ignore[reportUnknownMemberType]
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        with _httpx_errors():
            async for part in cast("AsyncIterable[bytes]", self._response.stream):
                yield part

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _httpx_errors() -> Generator[None]:
    """Turn an error of the connection pool into httpx's of the same name."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx2, type(error).__name__)(str(error)) from error


def connect(base_url: str, verify: ssl.SSLContext | None = None) -> httpx2.AsyncBaseTransport:
    """Return the transport to `base_url`, through the proxy that the environment names for it.

    Raises Unreachable where that proxy, or the environment's certificates, cannot be used. The error quotes neither: a
    proxy's URL may hold a password.
    """
    try:
        return PooledTransport(_proxy_to(base_url), verify or httpx2.create_ssl_context())
    except (ValueError, OSError, httpx2.InvalidURL):
        pass  # raised below, where no error chain holds the proxy's URL
    raise Unreachable(
        "The proxy or the certificates that the environment names cannot be used.",
        retryable=False,
        hint="Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR, then restart the server.",
    )


def error_from_exception(failure: Exception, status: int | None) -> LayersError:
    """Return the error for an exception of the network: a connection that was never made, or one that was lost."""
    match failure:
        case httpx2.ProxyError():
            return Unreachable("The proxy did not let the request through.")
        case httpx2.ConnectError() if _about_trust(failure):
            return Unreachable(
                "The server's certificate is not trusted.",
                retryable=False,
                hint="Check the base URL, the machine's clock and its trusted certificates.",
            )
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.PoolTimeout() | httpx2.UnsupportedProtocol():
            return Unreachable("Layers could not be reached.")
        case httpx2.DecodingError():
            return BadResponse("Layers answered with a body that cannot be read.", status=status)
        case TimeoutError() | httpx2.TimeoutException():
            return TimedOut("Layers did not answer in time.")
        case _:
            return Lost("The connection broke before the whole answer came.")


def _about_trust(failure: BaseException) -> bool:
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, ssl.SSLError) or "CERTIFICATE" in str(seen).upper():
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _proxy_to(base_url: str) -> httpx2.Proxy | None:
    """Return the proxy for `base_url`; plain http goes to this machine only, so never through one.

    Raises ValueError or httpx2.InvalidURL.
    """
    parts = urlsplit(base_url)
    if parts.scheme != "https" or proxy_bypass(parts.hostname or ""):
        return None
    named = getproxies()
    url = named.get("https") or named.get("all")
    return httpx2.Proxy(url if "://" in url else f"http://{url}") if url else None
