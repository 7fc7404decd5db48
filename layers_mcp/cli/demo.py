"""`layers-mcp demo`: the whole loop on the sandbox, as any MCP client would run it.

The client is the SDK's own, over stdio; the server is this program, started as a child process on a sandbox in a
temporary directory. Everything shown is what the tools answered.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast
from zoneinfo import ZoneInfo

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.types import CallToolResult, TextContent

from layers_mcp.cli import demo_views as view
from layers_mcp.cli import imports_done
from layers_mcp.cli.console import Console
from layers_mcp.cli.demo_views import Facts
from layers_mcp.config import ServerConfig

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction  # pyright: ignore[reportPrivateUsage] - it has no public name

PROJECT = "acme-todo"
LONGEST_SECONDS = 90.0
"""The demo takes under 25 seconds; one that takes this long is stuck."""


class DemoError(Exception):
    """A tool answered with an error; its text is the message."""


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `demo` command."""
    parser = commands.add_parser("demo", description="Run the whole loop on the sandbox and show it.")
    vintages = ("preview", "current")
    what = "the API's vintage that the sandbox speaks: preview is the guide's, current today's (preview)"
    parser.add_argument("--vintage", choices=vintages, default="preview", metavar="NAME", help=what)
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Show the demo on stdout."""
    imports_done()
    return show(sys.stdout, options.vintage)


def show(stream: TextIO, vintage: str = "preview") -> int:
    """Run the demo and write it to `stream`; 0 when the loop was closed, 1 when anything failed."""
    started = time.monotonic()
    console = Console(stream)
    view.say(console, "layers-mcp demo: the publish-to-learn loop on the embedded sandbox.")
    view.say(console, "No key and no network; the company, its posts and every number are invented.")
    # A server that stops may still hold its world open for a moment, which Windows would refuse to delete.
    with tempfile.TemporaryDirectory(prefix="layers-demo-", ignore_cleanup_errors=True) as folder:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "layers_mcp", "--sandbox", "--vintage", vintage, "--state-dir", folder],
            env=_environment(os.environ),
        )
        loop = partial(tell, clones_posts=vintage == "preview")
        closed = anyio.run(loop, console, server, partial(_advance, Path(folder)))
    if closed:
        view.say(console, f"That took {time.monotonic() - started:.0f} seconds.")
    return 0 if closed else 1


async def tell(
    console: Console,
    server: StdioServerParameters | Server,
    advance: Callable[[timedelta], None],
    *,
    clones_posts: bool = True,
) -> bool:
    """Run the loop against `server`, and say whether it was closed; what stopped it is on the console.

    `advance` moves the clock of the world that `server` works in. Where the API does not clone posts, new pieces carry
    the winner's hook instead.
    """
    failure: object = None
    try:
        with anyio.fail_after(LONGEST_SECONDS):
            async with Client(server, read_timeout_seconds=60) as client:
                try:
                    await Tour(client, console, advance, clones_posts=clones_posts).loop()
                except (DemoError, MCPError) as error:  # inside: on its way out the client would wrap it in a group
                    failure = error
    except* (MCPError, OSError) as group:  # no program, no server in it, or a demo that is stuck (TimeoutError)
        failure = _innermost(group)
    if failure is not None:
        console.line()
        view.say(console, f"The demo stopped: {failure}")
    return failure is None


class Tour:
    """The loop, step by step: what a marketer's agent does, and in the end what the marketer does."""

    def __init__(
        self, client: Client, console: Console, advance: Callable[[timedelta], None], *, clones_posts: bool
    ) -> None:
        self._client = client
        self._clones_posts = clones_posts
        self._console = console
        self._advance = advance
        self._steps = 0

    async def loop(self) -> None:
        """From finding the project to seeing whether what was commissioned beat its source.

        Raises `DemoError` with the first tool error.
        """
        project, before = await self._find_project()
        project_id = project["project_id"]
        suggested, account_ids = await self._look_at_the_data(project_id)
        winner = await self._rank(project_id, suggested)
        orders = await self._commission(project_id, winner)
        await self._wait(orders)
        await self._nudge(project_id, winner)
        approved = await self._decide(project_id)
        await self._publish(project, approved, account_ids)
        review = await self._two_weeks_later(project_id)
        spent = before - await self._credits_left()
        self._close(review, len(approved), orders, spent)

    async def _find_project(self) -> tuple[Facts, int]:
        self._step("Find the project")
        found = await self._call("list_projects")
        view.projects(self._console, found)
        project = next(row for row in found["projects"] if row["name"] == PROJECT)
        return project, found["credits"]["available"]

    async def _look_at_the_data(self, project_id: str) -> tuple[Facts, list[str]]:
        self._step("Is there enough data to trust?")
        ready = await self._call("check_readiness", project_id=project_id)
        view.readiness(self._console, ready)
        self._step("Read the week")
        metrics = ["views", "engagement_rate", "watch_time_ms"]
        view.week(self._console, await self._call("get_metrics", project_id=project_id, metrics=metrics, since="7d"))
        return ready["suggested_metric"], [row["social_account_id"] for row in ready["accounts"]]

    async def _rank(self, project_id: str, suggested: Facts) -> Facts:
        metric = suggested["metric"]
        self._step(f"Rank by {metric}")
        view.say(self._console, f"Why that metric: {suggested['reason']}")
        ranked = await self._call("rank_top_performers", project_id=project_id, metric=metric, limit=5)
        view.ranking(self._console, ranked)
        return ranked["items"][0]

    async def _commission(self, project_id: str, winner: Facts) -> list[Facts]:
        post, hook = winner["platform_post_id"], winner["title"]
        if self._clones_posts:
            self._step("Commission more of the winner: two clones, and a new piece with its hook")
            calls: list[tuple[str, Facts]] = [
                ("clone_post", {"source_platform_post_id": post, "variations": 2}),
                ("generate_with_hook", {"hook": hook}),
            ]
        else:
            self._step("Commission more of the winner's hook: two slideshows, and a piece that a person speaks")
            calls = [
                ("generate_with_hook", {"source_platform_post_id": post, "variations": 2}),
                ("generate_with_hook", {"source_platform_post_id": post, "format": "ugc_remix"}),
            ]
        orders: list[Facts] = []
        for tool, arguments in calls:
            orders.append(await self._call(tool, project_id=project_id, **arguments))
            view.commission(self._console, orders[-1])
        return orders

    async def _wait(self, orders: list[Facts]) -> None:
        self._step("Wait for all of it in one call")
        job_ids = [job_id for order in orders for job_id in order.get("job_ids") or [order["job_id"]]]
        done = await self._call("wait_job", job_ids=job_ids, timeout_seconds=40)
        view.jobs(self._console, done)

    async def _nudge(self, project_id: str, winner: Facts) -> None:
        self._step("Keep the winner eligible for ads, then let scoring run again")
        for choice in ("include", "clear"):
            creative = winner["ads_content_id"]
            result = await self._call("set_override", project_id=project_id, ads_content_id=creative, override=choice)
            view.override(self._console, result)

    async def _decide(self, project_id: str) -> list[str]:
        self._step("A person decides what may go live (the demo plays that person, and approves)")
        waiting = await self._call("get_content", project_id=project_id, awaiting_approval=True)
        view.content(self._console, waiting)
        for row in waiting["items"]:
            await self._call("decide_content", container_id=row["container_id"], decision="approve")
        return [row["container_id"] for row in waiting["items"]]

    async def _publish(self, project: Facts, approved: list[str], account_ids: list[str]) -> None:
        self._step("The person publishes: one piece now, one tomorrow at nine where the customer is")
        now, later, *_ = approved
        tomorrow = datetime.now(ZoneInfo(project["timezone"])) + timedelta(days=1)
        view.publication(
            self._console,
            await self._call("publish_content", container_id=now, social_account_ids=account_ids[:1]),
        )
        view.publication(
            self._console,
            await self._call(
                "publish_content",
                container_id=later,
                social_account_ids=account_ids,
                at=f"{tomorrow:%Y-%m-%d}T09:00",
            ),
        )
        view.schedule(self._console, await self._call("list_schedule", project_id=project["project_id"], limit=3))

    async def _two_weeks_later(self, project_id: str) -> Facts:
        self._step("Two weeks later: did it work?")
        self._console.line("  " + self._console.style("$ layers-mcp sandbox --advance 14d", "dim"))
        await anyio.to_thread.run_sync(self._advance, timedelta(days=14))
        review = await self._call("review_commissions", project_id=project_id)
        view.review(self._console, review)
        return review

    async def _credits_left(self) -> int:
        left = (await self._call("list_projects", search=PROJECT))["credits"]["available"]
        view.say(self._console, f"{left:,} credits left.")
        return left

    def _close(self, review: Facts, approved: int, orders: list[Facts], spent: int) -> None:
        estimate = sum(order["estimated_credits"] for order in orders)
        view.closing(self._console, review, approved=approved, estimate=estimate, spent=spent)

    def _step(self, title: str) -> None:
        self._steps += 1
        view.step(self._console, self._steps, title)

    async def _call(self, tool: str, **arguments: object) -> Facts:
        view.call(self._console, tool, arguments)
        answer = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        self._console.settle()
        if answer.is_error:
            raise DemoError(f"{tool}: {_text(answer)}")
        return cast("Facts", answer.structured_content)

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        view.progress(self._console, progress / total if total else progress, message or "")


def _innermost(error: BaseException) -> BaseException:
    """Return the error that went wrong, out of the exception groups around it."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _text(answer: CallToolResult) -> str:
    return " ".join(block.text for block in answer.content if isinstance(block, TextContent))


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without the server's settings: the demo shows the defaults."""
    return {name: value for name, value in environ.items() if not name.startswith("LAYERS_")}


def _advance(state_dir: Path, span: timedelta) -> None:
    """Move the clock of the world that the running server serves."""
    from layers_mcp.sandbox import Sandbox

    with Sandbox(path=ServerConfig(state_dir=state_dir).world_path) as sandbox:
        sandbox.advance(span)
