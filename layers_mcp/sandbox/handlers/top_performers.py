"""GET /top-performers: which creatives win."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.metrics import PAID_METRICS, paid_gained
from layers_mcp.sandbox.schemas import Query
from layers_mcp.sandbox.simulation.curves import DAY, Organic, Paid
from layers_mcp.sandbox.simulation.records import creatives, promotions

SourceType = Literal["content_container", "platform_post", "manual"]


class RankingQuery(Query):
    metric: Literal["views", "engagement_rate", "conversions", "roas", "watch_time_ms"]
    window: Literal["7d", "30d", "90d"] = "30d"
    source_type: tuple[SourceType, ...] = ()
    platform: tuple[Literal["instagram", "tiktok", "youtube", "meta_ads", "tiktok_ads", "apple_ads"], ...] = ()
    limit: int = Field(default=25, ge=1, le=100)
    # Later vintages leave ineligible creatives out unless asked; this one never does, and takes the parameter.
    include_ineligible: bool = False


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


def _rows(ctx: RequestContext, query: RankingQuery, project_id: str) -> list[_Row]:
    since = ctx.now - int(query.window.removesuffix("d")) * DAY
    posts = {
        row["id"]: row
        for row in ctx.all(
            "SELECT * FROM platform_posts WHERE project_id = ? AND published_at <= ?", project_id, ctx.seen
        )
    }
    found: list[_Row] = []
    paid_metric = query.metric in ("conversions", "roas")
    for creative in creatives(ctx.db, project_id):
        post = posts.get(creative["platform_post_id"])
        if query.source_type and creative["source_type"] not in query.source_type:
            continue
        if post is not None and query.platform and post["platform"] not in query.platform:
            continue
        if not paid_metric and (post is None or post["published_at"] < since):
            continue
        paid = None
        if creative["promoted_at"] is not None:
            gained = paid_gained(ctx, promotions(ctx.db, creative["id"]), since, ctx.now)
            paid = gained if gained.impressions else None
        organic = ctx.engine.post_curve(post).at(ctx.seen) if post is not None else None
        found.append(_Row(creative, post, organic, paid))
    return found


def top_performers(ctx: RequestContext, query: RankingQuery) -> object:
    """GET /v1/projects/:projectId/top-performers: posts published in the window, by their totals since; paid metrics
    rank whatever had paid results in the window.
    """
    project = ctx.project()
    ranked = [
        (row, value) for row in _rows(ctx, query, project["id"]) if (value := row.value(query.metric)) is not None
    ]
    ranked.sort(key=lambda pair: (-pair[1], pair[0].creative["id"]))
    items = [_render(ctx, rank, row, value) for rank, (row, value) in enumerate(ranked[: query.limit], 1)]
    return {"metric": query.metric, "window": query.window, "items": items}


def _render(ctx: RequestContext, rank: int, row: _Row, value: float) -> object:
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
        platforms = sorted({ad["platform"] for ad in promotions(ctx.db, creative["id"])})
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
