"""Who is calling: by nothing, by the Layers API key that the request brings, or by an OAuth access token.

An authenticator takes the credentials that a request presents and returns a `Caller`, or raises `AuthenticationError`.
The text of a refusal never repeats what was presented.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from layers_mcp.tenancy.access_tokens import READ_SCOPE, WRITE_SCOPE, AccessTokens, InvalidToken, scopes_of
from layers_mcp.tenancy.credentials import Credentials, RequestCredentials, TenantCredentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.tenancy.signing_keys import KeysUnavailable
from layers_mcp.tenancy.tenants_file import LONGEST_KEY, TenantEntry, first_match, read_tenants
from layers_mcp.text.ids import is_visible_ascii

LONGEST_ORGANIZATION = 200


class AuthenticationError(Exception):
    """The request is refused; the text is for its caller."""


class NoCredentials(AuthenticationError):  # noqa: N818 - these are named for what happened
    """It presents nothing that could say who is calling."""


class InvalidCredentials(AuthenticationError):  # noqa: N818
    """What it presents is malformed, expired, or belongs to someone else."""


class InvalidOrganization(AuthenticationError):  # noqa: N818
    """It names an organization in a form that no organization id has."""


class InsufficientScope(AuthenticationError):  # noqa: N818
    """Its token permits nothing here; one with more scope would."""


class NoTenant(AuthenticationError):  # noqa: N818
    """Its token is valid but belongs to no tenant; no other scope would change that."""


class TemporarilyUnavailable(AuthenticationError):  # noqa: N818
    """No token can be verified now; perhaps in `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose key a call uses, and what it may do."""

    credentials: Credentials
    policy: Policy

    @cached_property
    def workspace_key(self) -> Caller:
        """What callers whose calls share a workspace have in common."""
        return replace(self, policy=replace(self.policy, read_only=False))

    @cached_property
    def short_hash(self) -> str:
        """A hash that tells tenants apart in a log, and reveals nothing else."""
        shown = f"{self.credentials.api_key}\n{self.credentials.organization}"
        return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()[:8]


@dataclass(frozen=True)
class PresentedCredentials:
    """The values of the headers that say who is calling, in the order in which they came."""

    authorization: Sequence[str] = ()
    api_key: Sequence[str] = ()
    organization: Sequence[str] = ()

    def bearer_tokens(self) -> list[str]:
        """Return the tokens of the Bearer scheme; other schemes are ignored."""
        split = [value.strip().partition(" ") for value in self.authorization]
        return [token.strip() for scheme, _, token in split if scheme.lower() == "bearer" and token.strip()]


class Authenticator(Protocol):
    """Finds out who is calling."""

    async def authenticate(self, presented: PresentedCredentials) -> Caller:
        """Return who is calling. Raises AuthenticationError."""
        ...


class StaticAuthenticator:
    """Every request uses the server's own key."""

    def __init__(self, credentials: Credentials, policy: Policy) -> None:
        self._caller = Caller(credentials=credentials, policy=policy)

    async def authenticate(self, presented: PresentedCredentials) -> Caller:
        """Return the server's own credentials, whatever is presented."""
        return self._caller


class ApiKeyAuthenticator:
    """The request brings a Layers API key. The first call that needs to know whose it is asks Layers."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def authenticate(self, presented: PresentedCredentials) -> Caller:
        """Return the one key that the request presents, and the organization that it picks."""
        keys = {*presented.bearer_tokens(), *(value.strip() for value in presented.api_key if value.strip())}
        if not keys:
            raise NoCredentials("A Layers API key is needed, as a Bearer token or in X-Layers-Api-Key.")
        if len(keys) > 1:
            raise InvalidCredentials("The request holds different keys.")
        [key] = keys
        if not (key.startswith("lp_") and len(key) <= LONGEST_KEY and is_visible_ascii(key)):
            raise InvalidCredentials("What the request holds is no Layers API key: those begin with lp_.")
        organizations = {value.strip() for value in presented.organization if value.strip()}
        if len(organizations) > 1 or not all(map(_can_be_an_organization, organizations)):
            raise InvalidOrganization("X-Layers-Organization must be one organization id such as org_….")
        return Caller(
            credentials=RequestCredentials(api_key=key, organization="".join(organizations)),
            policy=self._policy,
        )


def _can_be_an_organization(text: str) -> bool:
    return len(text) <= LONGEST_ORGANIZATION and is_visible_ascii(text)


class OAuthAuthenticator:
    """The request brings an access token; its claims pick a tenant of the tenants file."""

    def __init__(self, tokens: AccessTokens, tenants: Path, policy: Policy, environ: Mapping[str, str] = os.environ):
        """Read the tenants file. Raises TenantsFileError."""
        self._tokens = tokens
        self._path = tenants
        self._policy = policy
        self._environ = environ
        self._entries = read_tenants(tenants, environ)

    def reload(self) -> None:
        """Read the tenants file again, and every key it names. Raises TenantsFileError; the old entries stay."""
        self._entries = read_tenants(self._path, self._environ)

    def callers(self) -> frozenset[Caller]:
        """Return the workspace key of every tenant."""
        return frozenset(self._caller(entry, may_write=True).workspace_key for entry in self._entries)

    async def authenticate(self, presented: PresentedCredentials) -> Caller:
        """Return the key of the tenant that the token's claims belong to."""
        tokens = presented.bearer_tokens()
        if not tokens:
            raise NoCredentials("An access token is needed.")
        if len(tokens) > 1:
            raise InvalidCredentials("The request holds more than one token.")
        try:
            claims = await self._tokens.verify(tokens[0])
        except InvalidToken as error:
            raise InvalidCredentials(str(error)) from None
        except KeysUnavailable as error:
            raise TemporarilyUnavailable(str(error), error.retry_after) from None
        scopes = scopes_of(claims)
        if scopes.isdisjoint((READ_SCOPE, WRITE_SCOPE)):
            raise InsufficientScope(f"The token has neither of the scopes {READ_SCOPE}, {WRITE_SCOPE}.")
        entry = first_match(self._entries, claims)
        if entry is None:
            raise NoTenant("The token belongs to no tenant of this server.")
        return self._caller(entry, may_write=WRITE_SCOPE in scopes)

    def _caller(self, entry: TenantEntry, *, may_write: bool) -> Caller:
        read_only = self._policy.read_only or entry.read_only or not may_write
        limit = self._policy.daily_credit_limit if entry.daily_credit_limit is None else entry.daily_credit_limit
        return Caller(
            credentials=TenantCredentials(api_key=entry.api_key, organization=entry.organization),
            policy=replace(self._policy, read_only=read_only, daily_credit_limit=limit),
        )
