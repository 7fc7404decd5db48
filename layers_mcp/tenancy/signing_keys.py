"""The public keys of an OAuth issuer: found by discovery, fetched when first needed, fetched again when they change.

Sources of the rules: RFC 8414 and OpenID Connect Discovery for where the keys are, RFC 7517 for what they look like.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2
from jwt import PyJWK, PyJWTError

from layers_mcp.text.urls import is_safe_url

logger = logging.getLogger(__name__)

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
"""What may sign a token. Never a shared secret (HS256), never `none`."""

SMALLEST_RSA_BITS = 2048

REFRESH_SECONDS = 600.0
"""How long a key that the issuer has withdrawn is still accepted."""

UNKNOWN_KEY_SECONDS = 60.0
"""After a token with an unknown key id caused a fetch, no other one does for this long."""

RETRY_SECONDS = 5.0
"""Between attempts while no keys could be read at all; what `Retry-After` tells the caller."""

FETCH_SECONDS = 8.0
LARGEST_DOCUMENT = 512 * 1024
MOST_KEYS = 100


class KeysUnavailable(Exception):  # noqa: N818 - named for what happened
    """No keys of the issuer could be read yet, so that no token can be verified."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("The keys of the issuer could not be read yet.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class SigningKey:
    """A public key and the one algorithm that it signs with."""

    kid: str
    algorithm: str
    key: PyJWK


class SigningKeys:
    """The keys of one issuer. `run` keeps them fresh; `find` waits for them where there are none yet."""

    def __init__(self, issuer: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` replaces the network, for tests."""
        self._issuer = issuer
        self._transport = transport
        self._keys: tuple[SigningKey, ...] | None = None
        self._one_at_a_time = anyio.Lock()
        self._next_attempt = 0.0
        self._next_unknown = 0.0

    async def run(self) -> None:
        """Fetch the keys now and every ten minutes until cancelled; an issuer that is away changes nothing."""
        while True:
            async with self._one_at_a_time:
                fetched = await self._fetch()
            await anyio.sleep(REFRESH_SECONDS if fetched else UNKNOWN_KEY_SECONDS)

    async def find(self, kid: str | None, algorithm: str) -> tuple[SigningKey, ...]:
        """Return the keys that may have signed a token with this header; empty for a key that the issuer does not have.

        A token without a key id may be of any key of its algorithm. Raises KeysUnavailable.
        """
        if self._keys is None:
            await self._first_fetch()
        if found := self._known(kid, algorithm):
            return found
        async with self._one_at_a_time:
            if found := self._known(kid, algorithm):  # another caller's fetch brought it
                return found
            if anyio.current_time() >= self._next_unknown:
                self._next_unknown = anyio.current_time() + UNKNOWN_KEY_SECONDS
                await self._fetch()
        return self._known(kid, algorithm)

    def _known(self, kid: str | None, algorithm: str) -> tuple[SigningKey, ...]:
        keys = self._keys or ()
        if kid is None:
            return tuple(key for key in keys if key.algorithm == algorithm)
        return tuple(key for key in keys if key.kid == kid)

    async def _first_fetch(self) -> None:
        async with self._one_at_a_time:
            if self._keys is None and anyio.current_time() >= self._next_attempt:
                await self._fetch()
            if self._keys is None:
                raise KeysUnavailable(max(1.0, self._next_attempt - anyio.current_time()))

    async def _fetch(self) -> bool:
        """Read the keys; the old ones stay where that fails. Finished even if the caller that began it goes away."""
        with anyio.move_on_after(FETCH_SECONDS, shield=True):
            try:
                async with self._http() as http:
                    keys = tuple(_usable_keys(await _document(http, await _jwks_url(http, self._issuer))))
                if not keys:
                    raise ValueError("it has no key that can sign with RS256, ES256 or EdDSA")
            except (httpx2.RequestError, ValueError, RecursionError) as error:
                logger.warning("the keys of the OAuth issuer could not be read: %s", _reason(error))
            else:
                self._keys = keys
                return True
        self._next_attempt = anyio.current_time() + RETRY_SECONDS
        return False

    def _http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=self._transport,
            headers={"Accept": "application/json"},
            mounts={"http://": None},  # plain http goes to this machine only, so never through a proxy
            timeout=FETCH_SECONDS,
            follow_redirects=False,
        )


def discovery_urls(issuer: str) -> tuple[str, ...]:
    """Return where an issuer's metadata may be, in the order in which it is tried."""
    parts = urlsplit(issuer)
    origin, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    oauth = f"{origin}/.well-known/oauth-authorization-server{path}"
    openid = f"{origin}{path}/.well-known/openid-configuration"
    return (oauth, openid) if not path else (oauth, f"{origin}/.well-known/openid-configuration{path}", openid)


async def _jwks_url(http: httpx2.AsyncClient, issuer: str) -> str:
    """Return where the keys are. Raises ValueError or RequestError if no metadata of this issuer names a safe place."""
    for url in discovery_urls(issuer):
        try:
            metadata = await _document(http, url)
        except _NoDocumentError:
            continue
        if metadata.get("issuer") != issuer:
            raise ValueError("its metadata names another issuer")
        place = metadata.get("jwks_uri")
        if not isinstance(place, str) or not is_safe_url(place):
            raise ValueError("its metadata names no jwks_uri with https")
        return place
    raise ValueError("it has no metadata at any well-known place")


class _NoDocumentError(ValueError):
    """Nothing is served there."""


async def _document(http: httpx2.AsyncClient, url: str) -> Mapping[str, Any]:
    """Return a JSON object of bounded size."""
    body = bytearray()
    async with http.stream("GET", url) as response:
        if response.status_code != 200:
            raise _NoDocumentError(f"it answered {response.status_code}")
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST_DOCUMENT:
                raise ValueError("its answer is too large")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("its answer is no JSON object")
    return cast("dict[str, Any]", document)


def _usable_keys(document: Mapping[str, Any]) -> Iterator[SigningKey]:
    """Yield the keys that can sign a token; all others are ignored."""
    keys: object = document.get("keys")
    for entry in cast("list[object]", keys)[:MOST_KEYS] if isinstance(keys, list) else ():
        if not isinstance(entry, dict):
            continue
        described = cast("dict[str, Any]", entry)
        if described.get("use", "sig") != "sig":
            continue
        try:
            key = PyJWK(described)
        except (PyJWTError, TypeError, ValueError, AttributeError):
            continue
        kid = described.get("kid", "")
        if key.algorithm_name in ALGORITHMS and isinstance(kid, str) and _is_long_enough(key):
            yield SigningKey(kid, key.algorithm_name, key)


def _is_long_enough(key: PyJWK) -> bool:
    return key.algorithm_name != "RS256" or key.key.key_size >= SMALLEST_RSA_BITS


def _reason(error: Exception) -> str:
    """Our own words, or the kind of a library's error, whose text may quote what it was given."""
    return str(error) if type(error) in (ValueError, _NoDocumentError) else type(error).__name__
