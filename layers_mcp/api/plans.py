"""The requests of writes that happen once: written to the journal before they are sent, and always resent unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """The path and body of a POST that starts something."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest(WriteRequest):
    """A POST that makes content.

    `pieces` is how many containers come of it. `price_keys` name its price for one piece in the price list; several
    names mean the dearest of them, none the dearest of all. `container_id` is the new container's in its path, which is
    its key upstream for good; "" where the `Idempotency-Key` is all that makes it the same order.
    """

    pieces: int = 1
    price_keys: tuple[str, ...] = ()
    container_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """How a vintage places one order: its requests, each sent and repeated by itself, and what a caller should know."""

    requests: tuple[OrderRequest, ...]
    notes: tuple[str, ...] = ()
