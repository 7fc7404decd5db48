"""Ids in their several spellings, and what an id looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID

LONGEST_ID = 200
"""Characters; no id of any vintage has half as many."""

_PREFIX = re.compile(r"^[a-z]{2,4}_")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]*", re.ASCII)


def is_id(text: str) -> bool:
    """Return whether `text` is certainly an id, and fit for a sentence: upstream's word alone does not make it one."""
    return len(text) <= LONGEST_ID and _ID.fullmatch(text) is not None


def is_visible_ascii(text: str) -> bool:
    """Return whether a text can be in a header, as keys and ids are: ASCII that is seen, no blank.

    True of an empty one.
    """
    return text.isascii() and text.isprintable() and " " not in text


def same_id(one: str, other: str) -> bool:
    """Return whether two spellings may be of one id: with and without its prefix, in any case, in either vintage's
    form.

    One vintage writes ids with UUIDs, the other does not: an API that changes its vintage answers in the other form.
    """
    first, second = _bare(one), _bare(other)
    return first == second or bool(_UUID.fullmatch(first)) != bool(_UUID.fullmatch(second))


def _bare(text: str) -> str:
    return _PREFIX.sub("", text.strip().casefold())


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID = re.compile(f"[0-7][{_DIGITS}]{{25}}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def container_key(container_id: str) -> str:
    """Return what the spellings of one container id have in common.

    `cnt_X` in one vintage of the API is `X` in another, and the 128 bits that one writes as a ULID another writes as a
    UUID.
    """
    bare = container_id.removeprefix("cnt_")
    if not _ULID.fullmatch(bare):
        return bare
    number = 0
    for digit in bare:
        number = number * len(_DIGITS) + _DIGITS.index(digit)
    return str(UUID(int=number))


def id_key(text: str) -> str:
    """Return what the spellings of one id have in common, whatever it is of: without its prefix, a ULID as a UUID."""
    return container_key(_PREFIX.sub("", text.strip()))


def container_endings(key: str) -> tuple[str, ...]:
    """Return how the ids end that have this `container_key`."""
    if not _UUID.fullmatch(key):
        return (key,)
    number = UUID(key).int
    return key, "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(26)))


def container_keys(container_ids: Iterable[str]) -> set[str]:
    """Return the keys of several containers."""
    return set(map(container_key, container_ids))
