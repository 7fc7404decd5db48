"""Jobs: read as they stand, and stopped where they still can be."""

from __future__ import annotations

import hashlib
import sqlite3

from layers_mcp.sandbox.account import NoQuery
from layers_mcp.sandbox.call import Call
from layers_mcp.sandbox.content import assets
from layers_mcp.sandbox.standing import STAGES, standing
from layers_mcp.sandbox.wire import ApiError, Body, Reply, encode, iso, not_found


class NoBody(Body):
    """A POST without parameters."""


def _job(call: Call) -> sqlite3.Row:
    row = call.one(
        "SELECT * FROM jobs WHERE id = ? AND organization_id = ?", call.path["jobId"], call.caller.organization_id
    )
    if row is None:
        raise not_found("Job")
    return row


def read_job(call: Call, query: NoQuery) -> Reply:
    """GET /v1/jobs/:jobId, with its ETag; 304 while nothing has changed."""
    job = _job(call)
    stand = standing(job, call.now)
    containers = call.all("SELECT * FROM content_containers WHERE job_id = ? ORDER BY sequence", job["id"])
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
    encoded = encode(body)
    tag = f'"{hashlib.sha256(encoded).hexdigest()[:20]}"'
    known = call.headers.get("if-none-match", "").split(",")
    if tag in [part.strip().removeprefix("W/") for part in known]:  # a proxy may have weakened it
        return Reply(304, b"", {"ETag": tag})
    return Reply(200, encoded, {"ETag": tag})


def cancel_job(call: Call, body: NoBody) -> Reply:
    """POST /v1/jobs/:jobId/cancel: cooperative, it ends at the next boundary between stages."""
    job = _job(call)
    stand = standing(job, call.now)
    if stand.status != "running":
        return Reply(200, encode({"jobId": job["id"], "accepted": False, "reason": "ALREADY_COMPLETED"}))
    if stand.stage == STAGES[-1][0]:
        details = {"subcode": "JOB_CANCEL_UNAVAILABLE", "stage": stand.stage, "jobId": job["id"]}
        raise ApiError("CONFLICT", "The job is past the point where it can be canceled.", details=details)
    call.db.execute(
        "UPDATE jobs SET outcome = 'canceled', ends_at = ? WHERE id = ?",
        (job["started_at"] + stand.stage_ends * job["seconds"], job["id"]),
    )
    return Reply(202, encode({"jobId": job["id"], "accepted": True}))
