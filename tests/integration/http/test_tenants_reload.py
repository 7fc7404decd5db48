"""`--auth oauth`: the tenants file is read again while calls run; who is no tenant any more is out at once."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import MODERN, message, post, serving, until
from tests.support.team_server import Held, TeamServer, team_server
from tests.unit.tenancy.issuer import private_key, public_jwk

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def issuer() -> AsyncGenerator[str]:
    """An issuer of tokens on loopback."""
    roots: list[str] = []

    async def metadata(request: Request) -> JSONResponse:
        return JSONResponse({"issuer": roots[0], "jwks_uri": f"{roots[0]}/keys"})

    async def keys(request: Request) -> JSONResponse:
        return JSONResponse({"keys": [public_jwk("k1", "RS256")]})

    routes = [Route("/.well-known/oauth-authorization-server", metadata), Route("/keys", keys)]
    async with serving(lambda port: Starlette(routes=routes)) as root:
        roots.append(root)
        yield root


class Team:
    """A server for the tenants of a file that a test rewrites."""

    def __init__(self, server: TeamServer, root: str, folder: Path) -> None:
        self.server = server
        self._issuer = root
        self._folder = folder

    def write(self, **keys: str) -> None:
        write(self._folder, **keys)
        self.server.app.reload()

    def as_(self, organization: str, **changes: Any) -> dict[str, str]:
        claims = {"iss": self._issuer, "aud": self.server.url, "exp": time.time() + 300, "scope": "layers:write"}
        claims |= {"org": organization} | changes
        return {"Authorization": "Bearer " + jwt.encode(claims, private_key("RS256"), "RS256", headers={"kid": "k1"})}

    async def organization(self, name: str) -> str:
        facts = await self.server.facts("list_projects", **self.as_(name))
        return facts["organization"]["organization_id"]


def write(folder: Path, **keys: str) -> Path:
    """A tenants file with one entry a name, each with a key file of its own."""
    entries = []
    for name, key in keys.items():
        (folder / f"{name}.key").write_text(key, encoding="utf-8")
        entries.append(f'[[tenant]]\nmatch = {{ org = "{name}" }}\napi_key_file = "{name}.key"\n')
    file = folder / "tenants.toml"
    file.write_text("\n".join(entries), encoding="utf-8")
    return file


@asynccontextmanager
async def team(sandbox: Sandbox, folder: Path, upstream: Held | None = None, **keys: str) -> AsyncGenerator[Team]:
    tenants = write(folder, **keys)
    async with (
        issuer() as root,
        team_server(sandbox, folder, transport=upstream, auth="oauth", oauth_issuer=root, tenants=tenants) as server,
    ):
        yield Team(server, root, folder)


async def test_a_tenant_is_added_changed_and_taken_out_while_others_keep_their_workspace(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        own, other = sandbox.api_key, sandbox.issue_key(organization=sandbox.stranger)
        async with team(sandbox, tmp_path, acme=own) as running:
            assert await running.organization("acme") == sandbox.agency
            assert (await running.server.post("list_projects", **running.as_("globex"))).status_code == 403
            running.write(acme=own, globex=other)
            await anyio.sleep(0.2)
            assert running.server.app.tenants_open == 1, "an entry that did not change keeps its workspace"
            assert await running.organization("globex") == sandbox.stranger
            assert await running.organization("acme") == sandbox.agency
            running.write(acme=own, globex=sandbox.issue_key(organization=sandbox.subsidiary))
            assert await running.organization("globex") == sandbox.subsidiary
            await until(lambda: running.server.app.tenants_open == 2)
            running.write(acme=own)
            refused = await running.server.post("list_projects", **running.as_("globex"))
            assert refused.status_code == 403
            assert "insufficient_scope" not in refused.text + refused.headers.get("www-authenticate", "")
            await until(lambda: running.server.app.tenants_open == 1)
            assert await running.organization("acme") == sandbox.agency


async def test_a_bad_file_changes_nothing_and_is_logged_without_its_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Sandbox() as sandbox:
        async with team(sandbox, tmp_path, acme=sandbox.api_key) as running:
            for text in ("[[tenant", f'[[tenant]]\nmatch = {{ org = "x" }}\napi_key = "{sandbox.api_key}"', ""):
                (tmp_path / "tenants.toml").write_text(text, encoding="utf-8")
                caplog.clear()
                running.server.app.reload()
                [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
                assert "the old one stays in force" in record.getMessage()
                assert sandbox.api_key not in record.getMessage()
                assert await running.organization("acme") == sandbox.agency


async def test_a_call_that_runs_ends_as_it_began_though_its_tenant_is_taken_out(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        other = sandbox.issue_key(organization=sandbox.stranger)
        slow = Held(sandbox, "POST", "/content")
        async with team(sandbox, tmp_path, slow, acme=sandbox.api_key, globex=other) as running:
            assert await running.organization("acme") == sandbox.agency
            order = {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less."}
            answers: list[dict[str, Any]] = []

            async def place() -> None:
                answers.append(await running.server.facts("generate_with_hook", order, **running.as_("acme")))

            async with anyio.create_task_group() as group:
                group.start_soon(place)
                await until(lambda: slow.held == 1)
                running.write(globex=other)
                assert (await running.server.post("list_projects", **running.as_("acme"))).status_code == 403
                slow.let_go.set()
            assert answers[0]["replayed"] is False
            assert sum(event.type == "usage" for event in sandbox.ledger()) == 1


async def test_lists_may_be_kept_for_one_caller_alone(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team(sandbox, tmp_path, acme=sandbox.api_key) as running:
            for method in ("tools/list", "prompts/list", "resources/list"):
                body = message(method, era=MODERN)
                answer = await post(running.server.http, "/mcp", body, MODERN, **running.as_("acme"))
                assert '"cacheScope":"private"' in answer.text


async def test_headers_of_the_key_mode_count_for_nothing(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        other = sandbox.issue_key(organization=sandbox.stranger)
        async with team(sandbox, tmp_path, acme=sandbox.api_key) as running:
            headers = running.as_("acme") | {"X_Layers_Api_Key": other, "X_Layers_Organization": sandbox.subsidiary}
            facts = await running.server.facts("list_projects", **headers)
            assert facts["organization"]["organization_id"] == sandbox.agency
