"""GET /top-performers, GET and PATCH /ads-content: which creatives win, and which the scorer may promote."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.call import Call
from layers_mcp.sandbox.evolution import creatives, promotions
from layers_mcp.sandbox.growth import DAY, Organic, Paid
from layers_mcp.sandbox.measures import PAID_METRICS, paid_gained
from layers_mcp.sandbox.wire import Body, Query, iso, not_found, page

SourceType = Literal["content_container", "platform_post", "manual"]


class RankingQuery(Query):
    metric: Literal["views", "engagement_rate", "conversions", "roas", "watch_time_ms"]
    window: Literal["7d", "30d", "90d"] = "30d"
    source_type: tuple[SourceType, ...] = ()
    platform: tuple[Literal["instagram", "tiktok", "youtube", "meta_ads", "tiktok_ads", "apple_ads"], ...] = ()
    limit: int = Field(default=25, ge=1, le=100)
    # Later vintages leave ineligible creatives out unless asked; this one never does, and takes the parameter.
    include_ineligible: bool = False


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


# --- ranking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    creative: sqlite3.Row
    post: sqlite3.Row | None
    organic: Organic | None
    paid: Paid | None

    def value(self, metric: str) -> float | int | None:
        """What the ranker sorts by; a row without it is not ranked."""
        if metric in ("conversions", "roas"):
            return PAID_METRICS[metric](self.paid) if self.paid else None
        if self.organic is None or self.creative["scored_at"] is None:
            return None
        if metric == "engagement_rate":
            return round(self.organic.engagement_rate, 4)
        return self.organic.views if metric == "views" else self.organic.watch_time_ms


def _rows(call: Call, query: RankingQuery, project_id: str) -> list[_Row]:
    since = call.now - int(query.window.removesuffix("d")) * DAY
    posts = {
        row["id"]: row
        for row in call.all(
            "SELECT * FROM platform_posts WHERE project_id = ? AND published_at <= ?", project_id, call.seen
        )
    }
    found: list[_Row] = []
    paid_metric = query.metric in ("conversions", "roas")
    for creative in creatives(call.db, project_id):
        post = posts.get(creative["platform_post_id"])
        if query.source_type and creative["source_type"] not in query.source_type:
            continue
        if post is not None and query.platform and post["platform"] not in query.platform:
            continue
        if not paid_metric and (post is None or post["published_at"] < since):
            continue
        paid = None
        if creative["promoted_at"] is not None:
            gained = paid_gained(call, promotions(call.db, creative["id"]), since, call.now)
            paid = gained if gained.impressions else None
        organic = call.evolution.post_curve(post).at(call.seen) if post is not None else None
        found.append(_Row(creative, post, organic, paid))
    return found


def top_performers(call: Call, query: RankingQuery) -> object:
    """GET /v1/projects/:projectId/top-performers: posts published in the window, by their totals since; paid metrics
    rank whatever had paid results in the window.
    """
    project = call.project()
    ranked = [
        (row, value) for row in _rows(call, query, project["id"]) if (value := row.value(query.metric)) is not None
    ]
    ranked.sort(key=lambda pair: (-pair[1], pair[0].creative["id"]))
    items = [_render(call, rank, row, value) for rank, (row, value) in enumerate(ranked[: query.limit], 1)]
    return {"metric": query.metric, "window": query.window, "items": items}


def _render(call: Call, rank: int, row: _Row, value: float) -> object:
    creative, post, organic, paid = row.creative, row.post, row.organic, row.paid
    blocks: dict[str, object] = {"organic": None, "paid": None}
    if organic is not None and post is not None:
        blocks["organic"] = {
            "views": organic.views,
            "engagementRate": round(organic.engagement_rate, 4),
            "watchTimeMs": organic.watch_time_ms,
            "platforms": [post["platform"]],
        }
    if paid is not None:
        names = ("spend", "impressions", "clicks", "conversions", "cpa", "roas")
        platforms = sorted({ad["platform"] for ad in promotions(call.db, creative["id"])})
        blocks["paid"] = {**{name: PAID_METRICS[name](paid) for name in names}, "platforms": platforms}
    return {
        "rank": rank,
        "sourceType": creative["source_type"],
        "sourceId": creative["source_id"],
        "platformPostId": creative["platform_post_id"],
        "adsContentId": creative["id"] if creative["promoted_at"] is not None else None,
        "title": creative["title"],
        "thumbnailUrl": f"https://media.layers.invalid/{creative['id']}/cover.jpg",
        "metricValue": value,
        **blocks,
    }


# --- the scoring pool ------------------------------------------------------------------------------------------------


def _creative(call: Call, row: sqlite3.Row) -> dict[str, object]:
    running = [ad for ad in promotions(call.db, row["id"]) if call.now < ad["started_at"] + ad["days"] * DAY]
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
    if row["promoted_at"] is not None and not promotions(call.db, row["id"]):
        active.append({"adId": None, "platform": None, "startedAt": iso(row["promoted_at"])})
    return {
        "adsContentId": row["id"],
        "sourceType": row["source_type"],
        "sourceId": row["source_id"],
        "platformPostId": row["platform_post_id"],
        "title": row["title"],
        "organicScore": row["organic_score"],
        "scoredAt": iso(row["scored_at"]),
        "scoringPool": row["scoring_pool"],
        "eligible": call.evolution.eligible(row, row["organic_score"]),
        "override": row["override"],
        "activePromotions": active,
    }


def ads_content(call: Call, query: CreativesQuery) -> object:
    """GET /v1/projects/:projectId/ads-content"""
    rows = [
        row
        for row in creatives(call.db, call.project()["id"])
        if (not query.scoring_pool or row["scoring_pool"] in query.scoring_pool)
        and (row["organic_score"] or 0.0) >= query.min_score
        and query.override in (None, row["override"] or "none")
        and query.eligible in (None, call.evolution.eligible(row, row["organic_score"]))
    ]
    column = "scored_at" if query.sort == "scored_at_desc" else "organic_score"
    sign = 1 if query.sort == "score_asc" else -1
    rows.sort(key=lambda row: (sign * (row[column] or 0.0), row["id"]))
    return page(
        rows,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda row: row["id"],
        render=lambda row: _creative(call, row),
        restarts=True,
    )


def set_override(call: Call, body: OverrideBody) -> object:
    """PATCH /v1/projects/:projectId/ads-content/:adsContentId"""
    project_id, creative_id = call.project()["id"], call.path["adsContentId"]
    if not any(row["id"] == creative_id for row in creatives(call.db, project_id)):
        raise not_found("Ads content")
    call.db.execute(
        "UPDATE ads_content SET override = ?, note = ? WHERE id = ?", (body.override, body.note, creative_id)
    )
    row = next(row for row in creatives(call.db, project_id) if row["id"] == creative_id)
    return _creative(call, row)
