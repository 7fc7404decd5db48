"""A row of the journal: what was ordered, what was sent, what came back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self, cast

from layers_mcp.operations.identity import clone_container_id, commission_id, idempotency_key
from layers_mcp.operations.order import CloneOrder, Order, Tool
from layers_mcp.operations.records import Mode, OrderRecord, OrderStatus

STAND_IN = "key:"
"""Begins the organization of rows that were ordered while only the key's fingerprint was known."""


@dataclass(frozen=True)
class Tenant:
    """Whose orders: a base URL, and an organization or what stands in for it."""

    base_url: str
    organization: str

    @property
    def certain(self) -> bool:
        """Whether the organization is known."""
        return not self.organization.startswith(STAND_IN)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One order as the journal holds it.

    `unanswered` counts the attempts that left and brought no answer; `clock_doubted` is 1 once the clock was seen to
    stand before one of them.
    """

    entry: str
    base_url: str
    organization: str
    identity: str
    commission_id: str
    tool: Tool
    project_id: str
    mode: Mode
    take: int
    variations: int
    arguments: dict[str, Any]
    key_fingerprint: str
    idempotency_key: str
    path_container_id: str
    body: dict[str, Any]
    estimated_credits: int | None
    status: OrderStatus | Literal["refused"] = "unknown"
    unanswered: int = 1
    ordered_at: datetime
    updated_at: datetime
    answer: dict[str, Any]
    job_id: str = ""
    kind: str = ""
    container_ids: tuple[str, ...] = ()
    clock_doubted: int = 0

    @classmethod
    def about_to_leave(
        cls, order: Order, tenant: Tenant, *, key_fingerprint: str, estimate: int | None, now: datetime
    ) -> Self:
        """The entry of a new order, its first attempt counted."""
        return cls(
            entry=uuid.uuid4().hex,
            base_url=tenant.base_url,
            organization=tenant.organization,
            identity=order.identity,
            commission_id=commission_id(order.identity),
            tool=order.tool,
            project_id=order.project_id,
            mode=order.mode,
            take=order.take,
            variations=order.variations,
            arguments=dict(order.arguments),
            key_fingerprint=key_fingerprint,
            idempotency_key=idempotency_key(tenant.base_url, order.identity),
            path_container_id=clone_container_id(tenant.base_url, order.identity)
            if isinstance(order, CloneOrder)
            else "",
            body=dict(order.body),
            estimated_credits=estimate,
            ordered_at=now,
            updated_at=now,
            answer={},
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read back what `to_row` wrote."""
        values: dict[str, Any] = {name: _READ.get(name, _same)(value) for name, value in row.items()}
        return cls(**values)

    def to_row(self) -> dict[str, Any]:
        """Column values: moments as text that sorts, structures as JSON."""
        return {name: _write(value) for name, value in asdict(self).items()}

    @property
    def tenant(self) -> Tenant:
        """Whose order it is."""
        return Tenant(self.base_url, self.organization)

    @property
    def record(self) -> OrderRecord:
        """What others may know of it; not for a refused order, which is none."""
        return OrderRecord(
            commission_id=self.commission_id,
            project_id=self.project_id,
            tool=self.tool,
            mode=self.mode,
            ordered_at=self.ordered_at,
            status=cast("OrderStatus", self.status),
            take=self.take,
            variations=self.variations,
            source_platform_post_id=self.arguments.get("source_platform_post_id", ""),
            hook=self.arguments.get("hook", ""),
            job_id=self.job_id,
            kind=self.kind,
            container_ids=self.container_ids,
            estimated_credits=self.estimated_credits,
        )


def moment_text(moment: datetime) -> str:
    """UTC in ISO 8601 with six decimals, so that moments sort as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, dict | tuple | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def _same(value: Any) -> Any:
    return value


def _ids(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


_READ: dict[str, Callable[[Any], Any]] = {
    "arguments": json.loads,
    "body": json.loads,
    "answer": json.loads,
    "container_ids": _ids,
    "ordered_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
}
