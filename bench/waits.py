"""200 agents wait at once for 50 jobs: what reaches Layers, beside 50 waits and beside naive pollers.

    python bench/waits.py

Each job takes 3 to 4 minutes, as a real one does, and answers `If-None-Match` as Layers does. An agent calls `wait_job`
with its longest timeout until its job is done; agents begin up to 20 seconds apart. The naive poller asks for the whole
job every 2 seconds. Time jumps from timer to timer, so an hour of waiting takes seconds; the requests, their order and
their number are what they would be in real time.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import random
import sys
import tempfile
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig
from layers_mcp.context import ToolContext
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tools.wait_job import wait_job
from tests.support.virtual_time import JumpingLoop

JOBS = 50
WAITS = 200
ROUNDS = 5
STAGES = ("queued", "generating_visuals", "rendering", "finalizing")
NAIVE_PAUSE = 2.0


class Upstream:
    """Fifty jobs, and a count of what they were asked."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.seconds = {f"job_{number}": draw.uniform(180, 240) for number in range(JOBS)}
        self.began = anyio.current_time()
        self.requests = 0
        self.bytes = 0
        self.transport = httpx2.MockTransport(self.answer)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        job_id = request.url.path.rpartition("/")[2]
        share = (anyio.current_time() - self.began) / self.seconds[job_id]
        state: dict[str, object] = {"jobId": job_id, "kind": "content_generate", "projectId": "prj_1"}
        if share < 1:
            stage = STAGES[int(share * len(STAGES))]
            state |= {"status": "running", "stage": stage, "progress": int(share * 20) / 20}
        else:
            assets = [{"assetId": f"as_{n}", "kind": "video", "url": f"https://media.test/{n}.mp4"} for n in range(3)]
            state |= {"status": "completed", "result": {"containerId": f"cnt_{job_id}", "assets": assets}}
        body = json.dumps(state).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return httpx2.Response(304, headers={"ETag": etag})
        self.bytes += len(body)
        return httpx2.Response(200, content=body, headers={"ETag": etag, "Content-Type": "application/json"})


@dataclass
class Load:
    """What one round cost."""

    name: str
    requests: int
    bytes: int
    kept_kilobytes: float


async def agent(ws: ToolContext, job_id: str, delay: float) -> None:
    """Wait for one job as an agent does: again and again, until it is done."""
    await anyio.sleep(delay)
    while not (await wait_job(ws, job_ids=(job_id,), timeout_seconds=45)).all_done:
        pass


async def naive(http: httpx2.AsyncClient, job_id: str, delay: float) -> None:
    """Ask for the whole job every two seconds."""
    await anyio.sleep(delay)
    while (await http.get(f"https://api.layers.test/v1/jobs/{job_id}")).json()["status"] == "running":  # noqa: ASYNC110
        await anyio.sleep(NAIVE_PAUSE)


async def crowd(one: Callable[[str, float], Awaitable[None]], waits: int, seed: int) -> None:
    """Let `waits` agents wait for the jobs, as many for each."""
    draw = random.Random(seed)
    async with anyio.create_task_group() as group:
        for number in range(waits):
            group.start_soon(one, f"job_{number % JOBS}", draw.uniform(0, 20))


async def measure(name: str, waits: int, seed: int, ws: ToolContext | None) -> Load:
    """One round: `waits` agents on fresh jobs, through `ws` or by naive polling."""
    upstream = Upstream(seed)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    if ws is None:
        async with httpx2.AsyncClient(transport=upstream.transport) as http:
            await crowd(lambda job_id, delay: naive(http, job_id, delay), waits, seed)
    else:
        SWITCH.now = upstream
        await crowd(lambda job_id, delay: agent(ws, job_id, delay), waits, seed)
    gc.collect()
    kept = (tracemalloc.get_traced_memory()[0] - before) / 1024
    return Load(name, upstream.requests, upstream.bytes, kept)


class Switch:
    """The one transport of a workspace, in front of each round's upstream."""

    now: Upstream

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        return self.now.answer(request)


SWITCH = Switch()


async def main() -> None:
    """Run the rounds and print the table."""
    tracemalloc.start()
    loads: list[Load] = []
    with tempfile.TemporaryDirectory() as folder:
        config = ServerConfig(base_url="https://api.layers.test", state_dir=Path(folder))
        credentials = Credentials(api_key="lp_test_x")
        async with open_context(config, credentials, transport=httpx2.MockTransport(SWITCH)) as ws:
            await measure("warm-up", JOBS, 0, ws)
            loads.append(await measure(f"wait_job, {JOBS} waits on {JOBS} jobs", JOBS, 1, ws))
            loads += [
                await measure(f"wait_job, {WAITS} waits on {JOBS} jobs, round {number}", WAITS, number, ws)
                for number in range(1, ROUNDS + 1)
            ]
        loads.append(await measure(f"naive, {WAITS} pollers on {JOBS} jobs", WAITS, 1, None))
    fifty = loads[0].requests
    print(f"{'':<44}{'polls':>8}{'ratio':>8}{'kB read':>10}{'kB kept':>10}")
    for load in loads:
        ratio = load.requests / fifty
        print(f"{load.name:<44}{load.requests:>8}{ratio:>8.2f}{load.bytes / 1024:>10.0f}{load.kept_kilobytes:>10.1f}")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(main())
