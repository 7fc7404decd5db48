"""A sandbox and a workspace that orders from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncBaseTransport, Request, Response

from layers_mcp.api.errors import LayersError
from layers_mcp.app import open_context
from layers_mcp.context import ToolContext
from layers_mcp.operations import CloneOrder, HookOrder, Order, OrderRecord
from layers_mcp.sandbox import Fault, Sandbox
from tests.support import BASE_URL, START, LoopClock, configured, open_tool_context

CLONE = "POST /v1/content/:id/clone-from-post"
GENERATE = "POST /v1/projects/:id/content"


class Undated(AsyncBaseTransport):
    """The sandbox without `Date` in its answers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = sandbox.transport()

    async def handle_async_request(self, request: Request) -> Response:
        response = await self._inner.handle_async_request(request)
        del response.headers["date"]
        return response


class OrderHarness:
    """Orders of one project, placed through an open workspace; what upstream charged, and its requests."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, context: ToolContext, post: str, state_dir: Path) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.context = context
        self.orders = context.operations.orders
        self.history = context.operations.history
        self.project = sandbox.project_id("acme-todo")
        self.post = post
        self.state_dir = state_dir

    def clone(self, **arguments: Any) -> CloneOrder:
        return CloneOrder(**{"project_id": self.project, "source_platform_post_id": self.post, **arguments})

    def generate(self, hook: str = "Plan less, do more.", **arguments: Any) -> HookOrder:
        return HookOrder(project_id=self.project, hook=hook, **arguments)

    def open(self, **settings: Any) -> AbstractAsyncContextManager[ToolContext]:
        """Another process on the same journal."""
        return open_tool_context(self.sandbox, self.state_dir, **settings)

    def on_a_clock(
        self, ahead: timedelta | Callable[[], timedelta], *, dated: bool = True, **settings: Any
    ) -> AbstractAsyncContextManager[ToolContext]:
        """A process on the same journal whose clock is wrong; upstream says what time it is, or does not."""
        skew = ahead if callable(ahead) else lambda: ahead
        known: dict[str, Any] = {
            "api_key": self.sandbox.api_key,
            "base_url": BASE_URL,
            "state_dir": self.state_dir,
        }
        transport = self.sandbox.transport() if dated else Undated(self.sandbox)
        clock = lambda: self.sandbox.now() + skew()  # noqa: E731
        return open_context(**configured(**(known | settings)), transport=transport, clock=clock)

    async def since(self, *project: str) -> list[OrderRecord]:
        """What was ordered, from a journal that can be read."""
        records, warning = await self.history.since(START, *project)
        assert warning == ""
        return records

    def events(self) -> list[str]:
        """Everything that happened to any order, by the journal."""
        with closing(sqlite3.connect(self.state_dir / "orders.db")) as journal:
            return [name for (name,) in journal.execute("SELECT event FROM order_events ORDER BY entry, number")]

    def charges(self) -> list[int]:
        return [-event.credits for event in self.sandbox.ledger() if event.type == "usage"]

    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.sandbox.requests)

    def requests_since(self, before: int) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.sandbox.requests[before:]]

    async def lose(self, order: Order, kind: str = "drop_after") -> None:
        """Place an order whose answer never comes."""
        self.sandbox.faults += [Fault(endpoint=where, kind=kind) for where in (CLONE, GENERATE)]
        with pytest.raises(LayersError) as raised:
            await self.orders.place(order)
        assert not raised.value.nothing_changed
        self.sandbox.faults.clear()

    def impatient(self) -> AbstractAsyncContextManager[ToolContext]:
        """A process that waits for the journal's lock for a moment only."""
        return self.open(journal_url=f"sqlite:///{self.state_dir / 'orders.db'}?timeout=0.01")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another process holds the journal's write lock."""
        with closing(sqlite3.connect(self.state_dir / "orders.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
