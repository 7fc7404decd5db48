"""Ids of containers in their several spellings."""

from __future__ import annotations

from collections.abc import Iterable


def container_key(container_id: str) -> str:
    """What two spellings of one container id have in common: `cnt_X` in one API vintage is `X` in another."""
    return container_id.removeprefix("cnt_")


def container_keys(container_ids: Iterable[str]) -> set[str]:
    """The keys of several containers."""
    return set(map(container_key, container_ids))
