"""A real server that sends the key back, over real sockets: no log line and no stream of the program holds it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.app import open_context
from layers_mcp.tools.list_projects import list_projects
from tests.e2e.program import Program, environment
from tests.security.keys import bytes_of, every_key, everything_logged, secret_in
from tests.support import configured

pytestmark = pytest.mark.subprocess


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
    settings = configured(api_key=key, base_url=parrot, state_dir=tmp_path)
    with everything_logged(key) as log:
        async with open_context(**settings) as context:
            projects = await list_projects(context)
            with pytest.raises(LayersError):
                await context.api.jobs.cancel("job_1")
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
