"""`layers-mcp doctor --http URL`: what a client without credentials finds at a running HTTP server."""

from __future__ import annotations

import sys
from typing import TextIO
from urllib.parse import urlsplit

import httpx2

from layers_mcp.config import ConfigError

SECONDS = 10.0

_LIST: dict[str, object] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
_HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


async def examine_http(
    url: str, *, transport: httpx2.AsyncBaseTransport | None = None, stream: TextIO | None = None
) -> int:
    """Write a line for each thing to `stream` (stdout); 0 when clients can use the server, else 1."""
    out = stream or sys.stdout
    root = root_of(url)
    works = True
    async with httpx2.AsyncClient(transport=transport, timeout=SECONDS, follow_redirects=False) as http:
        try:
            works = _tell(out, "live", await http.get(f"{root}/health/live"), 200)
            works &= _tell(out, "ready", await http.get(f"{root}/health/ready"), 200)
            works &= await _endpoint(out, http, url)
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            _line(out, "FAIL", "reach", f"{root}: {_why(error)}")
            return 1
    return 0 if works else 1


def root_of(url: str) -> str:
    """Return the server's address in `url`. Raises `ConfigError` where that is no http URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError("--http must be the URL of a server, such as http://127.0.0.1:8000/mcp")
    return f"{parts.scheme}://{parts.netloc}"


def _why(error: Exception) -> str:
    """Return in words why nothing came."""
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {SECONDS:.0f} seconds"
    if isinstance(error, httpx2.ConnectError):
        return "nothing there accepts a connection"
    return "the connection broke off, or what came is no HTTP"


async def _endpoint(out: TextIO, http: httpx2.AsyncClient, url: str) -> bool:
    answer = await http.post(url, json=_LIST, headers=_HEADERS)
    if answer.status_code == 200:
        _line(out, "ok", "tools", "listed without credentials")
        return True
    challenge = answer.headers.get("WWW-Authenticate", "")
    if answer.status_code != 401 or not challenge:
        _line(out, "FAIL", "tools", f"status {answer.status_code}; wanted 200, or 401 with a challenge")
        return False
    _, _, named = challenge.partition('resource_metadata="')
    if not named:
        _line(out, "ok", "tools", "a Layers API key is needed")
        return True
    metadata = await http.get(named.partition('"')[0])
    resource = metadata.json().get("resource") if metadata.status_code == 200 else None
    if resource != url:
        _line(out, "FAIL", "metadata", "it names another resource than this URL: tokens would be for that one")
        return False
    _line(out, "ok", "tools", "an OAuth access token is needed; its metadata names this URL")
    return True


def _tell(out: TextIO, name: str, answer: httpx2.Response, wanted: int) -> bool:
    good = answer.status_code == wanted
    word = answer.text.strip() if len(answer.text) <= 40 and answer.text.isprintable() else ""
    _line(out, "ok" if good else "FAIL", name, word if good else f"status {answer.status_code} {word}".strip())
    return good


def _line(out: TextIO, mark: str, name: str, text: object) -> None:
    print(f"{mark:<5} {name:<20} {text}", file=out)
