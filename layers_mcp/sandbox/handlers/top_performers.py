"""GET /top-performers: which creatives win."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.metrics import PAID_METRICS, paid_gained
from layers_mcp.sandbox.schemas import Query
from layers_mcp.sandbox.simulation.curves import DAY, Organic, Paid, total
from layers_mcp.sandbox.simulation.records import creatives, posts_by_creative, promotions

SourceType = Literal["content_container", "platform_post", "manual"]


class RankingQuery(Query):
    metric: Literal["views", "engagement_rate", "conversions", "roas", "watch_time_ms"]
    window: Literal["7d", "30d", "90d"] = "30d"
    source_type: tuple[SourceType, ...] = ()
    platform: tuple[Literal["instagram", "tiktok", "youtube", "meta_ads", "tiktok_ads", "apple_ads"], ...] = ()
    limit: int = Field(default=25, ge=1, le=100)
    # Current leaves ineligible creatives out unless asked. Preview never does, and takes the parameter all the same.
    include_ineligible: bool | None = None


@dataclass(frozen=True)
class _Row:
    """A creative, the posts that show it, and what they and its ads brought."""

    creative: sqlite3.Row
    posts: list[sqlite3.Row]
    organic: Organic | None
    paid: Paid | None

    def value(self, metric: str) -> float | int | None:
        """Return what the ranker sorts by; a row without it is not ranked."""
        if metric in ("conversions", "roas"):
            return PAID_METRICS[metric](self.paid) if self.paid else None
        if self.organic is None or self.creative["scored_at"] is None:
            return None
        if metric == "engagement_rate":
            return round(self.organic.engagement_rate, 4)
        return self.organic.views if metric == "views" else self.organic.watch_time_ms


def _rows(ctx: RequestContext, query: RankingQuery, project_id: str) -> list[_Row]:
    since = ctx.now - int(query.window.removesuffix("d")) * DAY
    paid_metric = query.metric in ("conversions", "roas")
    gated = ctx.dialect.gates(include_ineligible=query.include_ineligible)
    shown = posts_by_creative(ctx.db, project_id)
    found: list[_Row] = []
    for creative in creatives(ctx.db, project_id):
        if query.source_type and creative["source_type"] not in query.source_type:
            continue
        if gated and not ctx.engine.eligible(creative, creative["organic_score"]):
            continue
        seen = [post for post in shown.get(creative["id"], ()) if post["published_at"] <= ctx.seen]
        posts = [post for post in seen if not query.platform or post["platform"] in query.platform]
        if seen and not posts:
            continue
        if not paid_metric:
            posts = [post for post in posts if post["published_at"] >= since]
            if not posts:
                continue
        paid = None
        if creative["promoted_at"] is not None:
            gained = paid_gained(ctx, promotions(ctx.db, creative["id"]), since, ctx.now)
            paid = gained if gained.impressions else None
        organic = total([ctx.engine.post_curve(post).at(ctx.seen) for post in posts]) if posts else None
        found.append(_Row(creative, posts, organic, paid))
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
    creative, organic, paid = row.creative, row.organic, row.paid
    promoted = creative["promoted_at"] is not None
    blocks: dict[str, object] = {"organic": None, "paid": None}
    if organic is not None:
        blocks["organic"] = {
            "views": organic.views,
            "engagementRate": round(organic.engagement_rate, 4),
            "watchTimeMs": organic.watch_time_ms,
            "platforms": sorted({post["platform"] for post in row.posts}),
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
        "adsContentId": creative["id"] if promoted or ctx.dialect.writes_current else None,
        "title": creative["title"],
        "thumbnailUrl": f"https://media.layers.invalid/{creative['id']}/cover.jpg",
        "metricValue": value,
        **blocks,
    }
