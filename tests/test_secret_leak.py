"""The API key stands in one header of each request, and nowhere else.

Not in an answer, an error, a progress message, a log line at debug level, a `repr`, the journal, or what `doctor`
says; not when upstream sends it back in headers, redirects, errors or the content itself, in whatever spelling; not
when the network's own exceptions quote it.
"""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from layers_mcp.cli import main
from layers_mcp.cli.doctor import examine
from layers_mcp.cli.logs import RedactingFormatter
from layers_mcp.layers.errors import LayersError
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.settings import Settings
from layers_mcp.tools import CATALOG
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.list_projects import list_projects
from layers_mcp.workspace import Workspace
from tests.e2e.program import Program, environment
from tests.stage import Stage, open_stage
from tests.support import BASE_URL

PLAIN = "lp_live_k3y1d_s3cr3tS3CR3T0123456789"
PUNCTUATED = "lp_live_\"q\\b/c?d=e&f%41<g>'h+_s3cr3t"
every_key = pytest.mark.parametrize("key", [PLAIN, PUNCTUATED], ids=["plain", "punctuated"])


def spellings(key: str) -> set[str]:
    """The key as it is, in JSON (of two dialects), in a URL and in Python's quotes."""
    in_json = json.dumps(key)[1:-1]
    escaped = "".join(f"\\u{ord(char):04x}" if char in "<>&'+" else char for char in in_json)
    return {key, in_json, in_json.replace("/", "\\/"), escaped, quote(key, safe=""), quote(key), repr(key)[1:-1]}


def secret_in(text: str, key: str) -> list[str]:
    """Which spellings of the key stand in the text."""
    return [spelling for spelling in spellings(key) if spelling in text]


# --- an upstream that gives the key away

Echo = Callable[[httpx2.Request, httpx2.Response], httpx2.Response]


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
        body = json.dumps(spoiled(answer.json()))
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
        return httpx2.Response(status, json={"error": error}, headers={"X-Request-Id": key, "Retry-After": key})

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


class Gossip(httpx2.AsyncBaseTransport):
    """The way to a sandbox under any key; `echo` spoils its answers. What gives the key away is a betrayal."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.echo: Echo | None = None
        self.betrayals: list[str] = []

    def __call__(self, sandbox: Sandbox) -> Gossip:
        self._sandbox, self._way = sandbox, sandbox.transport()
        return self

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        others = [(name, value) for name, value in request.headers.raw if name.lower() != b"authorization"]
        sent = f"{request.url} {others} {request.content!r}"
        right_place = str(request.url).startswith(f"{BASE_URL}/v1/")
        if not right_place or request.headers["Authorization"] != f"Bearer {self._key}" or secret_in(sent, self._key):
            self.betrayals.append(sent)
        request.headers["Authorization"] = f"Bearer {self._sandbox.api_key}"
        answer = await self._way.handle_async_request(request)
        await answer.aread()
        return self.echo(request, answer) if self.echo else answer


class Listener(logging.Handler):
    """Keeps what it is told by handlers that know nothing of the key; a traceback, as the program writes it."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.plain, self.programs = logging.Formatter("%(name)s: %(message)s"), RedactingFormatter([key])
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((self.programs if record.exc_info else self.plain).format(record))


@contextmanager
def everything_logged(key: str) -> Iterator[list[str]]:
    """What every logger says at debug level."""
    listener, root = Listener(key), logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield listener.lines
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


async def everything_said(stage: Stage, prepared: dict[str, dict[str, Any]]) -> list[str]:
    """Call every tool: all that comes back, progress included."""
    said: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        said.append(f"progress: {message}")

    for name in CATALOG:
        arguments = prepared[name]
        if "take" in arguments:
            arguments["take"] += 1
        result = await stage.client.call_tool(name, arguments, progress_callback=progress)
        said.append(f"{name}: {result.model_dump_json()} {result.structured_content!r}")
    return said


@every_key
@pytest.mark.jumping
async def test_no_answer_log_line_or_journal_holds_the_key_whatever_upstream_echoes(key: str, tmp_path: Path) -> None:
    gossip, leaks = Gossip(key), dict[str, list[str]]()
    with everything_logged(key) as log:
        async with open_stage(tmp_path, wire=gossip, api_key=key) as stage:

            async def look(place: str) -> None:
                before = len(log)
                said = await everything_said(stage, prepared)
                if found := [text for text in (*said, *log[before:]) if secret_in(text, key)]:
                    leaks[place] = found

            prepared = {name: await stage.ready_for(name) for name in CATALOG}
            for name, echo in ECHOES.items():
                gossip.echo = echo(key)
                await look(name)
            gossip.echo = in_headers(key)
            for fault in FAULTS:
                stage.sandbox.faults[:] = [fault]
                await look(fault.kind)
    assert not leaks
    assert not gossip.betrayals
    assert {line.split(":")[0] for line in log} >= {"httpx2", "layers_mcp.layers"}
    assert (tmp_path / "orders.db").stat().st_size > 0
    assert not secret_in(bytes_of(tmp_path).decode("latin-1"), key)


# --- what is not an answer


def reachable(value: object, seen: dict[int, object], depth: int = 8) -> None:
    """Every object of ours and of the HTTP client that can be reached from `value`."""
    if depth == 0 or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, dict):
        parts = [*value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [*value]
    elif type(value).__module__.split(".")[0] in ("layers_mcp", "httpx2", "sqlalchemy"):
        parts = [*getattr(value, "__dict__", {}).values()]
    else:
        return
    for part in parts:
        reachable(part, seen, depth - 1)


@every_key
async def test_no_repr_of_anything_in_a_workspace_holds_the_key(key: str, tmp_path: Path) -> None:
    sandbox = Sandbox()
    settings = Settings(api_key=key, base_url=BASE_URL, state_dir=tmp_path)
    async with Workspace(settings, transport=Gossip(key)(sandbox)) as ws:
        page = await ws.layers.projects()
        await generate_with_hook(ws, project_id=page.items[0].id, hook="Plan less.")
        seen: dict[int, object] = {}
        reachable([ws, page], seen)
        objects = [value for value in seen.values() if type(value).__module__ != "builtins"]
        shown = [f"{value!r} {value}" for value in objects]
    sandbox.close()
    assert {type(value).__name__ for value in objects} >= {"Settings", "Exchange", "Secret", "AsyncClient", "OrderBook"}
    assert not [text for text in shown if secret_in(text, key)]
    assert not secret_in(f"{settings!r} {settings} {settings.sources!r}", key)


@every_key
@pytest.mark.parametrize("echo", ["headers", "content", "redirect", "page", "401 UNAUTHENTICATED", "connection lost"])
@pytest.mark.jumping
async def test_the_doctor_never_tells_the_key(key: str, echo: str, tmp_path: Path) -> None:
    sandbox, gossip, told = Sandbox(), Gossip(key), io.StringIO()
    gossip.echo = ECHOES[echo](key)
    settings = Settings.load({"base_url": BASE_URL, "state_dir": str(tmp_path)}, {"LAYERS_API_KEY": key})
    with everything_logged(key) as log:
        await examine(settings, transport=gossip(sandbox), stream=told)
    sandbox.close()
    assert "set (LAYERS_API_KEY)" in told.getvalue()
    assert not secret_in(told.getvalue() + "".join(log), key)


@every_key
def test_no_complaint_about_settings_or_flags_repeats_the_key(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(f"{key} and more")
    monkeypatch.setenv("LAYERS_API_KEY", f"{key} {key}")
    for arguments in (
        [],
        ["doctor"],
        ["--api-key", key],
        [f"--api-key={key}"],
        ["doctor", key],
        ["--api-key-file", key],
        ["--api-key-file", str(tmp_path / "key")],
        ["--base-url", f"https://{key}@api.layers.com"],
        ["--log-level", key],
        ["--daily-credit-limit", key],
        ["--journal-url", key],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2, arguments
        output = "".join(capsys.readouterr())
        assert output, arguments
        assert not secret_in(output, key), arguments


# --- the real program


class Parrot(BaseHTTPRequestHandler):
    """A real server that tells whoever asks what key they have; each endpoint in another way."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        endpoint = self.path.partition("?")[0].rpartition("/")[2]
        replies: dict[str, tuple[int, str, str]] = {
            "whoami": (200, "application/json", json.dumps({"organizationId": "org_1", "organizationName": key})),
            "projects": (200, "application/json", json.dumps({"items": [{"id": "prj_1", "name": key}]})),
            "credits": (302, "text/plain", key),
            "metrics": (422, "application/json", json.dumps({"error": {"code": "VALIDATION", "message": key}})),
            "top-performers": (200, "text/html", f"<html>{key}</html>"),
        }
        other = (404, "application/json", json.dumps({"error": {"code": key, "message": key, "requestId": key}}))
        status, kind, body = replies.get(endpoint, other)
        self.send_response(status, key)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Location": f"/elsewhere/{quote(key, safe='')}",
            "X-Request-Id": key,
            "X-Echo": f"Bearer {key}",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def parrot() -> Iterator[str]:
    """Its base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@every_key
async def test_no_log_line_holds_the_key_when_a_real_server_sends_it_back(
    key: str, parrot: str, tmp_path: Path
) -> None:
    settings = Settings(api_key=key, base_url=parrot, state_dir=tmp_path)
    with everything_logged(key) as log:
        async with Workspace(settings) as ws:
            projects = await list_projects(ws)
            with pytest.raises(LayersError):
                await ws.layers.cancel_job("job_1")
    assert not secret_in(projects.model_dump_json() + repr(projects), key)
    assert any(line.startswith("httpcore2.http11: receive_response_headers.complete") for line in log)
    assert not [line for line in log if secret_in(line, key)]


@every_key
def test_the_real_program_writes_the_key_to_neither_stream_at_debug_level(
    key: str, parrot: str, tmp_path: Path
) -> None:
    variables = environment(tmp_path, LAYERS_API_KEY=key, LAYERS_BASE_URL=parrot)
    project = {"project_id": "prj_1"}
    with Program("--log-level", "debug", env=variables) as program:
        said = [program.handshake()]
        said.append(program.call(1, "list_projects"))
        said.append(program.call(2, "get_metrics", **project))
        said.append(program.call(3, "rank_top_performers", **project, metric="views"))
        said.append(program.call(4, "clone_post", **project, source_platform_post_id="pp_1"))
        said.append(program.call(5, "cancel_job", job_id="job_1"))
        said.append(program.call(6, "review_commissions"))
        code, rest, log = program.end()
    assert code == 0
    assert [message.get("isError") for message in said[1:]] == [False, True, True, True, True, False]
    assert "httpcore2.http11: receive_response_headers.complete" in log
    assert not secret_in(log, key)
    stdout = json.dumps([*said, *rest]) + repr([*said, *rest])
    assert not secret_in(stdout, key)
    assert not secret_in(bytes_of(tmp_path).decode("latin-1"), key)
