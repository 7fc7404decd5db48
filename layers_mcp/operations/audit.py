"""What happened to one order or publication, for its operator: were we charged, was it posted, and how is that known?

Everything here is derived from its rows and their events; nobody is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from layers_mcp.operations.identity import publication_id
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.kinds.publish import scheduled_post_ids
from layers_mcp.operations.models import Operation, order_record
from layers_mcp.operations.state_machine import is_free
from layers_mcp.operations.store.base import JournalEvent
from layers_mcp.text.ids import container_key, container_keys

AuditStatus = Literal["reserved", "not sent", "refused", "unanswered", "running", "completed", "failed", "canceled"]

Step = Literal[
    "reserved", "sent", "unanswered", "rejected", "withdrawn", "answered", "found", "seen", "clock went back"
]

_STEPS: Mapping[str, Step] = {
    "Reserved": "reserved",
    "Released": "withdrawn",
    "AttemptStarted": "sent",
    "AttemptUnanswered": "unanswered",
    "Rejected": "rejected",
    "Accepted": "answered",
    "Observed": "seen",
    "ClockWentBackwards": "clock went back",
}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened. `piece` is 0 where one request makes all of the order; `attempt` counts what left."""

    at: datetime
    step: Step
    piece: int = 0
    attempt: int = 0
    credits: int | None = None
    code: str = ""
    status: str = ""
    job_id: str = ""
    ids: tuple[str, ...] = ()
    blocked: bool = False


@dataclass(frozen=True, kw_only=True)
class OrderAudit:
    """One order or publication as its operator asks for it. `most_credits` is None where a price was not known."""

    rows: tuple[Operation, ...]
    order_id: str
    spends: bool
    status: AuditStatus
    placed: int
    pieces: int
    most_credits: int | None

    @property
    def first(self) -> Operation:
        """What every piece of it has in common stands in the first."""
        return self.rows[0]

    @property
    def code(self) -> str:
        """With what it was refused, or left unanswered, last; "" where nothing says so."""
        return next((code for row in reversed(self.rows) if (code := str(row.answer.get("code") or ""))), "")

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Every job that works on it."""
        return tuple(row.job_id for row in self.rows if row.job_id)

    @property
    def container_ids(self) -> tuple[str, ...]:
        """Every piece of content that it made, or publishes."""
        return tuple(dict.fromkeys(each for row in self.rows for each in row.container_ids))

    @property
    def social_account_ids(self) -> tuple[str, ...]:
        """Every account of a publication."""
        return _texts(self.first.arguments.get("social_account_ids"))

    @property
    def scheduled_post_ids(self) -> tuple[str, ...]:
        """Every scheduled post of a publication."""
        return tuple(each for row in self.rows for each in scheduled_post_ids(row))

    def goes_by(self, name: str) -> bool:
        """Return whether `name` is the beginning of its id, or its job's or a container's, however that is spelled."""
        if name in self.job_ids or container_key(name) in container_keys(self.container_ids):
            return True
        return any(each.startswith(name.lower()) for each in (self.order_id, self.first.commission_id))


def audits(rows: Sequence[Operation], now: datetime) -> list[OrderAudit]:
    """Return one audit an order, in the order in which the rows name them first."""
    by_order: dict[tuple[str, str, str], list[Operation]] = {}
    for row in rows:
        by_order.setdefault((row.base_url, row.organization, row.identity), []).append(row)
    return [_audit(sorted(each, key=lambda row: row.piece), now) for each in by_order.values()]


def _audit(rows: Sequence[Operation], now: datetime) -> OrderAudit:
    first = rows[0]
    spends = KINDS[first.tool].spends
    sent = [row for row in rows if row.status not in ("reserved", "refused")]
    prices = [row.estimated_credits for row in sent]
    return OrderAudit(
        rows=tuple(rows),
        order_id=first.commission_id if spends else publication_id(first.identity),
        spends=spends,
        status=cast("AuditStatus", _sent_status(sent) if sent else _unsent_status(rows, now)),
        placed=sum(row.status != "unknown" for row in sent),
        pieces=int(first.arguments["variations"]) if first.piece else 1,
        most_credits=None if None in prices else sum(filter(None, prices)),
    )


def _sent_status(sent: Sequence[Operation]) -> str:
    status = order_record(sent).status
    return "unanswered" if status == "unknown" else status


def _unsent_status(rows: Sequence[Operation], now: datetime) -> str:
    if any(row.status == "reserved" and not is_free(row, now) for row in rows):
        return "reserved"
    rejected = [row for row in rows if row.status == "refused" and row.answer.get("code") != "RELEASED"]
    return "refused" if rejected else "not sent"


def happenings(row: Operation, events: Sequence[JournalEvent]) -> list[Happening]:
    """Return what happened to one row; of one that was written before events were kept, what it says of itself."""
    if not events:
        return _remembered(row)
    entries: list[Happening] = []
    attempt = 0
    for event in events:
        step = _STEPS.get(event.event)
        if step is None:
            continue
        attempt = 0 if step == "reserved" else attempt + (step == "sent")
        entries.append(_happening(row, event, step, attempt))
    return entries


def _happening(row: Operation, event: JournalEvent, step: Step, attempt: int) -> Happening:
    answer = _mapping(event.detail.get("answer"))
    if step == "answered" and not event.detail.get("job_id") and "gate_status" not in answer:
        step = "found"  # an answer names its job, or how the publication's gate stands
    price = event.detail.get("estimated_credits")
    posts = answer.get("scheduled_post_ids")
    return Happening(
        at=event.at,
        step=step,
        piece=row.piece,
        attempt=attempt if step in ("sent", "unanswered", "rejected") else 0,
        credits=price if isinstance(price, int) and KINDS[row.tool].spends else None,
        code=str(answer.get("code") or ""),
        status=str(event.detail.get("status") or ""),
        job_id=str(event.detail.get("job_id") or ""),
        ids=_texts(posts if posts is not None else event.detail.get("container_ids")),
        blocked=answer.get("gate_status") == "blocked_on_approval",
    )


def _remembered(row: Operation) -> list[Happening]:
    if row.sent_at is None:
        return [Happening(at=row.ordered_at, step="reserved", piece=row.piece)]
    entries = [Happening(at=row.sent_at, step="sent", piece=row.piece, attempt=1, credits=row.estimated_credits)]
    if row.status == "refused":
        entries.append(
            Happening(at=row.updated_at, step="rejected", piece=row.piece, code=str(row.answer.get("code", "")))
        )
    elif row.status != "unknown":
        seen = Happening(at=row.updated_at, step="seen", piece=row.piece, status=row.status, ids=row.container_ids)
        entries.append(seen)
    return entries


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, cast("Sequence[object]", value))) if isinstance(value, list) else ()
