"""The settings of a server: flags over environment over defaults, checked once, frozen.

`Options(flags, environ)` is what a program was started with; `ServerConfig.load(options)` reads the server's part of
it, `Credentials.load` and `Policy.load` (see `tenancy`) the tenant's. Scripts and tests construct all three directly.
A bad value raises `ConfigError`, whose text is one line for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

from layers_mcp.deadlines import CONFIRM_SECONDS
from layers_mcp.text.urls import DEFAULT_PORTS, is_secure

if TYPE_CHECKING:
    from argparse import Namespace

T = TypeVar("T")

DEFAULT_BASE_URL = "https://api.layers.com"
DEFAULT_MEDIA_ORIGINS = ("https://media.layers.com", "https://media.meetsift.com")
"""Where Layers keeps the pictures and videos of content."""

STATE_KEY_BYTES = 32
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
VintageSetting = Literal["auto", "preview", "current"]
VINTAGES: tuple[VintageSetting, ...] = get_args(VintageSetting)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

_SERVER = re.compile(r"(?:[^@:/]*(?::[^@:/]*)?@)?(?:\[[0-9a-fA-F:.]+\]|[^@:/\[\]]*)(?::[0-9]{1,5})?")
"""User, password, host and port of a URL, each of which may be left out."""

_DATABASES = frozenset({"postgresql", "postgres", "sqlite"})


class ConfigError(ValueError):
    """A value that cannot be used; the text names the flag or variable, and never repeats a secret."""


Parse = Callable[[str, str], T]
"""`parse(text, source)` reads a value, or raises ConfigError naming `source`, the flag or variable."""


class Options:
    """The flags and environment variables of a program. `sources` says where each value that was read came from."""

    def __init__(self, flags: Namespace | Mapping[str, object], environ: Mapping[str, str]) -> None:
        """Take flags and environment; flags that were not given are None or absent."""
        self._flags = flags if isinstance(flags, Mapping) else cast("dict[str, object]", vars(flags))
        self._environ = environ
        self.sources: dict[str, str] = {}

    def read(
        self,
        name: str,
        parse: Parse[T],
        default: T,
        *,
        file_flag: str = "",
        prefix: str = "",
        ignored_on_sandbox: bool = False,
    ) -> T:
        """Parse the flag `--name`, else the variable `LAYERS_NAME`; `default` where neither is set.

        With `file_flag` there is no such flag but one that names a file which holds the value. A `prefix` stands before
        the variable's name alone: `LAYERS_HTTP_PORT` for `--port`.
        """
        ignored = ignored_on_sandbox and self.sandbox
        found = self._find(name, file_flag, prefix, read_file=not ignored)
        if found is None or ignored:
            self.sources[name] = "ignored on the sandbox" if found else "default"
            return default
        value, self.sources[name] = found
        return parse(value.strip(), self.sources[name]) if isinstance(value, str) else cast("T", value)

    @property
    def sandbox(self) -> bool:
        """Whether the embedded API is used: nothing leaves the machine then."""
        found = self._find("sandbox")
        return found is not None and (parse_switch(found[0], found[1]) if isinstance(found[0], str) else bool(found[0]))

    def _find(
        self, name: str, file_flag: str = "", prefix: str = "", *, read_file: bool = True
    ) -> tuple[object, str] | None:
        """Return the value that counts, and where it was given."""
        flag = f"--{(file_flag or name).replace('_', '-')}"
        given = self._flags.get(file_flag or name)
        if file_flag and read_file:
            given = _text_of_file(given, flag)
        variable = f"LAYERS_{prefix}{name.upper()}"
        for source, candidate in ((flag, given), (variable, self._environ.get(variable))):
            if is_set(candidate):
                return candidate, source
        return None


def default_state_dir() -> Path:
    """Return the platform's directory for what a program keeps of its user's doings."""
    from platformdirs import user_state_path

    return user_state_path("layers-mcp", appauthor=False)


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """How one process runs, for all callers. `state_dir` holds its files: on the sandbox, a folder of its own."""

    base_url: str = DEFAULT_BASE_URL
    sandbox: bool = False
    state_dir: Path = field(default_factory=default_state_dir)
    journal_url: str = field(default="", repr=False)
    log_level: str = "warning"
    vintage: VintageSetting = "auto"
    """The API's vintage; `auto` finds it out."""
    media_origin: tuple[str, ...] = DEFAULT_MEDIA_ORIGINS
    """The only origins that views load pictures and videos from."""
    confirm_seconds: int = int(CONFIRM_SECONDS)
    """How long a person may take to answer a question."""
    state_key_file: Path | None = None
    """The file of the key that seals what a client carries of a question; replicas share it. None: a key of its own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _parse_base_url(self.base_url))

    @property
    def state_key(self) -> bytes:
        """The key in `state_key_file`; empty without one."""
        return self.state_key_file.read_bytes() if self.state_key_file is not None else b""

    @property
    def world_path(self) -> Path:
        """The file of the sandbox's world, which every `--sandbox` process of this state directory shares."""
        return (self.state_dir if self.sandbox else self.state_dir / "sandbox") / "world.db"

    @classmethod
    def load(cls, options: Options) -> ServerConfig:
        """Read the configuration of a program.

        On the sandbox nothing leaves the machine: base URL and journal URL are ignored, and its journal and world lie
        in a `sandbox` folder of the state directory.
        """
        state_dir = options.read("state_dir", _parse_path, None) or default_state_dir()
        sandbox = options.read("sandbox", parse_switch, default=False)
        return cls(
            base_url=options.read("base_url", _parse_base_url, DEFAULT_BASE_URL, ignored_on_sandbox=True),
            sandbox=sandbox,
            state_dir=state_dir / "sandbox" if sandbox else state_dir,
            journal_url=options.read("journal_url", _parse_journal_url, "", ignored_on_sandbox=True),
            log_level=options.read("log_level", _parse_log_level, "warning"),
            vintage=options.read("vintage", _parse_vintage, "auto"),
            media_origin=options.read("media_origin", _parse_media_origins, DEFAULT_MEDIA_ORIGINS),
            confirm_seconds=options.read("confirm_seconds", _parse_confirm_seconds, cls.confirm_seconds),
            state_key_file=options.read("state_key_file", _parse_state_key_file, None),
        )


def is_set(value: object) -> bool:
    """Return whether a value is set: an empty one, or a placeholder that a host never filled in, is not."""
    if isinstance(value, str):
        text = value.strip()
        return bool(text) and not (text.startswith("${user_config.") and text.endswith("}"))
    return value is not None


def _text_of_file(path: object, flag: str) -> str | None:
    if not isinstance(path, str) or not is_set(path):
        return None
    try:
        return Path(path.strip()).expanduser().read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no text file"
        raise ConfigError(f"{flag} cannot be read: {reason}") from None


def parse_switch(text: str, source: str) -> bool:
    """Parse true or false in the usual spellings."""
    if text.strip().lower() in _TRUE | _FALSE:
        return text.strip().lower() in _TRUE
    raise ConfigError(f"{source} must be true or false")


def _parse_confirm_seconds(text: str, source: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= 3600):
        raise ConfigError(f"{source} must be a whole number of seconds, from 1 to 3600")
    return int(text)


def _parse_state_key_file(text: str, source: str) -> Path:
    path = Path(text).expanduser()
    try:
        size = len(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror or 'no file'}") from None
    if size < STATE_KEY_BYTES:
        raise ConfigError(f"{source} must name a file of at least {STATE_KEY_BYTES} random bytes")
    return path


def _parse_path(text: str, source: str) -> Path | None:
    return Path(text).expanduser()


def _parse_log_level(text: str, source: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ConfigError(f"{source} must be one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _parse_vintage(text: str, source: str) -> VintageSetting:
    if text.lower() not in VINTAGES:
        raise ConfigError(f"{source} must be one of {', '.join(VINTAGES)}")
    return cast("VintageSetting", text.lower())


def _parse_journal_url(text: str, source: str) -> str:
    """Refuse what the database library would quote, with parts of the password, in an error of its own."""
    kind, mark, rest = text.partition("://")
    if not mark or kind.partition("+")[0] not in _DATABASES:
        raise ConfigError(f"{source} must be a database URL such as postgresql://host/database")
    server = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if kind.startswith("sqlite"):
        fits = not server
    else:
        fits = _SERVER.fullmatch(server) is not None and "@" not in rest[len(server) :]
    if not (fits and text.isprintable()):
        raise ConfigError(
            f"{source} must be a database URL such as postgresql://user:password@host:5432/database, with every other "
            "character than letters, digits and -._~ in user and password percent-encoded (@ is %40, / is %2F)"
        )
    return text


def _parse_base_url(text: str, source: str = "base_url") -> str:
    """Return the URL in its one normal form, which ids and tenants are derived from: two spellings are one server.

    Plain http would show the key to the network, so it is for loopback only.
    """
    wrong = ConfigError(f"{source} must be a URL such as {DEFAULT_BASE_URL}, without user, query or fragment")
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in " \\@?#"):
        raise wrong
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not host:
        raise wrong
    if not is_secure(parts.scheme, host):
        raise ConfigError(f"{source} must start with https://, except for a server on this machine (localhost)")
    host = f"[{host}]" if ":" in host else host
    place = host if port is None or str(port) == DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def _parse_media_origins(text: str, source: str) -> tuple[str, ...]:
    """Return origins between spaces or commas, each once.

    They open scripts as well, so plain http is for loopback only.
    """
    return tuple(dict.fromkeys(_parse_origin(one, source) for one in re.split(r"[\s,]+", text) if one))


def _parse_origin(text: str, source: str) -> str:
    match = re.fullmatch(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?", text.lower())
    if match is None or int(match[3] or 0) > 65_535:
        raise ConfigError(f"{source} must hold origins such as {DEFAULT_MEDIA_ORIGINS[0]}: scheme, host and port alone")
    scheme, host, port = match.groups()
    if not is_secure(scheme, host.strip("[]")):
        raise ConfigError(f"{source} must hold https:// origins, except for a server on this machine (localhost)")
    return f"{scheme}://{host}" if port in (None, DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"
