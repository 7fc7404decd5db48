"""How much runs at once: calls of a tenant, tenants of a process, and what is told to those who find no place."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import until
from tests.support.team_server import Held, TeamServer, team_server

pytestmark = pytest.mark.anyio

BUSY = re.compile(r"BUSY: .+\. Nothing was changed\. Call again in \d+ seconds\.")


async def test_a_tenant_over_its_limit_is_told_so_and_keeps_no_other_out(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        slow = Held(sandbox, "GET", "/v1/projects", calls=(1, 2))
        async with team_server(sandbox, tmp_path, transport=slow, auth="key", tenant_calls=2) as server:
            mine = {"X_Layers_Api_Key": sandbox.api_key}
            theirs = {"X_Layers_Api_Key": sandbox.issue_key(organization=sandbox.stranger)}
            async with anyio.create_task_group() as group:
                for number in range(2):
                    group.start_soon(_search, server, f"slow {number}", mine)
                await until(lambda: slow.held == 2)
                answer = await server.post("list_projects", **mine)
                assert answer.status_code == 200
                assert BUSY.fullmatch(await server.error("list_projects", **mine))
                await server.facts("list_projects", **theirs)
                slow.let_go.set()
            await server.facts("list_projects", **mine)


async def _search(server: TeamServer, text: str, headers: dict[str, Any]) -> None:
    await server.facts("list_projects", {"search": text}, **headers)


async def test_more_calls_than_the_process_takes_get_503(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        slow = Held(sandbox, "GET", "/v1/projects")
        async with team_server(sandbox, tmp_path, transport=slow, api_key=sandbox.api_key, max_calls=1) as server:
            async with anyio.create_task_group() as group:
                group.start_soon(_search, server, "slow", {})
                await until(lambda: slow.held == 1)
                answer = await server.post("list_projects")
                assert answer.status_code == 503
                assert "retry-after" in answer.headers
                slow.let_go.set()
            await server.facts("list_projects")


async def test_a_call_whose_client_went_away_frees_its_tenants_place(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        silent = Held(sandbox, "GET", "/v1/projects")
        async with team_server(sandbox, tmp_path, transport=silent, auth="key", tenant_calls=1) as server:
            own = {"X_Layers_Api_Key": sandbox.api_key}
            async with anyio.create_task_group() as client:
                client.start_soon(_search, server, "", own)
                await until(lambda: silent.held == 1)
                client.cancel_scope.cancel()
            await until(lambda: not server.app.busy)
            await server.facts("list_projects", **own)


async def test_that_a_journal_in_sqlite_is_for_one_process_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            for key in (sandbox.api_key, sandbox.issue_key(organization=sandbox.stranger)):
                await server.facts("list_projects", X_Layers_Api_Key=key)
    assert [record.getMessage() for record in caplog.records if "SQLite" in record.getMessage()] == [
        "the journal is SQLite, for this process alone; replicas share a PostgreSQL --journal-url"
    ]
