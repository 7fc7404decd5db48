"""The account: who asks, and its credits."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.schemas import NoQuery, Query, iso
from layers_mcp.sandbox.simulation.parameters import FORMAT_CREDITS


class EventsQuery(Query):
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


def balance(ctx: RequestContext) -> int:
    """Credits left: the sum of the ledger."""
    row = ctx.one(
        "SELECT coalesce(sum(credits), 0) AS left FROM credit_events WHERE organization_id = ?",
        ctx.principal.organization_id,
    )
    return row["left"] if row else 0


def whoami(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/whoami"""
    return {
        "organizationId": ctx.principal.organization_id,
        "organizationName": ctx.principal.organization_name,
        "scopes": list(ctx.principal.scopes),
        "rateLimitTier": "standard",
        "apiKeyId": ctx.principal.key_id,
        "creditBalance": balance(ctx),
        "killSwitch": False,
        "apiAccessRevoked": False,
    }


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
        "includedRemaining": min(left, 5_000),
        "prepaidBalance": max(left - 5_000, 0),
        "usedThisPeriod": used,
        "currentPeriod": {"start": iso(start.timestamp()), "end": iso(end.timestamp()), "usedCredits": used},
        "subscriptionTier": "growth",
        "billingStatus": "active",
        "estimatedCreditsPerFormat": FORMAT_CREDITS,
        "reservedCredits": 0,
        "available": left,
    }


def credit_events(ctx: RequestContext, query: EventsQuery) -> object:
    """GET /v1/credits/events, newest first"""
    rows = ctx.all(
        "SELECT * FROM credit_events WHERE organization_id = ? ORDER BY created_at DESC, sequence DESC",
        ctx.principal.organization_id,
    )

    def render(row: sqlite3.Row) -> object:
        containers = json.loads(row["container_ids"])
        return {
            "id": row["id"],
            "credits": row["credits"],
            "eventType": row["event_type"],
            "containerId": containers[0] if containers else None,
            "createdAt": iso(row["created_at"]),
        }

    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=render)
