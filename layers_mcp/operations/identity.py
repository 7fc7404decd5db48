"""When two orders are the same order: canonical arguments, and the ids that follow from them.

An agent that repeats itself rarely repeats itself letter by letter. Two orders are the same when their arguments mean
the same: text is compared in Unicode's NFC and without surrounding blanks, lists without order and duplicates, and an
argument left out equals one that is empty. What is derived here holds no API key and no time, so that a restarted
server, a second machine or a rotated key derive the same ids again.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
import uuid
from collections.abc import Iterable, Mapping

from layers_mcp.text.urls import DEFAULT_PORTS

Argument = str | int | tuple[str, ...]
Canonical = str | int | list[str]

_NAMESPACE = uuid.UUID("6f0c1c1e-5d0b-5b57-9f3a-2f6a3c6d8e11")
"""Never to be changed: every derived id depends on it."""


def canonical_text(text: str) -> str:
    """Return `text` in NFC, without blanks at its ends. Raises `ValueError` where it is no valid Unicode text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text") from None
    return unicodedata.normalize("NFC", text).strip()


def canonical_list(items: Iterable[str]) -> tuple[str, ...]:
    """Return the canonical texts of `items` in their first order, without empty ones and duplicates."""
    return tuple(dict.fromkeys(text for item in items if (text := canonical_text(item))))


def canonical(arguments: Mapping[str, Argument]) -> dict[str, Canonical]:
    """Return arguments of canonical texts with every list sorted: equal where they mean the same."""
    return {name: sorted(value) if isinstance(value, tuple) else value for name, value in arguments.items()}


def identity(tool: str, arguments: Mapping[str, Canonical], take: int) -> str:
    """Return the SHA-256 (hex) of what is ordered; `arguments` are canonical, defaults filled in.

    Empty values are left out, so that an optional argument added later leaves the identity of older orders alone.
    """
    given = {name: value for name, value in arguments.items() if value not in ("", [])}
    text = json.dumps([tool, given, take], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def commission_id(order: str) -> str:
    """Return the short name of an identity, for people and agents."""
    return f"com_{order[:24]}"


def publication_id(publication: str) -> str:
    """Return the short name of a publication's identity."""
    return f"pub_{publication[:24]}"


def clone_container_id(base_url: str, order: str) -> str:
    """Return the UUID of a clone's new container: its idempotency key (publish-to-learn, step 3, option A)."""
    return _derived("container", base_url, order)


def piece_identity(order: str, piece: int) -> str:
    """Return what the ids of one piece of an order derive from; 0 is the whole order."""
    return f"{order} {piece}" if piece else order


def idempotency_key(base_url: str, order: str) -> str:
    """Return the `Idempotency-Key` under which an order is sent, and sent again."""
    return _derived("idempotency-key", base_url, order)


def normal_base_url(base_url: str) -> str:
    """Return one form for all spellings of a base URL: without case, default port, and dots and slashes at its ends."""
    text = base_url.strip().lower().rstrip("/")
    scheme, mark, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):  # there is none, or it is inside of an IPv6 address
        host, port = authority, ""
    if port == DEFAULT_PORTS.get(scheme):
        port = ""
    return f"{scheme}{mark}{host.rstrip('.')}{':' if port else ''}{port}{slash}{path}"


def _derived(purpose: str, base_url: str, order: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{purpose} {normal_base_url(base_url)} {order}"))


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are the same in canonical form."""
    return unicodedata.normalize("NFC", one).strip() == unicodedata.normalize("NFC", other).strip()
