"""`--auth key`: the Layers API key of each request is who is calling."""

from pathlib import Path

import pytest

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import ERAS, message, post
from tests.support.team_server import team_server

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("form", ["Authorization", "X_Layers_Api_Key", "both"])
async def test_the_key_of_the_request_is_the_tenant(era: str, form: str, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            for organization in (sandbox.agency, sandbox.stranger):
                key = sandbox.issue_key(organization=organization)
                forms = {"Authorization": f"bearer {key}", "X_Layers_Api_Key": key}
                headers = forms if form == "both" else {form: forms[form]}
                answer = await server.call("list_projects", era=era, **headers)
                assert answer["structuredContent"]["organization"]["organization_id"] == organization


async def test_a_header_picks_a_child_organization_and_no_stranger(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            key = {"X_Layers_Api_Key": sandbox.api_key}
            child = await server.facts("list_projects", X_Layers_Organization=sandbox.subsidiary, **key)
            assert child["organization"]["organization_id"] == sandbox.subsidiary
            refused = await server.error("list_projects", X_Layers_Organization=sandbox.stranger, **key)
            assert "NOT_FOUND" in refused
            own = await server.facts("list_projects", **key)
            assert own["organization"]["organization_id"] == sandbox.agency


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nothing-of-layers"},
        {"Authorization": "Bearer lp_test_a b"},
        {"Authorization": "Bearer lp_" + "x" * 510},
        {"X_Layers_Api_Key": "LP_TEST_1"},
        {"X_Layers_Api_Key": "lp_test_\x7f"},
        {"Authorization": "Bearer lp_test_1", "X_Layers_Api_Key": "lp_test_2"},
    ],
)
async def test_what_is_no_key_is_refused_without_asking_layers(headers: dict[str, str], tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            answer = await server.post("list_projects", **headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
            assert not any(value.removeprefix("Bearer ") in answer.text for value in headers.values())
            assert not sandbox.requests


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic bHBfdGVzdA=="}, {"Authorization": "Bearer"}])
async def test_without_a_key_the_challenge_is_bare(headers: dict[str, str], tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            for method in ("initialize", "tools/list", "tools/call"):
                answer = await post(server.http, "/mcp", message(method), **headers)
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            query = await post(server.http, "/mcp?api_key=lp_test_1&access_token=lp_test_1", message("tools/list"))
            assert query.status_code == 401


async def test_an_organization_of_no_form_is_a_bad_request(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            for organization in ("org 1", "o" * 300):
                answer = await server.post(
                    "list_projects", X_Layers_Api_Key=sandbox.api_key, X_Layers_Organization=organization
                )
                assert answer.status_code == 400
            assert not sandbox.requests


async def test_a_key_that_layers_refuses_is_a_result_and_its_workspace_is_not_kept(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            refused = await server.error("list_projects", X_Layers_Api_Key="lp_test_nobody_knows_me")
            assert refused.startswith("UNAUTHENTICATED (401): ")
            assert "Send a valid Layers API key." in refused
            assert "LAYERS_API_KEY" not in refused, "this server has no key of its own"
            await server.facts("list_projects", X_Layers_Api_Key=sandbox.api_key)
            assert server.app.tenants_open == 1
