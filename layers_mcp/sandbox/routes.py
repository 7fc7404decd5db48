"""The endpoints: method, path, scope, rate-limit bucket, the shape of what is sent, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers import (
    account,
    ads,
    ads_content,
    content,
    decisions,
    format_orders,
    influencers,
    inspiration,
    jobs,
    metrics,
    orders,
    projects,
    publishing,
    recommendations,
    review_policy,
    scheduled_posts,
    top_performers,
)
from layers_mcp.sandbox.rate_limit import Bucket
from layers_mcp.sandbox.schemas import Body, Form, NoBody, NoQuery, Query
from layers_mcp.sandbox.vintages import Vintage

Handler = Callable[[RequestContext, Any], object]


class Route(NamedTuple):
    """One endpoint. `form` is a query's for GET, a body's otherwise."""

    method: str
    segments: tuple[str, ...]
    scope: str | None
    bucket: Bucket
    form: type[Form]
    answer: Handler


def _get(path: str, scope: str | None, handler: Handler, form: type[Query] = NoQuery) -> Route:
    return Route("GET", tuple(path.split("/")), scope, "read-light", form, handler)


def _write(method: str, path: str, scope: str, handler: Handler, form: type[Body] = NoBody) -> Route:
    return Route(method, tuple(path.split("/")), scope, "write-light", form, handler)


def _start(path: str, scope: str, handler: Handler, form: type[Body]) -> Route:
    """Return a POST that starts a job."""
    return Route("POST", tuple(path.split("/")), scope, "long-running", form, handler)


PROJECT = "/v1/projects/:projectId"
CONTAINER = "/v1/content/:containerId"
SCHEDULED = "/v1/scheduled-posts/:scheduledPostId"

COMMON = (
    _get("/v1/whoami", None, account.whoami),
    _get("/v1/projects", "projects:read", projects.projects, projects.ProjectsQuery),
    _get(PROJECT, "projects:read", projects.project),
    _get("/v1/credits", None, account.credit_balance),
    _get("/v1/credits/events", None, account.credit_events, account.EventsQuery),
    _get(f"{PROJECT}/social-accounts", "social:read", projects.social_accounts, projects.AccountsQuery),
    _get(f"{PROJECT}/influencers", "influencers:write", influencers.influencers, influencers.InfluencersQuery),
    _get("/v1/influencers/:influencerId", "influencers:write", influencers.influencer),
    _get(f"{PROJECT}/metrics", "metrics:read", metrics.metrics, metrics.MetricsQuery),
    _get(f"{PROJECT}/top-performers", "metrics:read", top_performers.top_performers, top_performers.RankingQuery),
    _get(f"{PROJECT}/ads-content", "metrics:read", ads_content.ads_content, ads_content.CreativesQuery),
    _write(
        "PATCH",
        f"{PROJECT}/ads-content/:adsContentId",
        "ads:write",
        ads_content.set_override,
        ads_content.OverrideBody,
    ),
    _get(f"{PROJECT}/ads/ads", "ads:read", ads.ads, ads.AdsQuery),
    _get(f"{PROJECT}/ads/campaigns", "ads:read", ads.campaigns, ads.AdsQuery),
    _get(f"{PROJECT}/ads/ad-accounts", "ads:read", ads.ad_accounts, ads.AdsQuery),
    _get(
        f"{PROJECT}/recommendations",
        "metrics:read",
        recommendations.recommendations,
        recommendations.RecommendationsQuery,
    ),
    _write(
        "PATCH",
        f"{PROJECT}/recommendations/:recommendationId",
        "ads:write",
        recommendations.set_status,
        recommendations.StatusBody,
    ),
    _get(f"{PROJECT}/content", "content:read", content.project_content, content.ContentQuery),
    _get(CONTAINER, "content:read", content.read_content),
    _get(f"{CONTAINER}/progress", "content:read", content.read_progress),
    _get(f"{CONTAINER}/assets/:assetId", "content:read", content.read_asset),
    _write("POST", f"{CONTAINER}/approve", "content:approve", decisions.approve, decisions.ApproveBody),
    _write("POST", f"{CONTAINER}/reject", "content:approve", decisions.reject, decisions.RejectBody),
    _write("POST", f"{CONTAINER}/publish", "publish:write", publishing.publish, publishing.PublishBody),
    _write("POST", f"{CONTAINER}/schedule", "publish:write", publishing.schedule, publishing.ScheduleBody),
    _get(f"{PROJECT}/scheduled-posts", "publish:read", scheduled_posts.scheduled_posts, scheduled_posts.ScheduleQuery),
    _get(SCHEDULED, "publish:read", scheduled_posts.scheduled_post),
    _write(
        "POST", f"{SCHEDULED}/reschedule", "publish:write", scheduled_posts.reschedule, scheduled_posts.RescheduleBody
    ),
    _write("DELETE", SCHEDULED, "publish:write", scheduled_posts.cancel, scheduled_posts.CancelBody),
    _get("/v1/jobs/:jobId", "jobs:read", jobs.read_job),
    _write("POST", "/v1/jobs/:jobId/cancel", "jobs:cancel", jobs.cancel_job),
)

PREVIEW = (
    _start(f"{CONTAINER}/clone-from-post", "content:write", orders.clone, orders.CloneBody),
    _start(f"{PROJECT}/content", "content:write", orders.generate, orders.GenerateBody),
    _get(f"{PROJECT}/approval-policy", "content:read", review_policy.approval_policy),
    _write(
        "PATCH",
        f"{PROJECT}/approval-policy",
        "content:approve",
        review_policy.set_approval_policy,
        review_policy.ApprovalPolicyBody,
    ),
    _get(f"{PROJECT}/ads-metrics", "metrics:read", metrics.ads_metrics, metrics.AdsMetricsQuery),
)

CURRENT = (
    _start(
        f"{PROJECT}/content/slideshow-builder",
        "content:write",
        format_orders.slideshow_builder,
        format_orders.SlideshowBuilderBody,
    ),
    _start(f"{PROJECT}/content/ugc-remix", "content:write", format_orders.ugc_remix, format_orders.UgcRemixBody),
    _start(f"{PROJECT}/content/video-remix", "content:write", format_orders.video_remix, format_orders.TikTokRemixBody),
    _start(
        f"{PROJECT}/content/slideshow-remix",
        "content:write",
        format_orders.slideshow_remix,
        format_orders.TikTokRemixBody,
    ),
    _get(f"{PROJECT}/content/hooks", "content:read", inspiration.hooks),
    _get(
        f"{PROJECT}/content/source-recommendations",
        "content:read",
        inspiration.source_recommendations,
        inspiration.SourcesQuery,
    ),
    _get(f"{PROJECT}/content-review-policy", "content:read", review_policy.review_policy),
    _write(
        "PATCH",
        f"{PROJECT}/content-review-policy",
        "content:approve",
        review_policy.set_review_policy,
        review_policy.ReviewPolicyBody,
    ),
)

ROUTES: dict[Vintage, tuple[Route, ...]] = {
    "preview": COMMON + PREVIEW,
    "current": COMMON + CURRENT,
    "both": COMMON + PREVIEW + CURRENT,
}
"""What each vintage serves."""


def find(method: str, segments: Sequence[str], vintage: Vintage) -> tuple[Route, dict[str, str]] | None:
    """Return the vintage's endpoint for a request, and the ids in its path."""
    for route in ROUTES[vintage]:
        if route.method != method or len(route.segments) != len(segments):
            continue
        ids: dict[str, str] = {}
        for want, got in zip(route.segments, segments, strict=True):
            if want.startswith(":"):
                ids[want[1:]] = got
            elif want != got:
                break
        else:
            return route, ids
    return None
