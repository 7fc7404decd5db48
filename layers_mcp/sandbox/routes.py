"""The endpoints: method, path, scope, rate-limit bucket, the shape of what is sent, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers import (
    account,
    ads_content,
    content,
    jobs,
    metrics,
    orders,
    projects,
    publishing,
    review_policy,
    scheduled_posts,
    top_performers,
)
from layers_mcp.sandbox.rate_limit import Bucket
from layers_mcp.sandbox.schemas import Body, Form, NoBody, NoQuery, Query

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
    """A POST that starts a job."""
    return Route("POST", tuple(path.split("/")), scope, "long-running", form, handler)


PROJECT = "/v1/projects/:projectId"
CONTAINER = "/v1/content/:containerId"
SCHEDULED = "/v1/scheduled-posts/:scheduledPostId"

ROUTES = (
    _get("/v1/whoami", None, account.whoami),
    _get("/v1/projects", "projects:read", projects.projects, projects.ProjectsQuery),
    _get(PROJECT, "projects:read", projects.project),
    _get("/v1/credits", None, account.credit_balance),
    _get("/v1/credits/events", None, account.credit_events, account.EventsQuery),
    _get(f"{PROJECT}/social-accounts", "social:read", projects.social_accounts, projects.AccountsQuery),
    _get(f"{PROJECT}/content-review-policy", "content:read", review_policy.review_policy),
    _get(f"{PROJECT}/approval-policy", "content:read", review_policy.approval_policy),
    _get(f"{PROJECT}/metrics", "metrics:read", metrics.metrics, metrics.MetricsQuery),
    _get(f"{PROJECT}/ads-metrics", "metrics:read", metrics.ads_metrics, metrics.AdsMetricsQuery),
    _get(f"{PROJECT}/top-performers", "metrics:read", top_performers.top_performers, top_performers.RankingQuery),
    _get(f"{PROJECT}/ads-content", "metrics:read", ads_content.ads_content, ads_content.CreativesQuery),
    _write(
        "PATCH",
        f"{PROJECT}/ads-content/:adsContentId",
        "ads:write",
        ads_content.set_override,
        ads_content.OverrideBody,
    ),
    _start(f"{CONTAINER}/clone-from-post", "content:write", orders.clone, orders.CloneBody),
    _start(f"{PROJECT}/content", "content:write", orders.generate, orders.GenerateBody),
    _get(f"{PROJECT}/content", "content:read", content.project_content, content.ContentQuery),
    _get(CONTAINER, "content:read", content.read_content),
    _get(f"{CONTAINER}/progress", "content:read", content.read_progress),
    _write("POST", f"{CONTAINER}/approve", "content:approve", content.approve, content.ApproveBody),
    _write("POST", f"{CONTAINER}/reject", "content:approve", content.reject, content.RejectBody),
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


def find(method: str, segments: Sequence[str]) -> tuple[Route, dict[str, str]] | None:
    """The endpoint of a request and the ids in its path."""
    for route in ROUTES:
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
