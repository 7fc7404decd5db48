"""What serving over HTTP costs, beside a bare server on the same SDK that does nothing, in the same run.

    python bench/http.py                  # about five minutes
    python bench/http.py growth 100000    # what may grow alone, with so many calls

Every server is a process of its own on this machine; the read is `list_projects` against a fast local upstream: three
requests where it is called alone, fewer where calls of one tenant come together, as they share what is under way.
Servers take turns, and what counts is the processor time that each used for a call: another program on the machine
takes time away from all of them, and then the clock tells little. Memory is read from `/proc`, so this runs on Linux.
Goals: a read at 0.6 of the no-op's calls per process at least; our own share of a call under 2 ms; 1,000 waits at once
under 250 MB; under 1 MB for an open tenant; nothing grows.
"""

from __future__ import annotations

import sys

if __name__ == "http":  # a script in this folder means the standard module of this name: hand that on
    import importlib

    folder = sys.path.pop(0)
    del sys.modules["http"]
    importlib.import_module("http")
    sys.path.insert(0, folder)
elif __name__ == "__main__":
    del sys.path[0]

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

BARE = """
import sys, uvicorn
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams
async def call(ctx, params):
    return {"content": [{"type": "text", "text": "ok"}], "isError": False, "resultType": "complete"}
server = Server("bare")
server.add_request_handler("tools/call", CallToolRequestParams, call)
uvicorn.run(server.streamable_http_app(stateless_http=True), port=int(sys.argv[1]), log_level="error", access_log=False)
"""

UPSTREAM = """
import json, sys, uvicorn
PAGES = {
    "/v1/projects": {"items": [{"id": "prj_1", "name": "one", "status": "active"}], "nextCursor": None},
    "/v1/whoami": {"organizationId": "org_1", "organizationName": "One", "scopes": [], "rateLimitTier": "partner"},
    "/v1/credits": {"organizationId": "org_1", "balance": 10, "estimatedCreditsPerFormat": {"auto": 1}},
}
async def app(scope, receive, send):
    page = PAGES.get(scope["path"])
    if page is None:
        name = scope["path"].rpartition("/")[2]
        page = {"jobId": name, "kind": "content_generate", "projectId": "prj_1", "status": "running", "progress": 0.5}
    body = json.dumps(page).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""

ROUNDS = 5
CALLS = 300
AT_ONCE = 16
WAITS, JOBS = 1_000, 50
TENANTS = 200
GROWTH = 10_000
"""Calls, where the command names no others."""

HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
READ: dict[str, Any] = {"name": "list_projects", "arguments": {}}


class Process:
    """A server: its port, and what the system knows of it."""

    def __init__(self, *command: str, environ: dict[str, str]) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        words = [sys.executable, *(word.replace("PORT", str(self.port)) for word in command)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environ)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def seconds(self) -> float:
        """Processor time used so far."""
        with open(f"/proc/{self._process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        with open(f"/proc/{self._process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


@contextmanager
def running(*flags: str, key: bool = True) -> Generator[list[Process]]:
    """An upstream, a bare server, and ours in front of that upstream."""
    processes: list[Process] = []
    with tempfile.TemporaryDirectory() as state:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LAYERS_")}
        try:
            processes.append(Process("-c", UPSTREAM, "PORT", environ=environ))
            processes.append(Process("-c", BARE, "PORT", environ=environ))
            environ |= {"LAYERS_STATE_DIR": state, "LAYERS_BASE_URL": f"http://127.0.0.1:{processes[0].port}"}
            environ |= {"LAYERS_API_KEY": "lp_test_bench"} if key else {"LAYERS_HTTP_AUTH": "key"}
            processes.append(Process("-m", "layers_mcp", "http", "--port", "PORT", *flags, environ=environ))
            yield processes
        finally:
            for process in processes:
                process.end()


class Caller:
    """A client that keeps its connections."""

    def __init__(self) -> None:
        import httpx2

        self._failures = httpx2.TransportError
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        self._http = httpx2.AsyncClient(timeout=120, limits=limits)

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def call(self, server: Process, params: dict[str, Any] = READ, **headers: str) -> None:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = await self._http.post(f"http://127.0.0.1:{server.port}/mcp", json=body, headers=HEADERS | headers)
        assert answer.status_code == 200, answer.text
        assert params is not READ or '"isError":true' not in answer.text, answer.text

    async def read_directly(self, upstream: Process, calls: int) -> float:
        """Milliseconds of processor time that this process needs for the requests of a read."""
        began = time.process_time()
        for _ in range(calls):
            for path in ("projects", "whoami", "credits"):
                (await self._http.get(f"http://127.0.0.1:{upstream.port}/v1/{path}")).json()
        return (time.process_time() - began) / calls * 1000

    async def first_call(self, server: Process, **headers: str) -> None:
        for _ in range(600):
            try:
                return await self.call(server, **headers)
            except self._failures:
                await asyncio.sleep(0.1)
        raise TimeoutError("the server does not answer")

    async def many(self, server: Process, calls: int, at_once: int = AT_ONCE) -> float:
        """So many calls, some at once: the milliseconds of processor time that the server used for each."""
        before = server.seconds
        left = iter(range(calls))

        async def worker() -> None:
            for _ in left:
                await self.call(server)

        await asyncio.gather(*(worker() for _ in range(at_once)))
        return (server.seconds - before) / calls * 1000

    async def alone(self, server: Process, calls: int = 60) -> float:
        """The median milliseconds of a call when nothing else runs."""
        times: list[float] = []
        for _ in range(calls):
            began = time.perf_counter()
            await self.call(server)
            times.append((time.perf_counter() - began) * 1000)
        return median(times)


async def throughput() -> list[tuple[str, str, bool]]:
    """A read beside the no-op: processor time a call, by turns."""
    ratios: list[float] = []
    own: list[float] = []
    direct: list[float] = []
    with running() as (upstream, bare, ours):
        async with Caller() as caller:
            for server in (bare, ours):
                await caller.first_call(server)
                await caller.many(server, CALLS)
            for _ in range(ROUNDS):
                ratios.append(await caller.many(bare, CALLS) / await caller.many(ours, CALLS))
                own.append(-await caller.many(bare, CALLS, 1) + await caller.many(ours, CALLS, 1))
                direct.append(await caller.read_directly(upstream, CALLS // 3))
            alone = [await caller.alone(server) for server in (bare, ours)]
    shown = f"{median(ratios):.2f} (of {', '.join(f'{each:.2f}' for each in ratios)})"
    return [
        ("a read's calls per process, of the no-op's", shown, median(ratios) >= 0.6),
        (
            "a read and its three requests, over the no-op",
            f"{median(own):.2f} ms of processor beside {median(direct):.2f} ms for such requests sent directly",
            median(own) - median(direct) < 2,
        ),
        ("a call alone, by the clock", f"{alone[1]:.1f} ms beside {alone[0]:.1f} ms", True),
    ]


async def waits() -> list[tuple[str, str, bool]]:
    """Many agents waiting at once for few jobs."""
    with running("--tenant-calls", str(WAITS + 10), "--max-calls", str(WAITS + 10)) as (_, _, ours):
        async with Caller() as caller:
            await caller.first_call(ours)
            before = ours.megabytes

            def wait(number: int) -> dict[str, Any]:
                return {"name": "wait_job", "arguments": {"job_ids": [f"job_{number % JOBS}"], "timeout_seconds": 30}}

            at_once = asyncio.gather(*(caller.call(ours, wait(number)) for number in range(WAITS)))
            await asyncio.sleep(20)
            within = ours.megabytes
            await at_once
    each = (within - before) / WAITS * 1024
    return [(f"{WAITS:,} waits at once", f"{within:.0f} MB resident, {each:.0f} kB each", within < 250)]


async def tenants() -> list[tuple[str, str, bool]]:
    """Tenants whose workspace is open."""
    with running(key=False) as (_, _, ours):
        async with Caller() as caller:

            async def open_all(numbers: range) -> None:
                for number in numbers:
                    await caller.call(ours, READ, **{"X-Layers-Api-Key": f"lp_test_{number}"})

            await caller.first_call(ours, **{"X-Layers-Api-Key": "lp_test_first"})
            await open_all(range(20))
            before = ours.megabytes
            await open_all(range(20, 20 + TENANTS))
            each = (ours.megabytes - before) / TENANTS * 1024
    return [("an open tenant", f"{each:.0f} kB", each < 1024)]


async def growth(calls: int) -> list[tuple[str, str, bool]]:
    """Memory after each tenth of many calls; what the second half of them adds."""
    samples: list[float] = []
    with running() as (_, _, ours):
        async with Caller() as caller:
            await caller.first_call(ours)
            for _ in range(10):
                await caller.many(ours, calls // 10)
                samples.append(ours.megabytes)
    told = " ".join(f"{sample:.1f}" for sample in samples)
    return [(f"MB after each tenth of {calls:,} calls", told, samples[-1] < samples[4] * 1.02)]


async def main(only: str = "", calls: str = "") -> int:
    """Print what was measured; the exit code is how many goals were missed."""
    growing = partial(growth, int(calls or GROWTH))
    measures = {"throughput": throughput, "tenants": tenants, "waits": waits, "growth": growing}
    missed = 0
    for measure in [measures[only]] if only else measures.values():
        for name, value, met in await measure():
            print(f"{name:<46} {value}{'' if met else '   GOAL MISSED'}", flush=True)
            missed += not met
    return missed


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
