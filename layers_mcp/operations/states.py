"""The state machine of an order, and its steps as pure functions.

                      place
                        │  the journal is written before the request leaves; credits are reserved with the row
                        ▼
      ┌── send again ─ UNKNOWN ── accepted (202) ──────────▶ RUNNING ── learned ──▶ COMPLETED
      │   (attempted)   ▲  │ │                                 ▲                  ▶ FAILED
      └─────────────────┘  │ └─ found upstream (accepted) ─────┘                  ▶ CANCELED
                           │
                           └─ turned down (4xx, or never left) and no other attempt unanswered ─▶ REFUSED ── place ─▶ …

* UNKNOWN: the request may have left, and no answer is known. Every attempt is counted in `unanswered` before it leaves
  and taken off the count by its own refusal only: a reply lost, then a refusal, stays UNKNOWN. A kill at any moment
  leaves an order here at worst.
* From UNKNOWN it is sent again, with the ids and body of the first attempt, only while that cannot order twice
  (`may_be_sent_again`); after that it is looked for upstream. A clock seen to go backwards ends that time for good
  (`doubted`): nobody can tell any more how long ago the first attempt was.
* RUNNING and what follows are answered from the journal, for ever. Only REFUSED is free to be ordered anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from layers_mcp.operations.entry import Entry
from layers_mcp.operations.records import OrderStatus
from layers_mcp.text.ids import container_key

RETRY_WINDOW = timedelta(hours=23)
"""Upstream remembers an Idempotency-Key for 24 hours (layers-api, §1); an hour is left for clocks that differ."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""How far apart the clocks of a team's machines may be without one of them having gone backwards."""

ENDS = ("completed", "failed", "canceled")


def attempted(entry: Entry, now: datetime) -> Entry:
    """One more attempt is about to leave."""
    if entry.status != "unknown":
        return entry
    return replace(entry, unanswered=entry.unanswered + 1, updated_at=now)


def accepted(
    entry: Entry, now: datetime, *, job_id: str, kind: str, status: str, container_ids: Iterable[str], answer: Any
) -> Entry:
    """Upstream took the order on, or its containers were found there."""
    taken = replace(
        entry, unanswered=0, job_id=job_id or entry.job_id, kind=kind or entry.kind, answer=answer, updated_at=now
    )
    if entry.status in ("unknown", "refused"):
        taken = replace(taken, status="running")
    return learned(taken, now, status=status, container_ids=container_ids)


def turned_down(entry: Entry, now: datetime, answer: dict[str, Any]) -> Entry:
    """One attempt was refused, and surely had no effect."""
    if entry.status != "unknown":
        return entry
    unanswered = entry.unanswered - 1
    if unanswered > 0:
        return replace(entry, unanswered=unanswered, updated_at=now)
    return replace(entry, unanswered=0, status="refused", answer=answer, updated_at=now)


def learned(entry: Entry, now: datetime, *, status: str, container_ids: Iterable[str]) -> Entry:
    """The order's job or containers were read: an end is final, and a container once named stays."""
    named: dict[str, str] = {}
    for container_id in (*entry.container_ids, *container_ids):
        named.setdefault(container_key(container_id), container_id)
    known = replace(entry, container_ids=tuple(named.values()))
    if status in ENDS and entry.status == "running":
        known = replace(known, status=cast("OrderStatus", status))
    return entry if known == entry else replace(known, updated_at=now)


def doubted(entry: Entry, now: datetime) -> Entry:
    """Look at the order at `now`: where that is before its last attempt, its time for sending again has ended."""
    if entry.status != "unknown" or now >= entry.updated_at - CLOCKS_DIFFER:
        return entry
    return replace(entry, clock_doubted=1)


def may_be_sent_again(entry: Entry, key_fingerprint: str, now: datetime) -> bool:
    """Whether sending an unanswered order once more cannot order it twice.

    A clone's path id is its permanent key. A generate has only its Idempotency-Key, which upstream keeps for 24 hours
    and for one API key.
    """
    if entry.path_container_id:
        return True
    in_time = not entry.clock_doubted and now < entry.ordered_at + RETRY_WINDOW
    return in_time and key_fingerprint == entry.key_fingerprint
