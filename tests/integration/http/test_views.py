"""Views over HTTP are those of stdio, to the byte: their tools, their entries and their pages, in both eras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from layers_mcp import create_server
from layers_mcp.sandbox import Sandbox
from tests.support import BASE_URL, configured
from tests.support.http_server import ERAS, MODERN, message, post, result
from tests.support.team_server import TeamServer, team_server

pytestmark = pytest.mark.anyio

VIEWED = {
    "rank_top_performers": "ranking",
    "find_breakouts": "ranking",
    "get_metrics": "series",
    "get_ads_metrics": "series",
    "get_content": "approval",
    "review_commissions": "results",
}


async def over_stdio(era: str, **settings: Any) -> dict[str, Any]:
    """What one client of the server's own process is shown of views."""
    server = create_server(**configured(base_url=BASE_URL, **settings))
    async with Client(server, mode="auto" if era == MODERN else "legacy") as client:
        tools = (await client.list_tools()).model_dump(by_alias=True, exclude_none=True, mode="json")["tools"]
        listed = (await client.list_resources()).model_dump(by_alias=True, exclude_none=True, mode="json")["resources"]
        pages = {
            each["uri"]: (await client.read_resource(each["uri"])).model_dump(
                by_alias=True, exclude_none=True, mode="json"
            )["contents"]
            for each in listed
        }
    return {"tools": tools, "listed": listed, "pages": pages}


async def over_http(server: TeamServer, era: str) -> dict[str, Any]:
    listed = (await server.request("resources/list", era=era))["resources"]
    pages = {}
    for each in listed:
        body = message("resources/read", {"uri": each["uri"]}, era=era)
        headers = {"Mcp_Name": each["uri"]} if era == MODERN else {}
        read = result(await post(server.http, "/mcp", body, era, **headers))
        if era == MODERN:
            assert read["cacheScope"] == ("private" if each["uri"].startswith("ui://") else "public")
        pages[each["uri"]] = read["contents"]
    return {"tools": (await server.request("tools/list", era=era))["tools"], "listed": listed, "pages": pages}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("read_only", [False, True])
async def test_tools_entries_and_pages_are_those_of_stdio(era: str, read_only: bool, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"read_only": read_only, "media_origin": ("https://media.example.com",)}
    with Sandbox() as sandbox:
        known = settings | {"api_key": sandbox.api_key, "state_dir": tmp_path}
        async with team_server(sandbox, tmp_path, api_key=sandbox.api_key, **settings) as server:
            there = await over_http(server, era)
        assert there == await over_stdio(era, **known)
    named = {tool["name"]: tool["_meta"] for tool in there["tools"] if "_meta" in tool}
    assert {name: meta["ui"]["resourceUri"] for name, meta in named.items()} == {
        name: f"ui://layers/{view}.html" for name, view in VIEWED.items()
    }
    assert all(meta["ui/resourceUri"] == meta["ui"]["resourceUri"] for meta in named.values())
    for view in {f"ui://layers/{view}.html" for view in VIEWED.values()}:
        [entry] = [each for each in there["listed"] if each["uri"] == view]
        [page] = there["pages"][view]
        assert entry["_meta"] == page["_meta"]
        assert entry["mimeType"] == page["mimeType"] == "text/html;profile=mcp-app"
        assert page["text"].startswith("<!doctype html>")
        media = ["https://media.example.com"] if "approval" in view else []
        assert page["_meta"]["ui"]["csp"]["resourceDomains"] == media


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_view_does_goes_through_the_tools_over_http_as_well(era: str, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, api_key=sandbox.api_key) as server:
            project = sandbox.project_id("acme-todo")
            ranking = {"project_id": project, "metric": "views", "limit": 1}
            ranked = await server.call("rank_top_performers", ranking, era=era)
            post_id = ranked["structuredContent"]["items"][0]["platform_post_id"]
            order = {"project_id": project, "source_platform_post_id": post_id, "mode": "fork", "variations": 2}
            priced = (await server.call("clone_post", order | {"dry_run": True}, era=era))["structuredContent"]
            assert priced["status"] == "not_ordered"
            confirmed = order | {"max_credits": priced["estimated_credits"]}
            for replayed in (False, True):
                placed = await server.call("clone_post", confirmed, era=era)
                assert placed["structuredContent"]["replayed"] is replayed
            assert sum(event.type == "usage" for event in sandbox.ledger()) == 1
