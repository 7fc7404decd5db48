"""A project with a finished piece of content, accounts to put it on, and a count of what upstream took on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from layers_mcp.context import ToolContext
from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.tools.change_schedule import Changed, change_schedule
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.publish_content import Published, publish_content
from tests.support import START, LoopClock, open_tool_context

PUBLISH = "POST /v1/content/:id/publish"
SCHEDULE = "POST /v1/content/:id/schedule"
RESCHEDULE = "POST /v1/scheduled-posts/:id/reschedule"
CANCEL = "DELETE /v1/scheduled-posts/:id"


class PublishingHarness:
    """globex-fit needs no approval; acme-todo's content waits for a person."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, context: ToolContext, state_dir: Path) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.context = context
        self._state_dir = state_dir
        self.project = ""
        self.container = ""
        self.accounts: list[str] = []

    async def prepare(self, name: str = "globex-fit") -> None:
        """Have content made and finished in the project of this name."""
        self.project = self.sandbox.project_id(name)
        self.container = await self.order("Plan less, do more.")
        linked = await self.context.api.projects.social_accounts(self.project)
        self.accounts = [one.social_account_id for one in linked if one.status == "connected"]

    async def order(self, hook: str) -> str:
        """Have one piece of content made, and finished."""
        order = await generate_with_hook(self.context, project_id=self.project, hook=hook)
        self.clock.move(minutes=2)
        return order.container_ids[0]

    def open(self, **settings: Any) -> AbstractAsyncContextManager[ToolContext]:
        """Another process on the same journal."""
        return open_tool_context(self.sandbox, self._state_dir, **settings)

    async def publish(self, context: ToolContext | None = None, **arguments: Any) -> Published:
        wanted = {"container_id": self.container, "social_account_ids": tuple(self.accounts[:1]), **arguments}
        return await publish_content(context or self.context, **wanted)

    async def change(self, scheduled_post_id: str, **arguments: Any) -> Changed:
        return await change_schedule(self.context, scheduled_post_id=scheduled_post_id, **arguments)

    def sent(self, *methods: str) -> int:
        """How many requests of these methods (POST by default) upstream had about publishing."""
        return sum(
            request.method in (methods or ("POST",))
            and (request.path.endswith(("/publish", "/schedule")) or "/scheduled-posts/" in request.path)
            for request in self.sandbox.requests
        )

    async def scheduled(self) -> list[str]:
        """The content's scheduled posts, as upstream has them."""
        page = await self.context.api.publishing.list(self.project, limit=100)
        return [post.scheduled_post_id for post in page.items if post.container_id == self.container]


@asynccontextmanager
async def open_publishing_harness(state_dir: Path, vintage: Vintage = "preview") -> AsyncIterator[PublishingHarness]:
    """A harness on a new sandbox that speaks `vintage`, with content made and finished."""
    clock = LoopClock(START)
    with Sandbox(clock=clock, vintage=vintage) as sandbox:
        async with open_tool_context(sandbox, state_dir) as context:
            harness = PublishingHarness(sandbox, clock, context, state_dir)
            await harness.prepare()
            yield harness
