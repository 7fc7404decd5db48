"""A small town for orders: servers that share a journal and an upstream, and can be killed at any moment.

Every server is a workspace on the same sandbox. Its wire counts what each commission was charged, by the ledger, and
can go dead: before a commission arrives, or after it was accepted. A killed server does nothing any more, least of all
clean up: its journal is moved out of its reach before its tasks are taken away.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import defaultdict
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import anyio
from httpx2 import AsyncBaseTransport, Request, Response

from layers_mcp.app import open_context
from layers_mcp.operations import Order, Placement
from layers_mcp.sandbox import Sandbox
from tests.support import BASE_URL, START, LoopClock, configured


class Town:
    """The sandbox, the shared state directory, and who was charged for what."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.moves = 0
        self.state_dir.mkdir(parents=True)
        self.clock = LoopClock(START)
        self.sandbox = Sandbox(clock=self.clock)
        self.skew = timedelta()
        self.settings = settings
        self.key = self.sandbox.api_key
        self.charges: dict[str, list[str | None]] = defaultdict(list)
        self.at_the_till = anyio.Lock()

    @property
    def state_dir(self) -> Path:
        return self.root / f"state-{self.moves}"

    def out_of_reach(self) -> None:
        """Move the journal to where only servers started from now on look for it."""
        before = self.state_dir
        self.moves += 1
        before.rename(self.state_dir)

    def charged(self) -> list[str | None]:
        """The jobs of every charge in the ledger."""
        return [event.job_id for event in self.sandbox.ledger() if event.type == "usage"]

    def close(self) -> None:
        self.sandbox.close()
        shutil.rmtree(self.root)


class Wire(AsyncBaseTransport):
    """One server's way to the sandbox."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.inner = town.sandbox.transport()
        self.dies: Literal["", "before", "after"] = ""
        self.died = anyio.Event()
        self.ordering = anyio.Event()

    async def handle_async_request(self, request: Request) -> Response:
        if self.died.is_set():
            await anyio.sleep_forever()
        if request.method != "POST":
            return await self.inner.handle_async_request(request)
        self.ordering.set()
        if self.dies == "before":
            await self._die()
        async with self.town.at_the_till:
            before = len(self.town.charged())
            try:
                response = await self.inner.handle_async_request(request)
            finally:
                self.town.charges[request.headers["Idempotency-Key"]] += self.town.charged()[before:]
        if self.dies == "after":
            await self._die()
        return response

    async def _die(self) -> None:
        self.died.set()
        await anyio.sleep_forever()


class Server:
    """A workspace that runs in a task of its own, so that calls come from other tasks, as they do over stdio."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.wire = Wire(town)
        self._up = anyio.Event()
        self._down = anyio.Event()
        self._task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        settings = configured(
            api_key=self.town.key, base_url=BASE_URL, state_dir=self.town.state_dir, **self.town.settings
        )
        async with open_context(
            **settings, transport=self.wire, clock=lambda: self.town.clock() + self.town.skew
        ) as self.ws:
            self._up.set()
            await self._down.wait()

    async def place(self, order: Order, **arguments: Any) -> Placement:
        await self._up.wait()
        return await self.ws.operations.orders.place(order, **arguments)

    async def stop(self) -> None:
        self._down.set()
        await self._task

    async def place_and_be_killed(self, order: Order, when: Literal["before", "after"]) -> None:
        """The process dies while the order is on its way; where nothing is sent, it dies when it has answered."""
        self.wire.dies = when
        call = asyncio.create_task(_quietly(self.place(order)))
        died = asyncio.create_task(self.wire.died.wait())
        await asyncio.wait([call, died], return_when=asyncio.FIRST_COMPLETED)
        self.town.out_of_reach()
        self.wire.died.set()
        for task in (call, died):
            task.cancel()
        await asyncio.wait([call, died])
        await self.stop()

    async def place_and_go_away(self, order: Order) -> None:
        """The caller is cancelled as soon as the order is on its way."""
        call = asyncio.create_task(_quietly(self.place(order)))
        ordering = asyncio.create_task(self.wire.ordering.wait())
        await asyncio.wait([call, ordering], return_when=asyncio.FIRST_COMPLETED)
        for task in (call, ordering):
            task.cancel()
        await asyncio.wait([call, ordering])


async def _quietly(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        return
