"""A person's decision about finished content: approve or reject, once and for all."""

from __future__ import annotations

import sqlite3

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.containers import find_container, status_of
from layers_mcp.sandbox.responses import ApiError
from layers_mcp.sandbox.schemas import Body, iso
from layers_mcp.sandbox.simulation.publishing import cancel_queued, promote_blocked


class ApproveBody(Body):
    note: str | None = Field(default=None, max_length=1_024)


class RejectBody(Body):
    reason: str = Field(min_length=1, max_length=1_024)


def approve(ctx: RequestContext, body: ApproveBody) -> object:
    """POST /v1/content/:containerId/approve: what waited for it in the schedule is set going."""
    container = _undecided(ctx)
    _decide(ctx, container, "approved", body.note)
    answer: dict[str, object] = {
        "id": container["id"],
        "approvalStatus": "approved",
        "approvedAt": iso(ctx.now),
        "approvedBy": ctx.principal.key_id,
    }
    promotion = promote_blocked(ctx.db, container["id"], ctx.now)
    return answer | ({"pendingSchedulePromotion": promotion} if promotion else {})


def reject(ctx: RequestContext, body: RejectBody) -> object:
    """POST /v1/content/:containerId/reject: for good; what waited in the schedule is canceled."""
    container = _undecided(ctx)
    _decide(ctx, container, "rejected", body.reason)
    cancel_queued(ctx.db, container["id"], ctx.now, "The content was rejected.")
    return {
        "id": container["id"],
        "approvalStatus": "rejected",
        "rejectedAt": iso(ctx.now),
        "rejectedBy": ctx.principal.key_id,
        "reason": body.reason,
    }


def _undecided(ctx: RequestContext) -> sqlite3.Row:
    container = find_container(ctx)
    status = status_of(container, ctx.now)
    if container["approval_status"] != "pending" or status != "completed":
        details = {
            "approvalStatus": container["approval_status"],
            "status": ctx.dialect.container_status(status),
            "containerId": container["id"],
        }
        raise ApiError("CONFLICT", "The content is not waiting for a decision.", details=details)
    return container


def _decide(ctx: RequestContext, container: sqlite3.Row, status: str, reason: str | None) -> None:
    ctx.db.execute(
        "UPDATE content_containers SET approval_status = ?, decided_at = ?, decided_by = ?, reason = ? WHERE id = ?",
        (status, ctx.now, ctx.principal.key_id, reason, container["id"]),
    )
