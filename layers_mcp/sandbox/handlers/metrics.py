"""GET /metrics and /ads-metrics: what was gained in a window, bucket by bucket."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.responses import invalid, not_found
from layers_mcp.sandbox.schemas import Query, Timestamp, iso
from layers_mcp.sandbox.simulation.curves import DAY, Organic, Paid, total

HOUR = 3_600.0
HOURLY_DAYS = 90

OrganicMetric = Literal[
    "views", "reach", "impressions", "likes", "comments", "shares", "saves",
    "watch_time_ms", "engagement_rate", "followers", "follower_delta", "posts_published",
]  # fmt: skip
PaidMetric = Literal[
    "spend", "impressions", "clicks", "conversions", "cpa", "cpc", "cpm", "ctr", "roas", "reach", "frequency"
]
AdPlatform = Literal["meta_ads", "tiktok_ads", "apple_ads"]


POST_BUNDLE: tuple[OrganicMetric, ...] = (
    "views", "reach", "likes", "comments", "shares", "saves", "watch_time_ms", "engagement_rate",
)  # fmt: skip
ACCOUNT_BUNDLE: tuple[OrganicMetric, ...] = (*POST_BUNDLE, "followers", "follower_delta", "posts_published")
PAID_BUNDLE: tuple[PaidMetric, ...] = ("spend", "impressions", "clicks", "conversions", "cpa", "roas")
"""What is answered where no metric is named: for a post, for what has posts, for ads."""

SCOPE_PREFIXES = {"project": "prj", "social_account": "sa", "organization": "org"}


class MetricsQuery(Query):
    scope: Literal["platform_post", "social_account", "project", "project_layer", "organization"]
    id: str
    metrics: tuple[OrganicMetric, ...] = ()
    since: Timestamp | None = None
    until: Timestamp | None = None
    granularity: Literal["hour", "day", "week"] = "day"


class AdsMetricsQuery(Query):
    scope: Literal["ad", "adset", "campaign", "ad_account", "project"]
    id: str
    metrics: tuple[PaidMetric, ...] = ()
    platforms: tuple[AdPlatform, ...] = ()
    since: Timestamp | None = None
    until: Timestamp | None = None
    granularity: Literal["day", "week"] = "day"


class Bucket(NamedTuple):
    """A stretch of the window, in seconds since 1970, named by the start of its hour, day or week."""

    name: str
    since: float
    until: float


def _window(ctx: RequestContext, query: MetricsQuery | AdsMetricsQuery) -> tuple[float, float]:
    until = ctx.now if query.until is None else query.until
    since = ctx.now - 30 * DAY if query.since is None else query.since
    if since >= until:
        raise invalid("since", "since must be before until.")
    if query.granularity == "hour":
        since = max(since, until - HOURLY_DAYS * DAY)
    return since, until


def _buckets(ctx: RequestContext, project: sqlite3.Row, window: tuple[float, float], granularity: str) -> list[Bucket]:
    """UTC hours, days, or weeks that begin on Monday, cut at the window; none before the project or after now."""
    since, until = max(window[0], project["created_at"]), min(window[1], ctx.now)
    length = {"hour": HOUR, "day": DAY, "week": 7 * DAY}[granularity]
    monday = 4 * DAY if granularity == "week" else 0.0  # 1970 began on a Thursday
    start = (since - monday) // length * length + monday
    found: list[Bucket] = []
    while start < until:
        moment = datetime.fromtimestamp(start, UTC)
        name = f"{moment:%Y-%m-%dT%H:%M:%SZ}" if granularity == "hour" else f"{moment:%Y-%m-%d}"
        found.append(Bucket(name, max(start, since), min(start + length, until)))
        start += length
    return found


def _answer(
    query: MetricsQuery | AdsMetricsQuery,
    window: tuple[float, float],
    series: list[dict[str, object]],
    totals: dict[str, object],
) -> object:
    since, until = window
    return {
        "scope": query.scope,
        "id": query.id,
        "window": {"since": iso(since), "until": iso(until), "granularity": query.granularity},
        "series": series,
        "totals": totals,
    }


# --- organic ---------------------------------------------------------------------------------------------------------


def _posts(ctx: RequestContext, query: MetricsQuery, project: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the posts behind the scope, synced ones only."""
    posts = ctx.all(
        "SELECT pp.* FROM platform_posts pp JOIN projects p ON p.id = pp.project_id WHERE p.organization_id = ?"
        " AND pp.published_at <= ?",
        project["organization_id"],
        ctx.seen,
    )
    if query.scope == "organization":
        if query.id != project["organization_id"]:
            raise not_found("Organization")
        return posts
    posts = [post for post in posts if post["project_id"] == project["id"]]
    if query.scope == "platform_post":
        posts = [post for post in posts if query.id in (post["id"], post["external_id"])]
        if not posts:
            raise not_found("Platform post")
    elif query.scope == "social_account":
        _owned(ctx, "social_accounts", query.id, project)
        posts = [post for post in posts if post["social_account_id"] == query.id]
    elif query.scope == "project_layer":
        _owned(ctx, "project_layers", query.id, project)
    elif query.id != project["id"]:
        raise not_found("Project")
    return posts


def _followers(ctx: RequestContext, query: MetricsQuery, project: sqlite3.Row, posts: Sequence[sqlite3.Row]) -> int:
    """Return how many followed the accounts behind the scope when the world began."""
    accounts = ctx.all(
        "SELECT sa.* FROM social_accounts sa JOIN projects p ON p.id = sa.project_id WHERE p.organization_id = ?",
        project["organization_id"],
    )
    if query.scope != "organization":
        accounts = [account for account in accounts if account["project_id"] == project["id"]]
    if query.scope in ("social_account", "platform_post"):
        only = query.id if query.scope == "social_account" else posts[0]["social_account_id"]
        accounts = [account for account in accounts if account["id"] == only]
    return sum(account["followers"] for account in accounts)


def _owned(ctx: RequestContext, table: str, row_id: str, project: sqlite3.Row) -> None:
    if ctx.one(f"SELECT id FROM {table} WHERE id = ? AND project_id = ?", row_id, project["id"]) is None:  # noqa: S608
        raise not_found("Scoped entity")


class _Gains:
    """What some posts gained between moments; each moment is added up once."""

    def __init__(self, ctx: RequestContext, posts: Sequence[sqlite3.Row], followers: int, world_began: float) -> None:
        self._seen = ctx.seen
        self._curves = [ctx.engine.post_curve(post) for post in posts]
        self._published = sorted(post["published_at"] for post in posts)
        self._totals: dict[float, Organic] = {}
        self._follow_rate = ctx.rules.follow_rate
        self._followers = followers - int(self._follow_rate * self._at(world_began).views)

    def _at(self, moment: float) -> Organic:
        moment = min(moment, self._seen)
        if moment not in self._totals:
            self._totals[moment] = total([curve.at(moment) for curve in self._curves])
        return self._totals[moment]

    def live(self, until: float) -> int:
        """Return how many of the posts were live by then."""
        return bisect_left(self._published, until)

    def between(self, since: float, until: float) -> dict[str, object]:
        """Return every metric by name."""
        before, after = self._at(since), self._at(until)
        change = Organic(*(b - a for a, b in zip(before, after, strict=True)))
        followed = int(self._follow_rate * after.views)
        return {
            **change._asdict(),
            "engagement_rate": round(change.engagement_rate, 4),
            "followers": self._followers + followed,
            "follower_delta": followed - int(self._follow_rate * before.views),
            "posts_published": self.live(until) - self.live(since),
        }


def metrics(ctx: RequestContext, query: MetricsQuery) -> object:
    """GET /v1/projects/:projectId/metrics"""
    project = ctx.project()
    query = query.model_copy(update={"id": to_internal(SCOPE_PREFIXES.get(query.scope, ""), query.id)})
    names = query.metrics or (POST_BUNDLE if query.scope == "platform_post" else ACCOUNT_BUNDLE)
    window = since, until = _window(ctx, query)
    posts = _posts(ctx, query, project)
    began = ctx.one("SELECT created_at FROM world")
    followers = _followers(ctx, query, project, posts)
    gains = _Gains(ctx, posts, followers, began["created_at"] if began else ctx.now)

    def asked(start: float, end: float) -> dict[str, object]:
        values = gains.between(start, end)
        return {name: values[name] for name in dict.fromkeys(names)}

    live = gains.live(until)
    series = [
        {"bucket": bucket.name, **asked(bucket.since, bucket.until)}
        for bucket in (_buckets(ctx, project, window, query.granularity) if live else ())
    ]
    return _answer(query, window, series, {**asked(since, until), "post_count": live})


# --- paid ------------------------------------------------------------------------------------------------------------

_SCOPE_COLUMN = {
    "ad": "id",
    "adset": "adset_id",
    "campaign": "campaign_id",
    "ad_account": "ad_account_id",
    "project": "project_id",
}

PAID_METRICS: dict[str, Callable[[Paid], float | int | None]] = {
    "spend": lambda paid: round(paid.spend, 2),
    "impressions": lambda paid: paid.impressions,
    "reach": lambda paid: paid.reach,
    "clicks": lambda paid: paid.clicks,
    "conversions": lambda paid: paid.conversions,
    "cpa": lambda paid: _ratio(paid.spend, paid.conversions, 2),
    "cpc": lambda paid: _ratio(paid.spend, paid.clicks, 2),
    "cpm": lambda paid: _ratio(1000 * paid.spend, paid.impressions, 2),
    "ctr": lambda paid: _ratio(paid.clicks, paid.impressions, 4),
    "roas": lambda paid: _ratio(paid.revenue, paid.spend, 2),
    "frequency": lambda paid: _ratio(paid.impressions, paid.reach, 2),
}
"""Ratios of nothing are null."""


def _ratio(part: float, whole: float, digits: int) -> float | None:
    return round(part / whole, digits) if whole else None


def paid_gained(ctx: RequestContext, promotions: Sequence[sqlite3.Row], since: float, until: float) -> Paid:
    """Return what these ads spent and brought between two moments."""
    total = Paid()
    for promotion in promotions:
        curve = ctx.engine.ad_curve(promotion)
        total = total.plus(curve.at(min(until, ctx.seen))).plus(curve.at(min(since, ctx.seen)), -1.0)
    return total


def ads_metrics(ctx: RequestContext, query: AdsMetricsQuery) -> object:
    """GET /v1/projects/:projectId/ads-metrics"""
    project = ctx.project()
    query = query.model_copy(update={"id": to_internal(SCOPE_PREFIXES.get(query.scope, ""), query.id)})
    window = since, until = _window(ctx, query)
    column = _SCOPE_COLUMN[query.scope]
    promotions = [
        row
        for row in ctx.all("SELECT * FROM promotions WHERE project_id = ?", project["id"])
        if row[column] == query.id
    ]
    without_ads = {"project": project["id"], "ad_account": project["ad_account_id"]}.get(query.scope)
    if not promotions and query.id != without_ads:
        raise not_found("Scoped entity")
    promotions = [row for row in promotions if not query.platforms or row["platform"] in query.platforms]

    def gained(start: float, end: float) -> dict[str, object]:
        paid = paid_gained(ctx, promotions, start, end)
        return {name: PAID_METRICS[name](paid) for name in dict.fromkeys(query.metrics or PAID_BUNDLE)}

    series = [
        {"bucket": bucket.name, **gained(bucket.since, bucket.until)}
        for bucket in (_buckets(ctx, project, window, query.granularity) if promotions else ())
    ]
    return _answer(query, window, series, gained(since, until))
