"""One request and its answer, or an error that says which way it failed. Nothing is repeated here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLError
from time import perf_counter
from typing import Any

import anyio
import httpx2

from layers_mcp import __version__
from layers_mcp.api.decoding import parse
from layers_mcp.api.error_mapping import refusal, request_id
from layers_mcp.api.errors import (
    BadResponse,
    InvalidArgument,
    LayersError,
    Lost,
    NotConfigured,
    TimedOut,
    Unreachable,
)
from layers_mcp.api.redaction import Redaction
from layers_mcp.api.request import Request
from layers_mcp.text.secret import Secret

log = logging.getLogger("layers_mcp.api")

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of an answer, unpacked: a full page is well under one of them."""
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: JSON `data` (None after a 304), and when it came."""

    request: Request
    status: int
    data: Any
    at: datetime
    etag: str
    request_id: str


class Transport:
    """Sends requests with the key. The HTTP client, with its TLS context, is built for the first of them."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        organization: str,
        transport: httpx2.AsyncBaseTransport | None,
        now: Callable[[], datetime],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = Secret(api_key)
        self._organization = organization
        self._transport = transport
        self._redaction = Redaction(self._key)
        self._now = now
        self.clock_offset: float | None = None
        self.times_unauthenticated = 0

    @property
    def key_fingerprint(self) -> str:
        """Tells one key from another without giving it away."""
        return self._key.fingerprint()

    async def aclose(self) -> None:
        """Close the connections, if any were made."""
        if "_http" in self.__dict__:
            await self._http.aclose()
            self._redaction.remove()

    async def send(self, request: Request, *, seconds: float) -> Response:
        """Send `request` once, within `seconds`. Raises LayersError for every other end than a 2xx in JSON or a 304."""
        prepared = self._prepare(request)
        sent_at, started = self._now(), perf_counter()
        outcome = await self._attempt(prepared, seconds)
        took = (perf_counter() - started) * 1000
        if isinstance(outcome, LayersError):
            log.debug("%s %s: %s in %.0f ms", request.method, request.path, outcome.code, took)
            raise outcome
        response, body = outcome
        self.clock_offset = clock_offset(response.headers, sent_at, self._now(), self.clock_offset)
        self.times_unauthenticated += response.status_code == HTTPStatus.UNAUTHORIZED
        log.debug("%s %s: %d in %.0f ms", request.method, request.path, response.status_code, took)
        return self._interpret(request, response, body)

    async def _attempt(self, request: httpx2.Request, seconds: float) -> tuple[httpx2.Response, bytes] | LayersError:
        """The answer with its whole body, or why there is none; returned, so that no error chain holds the request."""
        response: httpx2.Response | None = None
        try:
            with anyio.fail_after(seconds):
                response = await self._http.send(request, stream=True)
                try:
                    return response, await _body(response)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx2.RequestError, _BodyTooLargeError) as failure:
            return _failure(failure, None if response is None else response.status_code)

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Raises Unreachable where the proxy or certificates that the environment names are of no use."""
        headers = {
            "Authorization": f"Bearer {self._key.reveal()}",
            "Accept": "application/json",
            "User-Agent": f"layers-mcp/{__version__}",
        }
        if self._organization:
            headers["X-Layers-Organization"] = self._organization
        try:
            http = httpx2.AsyncClient(
                transport=self._transport,
                headers=headers,
                # A client of an API holds no cookies: no answer may change the next request.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                # Plain http goes to this machine only, so never through a proxy.
                mounts={"http://": None},
                timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS),
                follow_redirects=False,
            )
        except (ValueError, OSError):
            pass  # raised below: these exceptions quote the proxy's URL, and a password in it
        else:
            self._redaction.install()
            return http
        raise Unreachable(
            "The proxy or the certificates that the environment names cannot be used.",
            retryable=False,
            hint="Check HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR, then restart the server.",
        )

    def _prepare(self, request: Request) -> httpx2.Request:
        if not self._key:
            raise NotConfigured("There is no API key.")
        if not (self._key.is_header_safe() and _sendable(self._organization)):
            raise NotConfigured("The API key or organization holds characters that cannot be sent.")
        headers: dict[str, str] = {}
        if request.idempotency_key:
            headers["Idempotency-Key"] = request.idempotency_key
        if request.etag:
            headers["If-None-Match"] = request.etag
        try:
            content = None
            if request.body is not None:
                headers["Content-Type"] = "application/json"
                content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
            return self._http.build_request(
                request.method, self._base_url + request.path, params=request.params, headers=headers, content=content
            )
        except (UnicodeEncodeError, httpx2.InvalidURL):
            pass  # raised below: these exceptions quote what they could not encode
        raise InvalidArgument("A text is too long or no valid Unicode, and cannot be sent.")

    def _interpret(self, request: Request, response: httpx2.Response, body: bytes) -> Response:
        """Read a whole answer, the key taken out of it. Raises LayersError where it is not what was asked for."""
        at, status = self._now(), response.status_code
        headers = {name.lower(): self._key.redact(value) for name, value in response.headers.items()}
        try:
            data = parse(body, self._key.redact if self._key.may_contain(body) else None)
        except ValueError:
            data = _UNREADABLE
        if response.is_success or (status == 304 and request.etag):
            complaint = "" if status == 304 else _complaint(headers, body, data)
            if complaint:
                raise BadResponse(
                    complaint,
                    status=status,
                    request_id=request_id(headers),
                    # Cut short: under the same ids the whole answer can be had.
                    retryable=bool(body) and data is _UNREADABLE and _says_json(headers),
                )
            return Response(
                request=request,
                status=status,
                data=None if status == 304 else data,
                at=at,
                etag=_etag(headers.get("etag", "")),
                request_id=request_id(headers),
            )
        raise refusal(request, status, headers, data, now=at)


class _BodyTooLargeError(Exception):
    """The body is larger than any answer."""


_UNREADABLE = object()


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LARGEST_BODY:
            raise _BodyTooLargeError
    return bytes(body)


def _failure(failure: Exception, status: int | None) -> LayersError:
    """Why there is no whole answer: a connection that was never made, or one that was lost."""
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
        case httpx2.DecodingError() | _BodyTooLargeError():
            return BadResponse("Layers answered with a body that cannot be read.", status=status)
        case TimeoutError() | httpx2.TimeoutException():
            return TimedOut("Layers did not answer in time.")
        case _:
            return Lost("The connection broke before the whole answer came.")


def _about_trust(failure: BaseException) -> bool:
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, SSLError) or "CERTIFICATE" in str(seen).upper():
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _complaint(headers: Mapping[str, str], body: bytes, data: object) -> str:
    """What is wrong with a success, or ""."""
    if not body:
        return "Layers answered without a body."
    if not _says_json(headers):
        return "Layers answered with something other than JSON."
    if data is _UNREADABLE:
        return "Layers answered with JSON that is cut short or malformed."
    return ""


def _says_json(headers: Mapping[str, str]) -> bool:
    return "json" in headers.get("content-type", "json").lower()


def clock_offset(headers: Mapping[str, str], sent: datetime, received: datetime, known: float | None) -> float | None:
    """Seconds that the clock behind an answer's `Date` is ahead of the one that saw it sent and received.

    The least that explains the header, which counts whole seconds; 0.0 where none is needed. `known` where there is no
    such header, or a cache dated it.
    """
    try:
        if "age" in headers:
            return known
        date = parsedate_to_datetime(headers["date"])
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        at_least, at_most = (date - received).total_seconds(), (date - sent).total_seconds() + 1.0
        return max(at_least, 0.0) or min(at_most, 0.0)
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return known


def _sendable(header: str) -> bool:
    return header.isascii() and header.isprintable()


def _etag(value: str) -> str:
    return value if _sendable(value) and len(value) <= 200 else ""
