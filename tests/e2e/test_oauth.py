"""OAuth from a bare 401 to the result of a tool: a real issuer, two SDKs' clients, and tokens that prove nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from mcp import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import message, post
from tests.support.oauth import NODE_MODULES, OidcProvider, oidc_provider
from tests.support.team_server import TeamServer, team_server
from tests.unit.tenancy.issuer import private_key

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.subprocess,
    pytest.mark.skipif(not NODE_MODULES, reason="set LAYERS_TEST_NODE_MODULES (see tests/support/oauth)"),
]

TENANTS = """
[[tenant]]
match = { org = "acme" }
api_key_env = "ACME"

[[tenant]]
match = { org = "stranger" }
api_key_file = "stranger.key"
read_only = true
"""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Generator[OidcProvider]:
    with oidc_provider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[tuple[Sandbox, dict[str, Any]]]:
    """A sandbox, and the settings of a server on it for two tenants."""
    with Sandbox() as sandbox:
        monkeypatch.setenv("ACME", sandbox.api_key)
        (tmp_path / "stranger.key").write_text(sandbox.issue_key(organization=sandbox.stranger), encoding="utf-8")
        file = tmp_path / "tenants.toml"
        file.write_text(TENANTS, encoding="utf-8")
        yield sandbox, {"auth": "oauth", "tenants": file}


class Kept(TokenStorage):
    """What a client remembers of its sign-in."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Person:
    """Signs in as an account, as a browser would, and says yes."""

    REDIRECT = "http://127.0.0.1:9/callback"

    def __init__(self, account: str) -> None:
        self.account = account
        self.landed: dict[str, list[str]] = {}

    async def open(self, url: str) -> None:
        async with httpx2.AsyncClient() as browser:
            place = f"{url}&login_hint={self.account}"
            for _ in range(8):
                answer = await browser.get(place, follow_redirects=False)
                assert answer.status_code in (302, 303), answer.text
                place = str(answer.url.join(answer.headers["location"]))
                if place.startswith(self.REDIRECT):
                    break
        self.landed = parse_qs(urlsplit(place).query)

    async def wait(self) -> Any:
        from mcp.client.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(
            code=self.landed["code"][0], state=self.landed["state"][0], iss=self.landed.get("iss", [None])[0]
        )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize(("account", "tools"), [("acme", "clone_post"), ("stranger", "")])
async def test_the_python_sdks_client_signs_in_and_calls(
    mode: Any, account: str, tools: str, provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        person = Person(account)
        auth = OAuthClientProvider(
            server_url=server.url,
            client_metadata=OAuthClientMetadata(
                client_name="test", redirect_uris=[Person.REDIRECT], token_endpoint_auth_method="none"
            ),
            storage=Kept(),
            redirect_handler=person.open,
            callback_handler=person.wait,
        )
        async with httpx2.AsyncClient(auth=auth, timeout=60) as http:
            transport = streamable_http_client(server.url, http_client=http)
            async with Client(transport, mode=mode) as client:
                answer = await client.call_tool("list_projects", {})
                names = {tool.name for tool in (await client.list_tools()).tools}
        assert answer.structured_content
        organization = answer.structured_content["organization"]["organization_id"]
        assert organization == {"acme": sandbox.agency, "stranger": sandbox.stranger}[account]
        assert ("clone_post" in names) is bool(tools)


async def test_the_typescript_sdks_client_signs_in_and_calls(
    provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        said = await anyio.to_thread.run_sync(provider.typescript_client, server.url, "list_projects", "acme")
    organization = said["result"]["structuredContent"]["organization"]["organization_id"]
    assert organization == sandbox.agency
    assert set(said["scope"].split()) == {"layers:read", "layers:write"}
    steps = [step.rsplit(" ", 1)[0] for step in said["seen"]]
    for step in ("GET /.well-known/oauth-protected-resource/mcp", "POST /reg", "POST /token", "POST /mcp"):
        assert step in steps
    assert said["seen"][0] == "POST /mcp 401"


class Recording(httpx2.AsyncBaseTransport):
    """Everything that goes to Layers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = sandbox.transport()
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(f"{request.url} {request.headers.multi_items()} {await request.aread()!r}")
        return await self._inner.handle_async_request(request)


async def test_no_byte_of_a_token_reaches_layers_or_an_answer(
    provider: OidcProvider,
    tenants: tuple[Sandbox, dict[str, Any]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    sandbox, settings = tenants
    recording = Recording(sandbox)
    async with team_server(sandbox, tmp_path, transport=recording, oauth_issuer=provider.issuer, **settings) as server:
        token = provider.token(server.url)
        answer = await server.post("list_projects", Authorization=f"Bearer {token}", X_Layers_Api_Key="lp_test_other")
        assert answer.status_code == 200
        sent = " ".join(recording.sent)
        logged = "".join(each.getMessage() for each in caplog.records if not each.name.startswith("http"))
        for part in (*token.split("."), "lp_test_other"):
            assert part not in sent
            assert part not in answer.text
            assert part not in logged


def _with(provider: OidcProvider, server: TeamServer, **changes: Any) -> str:
    """A token of the issuer's own key, good but for the changes."""
    number = changes.pop("number", 0)
    headers = {"kid": "k1", "typ": "at+jwt"} | changes.pop("headers", {})
    claims = {"iss": provider.issuer, "aud": server.url, "exp": timedelta(minutes=5), "scope": "layers:write"}
    claims |= {"org": "acme"} | changes
    claims = {
        name: time.time() + value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in claims.items()
        if value is not None
    }
    return jwt.encode(claims, private_key("RS256", number), "RS256", headers=headers)


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "good": ({}, 200, ""),
    "expired": ({"exp": timedelta(minutes=-5)}, 401, "invalid_token"),
    "not yet valid": ({"nbf": timedelta(minutes=5)}, 401, "invalid_token"),
    "without expiry": ({"exp": None}, 401, "invalid_token"),
    "another audience": ({"aud": "https://other.example/mcp"}, 401, "invalid_token"),
    "another issuer": ({"iss": "https://other.example"}, 401, "invalid_token"),
    "issuer with a slash": ({"iss": "slash"}, 401, "invalid_token"),
    "another key": ({"number": 1}, 401, "invalid_token"),
    "unknown key": ({"headers": {"kid": "k9"}}, 401, "invalid_token"),
    "no scope": ({"scope": None}, 403, "insufficient_scope"),
    "other scopes": ({"scope": "openid profile"}, 403, "insufficient_scope"),
    "no tenant": ({"org": "nobody"}, 403, ""),
    "no claim": ({"org": None}, 403, ""),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_token_gets_the_status_that_says_what_is_wrong(
    name: str, provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    changes, status, error = BAD[name]
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        if changes.get("iss") == "slash":
            changes = {"iss": provider.issuer + "/"}
        answer = await server.post("list_projects", Authorization=f"Bearer {_with(provider, server, **changes)}")
        assert answer.status_code == status
        challenge = answer.headers.get("www-authenticate", "")
        if error:
            assert f'error="{error}"' in challenge
            assert f'resource_metadata="{server.root}/.well-known/oauth-protected-resource/mcp"' in challenge
        elif status == 403:
            assert "insufficient_scope" not in challenge + answer.text
        assert (len(sandbox.requests) > 0) is (status == 200)


async def test_forged_signatures_are_refused(
    provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    public = private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        claims = jwt.decode(_with(provider, server), options={"verify_signature": False})

        def signed(algorithm: str, secret: bytes) -> str:
            head, body = (_segment({"alg": algorithm, "kid": "k1"}), _segment(claims))
            mac = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest() if secret else b""
            return f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

        for token in (signed("HS256", public), signed("none", b""), signed("None", b""), signed("RS256", public)):
            answer = await server.post("list_projects", Authorization=f"Bearer {token}")
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def _segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def test_without_a_token_the_challenge_says_where_to_get_one(
    provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        for path in ("/mcp", f"/mcp?access_token={_with(provider, server)}"):
            answer = await post(server.http, path, message("tools/list"), X_Layers_Api_Key=sandbox.api_key)
            challenge = answer.headers["www-authenticate"]
            assert answer.status_code == 401
            assert "error=" not in challenge
            assert 'scope="layers:read layers:write"' in challenge
            place = challenge.split('resource_metadata="')[1].split('"')[0]
            metadata = (await server.http.get(place)).json()
            assert metadata["resource"] == server.url
            assert metadata["authorization_servers"] == [provider.issuer]


@pytest.mark.parametrize(
    "claims", [{"scope": "layers:read"}, {"scope": None, "scp": ["layers:read"]}, {"org": "stranger"}]
)
async def test_who_may_only_read_is_served_the_read_only_catalog(
    claims: dict[str, Any], provider: OidcProvider, tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        reader = {"Authorization": f"Bearer {_with(provider, server, **claims)}"}
        writer = {"Authorization": f"Bearer {_with(provider, server)}"}
        for headers, writes in ((reader, False), (writer, True), (reader, False)):
            listed = await server.request("tools/list", **headers)
            assert ("clone_post" in {tool["name"] for tool in listed["tools"]}) is writes
            prompts = await server.request("prompts/list", **headers)
            assert ("breakout_response" in {prompt["name"] for prompt in prompts["prompts"]}) is writes
        refused = await server.post("clone_post", {"project_id": "x"}, **reader)
        assert "Unknown tool" in refused.text


async def test_an_issuer_that_is_away_is_503_until_its_keys_are_known_and_then_ends_nothing(
    tenants: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox, settings = tenants
    with oidc_provider(tmp_path) as provider:
        port = int(provider.issuer.rpartition(":")[2])
    async with team_server(sandbox, tmp_path, oauth_issuer=provider.issuer, **settings) as server:
        headers = {"Authorization": f"Bearer {_with(provider, server)}"}
        early = await server.post("list_projects", **headers)
        assert early.status_code == 503
        with oidc_provider(tmp_path, port=port):
            await anyio.sleep(int(early.headers["retry-after"]) + 0.5)
            assert (await server.post("list_projects", **headers)).status_code == 200
        assert (await server.post("list_projects", **headers)).status_code == 200
