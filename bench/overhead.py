"""What a tool call costs beside its parts: the same request sent directly, and a call of the SDK with the same result.

    python bench/overhead.py [rounds]

The upstream is a small HTTP server of its own process that answers a recorded ranking; both clients keep their
connections open; the MCP client is in process, in the protocol's latest version, and checks both results against the
same schema. Rounds are interleaved, so that all three see the same machine. Goal: under 2 ms of our own (the call, less
the request, less the SDK's call).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.types import CallToolResult, ListToolsResult, Tool

from layers_mcp import Credentials, ServerConfig, create_server
from layers_mcp.sandbox import Sandbox

GOAL_MILLISECONDS = 2.0

TOOL = "rank_top_performers"
PATH = "/v1/projects/{}/top-performers?metric=engagement_rate&window=30d&limit=100"

UPSTREAM = """
import socket, sys, uvicorn
body = open(sys.argv[1], "rb").read()
start = {"type": "http.response.start", "status": 200, "headers": [
    (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]}
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    await send(start)
    await send({"type": "http.response.body", "body": body})
# Named as TCP, so that asyncio sets TCP_NODELAY: without it every answer would wait 40 ms for a delayed ACK.
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listening])
"""


async def recorded_ranking() -> tuple[str, bytes]:
    """A project's id and its ranking, as the sandbox answers it."""
    sandbox = Sandbox()
    project_id = sandbox.project_id("acme-todo")
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with httpx2.AsyncClient(transport=sandbox.transport(), base_url="http://sandbox", headers=headers) as client:
        answer = await client.get(PATH.format(project_id))
    sandbox.close()
    return project_id, answer.raise_for_status().content


def answering_server(tool: Tool, result: CallToolResult) -> Server[Any]:
    """A server of the SDK with one tool, whose result it has already."""

    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[tool])

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        return result

    return Server("answering", on_list_tools=list_tools, on_call_tool=call_tool)


async def measure(rounds: int, project_id: str, base_url: str, state_dir: Path) -> dict[str, list[float]]:
    config, credentials = ServerConfig(base_url=base_url, state_dir=state_dir), Credentials(api_key="lp_test_bench_x")
    arguments = {"project_id": project_id, "metric": "engagement_rate"}
    async with (
        httpx2.AsyncClient(base_url=base_url, headers={"Authorization": "Bearer lp_test_bench_x"}) as direct,
        Client(create_server(config, credentials)) as ours,
    ):
        [tool] = [tool for tool in (await ours.list_tools()).tools if tool.name == TOOL]
        result = await ours.call_tool(TOOL, arguments)
        async with Client(answering_server(tool, result)) as answering:

            async def request() -> None:
                (await direct.get(PATH.format(project_id))).json()

            async def call(client: Client) -> None:
                assert not (await client.call_tool(TOOL, arguments)).is_error

            parts = {
                "the request, sent directly": request,
                "a call with the same result": partial(call, answering),
                TOOL: partial(call, ours),
            }
            return await milliseconds_of(parts, rounds)


async def milliseconds_of(parts: Mapping[str, Callable[[], Awaitable[object]]], rounds: int) -> dict[str, list[float]]:
    """How long each part took, by turns."""
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(rounds + 20):
        for name, work in parts.items():
            began = time.perf_counter()
            await work()
            if number >= 20:  # connections, imports and caches are warm by then
                taken[name].append((time.perf_counter() - began) * 1000)
    return taken


def main(rounds: int) -> int:
    """Print the table; exit code 1 where the goal is missed."""
    project_id, ranking = anyio.run(recorded_ranking)
    with tempfile.TemporaryDirectory() as scratch:
        recording = Path(scratch) / "ranking.json"
        recording.write_bytes(ranking)
        command = [sys.executable, "-c", UPSTREAM, str(recording)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as upstream:
            assert upstream.stdout is not None
            base_url = f"http://127.0.0.1:{upstream.stdout.readline().strip()}"
            time.sleep(1)  # the port is bound before it listens
            taken = anyio.run(measure, rounds, project_id, base_url, Path(scratch))
            upstream.terminate()
    rows = len(json.loads(ranking)["items"])
    print(f"{'a ranking of ' + str(rows) + ' rows':<30}{'p50':>9}{'p95':>9}")
    for name, times in taken.items():
        print(f"{name:<30}{statistics.median(times):>6.2f} ms{statistics.quantiles(times, n=20)[-1]:>6.2f} ms")
    request, answering, whole = (statistics.median(times) for times in taken.values())
    own = whole - request - answering
    print(f"{'of our own':<30}{own:>6.2f} ms")
    return int(own > GOAL_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 300))
