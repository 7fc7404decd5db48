"""Whether finished content waits for a person: one policy, read and set at each vintage's address."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.responses import invalid_fields
from layers_mcp.sandbox.schemas import Body, NoQuery, iso

Policy = Literal["auto_approve", "review_first_n", "review_all"]


class ReviewPolicyBody(Body):
    policy: Policy
    first_n: int | None = Field(default=None, ge=1, le=50)


class ApprovalPolicyBody(Body):
    requires_approval: bool | None = None
    first_n_posts_blocked: int | None = Field(default=None, ge=0, le=50)


def review_policy(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/content-review-policy"""
    project = ctx.project()
    pending = ctx.all(
        "SELECT c.id FROM content_containers c LEFT JOIN jobs j ON j.id = c.job_id WHERE c.project_id = ?"
        " AND c.approval_status = 'pending' AND (j.id IS NULL OR (j.ends_at <= ? AND j.outcome = 'completed'))",
        project["id"],
        ctx.now,
    )
    body: dict[str, object] = {"projectId": project["id"], "policy": project["review_policy"]}
    if project["review_policy"] == "review_first_n":
        body["firstN"] = project["first_n"]
    body["pendingCount"] = len(pending)
    if project["policy_set_at"] is not None:
        body["updatedAt"] = iso(project["policy_set_at"])
    return body


def set_review_policy(ctx: RequestContext, body: ReviewPolicyBody) -> object:
    """PATCH /v1/projects/:projectId/content-review-policy: `firstN` with review_first_n, and with no other."""
    if (body.first_n is not None) != (body.policy == "review_first_n"):
        problem = "is required" if body.first_n is None else "is not allowed"
        raise invalid_fields([("firstN", f"{problem} with {body.policy}")])
    _set(ctx, body.policy, body.first_n or 0)
    return review_policy(ctx, NoQuery())


def approval_policy(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/approval-policy"""
    project = ctx.project()
    return {
        "projectId": project["id"],
        "requiresApproval": project["review_policy"] == "review_all",
        "firstNPostsBlocked": project["first_n"] if project["review_policy"] == "review_first_n" else 0,
        "autoApproveAfter": None,
        "updatedAt": iso(project["policy_set_at"] or project["created_at"]),
    }


def set_approval_policy(ctx: RequestContext, body: ApprovalPolicyBody) -> object:
    """PATCH /v1/projects/:projectId/approval-policy: what is left out stays."""
    project = ctx.project()
    known = project["review_policy"]
    every = known == "review_all" if body.requires_approval is None else body.requires_approval
    first_n = project["first_n"] if body.first_n_posts_blocked is None else body.first_n_posts_blocked
    _set(ctx, "review_all" if every else "review_first_n" if first_n else "auto_approve", first_n)
    return approval_policy(ctx, NoQuery())


def _set(ctx: RequestContext, policy: Policy, first_n: int) -> None:
    ctx.db.execute(
        "UPDATE projects SET review_policy = ?, first_n = ?, policy_set_at = ? WHERE id = ?",
        (policy, first_n, ctx.now, ctx.project()["id"]),
    )
