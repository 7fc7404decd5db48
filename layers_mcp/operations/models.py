"""The values of this package: an operation as the journal holds it, and what its callers receive.

An *operation* is one write that must happen once. Most are orders: commissions of content, which spend credits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, TypeVar, cast

from layers_mcp.analytics.outcomes import Mode
from layers_mcp.analytics.status import status_of_all

T = TypeVar("T")

ToolName = Literal["clone_post", "generate_with_hook", "publish_content"]
PublishMode = Literal["publish", "draft"]

Status = Literal["reserved", "unknown", "running", "completed", "failed", "canceled", "refused"]
"""Of a row (`state_machine` draws them)."""

OrderStatus = Literal["unknown", "running", "completed", "failed", "canceled"]
"""Of an order that was sent. `unknown`: no answer is known. The others are its job's."""


class Reading(NamedTuple, Generic[T]):
    """What was read of the journal, and why that may not be all of it ("" = it is)."""

    value: T
    warning: str


@dataclass(frozen=True)
class Tenant:
    """Whose operations: a base URL in normal form, and an organization or the key that stands in for it."""

    base_url: str
    organization: str

    @property
    def confirmed(self) -> bool:
        """Whether Layers named the organization for this key."""
        return not self.organization.startswith(STAND_IN)

    @property
    def key_fingerprint(self) -> str:
        """The key that stands in; "" for a confirmed organization."""
        return "" if self.confirmed else self.organization.removeprefix(STAND_IN)


STAND_IN = "key:"
"""Begins the organization of rows that were written while only the key's fingerprint was known."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the journal: what is asked for, what is sent, what came back.

    `piece` is 0 where one request makes all that is ordered, else 1, 2, …: each piece is a row and a request of its
    own. It is sent to `path`, and sent again there and nowhere else; `price_keys` name what one variation costs, as in
    `OrderRequest`. Moments are on upstream's clock where its `Date` was seen: `clock_offset` is how many seconds were
    added to the machine's, None where it was not. `unanswered` counts the attempts that left and brought no answer.
    `lease` names the attempt that is on its way right now ("" = none), `beat` rises while that lives. `clock_doubted`
    is 1 once the clock was seen to be before an attempt that it had dated.
    """

    entry: str
    base_url: str
    organization: str
    identity: str
    commission_id: str
    tool: ToolName
    project_id: str
    mode: Mode | PublishMode
    take: int
    variations: int
    arguments: Mapping[str, Any]
    piece: int = 0
    path: str
    price_keys: tuple[str, ...] = ()
    key_fingerprint: str
    idempotency_key: str
    path_container_id: str
    body: Mapping[str, Any]
    estimated_credits: int | None
    status: Status = "reserved"
    unanswered: int = 0
    lease: str = ""
    beat: int = 0
    ordered_at: datetime
    sent_at: datetime | None = None
    updated_at: datetime
    clock_offset: float | None = None
    clock_doubted: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    job_id: str = ""
    kind: str = ""
    container_ids: tuple[str, ...] = ()

    @property
    def tenant(self) -> Tenant:
        """Whose it is."""
        return Tenant(self.base_url, self.organization)

    @property
    def record(self) -> OrderRecord:
        """What others may know of it, once it was sent."""
        return OrderRecord(
            commission_id=self.commission_id,
            project_id=self.project_id,
            tool=self.tool,
            mode=cast("Mode", self.mode),
            ordered_at=self.ordered_at,
            status=cast("OrderStatus", "unknown" if self.status == "reserved" else self.status),
            take=self.take,
            variations=self.variations,
            source_platform_post_id=self.arguments.get("source_platform_post_id", ""),
            hook=self.arguments.get("hook", ""),
            job_id=self.job_id,
            job_ids=(self.job_id,) if self.job_id else (),
            kind=self.kind,
            container_ids=self.container_ids,
            estimated_credits=self.estimated_credits,
        )


@dataclass(frozen=True)
class NotFoundUpstream:
    """An unanswered operation was not found upstream, or which of what is there is its own cannot be told.

    `reason` is a sentence.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class OrderRecord:
    """One order that was sent and not refused, for those who tell of it."""

    commission_id: str
    project_id: str
    tool: ToolName
    mode: Mode
    ordered_at: datetime
    status: OrderStatus
    take: int
    variations: int
    source_platform_post_id: str = ""
    hook: str = ""
    job_id: str = ""
    job_ids: tuple[str, ...] = ()
    kind: str = ""
    container_ids: tuple[str, ...] = ()
    estimated_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class SimilarOrder:
    """An order of the last hour from the same source or hook, and the arguments in which it differs."""

    record: OrderRecord
    differs_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The status of an order, or of its preview.

    `record` is None only in the preview of an order that was never sent. `replayed`: the order was known already,
    answered or not; `recovered`: it had never been answered, or placed only in part, until this call. `next_take` is
    the lowest higher take not yet ordered, where this one failed or was canceled. `next_step` is what there is to do
    about what would refuse a previewed order; "" where it would be placed. `balance` is what there is to spend, where
    a preview read it.
    """

    record: OrderRecord | None
    estimated_credits: int | None
    credits_ordered_today: int | None = None
    replayed: bool = False
    recovered: bool = False
    next_take: int | None = None
    similar: tuple[SimilarOrder, ...] = ()
    notes: tuple[str, ...] = ()
    next_step: str = ""
    balance: int | None = None
    rows: tuple[Operation, ...] = ()


def by_order(rows: Iterable[Operation]) -> list[list[Operation]]:
    """Return the rows of each order, its pieces in their order; the orders as their first rows come."""
    orders: dict[str, list[Operation]] = {}
    for row in rows:
        orders.setdefault(row.identity, []).append(row)
    return [sorted(pieces, key=lambda row: row.piece) for pieces in orders.values()]


def order_record(rows: Sequence[Operation]) -> OrderRecord:
    """Return one order from its rows: where each piece has its own, it runs while one of them may still come."""
    first = rows[0].record
    if not rows[0].piece:
        return first
    variations = int(rows[0].arguments["variations"])
    job_ids = tuple(row.job_id for row in rows if row.job_id)
    estimates = [row.estimated_credits for row in rows]
    return replace(
        first,
        ordered_at=min(row.ordered_at for row in rows),
        status=_status_of_pieces(
            [row.record.status for row in rows], whole=sum(row.variations for row in rows) >= variations
        ),
        variations=variations,
        job_id=next(iter(job_ids), ""),
        job_ids=job_ids,
        container_ids=tuple(dict.fromkeys(each for row in rows for each in row.container_ids)),
        estimated_credits=None if None in estimates else sum(each or 0 for each in estimates),
    )


def _status_of_pieces(statuses: Sequence[OrderStatus], *, whole: bool) -> OrderStatus:
    if set(statuses) == {"unknown"}:
        return "unknown"
    return cast("OrderStatus", status_of_all(statuses)) if whole else "running"
