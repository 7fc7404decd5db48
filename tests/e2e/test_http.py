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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from layers_mcp.transports.http_server import DRAIN_SECONDS
from tests.e2e.program import environment
from tests.support import PATIENCE
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

    def wait_until_it_drains(self) -> None:
        """Ask whether it is ready until it says that it drains."""
        deadline = time.monotonic() + PATIENCE
        while (ready := httpx2.get(f"{self.root}/health/ready")).status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert (ready.status_code, ready.text) == (503, "draining")

    def end(self, seconds: float = PATIENCE) -> tuple[int, str, str]:
        """Wait for its end: exit code, the rest of stdout, and stderr."""
        out, err = self.process.communicate(timeout=seconds)
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
        served.process.send_signal(signal.SIGTERM)
        code, out, err = served.end(DRAIN_SECONDS / 2)
        idle.close()
        assert (code, out) == (0, "")
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
            served.wait_until_it_drains()
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
            served.wait_until_it_drains()
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


def test_a_thousand_silent_connections_and_what_never_ends_keep_nobody_out(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard == resource.RLIM_INFINITY else max(hard, 2_000), hard))
    with http_program(tmp_path, "--sandbox") as served, ExitStack() as stack:
        address = ("127.0.0.1", httpx2.URL(served.url).port or 0)

        def connect(said: bytes = b"") -> socket.socket:
            connected = stack.enter_context(socket.create_connection(address, timeout=PATIENCE))
            connected.sendall(said)
            return connected

        silent = [connect() for _ in range(1_000)]
        head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % address[1]
        large = connect(b"GET /mcp HTTP/1.1\r\nx: " + b"y" * 65_536)
        endless = connect(head + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
        declared = connect(head + b"Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n{")
        assert served.post().status_code == 200
        assert large.recv(12).startswith(b"HTTP/1.1 4")
        assert declared.recv(12) == b"HTTP/1.1 413"
        assert served.post().status_code == 200
        assert endless.recv(12) == b"HTTP/1.1 408"
        assert all(each.recv(1) == b"" for each in silent), "closed without a word"
        assert served.post().status_code == 200


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_sighup_reads_the_tenants_file_again_and_a_bad_one_keeps_the_old(tmp_path: Path) -> None:
    good = '[[tenant]]\nmatch = { org = "acme" }\napi_key_env = "ACME"\n'
    tenants = tmp_path / "tenants.toml"
    tenants.write_text(good, encoding="utf-8")
    flags = ["--auth", "oauth", "--oauth-issuer", "http://127.0.0.1:9", "--tenants", str(tenants)]
    with http_program(tmp_path, *flags, "--log-level", "info", ACME="lp_test_acme") as served:
        assert served.process.stderr is not None
        for text, said in ((good.replace("acme", "globex"), "was read again"), ("[[", "the old one stays in force")):
            tenants.write_text(text, encoding="utf-8")
            served.process.send_signal(signal.SIGHUP)
            assert any(said in line for line in served.process.stderr)
            assert httpx2.get(f"{served.root}/health/live").status_code == 200
        assert served.post().status_code == 401
        served.process.send_signal(signal.SIGTERM)
        assert served.end()[0] == 0
