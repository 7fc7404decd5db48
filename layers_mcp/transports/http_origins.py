"""Which Host and Origin headers are accepted, and the CORS headers for browsers.

A page that a name server leads to this machine (DNS rebinding) carries its own name in both headers, so both are
checked. Forwarded headers (`X-Forwarded-*`) are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, Response

from layers_mcp.text.urls import DEFAULT_PORTS

if TYPE_CHECKING:
    from starlette.datastructures import Headers

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
    "X-Layers-Api-Key, X-Layers-Organization, traceparent"
)
EXPOSED_HEADERS = "WWW-Authenticate, Retry-After"
PREFLIGHT_SECONDS = "600"


@dataclass(frozen=True)
class Origins:
    """The hosts and origins that are served; hosts as (name, port), a port "" standing for a scheme's own."""

    hosts: frozenset[tuple[str, str]]
    origins: frozenset[str]

    @classmethod
    def of(
        cls,
        *,
        loopback_port: int | None,
        public_url: str = "",
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
    ) -> Origins:
        """Return the rules of one server.

        `loopback_port` is the port it listens on, where it listens on loopback alone.
        """
        served = {_split(host.lower()) for host in hosts}
        allowed = {normal_origin(origin) for origin in origins}
        if loopback_port is not None:
            for name in ("127.0.0.1", "localhost", "[::1]"):
                served.add((name, str(loopback_port)))
                allowed.add(normal_origin(f"http://{name}:{loopback_port}"))
        if public_url:
            parts = urlsplit(public_url)
            served.add(_split(parts.netloc.lower()))
            allowed.add(normal_origin(f"{parts.scheme}://{parts.netloc}"))
        return cls(frozenset(served), frozenset(allowed))

    def refusal(self, headers: Headers) -> Response | None:
        """421 for a wrong Host, 403 for a wrong Origin, None where both are right."""
        [host, *others] = headers.getlist("host") or [""]
        if others or not self._serves(host):
            return PlainTextResponse("This host is not served here.", 421)
        if not all(origin.lower() in self.origins for origin in headers.getlist("origin")):
            return PlainTextResponse("This origin is not allowed.", 403)
        return None

    def _serves(self, host: str) -> bool:
        name, port = _split(host.lower())
        return any(name == served and _same_port(port, known) for served, known in self.hosts)


def _same_port(port: str, known: str) -> bool:
    """Return whether a port matches: a header without one always does, an entry without one means both usual ports."""
    return not port or port == known or (not known and port in DEFAULT_PORTS.values())


def _split(host: str) -> tuple[str, str]:
    name, mark, port = host.rpartition(":")
    return (name, port) if mark and not port.endswith("]") else (host, "")


def normal_origin(origin: str) -> str:
    """Return an origin as browsers send it: in lower case, without the port that its scheme has anyway."""
    scheme, _, rest = origin.lower().partition("://")
    name, port = _split(rest)
    return f"{scheme}://{name}" if port == DEFAULT_PORTS.get(scheme, "") else f"{scheme}://{rest}"


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a browser asks what it may send."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_answer(method: str) -> Response:
    """Return what may be sent to an endpoint that takes `method`; the answer needs `cors_headers` too."""
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        },
    )


def cors_headers(headers: Headers) -> Mapping[str, str]:
    """Return what every answer tells a browser whose origin was let in. Never with credentials."""
    added = {"Vary": "Origin"}
    if "origin" in headers:
        added |= {
            "Access-Control-Allow-Origin": headers["origin"],
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        }
    return added
