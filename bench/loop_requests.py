"""Requests that one turn of the loop sends to Layers: our tools beside a client that polls naively.

    python bench/loop_requests.py

Both find the project, rank, clone the winner, generate with its hook, wait for both and read the three pieces, on a
sandbox of their own. The naive client asks for each job every two seconds, and nothing that the loop can do without:
no price, no balance, no review policy. The sandbox's clock is slowed until a job takes minutes, as a real one does, and
time jumps from timer to timer.
"""

import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import anyio
import httpx2

from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig
from layers_mcp.sandbox import Sandbox
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tools.clone_post import clone_post
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.get_content import get_content
from layers_mcp.tools.list_projects import list_projects
from layers_mcp.tools.rank_top_performers import rank_top_performers
from layers_mcp.tools.wait_job import wait_job
from tests.support.virtual_time import JumpingLoop

BASE_URL = "https://api.layers.test"
METRIC = "engagement_rate"
SLOWED = 20
"""Seconds for one of the sandbox's: its jobs of 6 to 12 seconds take 2 to 4 minutes."""

START = datetime(2026, 4, 17, 9, tzinfo=UTC)


async def ours(sandbox: Sandbox) -> None:
    """The loop through the tool functions."""
    with tempfile.TemporaryDirectory() as folder:
        config = ServerConfig(base_url=BASE_URL, state_dir=Path(folder))
        credentials = Credentials(api_key=sandbox.api_key)
        async with open_context(config, credentials, transport=sandbox.transport(), clock=sandbox.now) as ws:
            project_id = (await list_projects(ws, search="acme")).projects[0].project_id
            winner = (await rank_top_performers(ws, project_id=project_id, metric=METRIC)).items[0]
            post, hook = winner.platform_post_id, winner.title
            assert post, winner
            clone = await clone_post(ws, project_id=project_id, source_platform_post_id=post, variations=2)
            piece = await generate_with_hook(ws, project_id=project_id, hook=hook)
            assert clone.job_id, clone
            assert piece.job_id, piece
            jobs = (clone.job_id, piece.job_id)
            while not (done := await wait_job(ws, job_ids=jobs, timeout_seconds=45)).all_done:
                pass
            made = [container for job in done.jobs for container in job.container_ids]
            assert len((await get_content(ws, container_ids=tuple(made))).items) == 3


async def naive(sandbox: Sandbox) -> None:
    """The same over HTTP, as one would write it first."""
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with httpx2.AsyncClient(transport=sandbox.transport(), base_url=f"{BASE_URL}/v1", headers=headers) as api:

        async def ask(method: str, path: str, **request: Any) -> dict[str, Any]:
            return (await api.request(method, path, **request)).raise_for_status().json()

        project_id = (await ask("GET", "/projects", params={"search": "acme"}))["items"][0]["id"]
        ranking = await ask("GET", f"/projects/{project_id}/top-performers", params={"metric": METRIC})
        winner = max(ranking["items"], key=lambda row: row["organic"]["views"])
        body = {"projectId": project_id, "sourcePlatformPostId": winner["platformPostId"], "variations": 2}
        orders = [
            await ask("POST", f"/content/{uuid.uuid4()}/clone-from-post", json=body),
            await ask("POST", f"/projects/{project_id}/content", json={"brief": {"hook": winner["title"]}}),
        ]
        for order in orders:
            while (job := await ask("GET", f"/jobs/{order['jobId']}"))["status"] == "running":  # noqa: ASYNC110
                await anyio.sleep(2)
            for asset in job["result"]["assets"]:
                await ask("GET", f"/content/{asset['containerId']}")


async def sent_by(loop: Callable[[Sandbox], Awaitable[None]]) -> Counter[str]:
    """The requests of one turn of `loop`, by kind."""
    began = anyio.current_time()
    with Sandbox(clock=lambda: START + timedelta(seconds=(anyio.current_time() - began) / SLOWED)) as sandbox:
        await loop(sandbox)
        return Counter(kind_of(request.method, request.path) for request in sandbox.requests)


def main() -> int:
    """Print the table; exit code 1 where ours sends more."""
    jumping = {"loop_factory": JumpingLoop}
    ways = {"layers-mcp": ours, "naive client": naive}
    sent = {name: anyio.run(sent_by, way, backend_options=jumping) for name, way in ways.items()}
    kinds = ("orders", "reads", "job polls")
    print("| requests of one loop | " + " | ".join(kinds) + " | all |\n|---|" + "---:|" * (len(kinds) + 1))
    for name, counted in sent.items():
        print(f"| {name} | " + " | ".join(f"{counted[kind]}" for kind in kinds) + f" | {counted.total()} |")
    return int(sent["layers-mcp"].total() > sent["naive client"].total())


def kind_of(method: str, path: str) -> str:
    """What a request is for."""
    return "job polls" if "/jobs/" in path else "orders" if method == "POST" else "reads"


if __name__ == "__main__":
    sys.exit(main())
