"""`layers-mcp doctor --http URL`: what a client without credentials finds."""

from io import StringIO
from pathlib import Path

import pytest

from layers_mcp.cli.http_doctor import examine_http
from layers_mcp.sandbox import Sandbox
from tests.support.team_server import team_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("auth", "found"), [("none", "listed without credentials"), ("key", "API key is needed")])
async def test_a_server_that_works_is_told_so(auth: str, found: str, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth=auth) as server:
            out = StringIO()
            assert await examine_http(server.url, stream=out) == 0
            assert found in out.getvalue()
            assert "FAIL" not in out.getvalue()


async def test_one_that_drains_or_is_elsewhere_is_told_too(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            server.app.drain()
            out = StringIO()
            assert await examine_http(server.url, stream=out) == 1
            assert "FAIL  ready                status 503 draining" in out.getvalue()
            assert await examine_http(f"{server.root}/nothing", stream=StringIO()) == 1
    assert await examine_http("http://127.0.0.1:9/mcp", stream=StringIO()) == 1
