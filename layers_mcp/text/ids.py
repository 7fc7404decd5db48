"""Ids in their several spellings, and what an id looks like."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_ID = 200
"""Characters; no id of any vintage has half as many."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:-]*", re.ASCII)


def is_id(text: str) -> bool:
    """Whether `text` is certainly an id, and fit to stand in a sentence: upstream's word alone does not make it one."""
    return len(text) <= LONGEST_ID and _ID.fullmatch(text) is not None


def same_id(one: str, other: str) -> bool:
    """Whether two spellings may be of one id: with and without its prefix, in any case."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return re.sub(r"^[a-z]{2,4}_", "", text.strip().casefold())


def container_key(container_id: str) -> str:
    """What two spellings of one container id have in common: `cnt_X` in one API vintage is `X` in another."""
    return container_id.removeprefix("cnt_")


def container_keys(container_ids: Iterable[str]) -> set[str]:
    """The keys of several containers."""
    return set(map(container_key, container_ids))
