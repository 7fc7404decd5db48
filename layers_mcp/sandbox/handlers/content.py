"""Containers: what was made, how far it is, and a person's decision about it."""

from __future__ import annotations

import json
import sqlite3
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.job_status import STAGES, JobStatus, job_status
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import ApiError, not_found
from layers_mcp.sandbox.schemas import Body, NoQuery, Query, Timestamp, iso
from layers_mcp.sandbox.simulation.publishing import cancel_queued, promote_blocked


class ContentQuery(Query):
    status: tuple[Literal["queued", "generating", "completed", "failed", "canceled"], ...] = ()
    format: tuple[Literal["video_remix", "slideshow_remix", "ugc_remix", "auto"], ...] = ()
    since: Timestamp | None = None
    until: Timestamp | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=200)


class ApproveBody(Body):
    note: str | None = Field(default=None, max_length=1_024)


class RejectBody(Body):
    reason: str = Field(min_length=1, max_length=1_024)


_SELECT = """SELECT c.*, p.organization_id, j.started_at, j.seconds, j.ends_at, j.outcome
    FROM content_containers c JOIN projects p ON p.id = c.project_id LEFT JOIN jobs j ON j.id = c.job_id """


def assets(container: sqlite3.Row) -> list[dict[str, object]]:
    """What a finished container holds: a video, or the images of a slideshow."""
    name = container["id"].removeprefix("cnt_")
    slides = not is_video(container)
    return [
        {
            "assetId": f"ast_{name}_{place}",
            "kind": "image" if slides else "video",
            "url": f"https://media.layers.invalid/{name}/{place}.{'jpg' if slides else 'mp4'}",
            "thumbnailUrl": f"https://media.layers.invalid/{name}/{place}_cover.jpg",
            "durationMs": None if slides else 14_000 + container["sequence"] * 700 % 9_000,
            "width": 1080,
            "height": 1920,
            "mimeType": "image/jpeg" if slides else "video/mp4",
            "sizeBytes": 410_000 if slides else 6_400_000,
        }
        for place in range(1, 4 if slides else 2)
    ]


def _standing(container: sqlite3.Row, now: float) -> JobStatus:
    if container["job_id"] is None:
        return JobStatus("completed", "completed", 1.0, 1.0, 1.0)
    return job_status(container, now)


def _word(stand: JobStatus) -> str:
    if stand.status != "running":
        return stand.status
    return "queued" if stand.stage == STAGES[0][0] else "generating"


def status_of(ctx: RequestContext, container: sqlite3.Row) -> str:
    """The container's generation status."""
    return _word(_standing(container, ctx.now))


def is_video(container: sqlite3.Row) -> bool:
    """Whether it holds a video, or the pictures of a slideshow."""
    return not container["format"].startswith("slideshow")


def _container(container: sqlite3.Row, now: float) -> dict[str, object]:
    stand = _standing(container, now)
    ended = iso(container["created_at"] if container["ends_at"] is None else container["ends_at"])
    failed = stand.status == "failed"
    return {
        "id": container["id"],
        "projectId": container["project_id"],
        "status": _word(stand),
        "format": container["format"],
        "brief": json.loads(container["brief"]),
        "caption": container["caption"] if stand.status == "completed" else None,
        "firstComment": None,
        "assets": assets(container) if stand.status == "completed" else [],
        "approvalStatus": container["approval_status"],
        "createdAt": iso(container["created_at"]),
        "completedAt": ended if stand.status == "completed" else None,
        "failedAt": ended if failed else None,
        "lastError": {"code": "GENERATION_FAILED", "message": "The content could not be rendered."} if failed else None,
    }


def find_container(ctx: RequestContext) -> sqlite3.Row:
    """By its id, or by the id its client minted for it."""
    wanted = ctx.path["containerId"]
    row = ctx.one(
        _SELECT + "WHERE p.organization_id = ?1 AND (c.id = ?2 OR c.minted_id = lower(?2)) ORDER BY c.sequence",
        ctx.principal.organization_id,
        wanted,
    )
    if row is None:
        raise not_found("Content")
    return row


def read_content(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/content/:containerId"""
    return _container(find_container(ctx), ctx.now)


def read_progress(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/content/:containerId/progress"""
    container = find_container(ctx)
    stand = _standing(container, ctx.now)
    running = stand.status == "running"
    return {
        "containerId": container["id"],
        "status": _word(stand),
        "stage": stand.stage,
        "stageProgress": stand.stage_progress,
        "etaSeconds": round(container["ends_at"] - ctx.now) if running else None,
        "updatedAt": iso(ctx.now if running else container["ends_at"] or container["created_at"]),
    }


def project_content(ctx: RequestContext, query: ContentQuery) -> object:
    """GET /v1/projects/:projectId/content, newest first"""
    rows = [
        row
        for row in ctx.all(
            _SELECT + "WHERE c.project_id = ? ORDER BY c.created_at DESC, c.sequence DESC", ctx.project()["id"]
        )
        if (not query.status or _word(_standing(row, ctx.now)) in query.status)
        and (not query.format or row["format"] in query.format)
        and (query.since is None or row["created_at"] >= query.since)
        and (query.until is None or row["created_at"] < query.until)
    ]
    return page(
        rows,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda row: row["id"],
        render=lambda row: _container(row, ctx.now),
    )


def _pending(ctx: RequestContext) -> sqlite3.Row:
    container = find_container(ctx)
    if container["approval_status"] != "pending":
        details = {"approvalStatus": container["approval_status"], "status": _word(_standing(container, ctx.now))}
        raise ApiError("CONFLICT", "The content is not waiting for a decision.", details=details)
    return container


def _decide(ctx: RequestContext, container: sqlite3.Row, status: str, reason: str | None) -> None:
    ctx.db.execute(
        "UPDATE content_containers SET approval_status = ?, decided_at = ?, decided_by = ?, reason = ? WHERE id = ?",
        (status, ctx.now, ctx.principal.key_id, reason, container["id"]),
    )


def approve(ctx: RequestContext, body: ApproveBody) -> object:
    """POST /v1/content/:containerId/approve: what waited for it in the schedule is set going."""
    container = _pending(ctx)
    _decide(ctx, container, "approved", body.note)
    answer: dict[str, object] = {
        "id": container["id"],
        "approvalStatus": "approved",
        "approvedAt": iso(ctx.now),
        "approvedBy": ctx.principal.key_id,
    }
    promotion = promote_blocked(ctx.db, container["id"], ctx.now)
    return answer | ({"pendingSchedulePromotion": promotion} if promotion else {})


def reject(ctx: RequestContext, body: RejectBody) -> object:
    """POST /v1/content/:containerId/reject: for good."""
    container = _pending(ctx)
    _decide(ctx, container, "rejected", body.reason)
    cancel_queued(ctx.db, container["id"], ctx.now, "The content was rejected.")
    return {
        "id": container["id"],
        "approvalStatus": "rejected",
        "rejectedAt": iso(ctx.now),
        "rejectedBy": ctx.principal.key_id,
        "reason": body.reason,
    }
