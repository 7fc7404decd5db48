"""The Layers server as a client meets it, in process and in both eras."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, PromptReference, TextContent, TextResourceContents

import layers_mcp
from layers_mcp.app import create_server
from layers_mcp.config import ServerConfig
from layers_mcp.sandbox import Sandbox
from layers_mcp.tools import CATALOG, DEFINITIONS
from layers_mcp.views import VIEWS
from tests.support import configured
from tests.support.tool_harness import checked_text

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}
WRITING = {name for name, entry in DEFINED.items() if not entry["annotations"]["readOnlyHint"]}


@pytest.fixture(params=["legacy", "auto"])
def era(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    world = Sandbox()
    yield world
    world.close()


def connect(sandbox: Sandbox, state_dir: Path, era: str = "auto", **settings: Any) -> Client:
    known: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": "https://api.layers.test", "state_dir": state_dir}
    server = create_server(**configured(**(known | settings)), transport=sandbox.transport(), clock=sandbox.now)
    return Client(server, mode=era)


def text_of(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


def test_the_package_names_its_public_surface_once() -> None:
    assert layers_mcp.__all__ == ["Credentials", "Policy", "ServerConfig", "__version__", "create_server"]
    assert layers_mcp.create_server is create_server
    assert layers_mcp.ServerConfig is ServerConfig
    with pytest.raises(AttributeError):
        _ = layers_mcp.nothing_else  # pyright: ignore


async def test_a_client_lists_every_tool_and_view_three_prompts_and_two_guides(
    sandbox: Sandbox, tmp_path: Path, era: str
) -> None:
    async with connect(sandbox, tmp_path, era) as client:
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts
        resources = (await client.list_resources()).resources
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.version) == ("layers-mcp", layers_mcp.__version__)
    assert [tool.name for tool in tools] == list(CATALOG)
    assert [prompt.name for prompt in prompts] == ["daily_review", "breakout_response", "weekly_review"]
    assert [resource.uri for resource in resources] == [
        "layers://guide/metrics",
        "layers://guide/loop",
        *(view.uri for view in VIEWS),
    ]
    assert sandbox.requests == [], "listing asks nothing of the API"


SHOWN_BY = {
    "rank_top_performers": "ui://layers/ranking.html",
    "find_breakouts": "ui://layers/ranking.html",
    "get_metrics": "ui://layers/series.html",
    "get_ads_metrics": "ui://layers/series.html",
    "get_content": "ui://layers/approval.html",
    "review_commissions": "ui://layers/results.html",
}


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_tool_names_the_view_that_shows_its_results_to_a_person(
    sandbox: Sandbox, tmp_path: Path, era: str, read_only: bool
) -> None:
    async with connect(sandbox, tmp_path, era, read_only=read_only) as client:
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
    named = {tool.name: tool.meta for tool in tools if tool.meta}
    assert named == {name: {"ui": {"resourceUri": uri}, "ui/resourceUri": uri} for name, uri in SHOWN_BY.items()}
    assert set(SHOWN_BY.values()) == {one.uri for one in resources if one.uri.startswith("ui://")}
    assert all(list(entry)[-1] == "_meta" for entry in DEFINED.values() if "_meta" in entry)


async def test_a_view_has_the_same_meta_in_the_list_and_in_what_is_read(
    sandbox: Sandbox, tmp_path: Path, era: str
) -> None:
    origins = ("https://cdn.example.com", "http://127.0.0.1:9000")
    async with connect(sandbox, tmp_path, era, media_origin=origins) as client:
        listed = {one.uri: one for one in (await client.list_resources()).resources if one.uri.startswith("ui://")}
        for uri, entry in listed.items():
            answer = await client.read_resource(uri)
            [page] = answer.contents
            assert isinstance(page, TextResourceContents)
            assert page.text.startswith("<!doctype html>")
            assert page.mime_type == entry.mime_type == "text/html;profile=mcp-app"
            assert page.meta == entry.meta
            assert page.meta is not None
            csp = page.meta["ui"]["csp"]
            assert csp["resourceDomains"] == (list(origins) if uri == "ui://layers/approval.html" else [])
            assert era == "legacy" or answer.cache_scope == "private"
        guide = await client.read_resource("layers://guide/loop")
        assert era == "legacy" or guide.cache_scope == "public"
    assert sandbox.requests == []


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_view_knows_whether_anything_can_be_done_in_it(
    sandbox: Sandbox, tmp_path: Path, read_only: bool
) -> None:
    async with connect(sandbox, tmp_path, read_only=read_only) as client:
        [page] = (await client.read_resource("ui://layers/ranking.html")).contents
    assert isinstance(page, TextResourceContents)
    assert (f'"readOnly":{json.dumps(read_only)}' in unescape(page.text)) is True


@pytest.mark.parametrize("read_only", [False, True])
async def test_instructions_are_short_and_name_only_tools_that_are_there(
    sandbox: Sandbox, tmp_path: Path, read_only: bool
) -> None:
    async with connect(sandbox, tmp_path, read_only=read_only) as client:
        offered = {tool.name for tool in (await client.list_tools()).tools}
        instructions = client.instructions or ""
    assert 0 < len(instructions) <= 1_200
    assert set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", instructions)) - {"project_id", "dry_run"} <= offered


async def test_read_only_offers_no_writing_tool_and_knows_none(sandbox: Sandbox, tmp_path: Path, era: str) -> None:
    async with connect(sandbox, tmp_path, era, read_only=True) as client:
        assert not {tool.name for tool in (await client.list_tools()).tools} & WRITING
        prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
        assert prompts == ["daily_review", "weekly_review"]
        for name in WRITING:
            with pytest.raises(MCPError) as caught:
                await client.call_tool(name, {})
            assert caught.value.code == -32602
    assert sandbox.requests == []


async def test_read_only_prompts_speak_of_no_tool_or_prompt_that_is_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    async with connect(sandbox, tmp_path, read_only=True) as client:
        for prompt in (await client.list_prompts()).prompts:
            content = (await client.get_prompt(prompt.name, {"project_id": "prj_1"})).messages[0].content
            assert isinstance(content, TextContent)
            assert not {*WRITING, "breakout_response"} & set(re.findall(r"\w+", content.text)), prompt.name


async def test_without_a_key_it_lists_and_every_call_says_how_to_set_one(tmp_path: Path, era: str) -> None:
    async with Client(create_server(**configured(state_dir=tmp_path)), mode=era) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(CATALOG)
        for name in CATALOG:
            result = await client.call_tool(name, {})
            assert result.is_error, name
            assert text_of(result).startswith("NOT_CONFIGURED: "), name
            assert "LAYERS_API_KEY" in text_of(result), name


async def test_every_answer_of_a_whole_loop_fits_its_output_schema(sandbox: Sandbox, tmp_path: Path, era: str) -> None:
    async with connect(sandbox, tmp_path, era) as client:

        async def call(name: str, **arguments: Any) -> dict[str, Any]:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, f"{name}: {text_of(result)}"
            checked_text(name, result)
            return result.structured_content

        projects = {row["name"]: row["project_id"] for row in (await call("list_projects"))["projects"]}
        for project_id in projects.values():
            await call("check_readiness", project_id=project_id)
            await call("get_metrics", project_id=project_id, granularity="hour", since="90d")
            await call("get_ads_metrics", project_id=project_id)
            await call("list_ads_content", project_id=project_id, limit=200)
            for metric in ("views", "engagement_rate", "watch_time_ms", "conversions", "roas"):
                await call("rank_top_performers", project_id=project_id, metric=metric, limit=100)
        project_id = projects["acme-todo"]
        breakouts = (await call("find_breakouts"))["breakouts"]
        post = next(row["platform_post_id"] for row in breakouts if row["project_id"] == project_id)
        await call("clone_post", project_id=project_id, source_platform_post_id=post, dry_run=True)
        clone = await call("clone_post", project_id=project_id, source_platform_post_id=post)
        hook = await call("generate_with_hook", project_id=project_id, hook="A hook of our own")
        assert (await call("clone_post", project_id=project_id, source_platform_post_id=post))["replayed"] is True
        await call("wait_job", job_ids=[clone["job_id"]], timeout_seconds=0)
        sandbox.advance(timedelta(minutes=5))
        await call("wait_job", job_ids=[clone["job_id"], hook["job_id"], "job_unknown"], timeout_seconds=0)
        await call("cancel_job", job_id=hook["job_id"])
        await call("get_content", project_id=project_id, limit=50)
        container = clone["container_ids"][0]
        await call("get_content", container_ids=[container, "cnt_unknown"])
        await call("decide_content", container_id=container, decision="approve")
        creative = (await call("list_ads_content", project_id=project_id))["items"][0]["ads_content_id"]
        await call("set_override", project_id=project_id, ads_content_id=creative, override="include")
        await call("set_override", project_id=project_id, ads_content_id=creative, override="clear")
        sandbox.advance(timedelta(days=10))
        await call("review_commissions")


async def test_a_prompt_speaks_of_the_project_and_of_the_metric(sandbox: Sandbox, tmp_path: Path) -> None:
    async with connect(sandbox, tmp_path) as client:
        for metric, shown in (("roas", "roas"), ("", "suggested metric")):
            result = await client.get_prompt("daily_review", {"project_id": "prj_1", "metric": metric})
            content = result.messages[0].content
            assert isinstance(content, TextContent)
            assert "prj_1" in content.text
            assert shown in content.text
            assert "{" not in content.text


async def test_the_guide_is_read_from_the_package(sandbox: Sandbox, tmp_path: Path) -> None:
    async with connect(sandbox, tmp_path) as client:
        for name in ("metrics", "loop"):
            [contents] = (await client.read_resource(f"layers://guide/{name}")).contents
            assert len(contents.model_dump()["text"]) > 500


async def completed(client: Client, argument: str, typed: str) -> list[str]:
    reference = PromptReference(name="daily_review")
    return (await client.complete(reference, {"name": argument, "value": typed})).completion.values


async def test_project_ids_are_completed_from_an_id_or_a_name_and_metrics_from_their_list(
    sandbox: Sandbox, tmp_path: Path, era: str
) -> None:
    acme = sandbox.project_id("acme-todo")
    async with connect(sandbox, tmp_path, era) as client:
        assert await completed(client, "project_id", "ACME") == [acme]
        assert await completed(client, "project_id", acme[:20]) == [acme]
        assert len(await completed(client, "project_id", "")) == 4
        assert await completed(client, "metric", "") == [
            "views",
            "engagement_rate",
            "watch_time_ms",
            "watch_seconds_per_view",
            "conversions",
            "roas",
        ]
        assert await completed(client, "metric", "W") == ["watch_time_ms", "watch_seconds_per_view"]


async def test_without_a_key_nothing_is_completed(tmp_path: Path) -> None:
    async with Client(create_server(**configured(state_dir=tmp_path))) as client:
        assert await completed(client, "project_id", "") == []


async def test_a_closed_connection_leaves_nothing_running(sandbox: Sandbox, tmp_path: Path, era: str) -> None:
    before = anyio.get_running_tasks()
    async with connect(sandbox, tmp_path, era) as client:
        result = await client.call_tool("list_projects")
        assert not result.is_error
    assert anyio.get_running_tasks() == before


async def test_an_error_of_our_own_is_internal_and_tells_nothing(sandbox: Sandbox, tmp_path: Path, era: str) -> None:
    def broken_clock() -> datetime:
        raise RuntimeError("the mainspring of s3cr3t broke")

    settings = configured(api_key=sandbox.api_key, base_url="https://api.layers.test", state_dir=tmp_path)
    server = create_server(**settings, transport=sandbox.transport(), clock=broken_clock)
    async with Client(server, mode=era) as client:
        result = await client.call_tool("get_metrics", {"project_id": sandbox.project_id("acme-todo")})
    assert result.is_error
    assert text_of(result).startswith("INTERNAL: ")
    assert "s3cr3t" not in text_of(result)
