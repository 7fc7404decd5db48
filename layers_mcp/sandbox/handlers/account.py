"""The account: who asks, and its credits."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.schemas import NoQuery, Query, Timestamp, iso

INCLUDED = 5_000
"""Credits of the subscription; what lies above them was paid for in advance."""

SPENDING = ("usage", "refund")


class EventsQuery(Query):
    project_id: str | None = None
    event_type: Literal["usage", "refund", "grant", "purchase", "adjustment", "allocation"] | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


def balance(ctx: RequestContext) -> int:
    """Return credits left: the sum of the ledger."""
    row = ctx.one(
        "SELECT coalesce(sum(credits), 0) AS left FROM credit_events WHERE organization_id = ?",
        ctx.principal.organization_id,
    )
    return row["left"] if row else 0


def whoami(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/whoami; current shows no scopes for a key of every data scope."""
    every = "*" in ctx.principal.scopes and ctx.dialect.writes_current
    body: dict[str, object] = {
        "organizationId": ctx.principal.organization_id,
        "organizationName": ctx.principal.organization_name,
        "scopes": [] if every else list(ctx.principal.scopes),
        "rateLimitTier": "standard",
        "apiKeyId": ctx.principal.key_id,
        "creditBalance": balance(ctx),
    }
    if ctx.dialect.reads_current:
        row = ctx.one("SELECT parent_id FROM organizations WHERE id = ?", ctx.principal.organization_id)
        body["parentOrganizationId"] = row["parent_id"] if row else None
    if ctx.dialect.reads_preview:
        workspace = f"ws_{ctx.principal.organization_id.removeprefix('org_')}"
        body |= {"workspaceId": workspace, "killSwitch": False, "apiAccessRevoked": False}
    return body


def credit_balance(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/credits"""
    left = balance(ctx)
    start = datetime.fromtimestamp(ctx.now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    row = ctx.one(
        "SELECT -coalesce(sum(credits), 0) AS used FROM credit_events WHERE organization_id = ? AND created_at >= ?"
        " AND event_type IN ('usage', 'refund')",
        ctx.principal.organization_id,
        start.timestamp(),
    )
    used = row["used"] if row else 0
    return {
        "organizationId": ctx.principal.organization_id,
        "balance": left,
        "includedRemaining": min(left, INCLUDED),
        "prepaidBalance": max(left - INCLUDED, 0),
        "usedThisPeriod": used,
        "currentPeriod": {"start": iso(start.timestamp()), "end": iso(end.timestamp()), "usedCredits": used},
        "subscriptionTier": "growth",
        "billingStatus": "active",
        "estimatedCreditsPerFormat": ctx.dialect.prices(),
        "reservedCredits": 0,
        "available": left,
    }


def credit_events(ctx: RequestContext, query: EventsQuery) -> object:
    """GET /v1/credits/events, newest first; `since` and `until` inclusive.

    An order is one event, its container the order's first; grants belong to no project.
    """
    project_id = query.project_id and ctx.project(query.project_id)["id"]
    events: list[dict[str, object]] = []
    left, used, month = 0, 0, ""
    for row in ctx.all(
        "SELECT * FROM credit_events WHERE organization_id = ? ORDER BY created_at, sequence",
        ctx.principal.organization_id,
    ):
        this_month = f"{datetime.fromtimestamp(row['created_at'], UTC):%Y-%m}"
        left += row["credits"]
        used = (used if this_month == month else 0) - (row["credits"] if row["event_type"] in SPENDING else 0)
        month = this_month
        if (
            project_id in (None, row["project_id"])
            and query.event_type in (None, row["event_type"])
            and (query.since is None or row["created_at"] >= query.since)
            and (query.until is None or row["created_at"] <= query.until)
        ):
            events.append(_event(ctx, row, left, used))
    return page(
        events[::-1],
        limit=query.limit,
        cursor=query.cursor,
        key=lambda event: str(event["eventId"]),
        render=lambda event: event,
    )


def _event(ctx: RequestContext, row: sqlite3.Row, left: int, used: int) -> dict[str, object]:
    containers = json.loads(row["container_ids"])
    return {
        "eventId": row["id"],
        "projectId": row["project_id"],
        "credits": row["credits"],
        "eventType": row["event_type"],
        "format": row["format"] and ctx.dialect.format(row["format"]),
        "containerId": containers[0] if containers else None,
        "workflowId": row["job_id"] and row["job_id"].replace("job_", "wf_", 1),
        "balanceAfterPrepaid": max(left - INCLUDED, 0),
        "usageAfterPeriod": used,
        "createdAt": iso(row["created_at"]),
    }
