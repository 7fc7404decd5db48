"""`layers-mcp doctor --http URL`: what a client without credentials finds."""

from io import StringIO
from pathlib import Path

import pytest

from layers_mcp.cli.http_doctor import examine_http
from layers_mcp.config import ConfigError
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
    out = StringIO()
    assert await examine_http("http://127.0.0.1:9/mcp", stream=out) == 1
    assert out.getvalue() == "FAIL  reach                http://127.0.0.1:9: nothing there accepts a connection\n"


@pytest.mark.parametrize("url", ["foo", "ftp://127.0.0.1/mcp", "http://", "http://[::1/mcp", ""])
async def test_what_is_no_url_of_a_server_is_one_line_and_no_connection(url: str) -> None:
    with pytest.raises(ConfigError, match="--http must be the URL of a server"):
        await examine_http(url, stream=StringIO())
