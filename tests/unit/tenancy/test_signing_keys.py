"""The issuer's keys: found by discovery, fetched seldom, kept while the issuer is away."""

import json
import logging

import anyio
import anyio.lowlevel
import httpx2
import pytest

from layers_mcp.tenancy.signing_keys import KeysUnavailable, SigningKeys, discovery_urls
from layers_mcp.text.urls import is_safe_url
from tests.unit.tenancy.issuer import ISSUER, Issuer, public_jwk

pytestmark = [pytest.mark.anyio, pytest.mark.jumping]


async def test_keys_are_fetched_once_for_many_callers() -> None:
    issuer = Issuer()
    keys = SigningKeys(ISSUER, transport=issuer)
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(keys.find, "k1", "RS256")
    assert issuer.fetches == 1


async def test_the_first_unknown_key_id_fetches_at_once_and_then_none_for_a_minute() -> None:
    issuer = Issuer()
    keys = SigningKeys(ISSUER, transport=issuer)
    await keys.find("k1", "RS256")
    issuer.keys.append(public_jwk("k2", "RS256", 1))
    assert await keys.find("k2", "RS256")
    assert issuer.fetches == 2
    for number in range(500):
        assert not await keys.find(f"storm {number}", "RS256")
    assert issuer.fetches == 2
    await anyio.sleep(59)
    assert not await keys.find("storm", "RS256")
    assert issuer.fetches == 2
    issuer.keys.append(public_jwk("k3", "RS256", 2))
    await anyio.sleep(2)
    assert await keys.find("k3", "RS256")
    assert issuer.fetches == 3


async def test_a_storm_of_unknown_key_ids_fetches_once_and_known_ones_do_not_wait_for_it() -> None:
    issuer = Issuer()
    keys = SigningKeys(ISSUER, transport=issuer)
    await keys.find("k1", "RS256")
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(keys.find, f"storm {number}", "RS256")
        await anyio.lowlevel.checkpoint()
        assert await keys.find("k1", "RS256")
    assert issuer.fetches == 2


async def test_an_issuer_that_is_away_at_first_is_asked_again_in_a_few_seconds() -> None:
    issuer = Issuer()
    issuer.away = True
    keys = SigningKeys(ISSUER, transport=issuer)
    for _ in range(20):
        with pytest.raises(KeysUnavailable):
            await keys.find("k1", "RS256")
    assert len(issuer.asked) == 1
    issuer.away = False
    await anyio.sleep(6)
    assert await keys.find("k1", "RS256")


async def test_keys_stay_while_the_issuer_is_away_and_go_once_it_withdraws_them() -> None:
    issuer = Issuer()
    keys = SigningKeys(ISSUER, transport=issuer)
    async with anyio.create_task_group() as group:
        group.start_soon(keys.run)
        await anyio.sleep(1)
        issuer.away = True
        await anyio.sleep(3600)
        assert await keys.find("k1", "RS256")
        issuer.away = False
        issuer.keys = [public_jwk("k2", "RS256", 1)]
        await anyio.sleep(700)
        assert not await keys.find("k1", "RS256")
        assert await keys.find("k2", "RS256")
        group.cancel_scope.cancel()


async def test_a_caller_who_leaves_does_not_end_the_fetch_for_the_others() -> None:
    class Slow(Issuer):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(2)
            return await super().handle_async_request(request)

    issuer = Slow()
    keys = SigningKeys(ISSUER, transport=issuer)
    with anyio.move_on_after(1):
        await keys.find("k1", "RS256")
    assert await keys.find("k1", "RS256")
    assert issuer.fetches == 1


async def test_an_issuer_that_never_answers_is_given_up() -> None:
    class Silent(Issuer):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep_forever()
            raise AssertionError("it never answers")

    started = anyio.current_time()
    with pytest.raises(KeysUnavailable):
        await SigningKeys(ISSUER, transport=Silent()).find("k1", "RS256")
    assert anyio.current_time() - started < 10


@pytest.mark.parametrize("served_at", [".well-known/oauth-authorization-server", ".well-known/openid-configuration"])
@pytest.mark.parametrize("issuer_url", [ISSUER, "https://issuer.example", "https://issuer.example/"])
async def test_both_ways_of_discovery_lead_to_the_keys(served_at: str, issuer_url: str) -> None:
    issuer = Issuer(issuer=issuer_url)
    issuer.served_at = served_at
    assert await SigningKeys(issuer_url, transport=issuer).find("k1", "RS256")


def test_an_issuer_with_a_path_is_looked_for_in_three_places() -> None:
    assert discovery_urls("https://a.example/t") == (
        "https://a.example/.well-known/oauth-authorization-server/t",
        "https://a.example/.well-known/openid-configuration/t",
        "https://a.example/t/.well-known/openid-configuration",
    )


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer"),
        ({"issuer": ISSUER + "/"}, "names another issuer"),
        ({"jwks_uri": "http://issuer.example/keys"}, "no jwks_uri with https"),
        ({"jwks_uri": "file:///etc/passwd"}, "no jwks_uri with https"),
        ({"jwks_uri": 7}, "no jwks_uri with https"),
        ({"jwks_uri": "https://[bad/keys"}, "no jwks_uri with https"),
    ],
)
async def test_metadata_that_cannot_be_trusted_is_not(
    metadata: dict[str, object], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer()
    issuer.metadata |= metadata
    with pytest.raises(KeysUnavailable):
        await SigningKeys(ISSUER, transport=issuer).find("k1", "RS256")
    assert reason in caplog.text
    assert issuer.fetches == 0


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b'{"keys": 7}', b'{"keys": [7, {}, {"kty": "RSA"}]}', b"[" * 9000, b"{" + b" " * 600_000]
    + [
        json.dumps({"keys": [key]}).encode()
        for key in (public_jwk("k1", "RS256", use="enc"), public_jwk("k", "RS256", alg="HS256"))
    ]
    + [json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}]}).encode()]
    + [json.dumps({"keys": [public_jwk("k1", "RS256", 9, bits=1024)]}).encode()],
)
async def test_documents_without_a_usable_key_are_no_keys(document: bytes, caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer()
    issuer.raw["/keys"] = document
    with caplog.at_level(logging.WARNING), pytest.raises(KeysUnavailable):
        await SigningKeys(ISSUER, transport=issuer).find("k1", "RS256")
    assert "could not be read" in caplog.text


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://issuer.example/keys", True),
        ("http://127.0.0.1:9/keys", True),
        ("http://[::1]:9/keys", True),
        ("http://localhost/keys", True),
        ("http://localhost.evil.example/keys", False),
        ("http://10.0.0.1/keys", False),
        ("https:///keys", False),
        ("ftp://127.0.0.1/keys", False),
    ],
)
def test_plain_http_is_for_this_machine_alone(url: str, safe: bool) -> None:
    assert is_safe_url(url) is safe
