"""The Layers API key of a tenant, and the child organization that it acts for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from layers_mcp.config import ConfigError, Options
from layers_mcp.text.ids import is_visible_ascii


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a tenant shows to Layers. Without an `api_key` no call works.

    `if_refused` says what helps where Layers does not accept the key; empty for the server's own.
    """

    api_key: str = field(default="", repr=False)
    organization: str = ""
    if_refused: ClassVar[str] = ""

    @classmethod
    def load(cls, options: Options) -> Credentials:
        """Read the static key of a program's one tenant. The sandbox has a key of its own."""
        return cls(
            api_key=options.read("api_key", _parse_key, "", file_flag="api_key_file", ignored_on_sandbox=True),
            organization=options.read("organization", _parse_organization, ""),
        )


@dataclass(frozen=True, kw_only=True)
class RequestCredentials(Credentials):
    """Those that a request brought."""

    if_refused: ClassVar[str] = "Send a valid Layers API key."


@dataclass(frozen=True, kw_only=True)
class TenantCredentials(Credentials):
    """Those that the tenants file holds for who is calling."""

    if_refused: ClassVar[str] = "Whoever runs this server has to renew the Layers API key of this tenant."


NO_KEY = Credentials()


def _parse_key(text: str, source: str) -> str:
    if not is_visible_ascii(text):
        raise ConfigError(f"{source} is no API key: it holds spaces or characters that a key never has")
    return text


def _parse_organization(text: str, source: str) -> str:
    if not is_visible_ascii(text):
        raise ConfigError(f"{source} must be an organization id such as org_…")
    return text
