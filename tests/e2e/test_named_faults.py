"""What went wrong once, seen from outside: the real program, spoken to as a client speaks to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Program, environment

pytestmark = pytest.mark.subprocess


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema, itself included."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(part)


def test_no_choice_of_a_listed_schema_is_empty(tmp_path: Path) -> None:
    """One such choice, and Gemini's API refuses every tool of the server."""
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        program.send({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        tools = program.receive()["result"]["tools"]
    choices = [node["enum"] for tool in tools for node in nodes(tool["inputSchema"]) if "enum" in node]
    assert len(choices) > len(tools) / 2
    assert not [each for each in choices if "" in each]
    assert not [tool["name"] for tool in tools for node in nodes(tool["inputSchema"]) if "additionalProperties" in node]


@contextmanager
def upstream(replies: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A Layers API on loopback with an answer for each path; its URL, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            known = replies.get(path)
            body = json.dumps(known or {"error": {"code": "NOT_FOUND", "message": "No."}}).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def waiting(number: int) -> dict[str, Any]:
    """A page with one finished piece of a project that waits for a person."""
    content = {"id": f"cnt_{number}", "projectId": f"prj_{number}", "status": "completed", "approvalStatus": "pending"}
    return {"items": [content], "nextCursor": None}


def test_what_waits_for_a_person_in_all_projects_is_one_call(tmp_path: Path) -> None:
    """It was a call a project."""
    numbers = range(12)
    projects = [{"id": f"prj_{each}", "name": f"Customer {each}", "status": "active"} for each in numbers]
    replies = {
        "/v1/whoami": {"organizationId": "org_1", "scopes": []},
        "/v1/projects": {"items": projects, "nextCursor": None},
        **{f"/v1/projects/prj_{each}/content": waiting(each) for each in numbers},
    }
    with upstream(replies) as (url, asked):
        env = environment(tmp_path, LAYERS_API_KEY="lp_test_named_faults", LAYERS_BASE_URL=url)
        with Program(env=env) as program:
            program.handshake()
            found = program.call(1, "get_content", awaiting_approval=True, limit=50)["structuredContent"]
    assert {item["project_name"] for item in found["items"]} == {project["name"] for project in projects}
    assert {f"/v1/projects/prj_{each}/content" for each in numbers} <= set(asked)


CALL = '{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list_projects", "arguments": %s}}\n'


@pytest.mark.parametrize(
    "arguments",
    [
        '{"search": ' + "[" * 300 + "]" * 300 + "}",
        '{"search": ' + '{"x":' * 300 + "1" + "}" * 301,
        "[" * 300 + "]" * 300,
        '{"limit": ' + "9" * 5_000 + "}",
    ],
    ids=["lists in an argument", "objects in an argument", "lists as arguments", "an integer of 5,000 digits"],
)
def test_arguments_nested_300_levels_or_of_endless_digits_are_answered(tmp_path: Path, arguments: str) -> None:
    """They were dropped in silence."""
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        program.write((CALL % arguments).encode())
        answer = program.receive()
        assert answer["id"] == 7
        assert answer.get("result", {}).get("isError") or answer["error"]["code"] in (-32600, -32602, -32700)
        assert not program.call(8, "list_projects")["isError"]
