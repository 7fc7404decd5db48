"""What a model reads, in tokens: our tools and answers beside the official Node server's.

    python bench/tokens.py

Both answer from the same sandbox. The Node server passes Layers' JSON on as it is, pretty-printed, which is made here
from the same requests; its 52 definitions cost 10,306 tokens (`@layers/mcp-server` 1.3.2). Counted with o200k_base over
the text of an answer, and name, description and input schema of a definition. Goal: a daily review at 40 % or less.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.types import TextContent
from rs_bpe.bpe import openai

from layers_mcp.app import create_server
from layers_mcp.config import ServerConfig
from layers_mcp.sandbox import Sandbox

NODE_DEFINITIONS = 10_306
GOAL = 0.40
ENCODING = openai.o200k_base()


def tokens(text: str) -> int:
    """Tokens of a text, as the o200k models count them."""
    return ENCODING.count(text)


def main() -> int:
    """Print the table; exit code 1 where the daily review misses its goal."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ServerConfig(sandbox=True, state_dir=Path(folder))
        rows = anyio.run(measured, settings)
    print("| what a model reads | layers-mcp | official Node server | ratio |\n|---|---:|---:|---:|")
    for name, ours, theirs in rows:
        print(f"| {name} | {ours:,} | {theirs:,} | {ours / theirs:.2f} |")
    _, ours, theirs = rows[-1]
    return int(ours > GOAL * theirs)


async def measured(settings: ServerConfig) -> list[tuple[str, int, int]]:
    """Each row's name, our tokens, theirs; the last is the whole daily review."""
    sandbox = Sandbox(path=settings.world_path)
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    peer = httpx2.AsyncClient(transport=sandbox.transport(), base_url="https://api.layers.test", headers=headers)
    try:
        async with peer, Client(create_server(settings)) as client:
            return await compared(client, peer, sandbox.project_id("acme-todo"))
    finally:
        sandbox.close()


async def compared(client: Client, peer: httpx2.AsyncClient, project_id: str) -> list[tuple[str, int, int]]:
    """The same questions to both, on the project of the guide."""

    async def ours(tool: str, **arguments: Any) -> int:
        result = await client.call_tool(tool, arguments)
        (block,) = result.content
        assert isinstance(block, TextContent), tool
        assert not result.is_error, block.text
        return tokens(block.text)

    async def theirs(path: str, **query: Any) -> int:
        answer = (await peer.get(f"/v1/projects{path}", params=query)).raise_for_status()
        return tokens(json.dumps(answer.json(), indent=2, ensure_ascii=False))

    tools = (await client.list_tools()).tools
    shown = ({"name": t.name, "description": t.description, "inputSchema": t.input_schema} for t in tools)
    definitions = sum(tokens(json.dumps(tool, ensure_ascii=False, separators=(",", ":"))) for tool in shown)
    names = ["views", "engagement_rate", "watch_time_ms"]
    month = {"scope": "project", "id": project_id, "metrics": names, "granularity": "day"}
    ranking = {"metric": "engagement_rate", "window": "30d"}
    rank, top = "rank_top_performers", f"/{project_id}/top-performers"
    rows = [
        (f"definitions of {len(tools)} tools, beside 52", definitions, NODE_DEFINITIONS),
        ("find the project", await ours("list_projects", search="acme"), await theirs("", search="acme")),
        (
            "a ranking of 5",
            await ours(rank, project_id=project_id, limit=5, **ranking),
            await theirs(top, limit=5, **ranking),
        ),
        (
            "a page of 25 creatives",
            await ours("list_ads_content", project_id=project_id, limit=25),
            await theirs(f"/{project_id}/ads-content", limit=25),
        ),
        (
            "a month of metrics, by day",
            await ours("get_metrics", project_id=project_id, metrics=names, since="30d"),
            await theirs(f"/{project_id}/metrics", **month),
        ),
    ]
    top3 = await ours(rank, project_id=project_id, limit=3, **ranking), await theirs(top, limit=3, **ranking)
    daily = [rows[0][1:], rows[1][1:], top3]
    review = ("a daily review: definitions, find the project, rank the top 3", *map(sum, zip(*daily, strict=True)))
    return [*rows, review]


if __name__ == "__main__":
    sys.exit(main())
