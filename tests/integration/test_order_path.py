"""The files through which an order goes, from the tool to the request, are those that the architecture page lists."""

import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from httpx2 import AsyncBaseTransport, Request, Response

import layers_mcp
from layers_mcp.app import open_context
from layers_mcp.sandbox import Sandbox
from layers_mcp.tools.clone_post import clone_post
from tests.support import BASE_URL, START, LoopClock, configured

pytestmark = pytest.mark.jumping

PACKAGE = Path(layers_mcp.__file__).parent
PAGE = PACKAGE.parent / "docs" / "contributing" / "architecture.md"

FEW = 9


def listed() -> list[str]:
    section = PAGE.read_text("utf-8").split("## The path of an order")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\S+\.py)` \|", section, re.MULTILINE)


def awaited(task: Any) -> Iterator[CodeType]:
    """What a waiting task is in, from the outside in."""
    coroutine = task.get_coro()
    while inspect.iscoroutine(coroutine):
        if coroutine.cr_frame:
            yield coroutine.cr_frame.f_code
        coroutine = coroutine.cr_await


def running() -> list[CodeType]:
    """What the running task is in, from the outside in."""
    return [frame.frame.f_code for frame in reversed(inspect.stack())]


class Observed(AsyncBaseTransport):
    """The sandbox; at an order, which code the caller waits in, and which code sends."""

    def __init__(self, sandbox: Sandbox, caller: Any) -> None:
        self._inner = sandbox.transport()
        self._caller = caller
        self.passed: list[str] = []

    async def handle_async_request(self, request: Request) -> Response:
        if request.method == "POST":
            for code in (*awaited(self._caller), *running()):
                path = Path(code.co_filename)
                if path.is_relative_to(PACKAGE):
                    self.passed.append(path.relative_to(PACKAGE).as_posix())
        return await self._inner.handle_async_request(request)


async def test_an_order_goes_through_the_files_that_are_listed_and_they_are_few(tmp_path: Path) -> None:
    with Sandbox(clock=LoopClock(START)) as sandbox:
        transport = Observed(sandbox, asyncio.current_task())
        settings = configured(api_key=sandbox.api_key, base_url=BASE_URL, state_dir=tmp_path)
        async with open_context(**settings, transport=transport, clock=sandbox.now) as context:
            project = sandbox.project_id("acme-todo")
            ranking = await context.api.metrics.top_performers(project, metric="views", window="30d")
            await clone_post(context, project, ranking.items[0].platform_post_id)
    passed = [path for path in dict.fromkeys(transport.passed) if path != "lifecycle.py"]  # it only carries work on
    assert passed == listed()
    assert len(passed) <= FEW
