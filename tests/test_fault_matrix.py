"""Every fault of the sandbox on every tool: the right outcome, the right words about what changed, in time.

The oracle knows no fault: it looks at the world afterwards. Whoever says that nothing was changed must have changed
nothing, a success must be there exactly once, and the same call without the fault must lead to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import jsonschema
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.server import create_server
from layers_mcp.settings import Settings
from layers_mcp.tools import CATALOG, DEFINITIONS
from tests.support import BASE_URL, LoopClock

pytestmark = pytest.mark.jumping

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}
SECONDS = 45
FAILURE = re.compile(
    r"[A-Z_]+( \(\d{3}\))?: [^<>]+?"
    r"(?P<effect>Nothing was changed\.|Unknown whether [a-z ]+: calling again with the same arguments is safe\.)"
    r" [A-Z`][^<>]+"
)

FAULTS: dict[str, dict[str, Any]] = {
    "an answer a minute late": {"kind": "latency", "seconds": 60},
    "an answer five seconds late": {"kind": "latency", "seconds": 5},
    "a server error": {"kind": "status", "status": 500},
    "an overloaded server": {"kind": "status", "status": 503},
    "a rate limit": {"kind": "status", "status": 429},
    "a missing endpoint": {"kind": "status", "status": 404},
    "a connection dropped before the work": {"kind": "drop_before"},
    "a connection dropped after the work": {"kind": "drop_after"},
    "a body cut short": {"kind": "truncate"},
    "a proxy's page": {"kind": "html_502"},
    "a job that fails": {"kind": "job_failed"},
}

ENDPOINTS = {
    "list_projects": "GET /v1/projects",
    "check_readiness": "GET /v1/projects/:id/top-performers",
    "get_metrics": "GET /v1/projects/:id/metrics",
    "get_ads_metrics": "GET /v1/projects/:id/ads-metrics",
    "rank_top_performers": "GET /v1/projects/:id/top-performers",
    "find_breakouts": "GET /v1/projects/:id/top-performers",
    "clone_post": "POST /v1/content/:id/clone-from-post",
    "generate_with_hook": "POST /v1/projects/:id/content",
    "set_override": "PATCH /v1/projects/:id/ads-content/:id",
    "list_ads_content": "GET /v1/projects/:id/ads-content",
    "wait_job": "GET /v1/jobs/:id",
    "cancel_job": "POST /v1/jobs/:id/cancel",
    "get_content": "GET /v1/content/:id",
    "decide_content": "POST /v1/content/:id/approve",
    "review_commissions": "GET /v1/projects/:id/top-performers",
}


@dataclass
class Scene:
    """A world with finished content that waits for a decision, a running job, and a client of the server in it."""

    sandbox: Sandbox
    client: Client
    api: httpx2.AsyncClient
    arguments: dict[str, dict[str, Any]]
    charges: int = 0

    async def call(self, tool: str) -> CallToolResult:
        return await self.client.call_tool(tool, self.arguments[tool])

    async def read(self, path: str) -> dict[str, Any]:
        return (await self.api.get(path)).json()

    def usage(self) -> int:
        return sum(event.type == "usage" for event in self.sandbox.ledger())

    async def effects(self, tool: str) -> int:
        """How often the tool's effect is in the world."""
        arguments = self.arguments[tool]
        match tool:
            case "clone_post" | "generate_with_hook":
                return self.usage() - self.charges
            case "set_override":
                rows = (await self.read(f"/v1/projects/{arguments['project_id']}/ads-content?override=exclude"))[
                    "items"
                ]
                return sum(row["adsContentId"] == arguments["ads_content_id"] for row in rows)
            case "cancel_job":
                await anyio.sleep(60)
                return int((await self.read(f"/v1/jobs/{arguments['job_id']}"))["status"] == "canceled")
            case "decide_content":
                container = await self.read(f"/v1/content/{arguments['container_id']}")
                return int(container["approvalStatus"] == "approved")
            case _:
                return 0


@asynccontextmanager
async def scene(state_dir: Path) -> AsyncIterator[Scene]:
    with Sandbox(clock=LoopClock()) as sandbox:
        settings = Settings(api_key=sandbox.api_key, base_url=BASE_URL, state_dir=state_dir)
        server = create_server(settings, transport=sandbox.transport(), clock=sandbox.now)
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with (
            Client(server) as client,
            httpx2.AsyncClient(transport=sandbox.transport(), base_url=BASE_URL, headers=headers) as api,
        ):
            project = sandbox.project_id("acme-todo")
            ranking = (await api.get(f"/v1/projects/{project}/top-performers?metric=views&limit=1")).json()
            post = ranking["items"][0]["platformPostId"]
            creative = (await api.get(f"/v1/projects/{project}/ads-content")).json()["items"][0]["adsContentId"]
            made = (await api.post(f"/v1/projects/{project}/content", json={"format": "slideshow_remix"})).json()
            await anyio.sleep(60)
            job = (await api.post(f"/v1/projects/{project}/content", json={"format": "slideshow_remix"})).json()
            in_project = {"project_id": project}
            arguments: dict[str, dict[str, Any]] = dict.fromkeys(CATALOG, in_project)
            arguments |= {
                "list_projects": {},
                "find_breakouts": {},
                "rank_top_performers": {**in_project, "metric": "engagement_rate"},
                "clone_post": {**in_project, "source_platform_post_id": post},
                "generate_with_hook": {**in_project, "hook": "A hook of our own"},
                "set_override": {**in_project, "ads_content_id": creative, "override": "exclude"},
                "wait_job": {"job_ids": [job["jobId"]], "timeout_seconds": 45},
                "cancel_job": {"job_id": job["jobId"]},
                "get_content": {"container_ids": [made["containerId"]]},
                "decide_content": {"container_id": made["containerId"], "decision": "approve"},
            }
            found = Scene(sandbox, client, api, arguments)
            found.charges = found.usage()
            yield found


def text_of(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


async def judge(stage: Scene, tool: str) -> None:
    """Call `tool` in the faulty world, then in a sound one, and hold what it says against what is."""
    started = anyio.current_time()
    result = await stage.call(tool)
    assert anyio.current_time() - started <= SECONDS
    stage.sandbox.faults.clear()
    effects = await stage.effects(tool)
    text = text_of(result)
    assert stage.sandbox.api_key not in text
    if result.is_error:
        failure = FAILURE.match(text)
        assert failure, text
        if DEFINED[tool]["annotations"]["readOnlyHint"]:
            assert failure["effect"] == "Nothing was changed.", text
        if failure["effect"] == "Nothing was changed.":
            assert effects == 0, text
    else:
        check(tool, result)
        if tool == "cancel_job":
            # Not accepted says no more than that the job had ended: a lost first attempt may have been what ended it.
            assert effects == 1 or not result.structured_content["accepted"]
        elif tool in WRITES:
            assert effects == 1
    await again(stage, tool)


WRITES = ("clone_post", "generate_with_hook", "set_override", "decide_content")


async def again(stage: Scene, tool: str) -> None:
    """In a sound world, once rate limits and jobs have passed, the same call has its one effect."""
    await anyio.sleep(120)
    result = await stage.call(tool)
    assert not result.is_error, text_of(result)
    check(tool, result)
    if tool in WRITES:
        assert await stage.effects(tool) == 1


def check(tool: str, result: CallToolResult) -> None:
    jsonschema.validate(result.structured_content, DEFINED[tool]["outputSchema"])
    assert json.loads(text_of(result)) == result.structured_content


Strike = Callable[[str], tuple[str, tuple[int, ...]]]

STRIKES: dict[str, Strike] = {
    "once": lambda tool: (ENDPOINTS[tool], (1,)),
    "on every call of its endpoint": lambda tool: (ENDPOINTS[tool], ()),
    "everywhere": lambda _: ("*", ()),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("tool", CATALOG)
async def test_a_tool_tells_the_truth_in_time_whatever_goes_wrong(tool: str, fault: str, tmp_path: Path) -> None:
    for name, strike in STRIKES.items():
        endpoint, calls = strike(tool)
        async with scene(tmp_path / name.replace(" ", "-")) as stage:
            stage.sandbox.faults.append(Fault(endpoint=endpoint, calls=calls, **FAULTS[fault]))
            await judge(stage, tool)
