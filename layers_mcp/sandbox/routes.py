"""The endpoints: method, path, scope, rate-limit bucket, the form of what is sent, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from layers_mcp.sandbox import account, commissions, content, creatives, jobs, measures
from layers_mcp.sandbox.call import Call
from layers_mcp.sandbox.gate import Bucket
from layers_mcp.sandbox.wire import Form

READ: Bucket = "read-light"
WRITE: Bucket = "write-light"
START: Bucket = "long-running"


class Route(NamedTuple):
    """One endpoint. `form` is a query's for GET, a body's otherwise."""

    method: str
    segments: tuple[str, ...]
    scope: str | None
    bucket: Bucket
    form: type[Form]
    answer: Callable[[Call, Any], object]


def _route(
    method: str, path: str, scope: str | None, bucket: Bucket, form: type[Form], answer: Callable[[Call, Any], object]
) -> Route:
    return Route(method, tuple(path.split("/")), scope, bucket, form, answer)


ROUTES = (
    _route("GET", "/v1/whoami", None, READ, account.NoQuery, account.whoami),
    _route("GET", "/v1/projects", "projects:read", READ, account.ProjectsQuery, account.projects),
    _route("GET", "/v1/projects/:projectId", "projects:read", READ, account.NoQuery, account.project),
    _route("GET", "/v1/credits", None, READ, account.NoQuery, account.credit_balance),
    _route("GET", "/v1/credits/events", None, READ, account.EventsQuery, account.credit_events),
    _route(
        "GET",
        "/v1/projects/:projectId/social-accounts",
        "social:read",
        READ,
        account.AccountsQuery,
        account.social_accounts,
    ),
    _route(
        "GET",
        "/v1/projects/:projectId/content-review-policy",
        "content:read",
        READ,
        account.NoQuery,
        account.review_policy,
    ),
    _route(
        "GET",
        "/v1/projects/:projectId/approval-policy",
        "content:read",
        READ,
        account.NoQuery,
        account.approval_policy,
    ),
    _route("GET", "/v1/projects/:projectId/metrics", "metrics:read", READ, measures.MetricsQuery, measures.metrics),
    _route(
        "GET",
        "/v1/projects/:projectId/ads-metrics",
        "metrics:read",
        READ,
        measures.AdsMetricsQuery,
        measures.ads_metrics,
    ),
    _route(
        "GET",
        "/v1/projects/:projectId/top-performers",
        "metrics:read",
        READ,
        creatives.RankingQuery,
        creatives.top_performers,
    ),
    _route(
        "GET",
        "/v1/projects/:projectId/ads-content",
        "metrics:read",
        READ,
        creatives.CreativesQuery,
        creatives.ads_content,
    ),
    _route(
        "PATCH",
        "/v1/projects/:projectId/ads-content/:adsContentId",
        "ads:write",
        WRITE,
        creatives.OverrideBody,
        creatives.set_override,
    ),
    _route(
        "POST",
        "/v1/content/:containerId/clone-from-post",
        "content:write",
        START,
        commissions.CloneBody,
        commissions.clone,
    ),
    _route(
        "POST",
        "/v1/projects/:projectId/content",
        "content:write",
        START,
        commissions.GenerateBody,
        commissions.generate,
    ),
    _route(
        "GET", "/v1/projects/:projectId/content", "content:read", READ, content.ContentQuery, content.project_content
    ),
    _route("GET", "/v1/content/:containerId", "content:read", READ, account.NoQuery, content.read_content),
    _route("GET", "/v1/content/:containerId/progress", "content:read", READ, account.NoQuery, content.read_progress),
    _route("POST", "/v1/content/:containerId/approve", "content:approve", WRITE, content.ApproveBody, content.approve),
    _route("POST", "/v1/content/:containerId/reject", "content:approve", WRITE, content.RejectBody, content.reject),
    _route("GET", "/v1/jobs/:jobId", "jobs:read", READ, account.NoQuery, jobs.read_job),
    _route("POST", "/v1/jobs/:jobId/cancel", "jobs:cancel", WRITE, jobs.NoBody, jobs.cancel_job),
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
