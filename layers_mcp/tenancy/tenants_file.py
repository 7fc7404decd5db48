"""The file that says which OAuth claims belong to which tenant, and where that tenant's API key is.

[[tenant]]
match = { org = "acme" }
api_key_file = "/run/secrets/acme"
organization = "org_…"
read_only = true
daily_credit_limit = 5000

The first entry that matches wins. The file never holds a key: it names a file or a variable that does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from layers_mcp.text.ids import is_visible_ascii

NAMES = frozenset({"match", "api_key_file", "api_key_env", "organization", "read_only", "daily_credit_limit"})

LONGEST_KEY = 512

_LOOKS_LIKE_A_KEY = re.compile(r"\blp_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


class TenantsFileError(ValueError):
    """The file cannot be used; the text is one line that names the entry and repeats none of its values."""


@dataclass(frozen=True)
class TenantEntry:
    """One `[[tenant]]`: whose key callers that `match` use, and what they may do with it."""

    api_key: str = field(repr=False)
    organization: str = ""
    read_only: bool = False
    daily_credit_limit: int | None = None
    match: tuple[tuple[str, str | int | float | bool], ...] = field(default=(), compare=False)

    def matches(self, claims: Mapping[str, Any]) -> bool:
        """Return whether every claim given is equal to the token's or, where the token has a list, in it."""
        return all(_holds(claims.get(name), wanted) for name, wanted in self.match)


def _holds(claim: object, wanted: object) -> bool:
    values = cast("list[object]", claim) if isinstance(claim, list) else [claim]
    # `True == 1` in Python: a claim that is true is not one that is 1.
    return any(value == wanted and isinstance(value, bool) == isinstance(wanted, bool) for value in values)


def first_match(entries: Sequence[TenantEntry], claims: Mapping[str, Any]) -> TenantEntry | None:
    """Return the first entry that matches a token's claims, if there is one."""
    return next((entry for entry in entries if entry.matches(claims)), None)


def read_tenants(path: Path, environ: Mapping[str, str]) -> tuple[TenantEntry, ...]:
    """Read the file, and every key that it names. Raises TenantsFileError."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise TenantsFileError(f"the tenants file cannot be read: {_reason(error)}") from None
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise TenantsFileError("the tenants file is no valid TOML") from None
    if unknown := sorted(document.keys() - {"tenant"}):
        raise TenantsFileError(f"the tenants file holds an unknown name, {_shown(unknown[0])}")
    entries: object = document.get("tenant")
    if not isinstance(entries, list) or not entries:
        raise TenantsFileError("the tenants file holds no [[tenant]] entry")
    return tuple(
        _entry(number, entry, path.parent, environ) for number, entry in enumerate(cast("list[object]", entries), 1)
    )


def _entry(number: int, entry: object, folder: Path, environ: Mapping[str, str]) -> TenantEntry:
    def wrong(reason: str) -> TenantsFileError:
        return TenantsFileError(f"tenant {number} of the tenants file: {reason}")

    if not isinstance(entry, dict):
        raise wrong("it is no table")
    given = cast("dict[str, Any]", entry)
    if _LOOKS_LIKE_A_KEY.search(repr(given)) or "api_key" in given:
        raise wrong("it holds a key; name the file (api_key_file) or variable (api_key_env) that holds it instead")
    if unknown := sorted(given.keys() - NAMES):
        raise wrong(f"unknown name {_shown(unknown[0])}")
    organization, read_only = given.get("organization", ""), given.get("read_only", False)
    limit = given.get("daily_credit_limit")
    if not (isinstance(organization, str) and is_visible_ascii(organization)):
        raise wrong("organization must be an organization id such as org_…")
    if not isinstance(read_only, bool):
        raise wrong("read_only must be true or false")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise wrong("daily_credit_limit must be a whole number of credits, 0 or more")
    try:
        match = _match(given.get("match"))
        api_key = _api_key(given, folder, environ)
    except ValueError as error:
        raise wrong(str(error)) from None
    return TenantEntry(api_key, organization, read_only, limit, match)


def _match(given: object) -> tuple[tuple[str, str | int | float | bool], ...]:
    if not isinstance(given, dict) or not given:
        raise ValueError('match must name at least one claim, such as { org = "acme" }')
    pairs = tuple(cast("dict[str, Any]", given).items())
    if not all(isinstance(value, str | int | float | bool) for _, value in pairs):
        raise ValueError("the values of match must be texts, numbers or booleans")
    return pairs


def _api_key(given: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> str:
    path, variable = given.get("api_key_file"), given.get("api_key_env")
    if (path is None) == (variable is None):
        raise ValueError("it needs one of api_key_file, api_key_env")
    if path is not None:
        if not isinstance(path, str) or not path:
            raise ValueError("api_key_file must be a path")
        try:
            key = folder.joinpath(path).expanduser().read_text("utf-8-sig").strip()
        except (OSError, UnicodeError, RuntimeError) as error:
            raise ValueError(f"its api_key_file cannot be read: {_reason(error)}") from None
    else:
        if not isinstance(variable, str) or not environ.get(variable, "").strip():
            raise ValueError("the variable that its api_key_env names is not set")
        key = environ[variable].strip()
    if not key or len(key) > LONGEST_KEY or not is_visible_ascii(key):
        raise ValueError("what its api_key_file or api_key_env names holds no API key")
    return key


def _shown(name: str) -> str:
    return f'"{name}"' if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) else "of other characters than a-z, 0-9, _ and -"


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else "it is no text file"
