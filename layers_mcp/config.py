"""What a server is told: flags over environment over defaults, checked once, frozen.

`ServerConfig.load(flags, environ)` reads them for a program; scripts and tests construct `ServerConfig(...)` directly.
A bad value raises `ConfigError`, whose text is one line for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from argparse import Namespace

DEFAULT_BASE_URL = "https://api.layers.com"
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

_DATABASES = frozenset({"postgresql", "postgres", "sqlite"})

_NOT_ON_SANDBOX = frozenset({"api_key", "base_url", "journal_url"})


class ConfigError(ValueError):
    """A value that cannot be used; the text names the flag or variable, and never repeats a secret."""


def default_state_dir() -> Path:
    """The platform's directory for what a program keeps of its user's doings."""
    from platformdirs import user_state_path

    return user_state_path("layers-mcp", appauthor=False)


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """How one server runs. `state_dir` is where this server keeps its files: on the sandbox, a folder of its own."""

    api_key: str = field(default="", repr=False)
    base_url: str = DEFAULT_BASE_URL
    organization: str = ""
    read_only: bool = False
    sandbox: bool = False
    daily_credit_limit: int | None = None
    state_dir: Path = field(default_factory=default_state_dir)
    journal_url: str = field(default="", repr=False)
    log_level: str = "warning"
    sources: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Where each setting came from: a flag, a variable, or "default"."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _checked_base_url(self.base_url))

    @property
    def world_path(self) -> Path:
        """The file of the sandbox's world, which every `--sandbox` process of this state directory shares."""
        return (self.state_dir if self.sandbox else self.state_dir / "sandbox") / "world.db"

    @classmethod
    def load(cls, flags: Namespace | Mapping[str, object], environ: Mapping[str, str]) -> ServerConfig:
        """Read settings for a program; flags that were not given are None or absent.

        On the sandbox nothing leaves the machine: key, base URL and journal URL are ignored, and its journal and
        world lie in a `sandbox` folder of the state directory.
        """
        given = flags if isinstance(flags, Mapping) else cast("dict[str, object]", vars(flags))
        names = [entry.name for entry in fields(cls) if entry.name != "sources"]
        switch = _chosen("sandbox", given, environ)
        on_sandbox = switch is not None and bool(_parsed("sandbox", *switch))
        key_file = given.get("api_key_file")
        given = {**given, "api_key": key_file if on_sandbox else _text_of(key_file)}
        chosen = {name: _chosen(name, given, environ) for name in names}
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for name, choice in chosen.items():
            if choice is None:
                sources[name] = "default"
            elif on_sandbox and name in _NOT_ON_SANDBOX:
                sources[name] = "ignored on the sandbox"
            else:
                values[name] = _parsed(name, *choice)
                sources[name] = choice[1]
        if on_sandbox:
            values["state_dir"] = values.get("state_dir", default_state_dir()) / "sandbox"
        return cls(**values, sources=sources)


def _chosen(name: str, flags: Mapping[str, object], environ: Mapping[str, str]) -> tuple[object, str] | None:
    """The value that counts, and where it stood: the flag's, else the variable's."""
    flag = "--api-key-file" if name == "api_key" else f"--{name.replace('_', '-')}"
    variable = f"LAYERS_{name.upper()}"
    for source, candidate in ((flag, flags.get(name)), (variable, environ.get(variable))):
        if _is_set(candidate):
            return candidate, source
    return None


def _is_set(value: object) -> bool:
    """An empty value, or a host's own placeholder that it never filled in, is no value."""
    if isinstance(value, str):
        text = value.strip()
        return bool(text) and not (text.startswith("${user_config.") and text.endswith("}"))
    return value is not None


def _parsed(name: str, value: object, source: str) -> object:
    if not isinstance(value, str):
        return value
    text = value.strip()
    match name:
        case "api_key":
            return _checked_key(text, source)
        case "base_url":
            return _checked_base_url(text, source)
        case "read_only" | "sandbox":
            return _checked_switch(text, source)
        case "daily_credit_limit":
            if not (text.isascii() and text.isdigit()):
                raise ConfigError(f"{source} must be a whole number of credits, 0 or more")
            return int(text)
        case "organization":
            if not text.isascii() or not text.isprintable() or " " in text:
                raise ConfigError(f"{source} must be an organization id such as org_…")
            return text
        case "journal_url":
            kind, mark, _ = text.partition("://")
            if not mark or kind.partition("+")[0] not in _DATABASES:
                raise ConfigError(f"{source} must be a database URL such as postgresql://host/database")
            return text
        case "log_level":
            if text.lower() not in LOG_LEVELS:
                raise ConfigError(f"{source} must be one of {', '.join(LOG_LEVELS)}")
            return text.lower()
        case _:
            return Path(text).expanduser()


def _checked_switch(text: str, source: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ConfigError(f"{source} must be true or false")


def _checked_key(text: str, source: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{source} is no API key: it holds spaces or characters that a key never has")
    return text


def _text_of(path: object) -> str | None:
    if not isinstance(path, str) or not _is_set(path):
        return None
    try:
        return Path(path.strip()).expanduser().read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no text file"
        raise ConfigError(f"--api-key-file cannot be read: {reason}") from None


def _checked_base_url(text: str, source: str = "base_url") -> str:
    """The URL without a trailing slash. Plain http would show the key to the network, so it is for loopback only."""
    wrong = ConfigError(f"{source} must be a URL such as {DEFAULT_BASE_URL}, without user, query or fragment")
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in " \\@?#"):
        raise wrong
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(f"{source} must start with https://, except for a server on this machine (localhost)")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
