"""One organization in which every tool has something to do, called as a client calls it; every answer is checked.

A `ToolHarness` is a sandbox whose clock keeps step with the loop, and an MCP client of a server on it. `ready_for`
prepares what a tool needs (a running job, finished content that waits, a winner) and returns the arguments of a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from httpx2 import AsyncBaseTransport
from jsonschema import Draft202012Validator
from mcp import Client
from mcp.types import CallToolResult, TextContent

from layers_mcp.app import create_server
from layers_mcp.protocol.tool import spec_of
from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.tools import DEFINITIONS, function_of
from tests.support import BASE_URL, LoopClock, configured

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}

CALL_SECONDS = 45
"""Every call ends within these, whatever upstream does."""

NOTHING_CHANGED = "Nothing was changed."

ERROR = re.compile(
    r"[A-Z][A-Z_]{2,39}(?: \([1-5]\d\d\))?: (?P<reason>\S.*?[.!?…]) "
    r"(?P<effect>Nothing was changed\.|Unknown whether [^:.]+: calling again with the same arguments is safe\.)"
    r"(?: (?P<next_step>(?!requestId).*?[.!?…]))??"
    r"(?: requestId: (?P<request_id>[A-Za-z0-9_-]{1,80}))?"
)
"""The contract's order: what happened, whether anything changed, the one next step, the request's id."""

NEVER = re.compile(
    r"Traceback|<html|<body|File \"|/site-packages/|pydantic|\bNone\b|\bError\(|Exception\b|0x[0-9a-f]{6}"
)
"""What no text of ours shows: the inside of the program, or of a proxy's page."""


def text_of(result: CallToolResult) -> str:
    """The one text block of a result."""
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


def checked_text(name: str, result: CallToolResult) -> str:
    """Return the text of a result once it is checked: an answer that fits the schema, or a complete error."""
    text = text_of(result)
    assert not NEVER.search(text), text
    if result.is_error:
        assert ERROR.fullmatch(text), text
        assert result.structured_content is None
        return text
    content = result.structured_content
    assert not list(_validator(name).iter_errors(content)), text
    assert text == json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    assert len(text) <= 50_000
    assert not _nulls(content), text
    return text


def effect_of(text: str) -> str:
    """What an error says about what changed."""
    found = ERROR.fullmatch(text)
    assert found
    return found["effect"]


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(DEFINED[name]["outputSchema"])


def _nulls(value: object) -> bool:
    """Whether there is a null anywhere, or an empty list in a row."""
    if isinstance(value, dict):
        return any(item is None or _nulls(item) for item in value.values())
    if isinstance(value, list):
        return any(item in (None, []) or _nulls(item) or _has_empty_list(item) for item in value)
    return False


def _has_empty_list(row: object) -> bool:
    return isinstance(row, dict) and any(item == [] for item in row.values())


class ToolHarness:
    """See the module."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, client: Client) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.client = client
        self.project = sandbox.project_id("acme-todo")
        self._takes = 0

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool; it has to be answered in time, and in the contract's form."""
        started = anyio.current_time()
        result = await self.client.call_tool(name, arguments)
        took = anyio.current_time() - started
        assert took <= CALL_SECONDS, f"{name} took {took:.1f} s"
        checked_text(name, result)
        return result

    async def facts(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The content of an answer that has to be a success."""
        result = await self.call(name, arguments)
        assert not result.is_error, text_of(result)
        return result.structured_content or {}

    async def winner(self) -> str:
        """A post that can be cloned."""
        ranking = await self.facts("rank_top_performers", project_id=self.project, metric="views", limit=1)
        return ranking["items"][0]["platform_post_id"]

    async def ordered(self) -> dict[str, Any]:
        """A new order on its way."""
        self._takes += 1
        order = {"project_id": self.project, "hook": "Plan less.", "take": self._takes}
        return await self.facts("generate_with_hook", **order)

    async def finished(self) -> str:
        """A container that waits for a decision."""
        order = await self.ordered()
        self.clock.move(minutes=5)
        await self.facts("wait_job", job_ids=[order["job_id"]])
        return order["container_ids"][0]

    async def ready_for(self, name: str) -> dict[str, Any]:
        """Prepare what the tool needs; its own example with the ids of that, which is a new call every time."""
        self._takes += 1
        call = dict(spec_of(function_of(name)).example)
        for parameter in call:
            if parameter in PREPARED:
                call[parameter] = await PREPARED[parameter](self)
        if "take" in DEFINED[name]["inputSchema"]["properties"]:
            call["take"] = self._takes
        if name == "review_commissions":
            await self.ordered()
        return call

    def spent(self) -> int:
        """What all orders cost, refunds taken off."""
        return sum(event.credits for event in self.sandbox.ledger() if event.type != "grant")

    def charges(self) -> list[str | None]:
        """The job of every charge, oldest first."""
        return [event.job_id for event in self.sandbox.ledger() if event.type == "usage"]


async def _project(harness: ToolHarness) -> str:
    return harness.project


async def _creative(harness: ToolHarness) -> str:
    pool = await harness.facts("list_ads_content", project_id=harness.project, override="none", limit=1)
    return pool["items"][0]["ads_content_id"]


async def _job(harness: ToolHarness) -> str:
    return (await harness.ordered())["job_id"]


async def _jobs(harness: ToolHarness) -> list[str]:
    return [await _job(harness)]


async def _containers(harness: ToolHarness) -> list[str]:
    return [await harness.finished()]


async def _accounts(harness: ToolHarness) -> list[str]:
    linked = await harness.facts("check_readiness", project_id=harness.project)
    return [linked["accounts"][0]["social_account_id"]]


async def _scheduled_post(harness: ToolHarness) -> str:
    call = {"container_id": await harness.finished(), "social_account_ids": await _accounts(harness)}
    published = await harness.facts("publish_content", **call, at="2026-11-28T09:00Z")
    return published["scheduled_posts"][0]["scheduled_post_id"]


PREPARED: dict[str, Callable[[ToolHarness], Awaitable[object]]] = {
    "project_id": _project,
    "source_platform_post_id": ToolHarness.winner,
    "ads_content_id": _creative,
    "job_id": _job,
    "job_ids": _jobs,
    "container_id": ToolHarness.finished,
    "container_ids": _containers,
    "social_account_ids": _accounts,
    "scheduled_post_id": _scheduled_post,
}
"""What the ids in a tool's example stand for, by the parameter's name."""


@asynccontextmanager
async def open_tool_harness(
    state_dir: Path,
    *,
    transport: Callable[[Sandbox], AsyncBaseTransport] = Sandbox.transport,
    speaks: Vintage = "preview",
    **settings: Any,
) -> AsyncGenerator[ToolHarness]:
    """A new organization and a client of a server on it; the API `speaks` a vintage, over `transport`."""
    clock = LoopClock()
    world = Sandbox(clock=clock, vintage=speaks)
    known: dict[str, Any] = {"api_key": world.api_key, "base_url": BASE_URL, "state_dir": state_dir}
    server = create_server(**configured(**(known | settings)), transport=transport(world), clock=world.now)
    try:
        async with Client(server) as client:
            yield ToolHarness(world, clock, client)
    except ExceptionGroup as group:  # the client's task groups wrap what a test asserts
        raise _only(group) from None
    finally:
        world.close()


def _only(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
