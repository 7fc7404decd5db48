"""What every tool is handed: its parts are built when first used, and say what stands in their way."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mcp import Client

from layers_mcp import create_server
from layers_mcp.api.errors import Unreachable
from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig, VintageSetting
from layers_mcp.tools.generate_with_hook import generate_with_hook
from tests.support import configured


def _on_sandbox(folder: Path) -> ServerConfig:
    return ServerConfig(sandbox=True, state_dir=folder)


async def test_a_workspace_that_is_not_used_creates_nothing(tmp_path: Path) -> None:
    async with open_context(_on_sandbox(tmp_path / "state")):
        pass
    assert not list(tmp_path.iterdir())


async def test_the_time_is_the_worlds_on_the_sandbox_and_the_machines_elsewhere(tmp_path: Path) -> None:
    async with open_context(_on_sandbox(tmp_path)) as context, open_context(**configured(state_dir=tmp_path)) as real:
        assert abs((context.now() - real.now()).total_seconds()) < 5
        assert real.now().tzinfo is UTC
    noon = datetime(2026, 4, 17, 12, tzinfo=UTC)
    async with open_context(_on_sandbox(tmp_path), clock=lambda: noon) as context:
        assert context.now() == noon


async def test_on_the_sandbox_no_log_line_and_no_journal_names_a_real_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with open_context(_on_sandbox(tmp_path)) as context:
        [project, *_] = (await context.api.projects.list()).items
        await generate_with_hook(context, project_id=project.id, hook="Plan less.")
    assert "GET https://sandbox.invalid/v1/projects" in caplog.text
    assert "layers.com" not in caplog.text
    assert b"layers.com" not in (tmp_path / "orders.db").read_bytes()


async def test_a_world_that_is_no_world_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "world.db").write_text("not a database")
    async with Client(create_server(_on_sandbox(tmp_path))) as client:
        answer = await client.call_tool("list_projects", {})
    assert answer.is_error
    assert answer.content[0].text == (
        "UNREACHABLE: The world's file is not a sandbox world. Begin a new world with layers-mcp sandbox --reset. "
        "Nothing was changed. To keep the old one too, name another --state-dir."
    )


async def test_a_state_directory_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with open_context(_on_sandbox(tmp_path / "file" / "state")) as context:
        with pytest.raises(Unreachable, match="cannot be opened"):
            await context.api.whoami()


@pytest.mark.parametrize(
    ("vintage", "form"), [("auto", "prj_01"), ("preview", "prj_01"), ("current", "prj_[0-9a-f-]{36}$")]
)
async def test_the_vintage_says_what_the_sandbox_speaks(tmp_path: Path, vintage: VintageSetting, form: str) -> None:
    async with Client(create_server(ServerConfig(sandbox=True, state_dir=tmp_path, vintage=vintage))) as client:
        answer = await client.call_tool("list_projects", {"search": "acme"})
        [project] = (answer.structured_content or {})["projects"]
        ready = await client.call_tool("check_readiness", {"project_id": project["project_id"]})
    assert re.match(form, project["project_id"])
    checks = {check["name"]: check["status"] for check in (ready.structured_content or {})["checks"]}
    assert checks["review_policy"] == "ok"
