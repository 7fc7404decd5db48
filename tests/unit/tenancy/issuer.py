"""An OAuth issuer in process: its keys, its documents, its tokens, and what goes wrong with them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example/realms/team"
RESOURCE = "https://mcp.example.com/mcp"


def private_key(algorithm: str, number: int = 0, bits: int = 2048) -> Any:
    """A key of its own for each number, the same every time."""
    return _made(algorithm, number, bits)


@cache
def _made(algorithm: str, number: int, bits: int) -> Any:
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=bits)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def public_jwk(kid: str, algorithm: str, number: int = 0, bits: int = 2048, **changes: Any) -> dict[str, Any]:
    """The key as the issuer publishes it; a change to None leaves the member out."""
    key = private_key(algorithm, number, bits).public_key()
    kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
    described = {**kinds[algorithm].to_jwk(key, as_dict=True), "kid": kid, "alg": algorithm, "use": "sig", **changes}
    described.pop("key_ops", None)
    return {name: value for name, value in described.items() if value is not None}


def private_jwk(kid: str, number: int = 0) -> dict[str, Any]:
    """An RS256 key with its private half, for an issuer of another process."""
    described = RSAAlgorithm.to_jwk(private_key("RS256", number), as_dict=True)
    described.pop("key_ops", None)
    return {**described, "kid": kid, "alg": "RS256", "use": "sig"}


class Issuer(httpx2.AsyncBaseTransport):
    """Answers discovery and JWKS requests, and counts them."""

    def __init__(self, *keys: dict[str, Any], issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.keys = list(keys or (public_jwk("k1", "RS256"),))
        self.away = False
        self.asked: list[str] = []
        self.metadata: dict[str, Any] = {"issuer": issuer, "jwks_uri": "https://issuer.example/keys"}
        self.served_at = ".well-known/oauth-authorization-server"
        self.raw: dict[str, bytes] = {}

    @property
    def fetches(self) -> int:
        """How often the keys were read."""
        return sum(path == "/keys" for path in self.asked)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append(path)
        if self.away:
            raise httpx2.ConnectError("no route")
        if path in self.raw:
            return httpx2.Response(200, content=self.raw[path])
        if path == "/keys":
            return httpx2.Response(200, content=json.dumps({"keys": self.keys}))
        if self.served_at in path:
            return httpx2.Response(200, content=json.dumps(self.metadata))
        return httpx2.Response(404)

    def token(
        self,
        *,
        kid: str | None = "k1",
        algorithm: str = "RS256",
        number: int = 0,
        headers: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token that is good but for `changes` to its claims; None leaves a claim out, a timedelta is from now on."""
        now = int(time.time())
        changes = {
            name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
            for name, value in changes.items()
        }
        claims = {"iss": self.issuer, "aud": RESOURCE, "exp": now + 300, "iat": now, "scope": "layers:write"} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        named = {"kid": kid} if kid is not None else {}
        return jwt.encode(claims, private_key(algorithm, number), algorithm, headers={**named, **(headers or {})})
