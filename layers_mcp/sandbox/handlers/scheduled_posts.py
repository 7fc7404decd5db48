"""Scheduled posts: what is to go out and what went, moved or canceled while it is queued."""

from __future__ import annotations

import sqlite3

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.containers import is_video
from layers_mcp.sandbox.handlers.publishing import check_future
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import ApiError, invalid_fields, not_found
from layers_mcp.sandbox.schemas import Body, NoQuery, Query, Timestamp, iso


class ScheduleQuery(Query):
    status: tuple[str, ...] = ()
    social_account_id: str | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    cursor: str | None = None
    limit: int = Field(default=50, ge=1, le=100)


class RescheduleBody(Body):
    scheduled_for: Timestamp


class CancelBody(Body):
    reason: str | None = Field(default=None, max_length=1_024)


_SELECT = """SELECT sp.*, c.format FROM scheduled_posts sp JOIN content_containers c ON c.id = sp.container_id
    JOIN projects p ON p.id = sp.project_id """


def scheduled_posts(ctx: RequestContext, query: ScheduleQuery) -> object:
    """GET /v1/projects/:projectId/scheduled-posts, newest `scheduledFor` first; `since` and `until` inclusive."""
    words = ctx.dialect.post_statuses()
    unknown = [word for word in query.status if word not in words]
    if unknown:
        raise invalid_fields([("status", f"must be one of {', '.join(words)}")])
    statuses = {words[word] for word in query.status}
    account = query.social_account_id and to_internal("sa", query.social_account_id)
    rows = [
        row
        for row in ctx.all(
            _SELECT + "WHERE sp.project_id = ? ORDER BY sp.scheduled_for DESC, sp.sequence DESC", ctx.project()["id"]
        )
        if (not statuses or row["status"] in statuses)
        and (account is None or row["social_account_id"] == account)
        and (query.since is None or row["scheduled_for"] >= query.since)
        and (query.until is None or row["scheduled_for"] <= query.until)
    ]
    return page(
        rows,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda row: row["id"],
        render=lambda row: _render(ctx, row),
    )


def _render(ctx: RequestContext, row: sqlite3.Row) -> dict[str, object]:
    error = {"code": row["error_code"], "message": row["error_message"]} if row["error_code"] else None
    body: dict[str, object] = {
        "id": row["id"],
        "containerId": row["container_id"],
        "socialAccountId": row["social_account_id"],
        "platform": row["platform"],
        "mode": ctx.dialect.mode(row["mode"], row["platform"], video=is_video(row)),
        "status": ctx.dialect.post_status(row["status"]),
        "externalId": row["external_id"],
        "externalUrl": row["external_url"],
        "scheduledFor": iso(row["scheduled_for"]),
        "attemptedAt": iso(row["attempted_at"]),
        "publishedAt": iso(row["published_at"]),
        "canceledAt": iso(row["canceled_at"]),
        "lastError": error,
    }
    if row["blocked"] and row["status"] == "queued":
        body["gateStatus"] = "blocked_on_approval"
    return body


def _find(ctx: RequestContext) -> sqlite3.Row:
    """By its id, or by the id its client minted for it."""
    wanted = ctx.path["scheduledPostId"]
    row = ctx.one(
        _SELECT + "WHERE p.organization_id = ?1 AND (sp.id = ?2 OR sp.minted_id = lower(?3))",
        ctx.principal.organization_id,
        to_internal("sp", wanted),
        wanted.removeprefix("sp_"),
    )
    if row is None:
        raise not_found("Scheduled post")
    return row


def _queued(ctx: RequestContext) -> sqlite3.Row:
    row = _find(ctx)
    if row["status"] != "queued":
        details = {"status": ctx.dialect.post_status(row["status"]), "scheduledPostId": row["id"]}
        raise ApiError("CONFLICT", "The scheduled post is no longer queued.", details=details)
    return row


def scheduled_post(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/scheduled-posts/:scheduledPostId"""
    return _render(ctx, _find(ctx))


def reschedule(ctx: RequestContext, body: RescheduleBody) -> object:
    """POST /v1/scheduled-posts/:scheduledPostId/reschedule"""
    row = _queued(ctx)
    check_future(ctx, body.scheduled_for)
    ctx.db.execute(
        "UPDATE scheduled_posts SET scheduled_for = ?1, next_at = CASE WHEN blocked THEN NULL ELSE max(?1, ?2) END,"
        " updated_at = ?2 WHERE id = ?3",
        (body.scheduled_for, ctx.now, row["id"]),
    )
    return {
        "id": row["id"],
        "status": "queued",
        "scheduledFor": iso(body.scheduled_for),
        "updatedAt": iso(ctx.now),
    }


def cancel(ctx: RequestContext, body: CancelBody) -> object:
    """DELETE /v1/scheduled-posts/:scheduledPostId, while the platform does not have it."""
    row = _queued(ctx)
    ctx.db.execute(
        "UPDATE scheduled_posts SET status = 'canceled', canceled_at = ?1, updated_at = ?1, next_at = NULL, reason = ?2"
        " WHERE id = ?3",
        (ctx.now, body.reason, row["id"]),
    )
    return {"id": row["id"], "status": "canceled", "canceledAt": iso(ctx.now)}
