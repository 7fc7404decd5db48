"""One request and its answer, or an error that says which way it failed. Nothing is repeated here."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import perf_counter
from typing import Any

import anyio
import httpx2

from layers_mcp import __version__
from layers_mcp.api.body import UnreadableBodyError, read_body
from layers_mcp.api.connections import connect, error_from_exception
from layers_mcp.api.decoding import LARGE_BODY, parse
from layers_mcp.api.error_mapping import error_from_response, http_date, request_id
from layers_mcp.api.errors import BadResponse, InvalidArgument, LayersError, NotConfigured, Unauthenticated
from layers_mcp.api.request import Request
from layers_mcp.api.shared import SharedResources
from layers_mcp.text.secret import Secret

log = logging.getLogger("layers_mcp.api")

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: JSON `data` (None after a 304), and when it came. A `large` one is decoded in a thread."""

    request: Request
    status: int
    data: Any
    at: datetime
    etag: str
    request_id: str
    large: bool


class Transport:
    """Sends requests with the key. The HTTP client, with its TLS context, is built for the first of them."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        organization: str,
        if_refused: str = "",
        transport: httpx2.AsyncBaseTransport | None,
        shared: SharedResources,
        now: Callable[[], datetime],
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = Secret(api_key)
        self._organization = organization
        self._if_refused = if_refused
        self._transport = transport
        self._shared = shared
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
            self._shared.redaction.forget(self._key)

    async def send(self, request: Request, *, seconds: float) -> Response:
        """Send `request` once, within `seconds`. Raises LayersError for every other end than a 2xx in JSON or a 304."""
        prepared = self._prepare(request)
        sent_at, started = self._now(), perf_counter()
        outcome = await self._attempt(prepared, seconds)
        took = (perf_counter() - started) * 1000
        if isinstance(outcome, LayersError):
            self._sent(request, None)
            log.debug("%s %s: %s in %.0f ms", request.method, request.path, outcome.code, took)
            raise outcome
        self._sent(request, outcome.status)
        self.clock_offset = clock_offset(outcome.headers, sent_at, self._now(), self.clock_offset)
        self.times_unauthenticated += outcome.status == HTTPStatus.UNAUTHORIZED
        log.debug("%s %s: %d in %.0f ms", request.method, request.path, outcome.status, took)
        return self._interpret(request, outcome)

    def _sent(self, request: Request, status: int | None) -> None:
        if self._shared.observe is not None:
            self._shared.observe(request.endpoint, status)

    async def _attempt(self, request: httpx2.Request, seconds: float) -> _Received | LayersError:
        """Return what came, or why nothing did; an error is returned, so that no error chain holds the request."""
        status: int | None = None
        try:
            with anyio.fail_after(seconds):
                response = await self._http.send(request, stream=True)
                status = response.status_code
                try:
                    body = await read_body(response)
                except UnreadableBodyError:
                    body = None
                finally:
                    await response.aclose()
                return _Received(status, self._readable(response.headers), body, await self._parsed(body))
        except (TimeoutError, httpx2.RequestError) as failure:
            return error_from_exception(failure, status)

    async def _parsed(self, body: bytes | None) -> Any:
        """Return a body's JSON value without the key, or `_UNREADABLE`."""
        if body is None:
            return _UNREADABLE
        if len(body) <= LARGE_BODY:
            return self._parse(body)
        return await self._shared.decoder.run(partial(self._parse, body))

    def _parse(self, body: bytes) -> Any:
        try:
            return parse(body, self._key.redact if self._key.may_contain(body) else None)
        except ValueError:
            return _UNREADABLE

    def _readable(self, headers: httpx2.Headers) -> dict[str, str]:
        """Return the headers that are looked at, the key taken out of them."""
        return {name: self._key.redact(headers[name]) for name in _HEADERS if name in headers}

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Raises Unreachable where the proxy or certificates that the environment names are of no use."""
        headers = {
            "Authorization": f"Bearer {self._key.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"layers-mcp/{__version__}",
        }
        if self._organization:
            headers["X-Layers-Organization"] = self._organization
        http = httpx2.AsyncClient(
            transport=self._transport or connect(self._base_url, self._shared.verify),
            headers=headers,
            # A client of an API holds no cookies: no answer may change the next request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS),
            follow_redirects=False,
        )
        self._shared.redaction.watch(self._key)
        return http

    def _prepare(self, request: Request) -> httpx2.Request:
        if not self._key:
            raise NotConfigured("There is no API key.")
        if not (self._key.is_header_safe() and _is_header_safe(self._organization)):
            raise NotConfigured("The API key or organization holds characters that cannot be sent.")
        headers: dict[str, str] = {}
        if request.idempotency_key:
            headers["Idempotency-Key"] = request.idempotency_key
        if request.etag:
            headers["If-None-Match"] = request.etag
        http = self._http
        try:
            content = None
            if request.body is not None:
                headers["Content-Type"] = "application/json"
                content = json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()
            return http.build_request(
                request.method, self._base_url + request.path, params=request.params, headers=headers, content=content
            )
        except (UnicodeEncodeError, httpx2.InvalidURL):
            pass  # raised below: these exceptions quote what they could not encode
        raise InvalidArgument("A text is too long or no valid Unicode, and cannot be sent.")

    def _interpret(self, request: Request, received: _Received) -> Response:
        """Return a whole answer. Raises LayersError where it is not what was asked for."""
        at, status, headers = self._now(), received.status, received.headers
        if 200 <= status < 300 or (status == 304 and request.etag):
            complaint = "" if status == 304 else received.complaint
            if complaint:
                raise BadResponse(
                    complaint,
                    status=status,
                    request_id=request_id(headers),
                    # Cut short: under the same ids the whole answer can be had.
                    retryable=bool(received.body) and received.data is _UNREADABLE and received.says_json,
                )
            return Response(
                request=request,
                status=status,
                data=None if status == 304 else received.data,
                at=at,
                etag=_etag(headers.get("etag", "")),
                request_id=request_id(headers),
                large=len(received.body or b"") > LARGE_BODY,
            )
        error = error_from_response(request, status, headers, received.data, now=at)
        if self._if_refused and isinstance(error, Unauthenticated):
            error = error.replace(hint=self._if_refused)
        raise error


_HEADERS = ("age", "content-type", "date", "etag", "retry-after", "x-request-id")

_UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class _Received:
    """What came: a status, headers, and a body (None where it cannot be read) with its JSON value."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    data: Any

    @property
    def says_json(self) -> bool:
        return "json" in self.headers.get("content-type", "json").lower()

    @property
    def complaint(self) -> str:
        """What is wrong with it as a success, or ""."""
        if self.body is None:
            return "Layers answered with a body that cannot be read."
        if not self.body:
            return "Layers answered without a body."
        if not self.says_json:
            return "Layers answered with something other than JSON."
        if self.data is _UNREADABLE:
            return "Layers answered with JSON that is cut short or malformed."
        return ""


def clock_offset(headers: Mapping[str, str], sent: datetime, received: datetime, known: float | None) -> float | None:
    """Return seconds that the clock behind an answer's `Date` is ahead of the one that saw it sent and received.

    The least that explains the header, which counts whole seconds; 0.0 where none is needed. `known` where there is no
    such header, or a cache dated it.
    """
    date = None if "age" in headers else http_date(headers.get("date", ""))
    if date is None:
        return known
    at_least, at_most = (date - received).total_seconds(), (date - sent).total_seconds() + 1.0
    return max(at_least, 0.0) or min(at_most, 0.0)


def _is_header_safe(header: str) -> bool:
    return header.isascii() and header.isprintable()


def _etag(value: str) -> str:
    return value if _is_header_safe(value) and len(value) <= 200 else ""
