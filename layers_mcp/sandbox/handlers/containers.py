"""A container as each vintage shows it: how far it is, what it holds, how it was decided."""

from __future__ import annotations

import json
import sqlite3

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.job_status import STAGES, JobStatus, job_status
from layers_mcp.sandbox.responses import not_found
from layers_mcp.sandbox.schemas import iso

SELECT = """SELECT c.*, p.organization_id, j.started_at, j.seconds, j.ends_at, j.outcome
    FROM content_containers c JOIN projects p ON p.id = c.project_id LEFT JOIN jobs j ON j.id = c.job_id """


def find_container(ctx: RequestContext) -> sqlite3.Row:
    """Return the container of the path: by its id, or by the id its client minted for it."""
    wanted = ctx.path["containerId"]
    row = ctx.one(
        SELECT + "WHERE p.organization_id = ?1 AND (c.id = ?2 OR c.minted_id = lower(?3)) ORDER BY c.sequence",
        ctx.principal.organization_id,
        to_internal("cnt", wanted),
        wanted,
    )
    if row is None:
        raise not_found("Content")
    return row


def progress_of(container: sqlite3.Row, now: float) -> JobStatus:
    """Return how far its job is; what is there from the beginning is completed."""
    if container["job_id"] is None:
        return JobStatus("completed", "completed", 1.0, 1.0, 1.0)
    return job_status(container, now)


def status_of(container: sqlite3.Row, now: float) -> str:
    """Return `queued`, `generating`, `completed`, `failed` or `canceled`."""
    progress = progress_of(container, now)
    if progress.status != "running":
        return progress.status
    return "queued" if progress.stage == STAGES[0][0] else "generating"


def is_video(container: sqlite3.Row) -> bool:
    """Return whether it holds a video, or the pictures of a slideshow."""
    return not container["format"].startswith("slideshow")


def assets(container: sqlite3.Row) -> list[dict[str, object]]:
    """Return what a finished container holds: a video, or the pictures of a slideshow."""
    name = container["id"].removeprefix("cnt_")
    video = is_video(container)
    return [
        {
            "assetId": f"ast_{name}_{place}",
            "kind": "video" if video else "image",
            "url": f"https://media.layers.invalid/{name}/{place}.{'mp4' if video else 'jpg'}",
            "thumbnailUrl": f"https://media.layers.invalid/{name}/{place}_cover.jpg",
            "durationMs": 14_000 + container["sequence"] * 700 % 9_000 if video else None,
            "width": 1080,
            "height": 1920,
            "mimeType": "video/mp4" if video else "image/jpeg",
            "sizeBytes": 6_400_000 if video else 410_000,
        }
        for place in range(1, 2 if video else 4)
    ]


def _preview(container: sqlite3.Row) -> dict[str, object]:
    """Return what a client may show of it at once."""
    first = assets(container)[0]
    video = is_video(container)
    return {
        "kind": "video" if video else "slideshow",
        "primaryUrl": first["url"],
        "videoUrl": first["url"] if video else None,
        "thumbnailUrl": first["thumbnailUrl"],
        "hlsUrl": None,
        "durationMs": first["durationMs"],
        "aspectRatio": "9:16",
    }


def render(ctx: RequestContext, container: sqlite3.Row, *, listed: bool = False) -> dict[str, object]:
    """Return a container in the vintage's words; nulls while it is being made."""
    status = status_of(container, ctx.now)
    done, failed = status == "completed", status == "failed"
    ended = iso(container["created_at"] if container["ends_at"] is None else container["ends_at"])
    brief = json.loads(container["brief"])
    body: dict[str, object] = {
        "id": container["id"],
        "projectId": container["project_id"],
        "status": ctx.dialect.container_status(status),
        "format": ctx.dialect.format(container["format"]),
    }
    if ctx.dialect.reads_preview:
        body["brief"] = brief
    if ctx.dialect.reads_current:
        body |= {
            "hook": brief.get("hook"),
            "influencerId": container["influencer_id"],
            "sourceTiktokId": container["source_tiktok_id"],
            "mediaId": container["media_id"],
        }
    body |= {"caption": container["caption"] if done else None, "firstComment": None}
    if ctx.dialect.reads_current:
        body["preview"] = _preview(container) if done else None
    body["assets"] = assets(container) if done else []
    if ctx.dialect.reads_current and listed:
        body["primaryAsset"] = assets(container)[0] if done else None
    body["approvalStatus"] = container["approval_status"]
    if ctx.dialect.reads_current:
        body["creativeType"] = "generated"
    return body | {
        "createdAt": iso(container["created_at"]),
        "completedAt": ended if done else None,
        "failedAt": ended if failed else None,
        "lastError": {"code": "GENERATION_FAILED", "message": "The content could not be rendered."} if failed else None,
    }
