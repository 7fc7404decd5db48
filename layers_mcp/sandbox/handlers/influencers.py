"""Influencers: who speaks in what is made. Only those that are ready can be used."""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import invalid_fields, not_found
from layers_mcp.sandbox.schemas import NoQuery, Query, iso


class InfluencersQuery(Query):
    status: Literal["pending", "training", "ready", "failed"] | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


def influencers(ctx: RequestContext, query: InfluencersQuery) -> object:
    """GET /v1/projects/:projectId/influencers, newest first"""
    rows = [
        row
        for row in ctx.all(
            "SELECT * FROM influencers WHERE project_id = ? ORDER BY created_at DESC, id", ctx.project()["id"]
        )
        if query.status in (None, row["status"])
    ]
    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=_render)


def influencer(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/influencers/:influencerId"""
    row = ctx.one(
        "SELECT i.* FROM influencers i JOIN projects p ON p.id = i.project_id WHERE i.id = ? AND p.organization_id = ?",
        to_internal("inf", ctx.path["influencerId"]),
        ctx.principal.organization_id,
    )
    if row is None:
        raise not_found("Influencer")
    return _render(row)


def _render(row: sqlite3.Row) -> dict[str, object]:
    ready = row["status"] == "ready"
    return {
        "influencerId": row["id"],
        "projectId": row["project_id"],
        "name": row["name"],
        "status": row["status"],
        "gender": row["gender"],
        "ageRange": "young_adult",
        "language": "en",
        "imageUrl": f"https://media.layers.invalid/{row['id']}.jpg" if ready else None,
        "createdAt": iso(row["created_at"]),
    }


def find_speaker(
    ctx: RequestContext, project_id: str, influencer_id: str | None, social_account_id: str | None
) -> str | None:
    """Return the influencer of an order, named or wired to the account named; None where neither is named.

    Raises `VALIDATION` that names the field where there is no such influencer, or it is not ready.
    """
    wired = None
    if social_account_id is not None:
        account = ctx.one(
            "SELECT * FROM social_accounts WHERE id = ? AND project_id = ?",
            to_internal("sa", social_account_id),
            project_id,
        )
        if account is None:
            raise invalid_fields([("socialAccountId", "is no account of this project")])
        wired = account["influencer_id"]
        if wired is None and influencer_id is None:
            raise invalid_fields([("socialAccountId", "no influencer is wired to this account")])
    wanted = to_internal("inf", influencer_id) if influencer_id is not None else wired
    if wanted is None:
        return None
    field = "socialAccountId" if influencer_id is None else "influencerId"
    row = ctx.one("SELECT * FROM influencers WHERE id = ? AND project_id = ?", wanted, project_id)
    if row is None:
        raise invalid_fields([(field, "is no influencer of this project")])
    if row["status"] != "ready":
        raise invalid_fields([(field, f"this influencer is not ready ({row['status']})")])
    return row["id"]
