"""`--auth none`: everybody who reaches the port acts with the server's own settings."""

from pathlib import Path

import pytest

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import ERAS
from tests.support.team_server import team_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ERAS)
async def test_whoever_calls_acts_with_the_servers_key(era: str, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, api_key=sandbox.api_key) as server:
            stranger = sandbox.issue_key(organization=sandbox.stranger)
            answer = await server.call("list_projects", era=era, X_Layers_Api_Key=stranger, Authorization="Bearer x")
            assert answer["structuredContent"]["organization"]["organization_id"] == sandbox.agency
            lists = await server.request("tools/list", era=era)
            assert len(lists["tools"]) > 10
            if era == ERAS[1]:
                assert lists["cacheScope"] == "public"


async def test_a_read_only_server_lists_no_tool_that_writes(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, api_key=sandbox.api_key, read_only=True) as server:
            names = {tool["name"] for tool in (await server.request("tools/list"))["tools"]}
            assert "list_projects" in names
            assert "clone_post" not in names


async def test_without_a_key_calls_say_so_and_lists_are_served(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path) as server:
            assert (await server.error("list_projects")).startswith("NOT_CONFIGURED: ")
            assert (await server.request("tools/list"))["tools"]


async def test_no_metadata_is_served_without_oauth(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path) as server:
            assert (await server.http.get("/.well-known/oauth-protected-resource/mcp")).status_code == 404
