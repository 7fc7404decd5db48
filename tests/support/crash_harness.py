"""A small cluster for operations: servers that share a journal and an upstream, and can be killed at any moment.

Every server is a workspace on the same sandbox. Its transport counts what each operation was charged or
published, by the ledger and the schedule, and can go dead: before a write arrives, or after it was accepted. A killed
server does nothing any more, not even clean up: its journal is moved away before its tasks are canceled.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Awaitable, Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import anyio
from httpx2 import AsyncBaseTransport, Request, Response

from layers_mcp.app import open_resources
from layers_mcp.context import ToolContext
from layers_mcp.operations import Order, Placement, Publication
from layers_mcp.operations.store.sql import SqlStore
from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.tenancy.workspace import Workspace
from layers_mcp.text.times import stamp
from tests.support import BASE_URL, START, LoopClock, configured
from tests.support.faulty_storage import FaultyStorage, NamingStore

RICH = WorldParameters(opening_credits=1_000_000)
"""An organization that no test leaves without credits."""


class Cluster:
    """The sandbox, the shared state directory, and what was made for whom.

    `made` holds, by Idempotency-Key, the job of every charge and the id of every scheduled post; `twice_at_once` the
    keys of which two requests were on their way at the same time. `prices` replace
    those of the price list, `slow` is how many seconds the answer to a write takes, `skew` how far the machine's clock
    is ahead.
    """

    def __init__(self, root: Path, vintage: Vintage = "preview", **settings: Any) -> None:
        self.root = root
        self.moves = 0
        self.state_dir.mkdir(parents=True)
        self.clock = LoopClock(START)
        self.sandbox = Sandbox(clock=self.clock, vintage=vintage, world=RICH)
        self.project = self.sandbox.project_id("acme-todo")
        self.storage = FaultyStorage()
        self.skew = timedelta()
        self.slow = 0.0
        self.prices: Mapping[str, Any] = {}
        self.settings = settings
        self.key = self.sandbox.api_key
        self.made: dict[str, list[str | None]] = defaultdict(list)
        self.on_their_way: Counter[str] = Counter()
        self.twice_at_once: set[str] = set()
        self.charging = anyio.Lock()
        self._stores: dict[Path, SqlStore] = {}

    @property
    def state_dir(self) -> Path:
        return self.root / f"state-{self.moves}"

    def out_of_reach(self) -> None:
        """Move the journal to where only servers started from now on look for it."""
        before = self.state_dir
        self.moves += 1
        before.rename(self.state_dir)
        self.storage.forget()

    def store(self) -> SqlStore:
        """The journal, as every server that is started now sees it."""
        if self.state_dir not in self._stores:
            store = SqlStore("", self.state_dir, steps=self.storage)
            self._stores[self.state_dir] = cast("SqlStore", NamingStore(store, self.storage))
        return self._stores[self.state_dir]

    def charges(self) -> list[tuple[str | None, int, datetime]]:
        """The job, credits and moment of every charge in the ledger."""
        return [
            (event.job_id, -event.credits, event.created_at) for event in self.sandbox.ledger() if event.type == "usage"
        ]

    def containers_of(self, jobs: Collection[str]) -> set[str]:
        """The containers that these charged jobs make."""
        return {each for event in self.sandbox.ledger() if event.job_id in jobs for each in event.container_ids}

    async def aclose(self) -> None:
        for store in self._stores.values():
            await store.aclose()
        self.sandbox.close()
        shutil.rmtree(self.root)


class CountingTransport(AsyncBaseTransport):
    """One server's way to the sandbox."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.inner = cluster.sandbox.transport()
        self.dies: Literal["", "before", "after"] = ""
        self.died = anyio.Event()
        self.ordering = anyio.Event()

    async def handle_async_request(self, request: Request) -> Response:
        if self.died.is_set():
            await anyio.sleep_forever()
        if request.method != "POST":
            return await self._priced(request, await self.inner.handle_async_request(request))
        self.ordering.set()
        key = request.headers["Idempotency-Key"]
        self.cluster.on_their_way[key] += 1
        if self.cluster.on_their_way[key] > 1:
            self.cluster.twice_at_once.add(key)
        try:
            return await self._write(request, key)
        finally:
            self.cluster.on_their_way[key] -= 1

    async def _write(self, request: Request, key: str) -> Response:
        if self.dies == "before":
            await self._die()
        async with self.cluster.charging:
            before = await self._made(request)
            try:
                response = await self.inner.handle_async_request(request)
            finally:
                with anyio.CancelScope(shield=True):
                    made = await self._made(request)
                self.cluster.made[key] += (made - before).elements()
        if self.dies == "after":
            await self._die()
        await anyio.sleep(self.cluster.slow)
        return response

    async def _priced(self, request: Request, response: Response) -> Response:
        if not (self.cluster.prices and request.url.path == "/v1/credits" and response.is_success):
            return response
        body = {**json.loads(await response.aread()), "estimatedCreditsPerFormat": self.cluster.prices}
        return Response(200, json=body, headers={"Date": response.headers["Date"]})

    async def _made(self, request: Request) -> Counter[str | None]:
        """What there is by now of the kind that a write makes."""
        if request.url.path.rpartition("/")[2] not in ("publish", "schedule"):
            return Counter(job for job, _, _ in self.cluster.charges())
        url = f"{BASE_URL}/v1/projects/{self.cluster.project}/scheduled-posts"
        query = {"limit": "100", "since": stamp(START)}
        made = Counter[str | None]()
        while True:
            asked = Request("GET", url, params=query, headers={"Authorization": request.headers["Authorization"]})
            page = json.loads(await (await self.inner.handle_async_request(asked)).aread())
            made.update(post["id"] for post in page["items"])
            if not page["nextCursor"]:
                return made
            query["cursor"] = page["nextCursor"]

    async def _die(self) -> None:
        self.died.set()
        await anyio.sleep_forever()


class Server:
    """A workspace that runs in a task of its own, so that calls come from other tasks, as they do over stdio."""

    def __init__(self, cluster: Cluster, key: str = "") -> None:
        self.cluster = cluster
        self.key = key or cluster.key
        self.transport = CountingTransport(cluster)
        self._up = anyio.Event()
        self._down = anyio.Event()
        self._task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        parts = configured(
            api_key=self.key, base_url=BASE_URL, state_dir=self.cluster.state_dir, **self.cluster.settings
        )
        config, credentials, policy = parts["config"], parts["credentials"], parts["policy"]
        async with open_resources(config, transport=self.transport, clock=self._now) as resources:
            resources.store = self.cluster.store()
            async with Workspace(resources, credentials, policy) as workspace:
                self.context = ToolContext(workspace=workspace, policy=policy)
                self._up.set()
                await self._down.wait()

    def _now(self) -> datetime:
        return self.cluster.clock() + self.cluster.skew

    async def up(self) -> ToolContext:
        await self._up.wait()
        return self.context

    async def place(self, order: Order, **arguments: Any) -> Placement:
        """Place it as the tools do: content is read before it is published."""
        context = await self.up()
        if isinstance(order, Publication):
            await context.api.content.get(order.content.container_id)
        return await context.operations.orders.place(order, **arguments)

    async def stop(self) -> None:
        self._down.set()
        await self._task

    async def place_and_be_killed(self, order: Order, when: Literal["", "before", "after"] = "") -> None:
        """The process dies while the order is on its way, or where storage kills it; else when it has answered."""
        self.transport.dies = when
        self.cluster.storage.on_death = self.transport.died.set
        call = asyncio.create_task(_quietly(self.place(order)))
        died = asyncio.create_task(self.transport.died.wait())
        await asyncio.wait([call, died], return_when=asyncio.FIRST_COMPLETED)
        self.cluster.out_of_reach()
        self.transport.died.set()
        for task in (call, died):
            task.cancel()
        await asyncio.wait([call, died])
        await self.stop()

    async def place_and_go_away(self, order: Order) -> None:
        """The caller is cancelled as soon as the order is on its way."""
        call = asyncio.create_task(_quietly(self.place(order)))
        ordering = asyncio.create_task(self.transport.ordering.wait())
        await asyncio.wait([call, ordering], return_when=asyncio.FIRST_COMPLETED)
        for task in (call, ordering):
            task.cancel()
        await asyncio.wait([call, ordering])


async def _quietly(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        return
