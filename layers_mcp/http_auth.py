"""Who sent a request over HTTP, and the response to one of which that cannot be told."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response

from layers_mcp.config import ConfigError
from layers_mcp.http_config import HttpConfig
from layers_mcp.tenancy.access_tokens import READ_SCOPE, WRITE_SCOPE, AccessTokens
from layers_mcp.tenancy.authentication import (
    ApiKeyAuthenticator,
    AuthenticationError,
    Authenticator,
    Caller,
    InsufficientScope,
    InvalidCredentials,
    InvalidOrganization,
    NoCredentials,
    OAuthAuthenticator,
    PresentedCredentials,
    StaticAuthenticator,
    TemporarilyUnavailable,
)
from layers_mcp.tenancy.signing_keys import SigningKeys
from layers_mcp.tenancy.tenants_file import TenantsFileError
from layers_mcp.transports.http import EarlyResponse, error_response
from layers_mcp.transports.http_routes import metadata_url

SCOPES = (READ_SCOPE, WRITE_SCOPE)


class HttpAuthentication:
    """The authenticator that the configuration asks for, and its refusals as responses (RFC 6750, RFC 9728)."""

    def __init__(self, config: HttpConfig, keys: SigningKeys | None) -> None:
        """`keys` are the issuer's, None without OAuth. Raises ConfigError for a bad tenants file."""
        self._config = config
        self._authenticator = _make_authenticator(config, keys)
        self.scopes = SCOPES[:1] if config.policy.read_only else SCOPES

    async def authenticate(self, headers: Headers) -> Caller:
        """Return who sent these headers. Raises EarlyResponse."""
        presented = PresentedCredentials(
            authorization=headers.getlist("authorization"),
            api_key=headers.getlist("x-layers-api-key"),
            organization=headers.getlist("x-layers-organization"),
        )
        try:
            return await self._authenticator.authenticate(presented)
        except AuthenticationError as error:
            raise EarlyResponse(self._refusal(error)) from None

    def reload(self) -> frozenset[Caller] | None:
        """Read the tenants file again and return whose workspaces may stay open; None without OAuth.

        Raises TenantsFileError; the old file stays in force then.
        """
        if not isinstance(self._authenticator, OAuthAuthenticator):
            return None
        self._authenticator.reload()
        return self._authenticator.callers()

    def _refusal(self, error: AuthenticationError) -> Response:
        match error:
            case NoCredentials():
                return error_response(401, "invalid_request", str(error), self._challenge())
            case InvalidCredentials():
                return error_response(401, "invalid_token", str(error), self._challenge("invalid_token", str(error)))
            case InsufficientScope():
                return error_response(
                    403, "insufficient_scope", str(error), self._challenge("insufficient_scope", str(error))
                )
            case TemporarilyUnavailable():
                seconds = {"Retry-After": str(max(1, round(error.retry_after)))}
                return error_response(503, "temporarily_unavailable", str(error), seconds)
            case InvalidOrganization():
                return error_response(400, "invalid_request", str(error))
            case _:
                return error_response(403, "access_denied", str(error))

    def _challenge(self, error: str = "", description: str = "") -> Mapping[str, str]:
        """RFC 6750 and RFC 9728: what is wrong, and where to learn how to get a token."""
        values: dict[str, str] = {"error": error, "error_description": description} if error else {}
        if self._config.auth == "oauth":
            values |= {"resource_metadata": metadata_url(self._config.resource), "scope": " ".join(self.scopes)}
        parameters = ", ".join(f'{name}="{value}"' for name, value in values.items())
        return {"WWW-Authenticate": f"Bearer {parameters}".strip()}


def _make_authenticator(config: HttpConfig, keys: SigningKeys | None) -> Authenticator:
    if config.auth == "none":
        return StaticAuthenticator(config.credentials, config.policy)
    if keys is None or config.tenants is None:
        return ApiKeyAuthenticator(config.policy)
    tokens = AccessTokens(keys, issuer=config.oauth_issuer, resource=config.resource)
    try:
        return OAuthAuthenticator(tokens, config.tenants, config.policy)
    except TenantsFileError as error:
        raise ConfigError(f"--tenants: {error}") from None
