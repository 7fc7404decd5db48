"""Operations as the service would write them, and the events that take them further."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from layers_mcp.api.plans import OrderRequest
from layers_mcp.operations.identity import clone_container_id
from layers_mcp.operations.kinds import CloneOrder, HookOrder
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.planning import draft
from layers_mcp.operations.state_machine import Accepted, AttemptStarted, Rejected, transition

MORNING = datetime(2026, 4, 17, 9, 0, tzinfo=UTC)
ACME = Tenant("https://api.layers.test", "org_acme")
GLOBEX = Tenant("https://api.layers.test", "org_globex")
KEY = "aaaa"


def stand_in(fingerprint: str) -> Tenant:
    return Tenant(ACME.base_url, f"key:{fingerprint}")


def clone(
    post: str = "pp_1",
    *,
    tenant: Tenant = ACME,
    estimate: int | None = 120,
    now: datetime = MORNING,
    project: str = "prj_1",
    **arguments: Any,
) -> Operation:
    order = CloneOrder(project_id=project, source_platform_post_id=post, **arguments)
    return reservation(order, tenant, KEY, estimate, now)


def generate(
    hook: str = "Get things done.",
    *,
    tenant: Tenant = ACME,
    estimate: int | None = 120,
    now: datetime = MORNING,
    key: str = KEY,
    **arguments: Any,
) -> Operation:
    order = HookOrder(project_id="prj_1", hook=hook, **arguments)
    return reservation(order, tenant, key, estimate, now)


def reservation(
    order: CloneOrder | HookOrder, tenant: Tenant, key: str, estimate: int | None, now: datetime
) -> Operation:
    """The row of an order that one request places, reserved by the call `r`."""
    minted = clone_container_id(tenant.base_url, order.identity) if isinstance(order, CloneOrder) else ""
    where = f"/v1/content/{minted}/clone-from-post" if minted else f"/v1/projects/{order.project_id}/content"
    request = OrderRequest(path=where, body={"sent": True}, pieces=order.variations, container_id=minted)
    row = draft(order, request, tenant, key_fingerprint=key, now=now, clock_offset=0.0)
    return replace(row, lease="r", estimated_credits=estimate)


def start(row: Operation, lease: str = "a", **changes: Any) -> AttemptStarted:
    """The event of an attempt at the row as it is."""
    known: dict[str, Any] = {
        "follows": (row.lease, row.beat),
        "key_fingerprint": row.key_fingerprint,
        "estimated_credits": row.estimated_credits,
        "clock_offset": 0.0,
    }
    return AttemptStarted(lease=lease, **(known | changes))


def attempted(row: Operation, lease: str = "a", now: datetime = MORNING) -> Operation:
    """The row with an attempt on its way."""
    return transition(row, start(row, lease), now)


def accepted(*container_ids: str, job_id: str = "job_1", status: str = "running") -> Accepted:
    return Accepted(job_id=job_id, kind="k", status=status, container_ids=container_ids, answer={"ok": True})


def rejected(lease: str = "a", code: str = "BILLING_EXHAUSTED") -> Rejected:
    return Rejected(lease=lease, answer={"code": code})


def later(**spans: float) -> datetime:
    return MORNING + timedelta(**spans)
