"""Endpoints about the account: who asks, its projects, credits, social accounts, review policy."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.call import Call
from layers_mcp.sandbox.evolution import JUST_LINKED_SECONDS
from layers_mcp.sandbox.wire import Query, iso, iso_offset, page
from layers_mcp.sandbox.world import FORMAT_CREDITS


class NoQuery(Query):
    """An endpoint without parameters."""


class ProjectsQuery(Query):
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=200)
    status: Literal["active", "archived"] | None = None
    search: str | None = None
    customer_external_id: str | None = None


class AccountsQuery(Query):
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    platform: Literal["instagram", "tiktok", "youtube"] | None = None
    status: Literal["connected", "reauth_required", "disconnected"] | None = None


class EventsQuery(Query):
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


def balance(call: Call) -> int:
    """Credits left: the sum of the ledger."""
    row = call.one(
        "SELECT coalesce(sum(credits), 0) AS left FROM credit_events WHERE organization_id = ?",
        call.caller.organization_id,
    )
    return row["left"] if row else 0


def whoami(call: Call, query: NoQuery) -> object:
    """GET /v1/whoami"""
    return {
        "organizationId": call.caller.organization_id,
        "organizationName": call.caller.organization_name,
        "scopes": list(call.caller.scopes),
        "rateLimitTier": "standard",
        "apiKeyId": call.caller.key_id,
        "creditBalance": balance(call),
        "killSwitch": False,
        "apiAccessRevoked": False,
    }


def _project(row: sqlite3.Row) -> dict[str, object]:
    return {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "customerExternalId": None,
        "timezone": row["timezone"],
        "primaryLanguage": "en",
        "ownerEmail": f"owner@{row['name']}.example",
        "createdAt": iso_offset(row["created_at"]),
        "updatedAt": iso_offset(row["created_at"]),
    }


def projects(call: Call, query: ProjectsQuery) -> object:
    """GET /v1/projects, newest first"""
    rows = [
        row
        for row in call.all(
            "SELECT * FROM projects WHERE organization_id = ? ORDER BY created_at DESC, id",
            call.caller.organization_id,
        )
        if (query.status is None or row["status"] == query.status)
        and (not query.search or query.search.lower() in row["name"].lower())
        and query.customer_external_id is None
    ]
    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=_project)


def project(call: Call, query: NoQuery) -> object:
    """GET /v1/projects/:projectId"""
    row = call.project()
    return {
        **_project(row),
        "organizationId": row["organization_id"],
        "brand": {"name": row["name"]},
        "brandContext": {},
    }


def credit_balance(call: Call, query: NoQuery) -> object:
    """GET /v1/credits"""
    left = balance(call)
    start = datetime.fromtimestamp(call.now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    row = call.one(
        "SELECT -coalesce(sum(credits), 0) AS used FROM credit_events WHERE organization_id = ? AND created_at >= ?"
        " AND event_type IN ('usage', 'refund')",
        call.caller.organization_id,
        start.timestamp(),
    )
    used = row["used"] if row else 0
    return {
        "organizationId": call.caller.organization_id,
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


def credit_events(call: Call, query: EventsQuery) -> object:
    """GET /v1/credits/events, newest first"""
    rows = call.all(
        "SELECT * FROM credit_events WHERE organization_id = ? ORDER BY created_at DESC, sequence DESC",
        call.caller.organization_id,
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


def social_accounts(call: Call, query: AccountsQuery) -> object:
    """GET /v1/projects/:projectId/social-accounts"""
    rows = [
        row
        for row in call.all("SELECT * FROM social_accounts WHERE project_id = ? ORDER BY id", call.project()["id"])
        if query.platform in (None, row["platform"]) and query.status in (None, row["status"])
    ]

    def render(row: sqlite3.Row) -> object:
        linked = row["connected_at"]
        return {
            "socialAccountId": row["id"],
            "platform": row["platform"],
            "handle": row["handle"],
            "status": row["status"],
            "leased": False,
            "connectedAt": iso(call.now - JUST_LINKED_SECONDS if linked is None else linked),
            "tokenExpiresAt": iso(call.now + 50 * 86_400),
        }

    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=render)


def _pending(call: Call, project_id: str) -> int:
    rows = call.all(
        "SELECT id FROM content_containers WHERE project_id = ? AND approval_status = 'pending'", project_id
    )
    return len(rows)


def review_policy(call: Call, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/content-review-policy"""
    row = call.project()
    return {
        "projectId": row["id"],
        "policy": row["review_policy"],
        "firstN": row["first_n"],
        "pendingCount": _pending(call, row["id"]),
    }


def approval_policy(call: Call, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/approval-policy: the same, as the earlier vintage says it"""
    row = call.project()
    return {
        "projectId": row["id"],
        "requiresApproval": row["review_policy"] == "review_all",
        "firstNPostsBlocked": row["first_n"] if row["review_policy"] == "review_first_n" else 0,
        "autoApproveAfter": None,
        "updatedAt": iso(row["created_at"]),
    }
