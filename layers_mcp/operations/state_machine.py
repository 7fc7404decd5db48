"""The states of an operation, and every step between them as data.

                Reserved                       credits are held with the row; nothing has left
    (free) ───────────────▶ RESERVED
      ▲                     │    │
      │      Released, or   │    │ AttemptStarted      counted and leased before it leaves
      ├───── expired ───────┘    ▼
      │              ┌──────▶ UNKNOWN ── Accepted ──▶ RUNNING ── Observed ──▶ COMPLETED
      │              │         │    │                                         FAILED
      │              └─────────┘    │                                         CANCELED
      │        AttemptStarted,      │
      │        AttemptUnanswered    │
      └──── REFUSED ◀───────────────┘ Rejected or Released, and no other attempt unanswered

* RESERVED: written down, not sent. Whatever ends it (a late commit, a kill) has spent nothing; one that nobody releases
  expires.
* UNKNOWN: an attempt may have left, and no answer is known. Attempts are counted in `unanswered` before they leave and
  taken off the count by their own rejection only, while they hold the lease: a reply lost, then a rejection, stays
  UNKNOWN. A kill at any moment leaves an operation here at worst. Every event may be recorded twice.
* An attempt on its way holds the row's `lease`, and `Renewed` counts its `beat` up while it lives. Another call starts
  one only from the lease and beat that it saw last, so of several that see an attempt dead, one goes on.
* From UNKNOWN it is sent again, with the ids and body of the first attempt, only while that cannot take effect twice
  (`can_retry`); after that it is looked for upstream. A clock seen to go backwards ends that time for good: nobody can
  tell any more how long ago the first attempt was.
* RUNNING and what follows are answered from the journal, for ever. Only what is free can be reserved anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from layers_mcp.analytics.status import ENDED
from layers_mcp.deadlines import PROMISED_SECONDS
from layers_mcp.operations.models import Operation, Status
from layers_mcp.text.ids import container_key

SLACK = timedelta(minutes=10)
"""How far apart two clocks may be before a comparison of their times means something."""

RETRY_WINDOW = timedelta(hours=23)
"""Upstream remembers an Idempotency-Key for 24 hours (layers-api, §1); the hour between is more than `SLACK`."""

LONGEST_CALL = timedelta(seconds=PROMISED_SECONDS + 5)
"""After which no call is alive that could still send what it reserved."""


# --- events


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """A call is about to send `draft`, and its credits are held."""

    draft: Operation


@dataclass(frozen=True, kw_only=True)
class Released:
    """The call that reserved it, or started the attempt `lease`, did not send it after all."""

    lease: str


@dataclass(frozen=True, kw_only=True)
class AttemptStarted:
    """The attempt `lease` is about to leave, from the lease and beat that were seen last."""

    lease: str
    follows: tuple[str, int]
    key_fingerprint: str
    estimated_credits: int | None
    clock_offset: float | None


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """The attempt `lease` is still on its way."""

    lease: str


@dataclass(frozen=True, kw_only=True)
class AttemptUnanswered:
    """The attempt `lease` is over, and whether it took effect is not known."""

    lease: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """The attempt `lease` certainly had no effect."""

    lease: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Upstream took it on, or what it made was found there."""

    job_id: str = ""
    kind: str = ""
    status: str = "running"
    container_ids: tuple[str, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Its job or containers were read: an end is final, and a container once named stays."""

    status: str
    container_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClockWentBackwards:
    """The clock is before an attempt that it had dated."""


Event = (
    Reserved
    | Released
    | AttemptStarted
    | Renewed
    | AttemptUnanswered
    | Rejected
    | Accepted
    | Observed
    | ClockWentBackwards
)


# --- transitions


def transition(row: Operation, event: Event, now: datetime) -> Operation:
    """Return the row after `event`; the row itself where the event changes nothing in its state."""
    match event:
        case Reserved(draft=draft):
            return replace(draft, entry=row.entry, beat=row.beat + 1) if is_free(row, now) else row
        case AttemptStarted():
            return _attempt(row, event, now)
        case Renewed(lease=lease):
            return replace(row, beat=row.beat + 1) if row.lease == lease else row
        case AttemptUnanswered(lease=lease, answer=answer):
            return replace(row, lease="", answer=answer, updated_at=now) if row.lease == lease else row
        case Released(lease=lease):
            return _withdrawn(row, {"code": "RELEASED"}, now) if lease and row.lease == lease else row
        case Rejected(lease=lease, answer=answer):
            return _withdrawn(row, answer, now) if row.lease == lease else row
        case Accepted():
            return _accepted(row, event, now)
        case Observed(status=status, container_ids=container_ids):
            return _observed(row, status, container_ids, now)
        case ClockWentBackwards():
            return replace(row, clock_doubted=1) if row.status == "unknown" else row


def _attempt(row: Operation, event: AttemptStarted, now: datetime) -> Operation:
    if row.status not in ("reserved", "unknown") or (row.lease, row.beat) != event.follows:
        return row
    estimates = [event.estimated_credits]
    if row.unanswered:  # whichever of the attempts arrived is the one that is charged
        estimates.append(row.estimated_credits)
    return replace(
        row,
        status="unknown",
        unanswered=row.unanswered + 1,
        lease=event.lease,
        beat=row.beat + 1,
        key_fingerprint=row.key_fingerprint if row.unanswered else event.key_fingerprint,
        estimated_credits=None if None in estimates else max(cast("list[int]", estimates)),
        sent_at=now,
        updated_at=now,
        clock_offset=event.clock_offset if row.clock_offset is None else row.clock_offset,
    )


def _withdrawn(row: Operation, answer: Mapping[str, Any], now: datetime) -> Operation:
    """Take the attempt, or the reservation, back that holds the lease."""
    if row.unanswered > 1:
        return replace(row, unanswered=row.unanswered - 1, lease="", updated_at=now)
    return replace(row, status="refused", unanswered=0, lease="", answer=answer, updated_at=now)


def _accepted(row: Operation, event: Accepted, now: datetime) -> Operation:
    taken = replace(
        row,
        status="running" if row.status in ("reserved", "unknown", "refused") else row.status,
        unanswered=0,
        lease="",
        job_id=event.job_id or row.job_id,
        kind=event.kind or row.kind,
        answer=event.answer,
        updated_at=now,
    )
    return _observed(taken, event.status, event.container_ids, now)


def _observed(row: Operation, status: str, container_ids: tuple[str, ...], now: datetime) -> Operation:
    named: dict[str, str] = {}
    for container_id in (*row.container_ids, *container_ids):
        named.setdefault(container_key(container_id), container_id)
    known = replace(row, container_ids=tuple(named.values()))
    if status in ENDED and row.status == "running":
        known = replace(known, status=cast("Status", status))
    return row if known == row else replace(known, updated_at=now)


# --- what the states mean


def has_expired(row: Operation, now: datetime) -> bool:
    """Return whether the call that wrote the row last must have ended by now, however it went."""
    return now > row.updated_at + LONGEST_CALL + SLACK


def is_free(row: Operation, now: datetime) -> bool:
    """Return whether nothing is ordered by this row: it was refused, or its reservation expired."""
    if row.status == "reserved":
        return has_expired(row, now)
    return row.status == "refused"


def can_retry(row: Operation, key_fingerprint: str, now: datetime) -> bool:
    """Return whether sending an unanswered operation once more cannot make it happen twice.

    A clone's path id is its permanent key. All others have only their Idempotency-Key, which upstream keeps for 24
    hours and for one API key.
    """
    if row.status != "unknown" or row.path_container_id:
        return True
    in_time = not row.clock_doubted and now < row.ordered_at + RETRY_WINDOW
    return in_time and key_fingerprint == row.key_fingerprint


def clock_went_backwards(row: Operation, now: datetime) -> bool:
    """Return whether `now` is before the row's last attempt, by more than clocks differ."""
    return row.status == "unknown" and now < row.updated_at - SLACK
