"""Ads, campaigns and ad accounts: where the ids for `/ads-metrics` come from. Money as each vintage has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.schemas import Query, iso
from layers_mcp.sandbox.simulation.curves import DAY


class AdsQuery(Query):
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


def _promotions(ctx: RequestContext, project_id: str) -> list[sqlite3.Row]:
    return ctx.all(
        "SELECT p.*, ac.title FROM promotions p JOIN ads_content ac ON ac.id = p.ads_content_id"
        " WHERE p.project_id = ? ORDER BY p.started_at DESC, p.id",
        project_id,
    )


def _status(ctx: RequestContext, promotions: Sequence[sqlite3.Row]) -> str:
    running = any(ctx.now < one["started_at"] + one["days"] * DAY for one in promotions)
    return "active" if running else "completed"


def _money(ctx: RequestContext, amount: float) -> float | int:
    """Cents in current; the account's major unit in preview."""
    return round(amount * 100) if ctx.dialect.writes_current else round(amount, 2)


def ads(ctx: RequestContext, query: AdsQuery) -> object:
    """GET /v1/projects/:projectId/ads/ads, the latest first"""

    def render(row: sqlite3.Row) -> object:
        return {
            "adId": row["id"],
            "adsetId": row["adset_id"],
            "campaignId": row["campaign_id"],
            "adAccountId": row["ad_account_id"],
            "adsContentId": row["ads_content_id"],
            "platform": row["platform"],
            "name": row["title"],
            "status": _status(ctx, [row]),
            "dailyBudget": _money(ctx, row["budget"]),
            "startedAt": iso(row["started_at"]),
        }

    rows = _promotions(ctx, ctx.project()["id"])
    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row["id"], render=render)


def campaigns(ctx: RequestContext, query: AdsQuery) -> object:
    """GET /v1/projects/:projectId/ads/campaigns"""
    project = ctx.project()
    grouped: dict[str, list[sqlite3.Row]] = {}
    for row in _promotions(ctx, project["id"]):
        grouped.setdefault(row["campaign_id"], []).append(row)

    def render(entry: tuple[str, list[sqlite3.Row]]) -> object:
        campaign_id, rows = entry
        return {
            "campaignId": campaign_id,
            "adAccountId": rows[0]["ad_account_id"],
            "name": f"{project['name']} creatives",
            "platforms": sorted({row["platform"] for row in rows}),
            "status": _status(ctx, rows),
            "dailyBudget": _money(ctx, sum(row["budget"] for row in rows)),
            "startedAt": iso(min(row["started_at"] for row in rows)),
        }

    return page(list(grouped.items()), limit=query.limit, cursor=query.cursor, key=lambda one: one[0], render=render)


def ad_accounts(ctx: RequestContext, query: AdsQuery) -> object:
    """GET /v1/projects/:projectId/ads/ad-accounts"""
    project = ctx.project()
    linked = [project["ad_account_id"]] if project["ad_account_id"] is not None else []
    platforms = sorted({row["platform"] for row in _promotions(ctx, project["id"])})

    def render(account_id: str) -> object:
        return {
            "adAccountId": account_id,
            "name": project["name"],
            "platforms": platforms,
            "currency": "USD",
            "status": "active",
        }

    return page(linked, limit=query.limit, cursor=query.cursor, key=lambda one: one, render=render)
