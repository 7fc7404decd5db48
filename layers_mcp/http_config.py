"""The settings of an HTTP server beside `ServerConfig`: where it listens, who may call, how much at once.

`HttpConfig.load(options)` reads flags over `LAYERS_HTTP_…` variables over defaults, and refuses combinations that are
unsafe, in one line. It opens nothing and sends nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from layers_mcp.config import ConfigError, Options, Parse, ServerConfig
from layers_mcp.tenancy.credentials import NO_KEY, Credentials
from layers_mcp.tenancy.policy import DEFAULT_POLICY, Policy
from layers_mcp.text.urls import is_loopback, is_secure

Auth = Literal["none", "key", "oauth"]

AUTHS: tuple[Auth, ...] = ("none", "key", "oauth")
LOG_FORMATS = ("text", "json")

MOST_CALLS = 1024
MOST_TENANT_CALLS = 64

_LARGEST_COUNT = 1_000_000


@dataclass(frozen=True, kw_only=True)
class HttpConfig:
    """How one HTTP server runs. `server` says how every call does, `policy` what one may do at most.

    `credentials` are those of every caller with `auth` none, and empty else.
    """

    server: ServerConfig
    credentials: Credentials = NO_KEY
    policy: Policy = DEFAULT_POLICY
    host: str = "127.0.0.1"
    port: int = 8000
    auth: Auth = "none"
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    oauth_issuer: str = ""
    tenants: Path | None = None
    max_calls: int = MOST_CALLS
    tenant_calls: int = MOST_TENANT_CALLS
    metrics_port: int | None = None
    log_format: str = "text"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the port."""
        return is_loopback(self.host)

    @property
    def url(self) -> str:
        """The MCP endpoint as it is reached without a proxy."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/mcp"

    @property
    def resource(self) -> str:
        """The URL that clients enter, which tokens are made for."""
        return self.public_url or self.url

    @classmethod
    def load(cls, options: Options) -> HttpConfig:
        """Read the configuration of a program. Raises ConfigError."""

        def read(name: str, parse: Parse[object], default: object) -> object:
            return options.read(name, parse, default, prefix="HTTP_")

        host = cast("str", read("host", _host, cls.host))
        server, credentials = ServerConfig.load(options), Credentials.load(options)
        config = cls(
            server=server,
            credentials=credentials,
            policy=Policy.load(options),
            host=host,
            port=cast("int", read("port", _port, cls.port)),
            auth=cast("Auth", read("auth", _one_of(*AUTHS), "none" if is_loopback(host) else "key")),
            public_url=cast("str", read("public_url", _safe_url, "")),
            allowed_hosts=cast("tuple[str, ...]", read("allowed_host", _hosts, ())),
            allowed_origins=cast("tuple[str, ...]", read("allowed_origin", _origins, ())),
            oauth_issuer=cast("str", read("oauth_issuer", _safe_url, "")),
            tenants=cast("Path | None", read("tenants", _path, None)),
            max_calls=cast("int", read("max_calls", _count, MOST_CALLS)),
            tenant_calls=cast("int", read("tenant_calls", _count, MOST_TENANT_CALLS)),
            metrics_port=cast("int | None", read("metrics_port", _port, None)),
            log_format=cast("str", read("log_format", _one_of(*LOG_FORMATS), "text")),
        )
        if conflict := config.conflict():
            raise ConfigError(conflict)
        return config

    def conflict(self) -> str:
        """Return what is unsafe or contradictory about the combination, or ""."""
        if self.auth == "none" and not self.on_loopback:
            return "--auth none is for a loopback --host: anyone who reaches the port would use this server's key"
        if not (self.on_loopback or self.public_url or self.allowed_hosts):
            return f"--host {self.host} needs --public-url or --allowed-host: the Host header has to be checked"
        if self.auth == "key" and self.credentials.api_key:
            return "--auth key takes the key of each request: LAYERS_API_KEY or --api-key-file must not be set"
        if self.auth != "none" and self.credentials.organization:
            return "--organization belongs to a request or tenant here: use X-Layers-Organization or the tenants file"
        if self.auth == "oauth":
            if not (self.oauth_issuer and self.tenants):
                return "--auth oauth needs --oauth-issuer and --tenants"
            if not (self.public_url or self.on_loopback):
                return "--auth oauth needs --public-url: tokens are made for that URL"
        elif self.oauth_issuer or self.tenants:
            return "--oauth-issuer and --tenants are for --auth oauth"
        return ""


def _host(text: str, source: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[A-Za-z0-9.:%_-]{1,253}", host):
        raise ConfigError(f"{source} must be a host name or address, such as 127.0.0.1")
    return host


def _port(text: str, source: str) -> int:
    number = _whole_number(text)
    if number is None or number > 65535:
        raise ConfigError(f"{source} must be a port number, 0 to 65535")
    return number


def _count(text: str, source: str) -> int:
    number = _whole_number(text)
    if not number or number > _LARGEST_COUNT:
        raise ConfigError(f"{source} must be a whole number, 1 to {_LARGEST_COUNT}")
    return number


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _one_of(*choices: str) -> Parse[object]:
    def parse(text: str, source: str) -> str:
        if text.lower() not in choices:
            raise ConfigError(f"{source} must be one of {', '.join(choices)}")
        return text.lower()

    return parse


def _safe_url(text: str, source: str) -> str:
    """Return a URL as it was given, character for character: clients and tokens repeat it."""
    wrong = ConfigError(f"{source} must be a URL such as https://mcp.example.com/mcp, without user, query or fragment")
    if not re.fullmatch(r"[!-~]+", text) or any(mark in text for mark in '"\\@?#<>'):
        raise wrong
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong
    if not is_secure(parts.scheme, host):
        raise ConfigError(f"{source} must start with https://, except on this machine (localhost)")
    return text


def _hosts(text: str, source: str) -> tuple[str, ...]:
    hosts = _listed(text)
    for host in hosts:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?", host):
            raise ConfigError(f"{source} must be a host, with its port where it has one, such as mcp.example.com")
    return hosts


def _origins(text: str, source: str) -> tuple[str, ...]:
    origins = _listed(text)
    for origin in origins:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@\\*\"]+", origin):
            raise ConfigError(f"{source} must be an origin, such as https://chat.example.com")
    return origins


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _path(text: str, source: str) -> Path:
    return Path(text).expanduser()
