"""OAuth access tokens (JWTs): whether one is valid here, and what it permits.

Rules of RFC 9068 and RFC 8725: the issuer's own key and that key's own algorithm, exact issuer and audience, an expiry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import jwt
from jwt.types import Options

from layers_mcp.tenancy.signing_keys import ALGORITHMS, SigningKey, SigningKeys

LEEWAY_SECONDS = 60
"""How much the issuer's clock may differ from ours."""

READ_SCOPE = "layers:read"
WRITE_SCOPE = "layers:write"
"""Includes reading."""

Claims = Mapping[str, Any]

_CHECKED: Options = {
    "require": ["exp", "iss", "aud"],
    # compared as text, by `AccessTokens.verify`
    "verify_aud": False,
    "verify_iss": False,
    # decide nothing here
    "verify_sub": False,
    "verify_jti": False,
}


class InvalidToken(Exception):  # noqa: N818 - named for what happened
    """The token is not valid here; the text says why, without quoting it."""


class AccessTokens:
    """Verifies tokens that an issuer made for one resource."""

    def __init__(self, keys: SigningKeys, *, issuer: str, resource: str) -> None:
        """`resource` is the URL that `aud` must be or contain, character for character, as `iss` the `issuer`."""
        self._keys = keys
        self._issuer = issuer
        self._resource = resource

    async def verify(self, token: str) -> Claims:
        """Return the token's claims. Raises InvalidToken, and KeysUnavailable while the issuer's keys are not known."""
        kid, algorithm = _header(token)
        claims = _verified(token, algorithm, await self._keys.find(kid, algorithm))
        issuer, audience = claims["iss"], claims["aud"]
        if issuer != self._issuer:
            raise InvalidToken("The token is of another issuer.")
        if self._resource not in (cast("list[object]", audience) if isinstance(audience, list) else [audience]):
            raise InvalidToken("The token is for another audience.")
        return claims


def scopes_of(claims: Claims) -> frozenset[str]:
    """Return the scopes that a token grants: `scope` is text, `scp` text or a list."""
    granted: set[str] = set()
    for name in ("scope", "scp"):
        value: object = claims.get(name)
        if isinstance(value, str):
            granted.update(value.split())
        elif isinstance(value, list) and name == "scp":
            granted.update(entry for entry in cast("list[object]", value) if isinstance(entry, str))
    return frozenset(granted)


def _header(token: str) -> tuple[str | None, str]:
    """Key id and algorithm that the token names, which prove nothing yet."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise InvalidToken("The token is no signed JWT.") from None
    kid, algorithm = header.get("kid"), header.get("alg")
    if algorithm not in ALGORITHMS:
        raise InvalidToken("The token is signed in a way that is not accepted.")
    return kid if isinstance(kid, str) else None, algorithm


def _verified(token: str, algorithm: str, keys: tuple[SigningKey, ...]) -> Claims:
    """Return the claims of a token that one of the keys signed and whose time is now."""
    for candidate in keys:
        if candidate.algorithm != algorithm:
            continue
        try:
            return jwt.decode(
                token,
                candidate.key,
                algorithms=[candidate.algorithm],
                leeway=LEEWAY_SECONDS,
                options=_CHECKED,
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError:
            raise InvalidToken("The token has expired.") from None
        except jwt.ImmatureSignatureError:
            raise InvalidToken("The token is not valid yet.") from None
        # A key of another kind than the signature's raises TypeError, a time beyond all bounds OverflowError.
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError):
            raise InvalidToken("The token is malformed or lacks a claim.") from None
    raise InvalidToken("The token is not signed by a key of the issuer.")
