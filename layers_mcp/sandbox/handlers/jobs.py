"""Jobs: read as they are, and stopped where they still can be."""

from __future__ import annotations

import hashlib
import sqlite3

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.containers import assets
from layers_mcp.sandbox.job_status import STAGES, job_status
from layers_mcp.sandbox.responses import ApiError, Response, encode, not_found
from layers_mcp.sandbox.schemas import NoBody, NoQuery, iso


def _job(ctx: RequestContext) -> sqlite3.Row:
    row = ctx.one(
        "SELECT * FROM jobs WHERE id = ? AND organization_id = ?", ctx.path["jobId"], ctx.principal.organization_id
    )
    if row is None:
        raise not_found("Job")
    return row


def read_job(ctx: RequestContext, query: NoQuery) -> Response:
    """GET /v1/jobs/:jobId, with its ETag; 304 while nothing has changed."""
    job = _job(ctx)
    stand = job_status(job, ctx.now)
    containers = ctx.all("SELECT * FROM content_containers WHERE job_id = ? ORDER BY sequence", job["id"])
    body: dict[str, object] = {
        "jobId": job["id"],
        "kind": job["kind"],
        "status": stand.status,
        "projectId": job["project_id"],
        "containerId": containers[0]["id"],
        "locationUrl": f"/v1/jobs/{job['id']}",
        "startedAt": iso(job["started_at"]),
        "finishedAt": None,
    }
    if stand.status == "running":
        body |= {"stage": stand.stage, "progress": stand.progress}
    else:
        body["finishedAt"] = iso(job["ends_at"])
    if stand.status == "completed":
        body["result"] = {
            "containerId": containers[0]["id"],
            "containerIds": [row["id"] for row in containers],
            "assets": [{**asset, "containerId": row["id"]} for row in containers for asset in assets(row)],
        }
    elif stand.status == "failed":
        body["error"] = {"code": "GENERATION_FAILED", "message": "The content could not be rendered."}
    encoded = encode(ctx.dialect.translate(body))
    tag = f'"{hashlib.sha256(encoded).hexdigest()[:20]}"'
    known = ctx.headers.get("if-none-match", "").split(",")
    if tag in [part.strip().removeprefix("W/") for part in known]:  # a proxy may have weakened it
        return Response(304, b"", {"ETag": tag})
    return Response(200, encoded, {"ETag": tag})


def cancel_job(ctx: RequestContext, body: NoBody) -> object:
    """POST /v1/jobs/:jobId/cancel: cooperative, it ends at the next boundary between stages."""
    job = _job(ctx)
    stand = job_status(job, ctx.now)
    if stand.status != "running":
        return {"jobId": job["id"], "accepted": False, "reason": "ALREADY_COMPLETED"}
    if stand.stage == STAGES[-1][0]:
        details = {"subcode": "JOB_CANCEL_UNAVAILABLE", "stage": stand.stage, "jobId": job["id"]}
        raise ApiError("CONFLICT", "The job is past the point where it can be canceled.", details=details)
    ctx.db.execute(
        "UPDATE jobs SET outcome = 'canceled', ends_at = ? WHERE id = ?",
        (job["started_at"] + stand.stage_ends * job["seconds"], job["id"]),
    )
    return ctx.response(202, {"jobId": job["id"], "accepted": True})
