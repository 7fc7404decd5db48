"""Who is calling: by nothing, by the Layers API key that the request brings, or by an OAuth access token.

An authenticator is told what a request presents and answers with a `Caller`, or raises `AuthenticationError`. What is
said of a refused request never repeats what it presented.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from layers_mcp.tenancy.access_tokens import READ_SCOPE, WRITE_SCOPE, AccessTokens, InvalidToken, scopes_of
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.tenancy.signing_keys import KeysUnavailable
from layers_mcp.tenancy.tenants_file import LONGEST_KEY, Tenant, first_match, is_visible_ascii, read_tenants

LONGEST_ORGANIZATION = 200


class AuthenticationError(Exception):
    """The request is not let in; the text is for its caller."""


class NoCredentials(AuthenticationError):  # noqa: N818 - these are named for what happened
    """It presents nothing that could say who is calling."""


class InvalidCredentials(AuthenticationError):  # noqa: N818
    """What it presents is malformed, expired, or of somebody else."""


class InvalidOrganization(AuthenticationError):  # noqa: N818
    """It names an organization in a form that no organization id has."""


class InsufficientScope(AuthenticationError):  # noqa: N818
    """Its token lets it do nothing here; one with more scope would."""


class NoTenant(AuthenticationError):  # noqa: N818
    """Its token is good, and no tenant is its own; no other scope would change that."""


class TemporarilyUnavailable(AuthenticationError):  # noqa: N818
    """Nobody can be judged just now; in `retry_after` seconds perhaps."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose key a call uses, and what it may do."""

    credentials: Credentials
    policy: Policy

    @property
    def tenant(self) -> Caller:
        """What callers have in common whose calls share a workspace."""
        return replace(self, policy=replace(self.policy, read_only=False))

    @property
    def short_hash(self) -> str:
        """Tells one tenant from another in a log, and nothing else."""
        shown = f"{self.credentials.api_key}\n{self.credentials.organization}"
        return hashlib.sha256(shown.encode("utf-8", "replace")).hexdigest()[:8]


@dataclass(frozen=True)
class Presented:
    """The values of the headers that say who is calling, in the order in which they came."""

    authorization: Sequence[str] = ()
    api_key: Sequence[str] = ()
    organization: Sequence[str] = ()

    def bearer_tokens(self) -> list[str]:
        """The tokens of the Bearer scheme; what uses another one is passed over."""
        split = [value.strip().partition(" ") for value in self.authorization]
        return [token.strip() for scheme, _, token in split if scheme.lower() == "bearer" and token.strip()]


class Authenticator(Protocol):
    """Tells who is calling."""

    async def authenticate(self, presented: Presented) -> Caller:
        """Raises AuthenticationError."""
        ...


class SameForAll:
    """Everybody who reaches the port acts with the server's own key."""

    def __init__(self, credentials: Credentials, policy: Policy) -> None:
        self._caller = Caller(credentials=credentials, policy=policy)

    async def authenticate(self, presented: Presented) -> Caller:
        """Answer with the server's own credentials, whatever is presented."""
        return self._caller


class ApiKeys:
    """The request brings a Layers API key. Layers is asked by the first call that needs to know whose it is."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def authenticate(self, presented: Presented) -> Caller:
        """Answer with the one key that the request presents, and the organization that it picks."""
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
        return Caller(credentials=Credentials(api_key=key, organization="".join(organizations)), policy=self._policy)


def _can_be_an_organization(text: str) -> bool:
    return len(text) <= LONGEST_ORGANIZATION and is_visible_ascii(text)


class OAuth:
    """The request brings an access token; its claims pick a tenant of the tenants file."""

    def __init__(self, tokens: AccessTokens, tenants: Path, policy: Policy, environ: Mapping[str, str] = os.environ):
        """Raises TenantsFileError."""
        self._tokens = tokens
        self._path = tenants
        self._policy = policy
        self._environ = environ
        self._tenants = read_tenants(tenants, environ)

    def reload(self) -> None:
        """Read the tenants file again, and every key that it names. Raises TenantsFileError; then the old one stays."""
        self._tenants = read_tenants(self._path, self._environ)

    def callers(self) -> frozenset[Caller]:
        """Every tenant that a caller may be of."""
        return frozenset(self._caller(tenant, may_write=True).tenant for tenant in self._tenants)

    async def authenticate(self, presented: Presented) -> Caller:
        """Answer with the key of the tenant that the token's claims belong to."""
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
        tenant = first_match(self._tenants, claims)
        if tenant is None:
            raise NoTenant("The token belongs to no tenant of this server.")
        return self._caller(tenant, may_write=WRITE_SCOPE in scopes)

    def _caller(self, tenant: Tenant, *, may_write: bool) -> Caller:
        read_only = self._policy.read_only or tenant.read_only or not may_write
        limit = self._policy.daily_credit_limit if tenant.daily_credit_limit is None else tenant.daily_credit_limit
        return Caller(
            credentials=Credentials(api_key=tenant.api_key, organization=tenant.organization),
            policy=replace(self._policy, read_only=read_only, daily_credit_limit=limit),
        )
