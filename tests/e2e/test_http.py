"""The real `layers-mcp http` as a process: what it prints, how it refuses to start, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.program import PATIENCE, environment
from tests.support.http_server import headers_for, message

pytestmark = [pytest.mark.subprocess, pytest.mark.skipif(os.name != "posix", reason="signals")]


class Served:
    """A running program, and what it answered."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.root = url.removesuffix("/mcp")

    def post(self, tool: str = "list_projects", *, timeout: float = 30, **headers: str) -> httpx2.Response:
        body = message("tools/call", {"name": tool, "arguments": {}})
        return httpx2.post(self.url, json=body, headers={**headers_for(body), **headers}, timeout=timeout)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, the rest of stdout, and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@contextmanager
def http_program(state_dir: Path, *flags: str, **env: str) -> Generator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "layers_mcp", "http", "--port", "0", *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(state_dir, **env),
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("LAYERS_MCP_URL=http://"), process.communicate(timeout=PATIENCE)
        yield Served(process, line.removeprefix("LAYERS_MCP_URL="))
    finally:
        process.kill()
        process.communicate()


def refused(state_dir: Path, *flags: str, **env: str) -> tuple[int, str]:
    """The exit code and the one line of a program that does not start."""
    ended = subprocess.run(
        [sys.executable, "-m", "layers_mcp", "http", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(state_dir, **env),
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.returncode, ended.stderr


def test_it_prints_its_url_alone_serves_and_leaves_at_once_when_nothing_runs(tmp_path: Path) -> None:
    with http_program(tmp_path, "--sandbox") as served:
        assert served.post().status_code == 200
        idle = socket.create_connection(("127.0.0.1", httpx2.URL(served.url).port or 0))
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        code, out, err = served.end()
        idle.close()
        assert (code, out) == (0, "")
        assert time.monotonic() - began < 20, "3 seconds are promised; the machine of a test may be slow"
        assert "Traceback" not in err


def test_a_call_that_runs_is_finished_while_new_ones_are_refused(tmp_path: Path) -> None:
    with http_program(tmp_path, "--sandbox") as served, httpx2.Client(timeout=60) as http:
        order = {"project_id": _project(served), "hook": "Plan less."}
        job = _call(served, "generate_with_hook", order)["structuredContent"]["job_id"]
        body = message(
            "tools/call",
            {"name": "wait_job", "arguments": {"job_ids": [job], "timeout_seconds": 6}, "_meta": {"progressToken": 1}},
        )
        with http.stream("POST", served.url, json=body, headers=headers_for(body)) as waiting:
            lines = waiting.iter_lines()
            next(lines)
            served.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            ready = httpx2.get(f"{served.root}/health/ready")
            assert (ready.status_code, ready.text) == (503, "draining")
            assert httpx2.get(f"{served.root}/health/live").status_code == 200
            late = served.post()
            assert late.status_code == 503
            assert "retry-after" in late.headers
            answer = [json.loads(line[5:]) for line in lines if line.startswith("data:")][-1]
        assert answer["result"]["isError"] is False
        assert served.end()[0] == 0


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with http_program(tmp_path, "--sandbox") as served, httpx2.Client(timeout=60) as http:
        order = {"project_id": _project(served), "hook": "Plan less."}
        job = _call(served, "generate_with_hook", order)["structuredContent"]["job_id"]
        body = message("tools/call", {"name": "wait_job", "arguments": {"job_ids": [job], "timeout_seconds": 40}})
        with http.stream("POST", served.url, json=body, headers=headers_for(body)):
            served.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert served.process.poll() is None
            served.process.send_signal(signal.SIGINT)
            assert served.end()[0] != 0


def _call(served: Served, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    body = message("tools/call", {"name": tool, "arguments": arguments})
    answer = httpx2.post(served.url, json=body, headers=headers_for(body), timeout=30)
    return [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")][-1]["result"]


def _project(served: Served) -> str:
    return _call(served, "list_projects", {})["structuredContent"]["projects"][0]["project_id"]


def test_a_port_that_is_taken_ends_it_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = refused(tmp_path, "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "cannot listen on 127.0.0.1" in told


@pytest.mark.parametrize(
    ("flags", "env", "reason"),
    [
        (["--host", "0.0.0.0"], {}, "--public-url"),
        (["--host", "0.0.0.0", "--auth", "none", "--allowed-host", "a.example"], {}, "--auth none"),
        (["--auth", "key"], {"LAYERS_API_KEY": "lp_test_x"}, "LAYERS_API_KEY"),
        (["--host", "no.such.host.invalid", "--allowed-host", "a.example"], {}, "no address"),
        (["--auth", "oauth", "--oauth-issuer", "https://i.example", "--tenants", "/none.toml"], {}, "tenants file"),
        (["--wrong"], {}, "--wrong"),
    ],
)
def test_what_is_bad_or_unsafe_ends_it_with_one_line_and_code_2(
    flags: list[str], env: dict[str, str], reason: str, tmp_path: Path
) -> None:
    code, told = refused(tmp_path, *flags, **env)
    assert code == 2
    assert reason in told


def test_metrics_are_served_on_their_own_port_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with http_program(
        tmp_path, "--sandbox", "--metrics-port", str(port), "--log-level", "info", "--log-format", "json"
    ) as (served):
        assert served.post().status_code == 200
        answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": "anything"})
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'layers_mcp_tool_calls_total{outcome="ok",tool="list_projects"} 1.0' in answer.text
        assert httpx2.get(f"{served.root}/metrics").status_code == 404
        assert httpx2.post(f"http://127.0.0.1:{port}/mcp").status_code == 404
        served.process.send_signal(signal.SIGTERM)
        code, _, err = served.end()
    assert code == 0
    lines = [json.loads(line) for line in err.splitlines()]
    assert [line["tool"] for line in lines if "outcome" in line] == ["list_projects"]
