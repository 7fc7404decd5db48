"""What a model reads, in tokens: our tools and answers beside the official Node server's.

    python bench/tokens.py

Both answer from the same sandbox. The Node server passes Layers' JSON on as it is, pretty-printed, which is made here
from the same requests; its 52 definitions cost 10,306 tokens (`@layers/mcp-server` 1.3.2). Counted with o200k_base over
the text of an answer, and name, description and input schema of a definition: compact as it is sent, which the daily
review counts, and with JSON's usual spacing, in which many hosts write it into a context.

The daily review is the prompt of that name, call by call. Beside it stand the requests that answer the same questions
with the official server, one page each of Layers' own size: for the check accounts, live posts, both rankings, ads
content, credits and review policy; then the top 3, two weeks of metrics, the finished content (Layers has no filter by
approval), and what is due or failed. Goals: 40 % of that; 850 and 3,700 tokens for a ranking of 5 and of 25; 5,400 for
all definitions with spacing, and 600 for each.
"""

import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx2
from mcp import Client
from mcp.types import TextContent
from rs_bpe.bpe import openai

from layers_mcp.app import create_server
from layers_mcp.config import ServerConfig
from layers_mcp.sandbox import Sandbox
from layers_mcp.text.times import stamp

NODE_DEFINITIONS = 10_306
ENCODING = openai.o200k_base()

Ours = Callable[..., Awaitable[int]]
Theirs = Callable[..., Awaitable[int]]


class Row(NamedTuple):
    """What is read, in our tokens, in theirs (None where there is no peer), and the most it is to cost."""

    name: str
    ours: int
    theirs: int | None
    goal: float | None = None


def tokens(text: str) -> int:
    """Tokens of a text, as the o200k models count them."""
    return ENCODING.count(text)


def main() -> int:
    """Print the table; exit code 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ServerConfig(sandbox=True, state_dir=Path(folder))
        rows = anyio.run(measured, settings)
    print("| what a model reads | layers-mcp | official Node server | ratio | goal |\n|---|---:|---:|---:|---:|")
    for row in rows:
        theirs, ratio = ("", "") if row.theirs is None else (f"{row.theirs:,}", f"{row.ours / row.theirs:.2f}")
        goal = "" if row.goal is None else f"{row.goal:,.0f}"
        print(f"| {row.name} | {row.ours:,} | {theirs} | {ratio} | {goal} |")
    return int(any(row.goal is not None and row.ours > row.goal for row in rows))


async def measured(settings: ServerConfig) -> list[Row]:
    """The rows; the last is the whole daily review."""
    sandbox = Sandbox(path=settings.world_path)
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    peer = httpx2.AsyncClient(transport=sandbox.transport(), base_url="https://api.layers.test", headers=headers)
    try:
        async with peer, Client(create_server(settings)) as client:
            return await compared(client, peer, sandbox.project_id("acme-todo"))
    finally:
        sandbox.close()


async def compared(client: Client, peer: httpx2.AsyncClient, project_id: str) -> list[Row]:
    """The same questions to both, on the project of the guide."""

    async def ours(tool: str, **arguments: Any) -> int:
        result = await client.call_tool(tool, arguments)
        (block,) = result.content
        assert isinstance(block, TextContent), tool
        assert not result.is_error, block.text
        return tokens(block.text)

    async def theirs(path: str, **query: Any) -> int:
        answer = (await peer.get(f"/v1{path}", params=query)).raise_for_status()
        return tokens(json.dumps(answer.json(), indent=2, ensure_ascii=False))

    project = f"/projects/{project_id}"
    metrics = {"scope": "project", "id": project_id, "granularity": "day"}
    names = ["views", "engagement_rate", "watch_time_ms"]
    ranking: dict[str, Any] = {"metric": "engagement_rate", "window": "30d"}

    async def ranked(limit: int) -> tuple[int, int]:
        top = await theirs(f"{project}/top-performers", limit=limit, **ranking)
        return await ours("rank_top_performers", project_id=project_id, limit=limit, **ranking), top

    definitions, *of_definitions = await _definitions(client)
    find = await ours("list_projects", search="acme"), await theirs("/projects", search="acme")
    return [
        *of_definitions,
        Row("find the project", *find),
        Row("a ranking of 5", *await ranked(5), 850),
        Row("a ranking of 25", *await ranked(25), 3_700),
        Row(
            "a page of 25 creatives",
            await ours("list_ads_content", project_id=project_id, limit=25),
            await theirs(f"{project}/ads-content", limit=25),
        ),
        Row(
            "a month of metrics, by day",
            await ours("get_metrics", project_id=project_id, metrics=names, since="30d"),
            await theirs(f"{project}/metrics", metrics=names, **metrics),
        ),
        await _daily_review(
            ours, theirs, project_id, definitions + find[0], NODE_DEFINITIONS + find[1], await ranked(3)
        ),
    ]


async def _definitions(client: Client) -> tuple[Any, ...]:
    """Tokens of all definitions as they are sent, and the rows on them."""
    tools = (await client.list_tools()).tools
    shown = [{"name": t.name, "description": t.description, "inputSchema": t.input_schema} for t in tools]
    sent = sum(tokens(json.dumps(tool, ensure_ascii=False, separators=(",", ":"))) for tool in shown)
    spaced = [tokens(json.dumps(tool, ensure_ascii=False)) for tool in shown]
    return (
        sent,
        Row(f"definitions of {len(tools)} tools as sent, beside 52", sent, NODE_DEFINITIONS),
        Row("the same with JSON's usual spacing", sum(spaced), None, 5_400),
        Row("the longest of them", max(spaced), None, 600),
    )


async def _daily_review(
    ours: Ours, theirs: Theirs, project_id: str, our_start: int, their_start: int, top3: tuple[int, int]
) -> Row:
    """The prompt `daily_review`, call by call, with the definitions and finding the project."""
    project = f"/projects/{project_id}"
    metrics = {"scope": "project", "id": project_id}
    read = [
        await ours("check_readiness", project_id=project_id),
        await ours("get_metrics", project_id=project_id, since="7d", compare_previous=True),
        await ours("get_content", project_id=project_id, awaiting_approval=True),
        await ours("list_schedule", project_id=project_id, status=["queued", "failed"], since="7d"),
    ]
    quarter, fortnight = (stamp(datetime.now(UTC) - timedelta(days=days)) for days in (90, 14))
    names = ["views", "engagement_rate", "watch_time_ms"]
    passed_on = [
        await theirs(f"{project}/social-accounts"),
        await theirs(f"{project}/metrics", metrics="views", granularity="week", since=quarter, **metrics),
        await theirs(f"{project}/top-performers", metric="engagement_rate", window="90d"),
        await theirs(f"{project}/top-performers", metric="conversions", window="90d"),
        await theirs(f"{project}/ads-content"),
        await theirs("/credits"),
        await theirs(f"{project}/approval-policy"),
        await theirs(f"{project}/metrics", metrics=names, granularity="day", since=fortnight, **metrics),
        await theirs(f"{project}/content", status="completed"),
        await theirs(f"{project}/scheduled-posts", status=["queued", "failed"]),
    ]
    beside = their_start + top3[1] + sum(passed_on)
    return Row("a whole daily review", our_start + top3[0] + sum(read), beside, 0.40 * beside)


if __name__ == "__main__":
    sys.exit(main())
