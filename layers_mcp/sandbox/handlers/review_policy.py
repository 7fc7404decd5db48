"""Whether finished content waits for a person: the same policy under each vintage's address."""

from __future__ import annotations

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.schemas import NoQuery, iso


def _pending(ctx: RequestContext, project_id: str) -> int:
    rows = ctx.all("SELECT id FROM content_containers WHERE project_id = ? AND approval_status = 'pending'", project_id)
    return len(rows)


def review_policy(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/content-review-policy"""
    row = ctx.project()
    return {
        "projectId": row["id"],
        "policy": row["review_policy"],
        "firstN": row["first_n"],
        "pendingCount": _pending(ctx, row["id"]),
    }


def approval_policy(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/approval-policy: the same, as the earlier vintage says it"""
    row = ctx.project()
    return {
        "projectId": row["id"],
        "requiresApproval": row["review_policy"] == "review_all",
        "firstNPostsBlocked": row["first_n"] if row["review_policy"] == "review_first_n" else 0,
        "autoApproveAfter": None,
        "updatedAt": iso(row["created_at"]),
    }
