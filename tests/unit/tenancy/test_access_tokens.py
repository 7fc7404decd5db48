"""Access tokens: which are taken, and which prove nothing, whatever they look like."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.tenancy.access_tokens import AccessTokens, InvalidToken, scopes_of
from layers_mcp.tenancy.signing_keys import KeysUnavailable, SigningKeys
from tests.unit.tenancy.issuer import ISSUER, RESOURCE, Issuer, private_key, public_jwk

pytestmark = pytest.mark.anyio


def _judge(issuer: Issuer) -> AccessTokens:
    return AccessTokens(SigningKeys(ISSUER, transport=issuer), issuer=ISSUER, resource=RESOURCE)


async def _refusal(token: str, issuer: Issuer | None = None) -> str:
    with pytest.raises(InvalidToken) as refused:
        await _judge(issuer or Issuer()).verify(token)
    assert not any(part and part in str(refused.value) for part in token.split("."))
    return str(refused.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("named", [True, False])
async def test_a_good_token_is_taken_with_each_algorithm_with_and_without_a_key_id(algorithm: str, named: bool) -> None:
    issuer = Issuer(public_jwk("other", algorithm, 1), public_jwk("k1", algorithm))
    token = issuer.token(algorithm=algorithm, kid="k1" if named else None, org="acme")
    assert (await _judge(issuer).verify(token))["org"] == "acme"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_published_key_need_not_name_its_algorithm(algorithm: str) -> None:
    issuer = Issuer(public_jwk("k1", algorithm, alg=None, use=None))
    assert await _judge(issuer).verify(issuer.token(algorithm=algorithm))


@pytest.mark.parametrize("audience", [RESOURCE, [RESOURCE], ["https://other.example", RESOURCE, 7]])
async def test_the_audience_is_the_resource_or_contains_it(audience: object) -> None:
    issuer = Issuer()
    assert await _judge(issuer).verify(issuer.token(aud=audience))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": timedelta(minutes=-2)}, "has expired"),
        ({"exp": None}, "lacks a claim"),
        ({"exp": "soon"}, "lacks a claim"),
        ({"exp": 1e400}, "lacks a claim"),
        ({"nbf": timedelta(hours=1)}, "not valid yet"),
        ({"iss": None}, "lacks a claim"),
        ({"iss": "https://issuer.example/realms/team/"}, "another issuer"),
        ({"iss": "https://ISSUER.example/realms/team"}, "another issuer"),
        ({"aud": None}, "lacks a claim"),
        ({"aud": "https://mcp.example.com"}, "another audience"),
        ({"aud": "https://mcp.example.com/mcp/"}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": {"https://mcp.example.com/mcp": 1}}, "another audience"),
    ],
)
async def test_a_token_of_another_time_issuer_or_audience_is_refused(claims: dict[str, Any], reason: str) -> None:
    assert reason in await _refusal(Issuer().token(**claims))


@pytest.mark.parametrize(
    "claims", [{"exp": timedelta(seconds=-30)}, {"nbf": timedelta(seconds=30)}, {"iat": timedelta(seconds=30)}]
)
async def test_clocks_may_differ_by_less_than_a_minute(claims: dict[str, Any]) -> None:
    issuer = Issuer()
    assert await _judge(issuer).verify(issuer.token(**claims))


async def test_an_unsigned_token_is_refused() -> None:
    token = jwt.encode(
        {"iss": ISSUER, "aud": RESOURCE, "exp": time.time() + 60}, "", algorithm="none", headers={"kid": "k1"}
    )
    assert "not accepted" in await _refusal(token)


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    public = private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = _segment({"alg": "HS256", "kid": "k1"})
    body = _segment({"iss": ISSUER, "aud": RESOURCE, "exp": time.time() + 60})
    signature = base64.urlsafe_b64encode(hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest())
    assert "not accepted" in await _refusal(f"{head}.{body}.{signature.decode().rstrip('=')}")


def _segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def test_a_token_that_names_a_key_of_another_kind_is_refused() -> None:
    issuer = Issuer(public_jwk("k1", "RS256"), public_jwk("k2", "ES256"))
    assert "not signed by a key" in await _refusal(issuer.token(kid="k2"), issuer)
    assert "not signed by a key" in await _refusal(issuer.token(kid="k1", algorithm="EdDSA"), issuer)


async def test_a_token_of_a_key_whose_own_algorithm_is_another_is_refused() -> None:
    issuer = Issuer(
        public_jwk("k1", "RS256", alg="RS512"), public_jwk("k2", "RS256", alg="PS256"), public_jwk("k3", "ES256")
    )
    assert "not signed by a key" in await _refusal(issuer.token(kid="k1"), issuer)
    assert "not signed by a key" in await _refusal(issuer.token(kid="k2"), issuer)


async def test_a_token_that_somebody_else_signed_under_the_issuers_key_id_is_refused() -> None:
    assert "not signed by a key" in await _refusal(Issuer().token(number=1))


async def test_a_token_with_a_critical_header_that_is_not_understood_is_refused() -> None:
    assert await _refusal(Issuer().token(headers={"crit": ["exp2"], "exp2": 1}))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b.c",
        "..",
        "…",
        "lp_test_x",
        "e30.e30.e30",
        "[" * 5000,
        _segment([]) + ".e30.x",
        _segment({"alg": 7}) + ".e30.x",
        _segment({"alg": "RS256", "kid": ["k1"]}) + ".e30.",
        base64.b64encode(b"[" * 9000).decode() + ".a.b",
    ],
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        await _judge(Issuer()).verify(token)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}", fullmatch=True))
async def test_no_text_at_all_is_taken_or_breaks_the_judge(token: str) -> None:
    with pytest.raises(InvalidToken):
        await _judge(Issuer()).verify(token)


async def test_while_the_issuer_is_away_nothing_is_judged() -> None:
    issuer = Issuer()
    issuer.away = True
    with pytest.raises(KeysUnavailable) as unavailable:
        await _judge(issuer).verify(issuer.token())
    assert 1 <= unavailable.value.retry_after <= 60


@pytest.mark.parametrize(
    ("claims", "granted"),
    [
        ({"scope": "layers:read openid"}, {"layers:read", "openid"}),
        ({"scp": "layers:read layers:write"}, {"layers:read", "layers:write"}),
        ({"scp": ["layers:read", 3, "x y"]}, {"layers:read", "x y"}),
        ({"scope": ["layers:read"]}, set()),
        ({"scope": None, "scp": {"layers:read": True}}, set()),
        ({}, set()),
    ],
)
def test_scopes_are_text_or_in_scp_a_list(claims: dict[str, Any], granted: set[str]) -> None:
    assert scopes_of(claims) == granted
