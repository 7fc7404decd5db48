"""GET and PATCH /ads-content: what the scorer may promote, and the override that beats it."""

from __future__ import annotations

import sqlite3
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import not_found
from layers_mcp.sandbox.schemas import Body, Query, iso
from layers_mcp.sandbox.simulation.curves import DAY
from layers_mcp.sandbox.simulation.records import creatives, promotions


class CreativesQuery(Query):
    scoring_pool: tuple[Literal["generated", "ugc", "manual"], ...] = ()
    min_score: float = Field(default=0.0, ge=0, le=10)
    override: Literal["include", "exclude", "none"] | None = None
    eligible: bool | None = None
    sort: Literal["score_desc", "score_asc", "scored_at_desc"] = "score_desc"
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class OverrideBody(Body):
    override: Literal["include", "exclude"] | None
    note: str | None = Field(default=None, max_length=280)


def _creative(ctx: RequestContext, row: sqlite3.Row) -> dict[str, object]:
    running = [ad for ad in promotions(ctx.db, row["id"]) if ctx.now < ad["started_at"] + ad["days"] * DAY]
    active = [
        {
            "adId": ad["id"],
            "adsetId": ad["adset_id"],
            "campaignId": ad["campaign_id"],
            "adAccountId": ad["ad_account_id"],
            "platform": ad["platform"],
            "startedAt": iso(ad["started_at"]),
        }
        for ad in running
    ]
    if row["promoted_at"] is not None and not promotions(ctx.db, row["id"]):
        active.append({"adId": None, "platform": None, "startedAt": iso(row["promoted_at"])})
    eligible = ctx.engine.eligible(row, row["organic_score"])
    return {
        "adsContentId": row["id"],
        "sourceType": row["source_type"],
        "sourceId": row["source_id"],
        "platformPostId": row["platform_post_id"],
        "title": row["title"],
        "organicScore": row["organic_score"],
        "scoredAt": iso(row["scored_at"]),
        "scoringPool": row["scoring_pool"],
        **({"eligible": eligible} if ctx.dialect.reads_preview else {}),
        "eligibility": "eligible" if eligible else "ineligible",
        "override": row["override"],
        "activePromotions": active,
    }


def ads_content(ctx: RequestContext, query: CreativesQuery) -> object:
    """GET /v1/projects/:projectId/ads-content"""
    rows = [
        row
        for row in creatives(ctx.db, ctx.project()["id"])
        if (not query.scoring_pool or row["scoring_pool"] in query.scoring_pool)
        and (row["organic_score"] or 0.0) >= query.min_score
        and query.override in (None, row["override"] or "none")
        and query.eligible in (None, ctx.engine.eligible(row, row["organic_score"]))
    ]
    column = "scored_at" if query.sort == "scored_at_desc" else "organic_score"
    sign = 1 if query.sort == "score_asc" else -1
    rows.sort(key=lambda row: (sign * (row[column] or 0.0), row["id"]))
    return page(
        rows,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda row: row["id"],
        render=lambda row: _creative(ctx, row),
        restarts=True,
    )


def set_override(ctx: RequestContext, body: OverrideBody) -> object:
    """PATCH /v1/projects/:projectId/ads-content/:adsContentId"""
    project_id, creative_id = ctx.project()["id"], to_internal("adc", ctx.path["adsContentId"])
    if not any(row["id"] == creative_id for row in creatives(ctx.db, project_id)):
        raise not_found("Ads content")
    ctx.db.execute(
        "UPDATE ads_content SET override = ?, note = ? WHERE id = ?", (body.override, body.note, creative_id)
    )
    row = next(row for row in creatives(ctx.db, project_id) if row["id"] == creative_id)
    return _creative(ctx, row)
