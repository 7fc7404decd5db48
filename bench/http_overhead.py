"""What serving over HTTP costs: calls a second and the time of one, beside a bare SDK server that does nothing.

Both servers are processes of their own on this machine; the read is `list_projects` (three requests) against a fast
local upstream. Run it with the package installed: `python bench/http_overhead.py [SECONDS]`.
"""

from __future__ import annotations

import os
import sys

sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # this file's name is a standard module's

import asyncio
import subprocess
import tempfile
import time
from statistics import median

import httpx2

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
    body = json.dumps(PAGES.get(scope["path"], {})).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")
"""

AT_ONCE = 16
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_projects", "arguments": {}}}


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


async def load(url: str, seconds: float) -> tuple[float, float]:
    """Calls a second with 16 at once, and the median milliseconds of one alone."""
    async with httpx2.AsyncClient(timeout=30) as http:

        async def call() -> None:
            answer = await http.post(url, json=CALL, headers=HEADERS)
            assert answer.status_code == 200, answer.text
            assert '"isError":true' not in answer.text, answer.text

        for _ in range(600):
            try:
                await call()
                break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
        until = time.perf_counter() + seconds
        done = 0

        async def worker() -> None:
            nonlocal done
            while time.perf_counter() < until:
                await call()
                done += 1

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        rate = done / (time.perf_counter() - began)
        alone: list[float] = []
        for _ in range(100):
            started = time.perf_counter()
            await call()
            alone.append((time.perf_counter() - started) * 1000)
        return rate, median(alone)


def resident_megabytes(process: int) -> float:
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    bare, upstream, ours = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as state:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LAYERS_")}
        environ |= {"LAYERS_API_KEY": "lp_test_bench", "LAYERS_STATE_DIR": state}
        environ |= {"LAYERS_BASE_URL": f"http://127.0.0.1:{upstream}"}
        quiet = {"stdout": subprocess.DEVNULL, "env": environ}
        processes = [
            subprocess.Popen([sys.executable, "-c", BARE, str(bare)], **quiet),
            subprocess.Popen([sys.executable, "-c", UPSTREAM, str(upstream)], **quiet),
            subprocess.Popen([sys.executable, "-m", "layers_mcp", "http", "--port", str(ours)], **quiet),
        ]
        try:
            theirs = asyncio.run(load(f"http://127.0.0.1:{bare}/mcp", seconds))
            own = asyncio.run(load(f"http://127.0.0.1:{ours}/mcp", seconds))
            print(f"bare no-op   {theirs[0]:7.0f} calls/s   {theirs[1]:6.2f} ms alone")
            print(f"layers-mcp   {own[0]:7.0f} calls/s   {own[1]:6.2f} ms alone, three upstream reads each")
            memory = resident_megabytes(processes[2].pid)
            print(f"ratio        {own[0] / theirs[0]:7.2f}           {memory:.0f} MB resident")
        finally:
            for process in processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
