"""Projects and their social accounts."""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.schemas import NoQuery, Query, iso, iso_offset
from layers_mcp.sandbox.simulation.engine import JUST_LINKED_SECONDS


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
    leased: bool | None = None


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


def projects(ctx: RequestContext, query: ProjectsQuery) -> object:
    """GET /v1/projects, newest first"""
    rows = [
        row
        for row in ctx.all(
            "SELECT * FROM projects WHERE organization_id = ? ORDER BY created_at DESC, id",
            ctx.principal.organization_id,
        )
        if (query.status is None or row["status"] == query.status)
        and (not query.search or query.search.lower() in row["name"].lower())
        and query.customer_external_id is None
    ]
    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=_project)


def project(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId"""
    row = ctx.project()
    return {
        **_project(row),
        "organizationId": row["organization_id"],
        "brand": {"name": row["app_name"] or row["name"], "voice": "authentic"},
        "brandContext": {"appName": row["app_name"], "appDescription": row["app_description"]},
    }


def social_accounts(ctx: RequestContext, query: AccountsQuery) -> object:
    """GET /v1/projects/:projectId/social-accounts"""
    rows = [
        row
        for row in ctx.all("SELECT * FROM social_accounts WHERE project_id = ? ORDER BY id", ctx.project()["id"])
        if query.platform in (None, row["platform"])
        and query.status in (None, row["status"])
        and query.leased in (None, bool(row["leased"]))
    ]

    def render(row: sqlite3.Row) -> object:
        linked = row["connected_at"]
        return {
            "socialAccountId": row["id"],
            "platform": row["platform"],
            "handle": row["handle"],
            "status": row["status"],
            "leased": bool(row["leased"]),
            "avatarUrl": f"https://media.layers.invalid/{row['id']}/avatar.jpg",
            "connectedAt": iso(ctx.now - JUST_LINKED_SECONDS if linked is None else linked),
            "tokenExpiresAt": iso(ctx.now + 50 * 86_400),
        }

    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=render)
