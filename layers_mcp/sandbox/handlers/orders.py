"""Orders in preview: clone a post, generate with a hook. They cost credits."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.order_placement import Origin, Sources, accepted, hook_origin, place_order
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.responses import ApiError, Response, invalid, not_found
from layers_mcp.sandbox.schemas import Body, iso

CLONE, GENERATE = "content_clone_from_post", "content_generate"
"""The kinds of job."""


class Overrides(Body):
    caption: str | None = None
    cta: str | None = None
    voice_over_script: str | None = None


class CloneBody(Body):
    project_id: str
    source_platform_post_id: str
    mode: Literal["fork", "reimagine"] = "fork"
    variations: int = Field(default=1, ge=1, le=10)
    project_layer_id: str | None = None
    overrides: Overrides | None = None


class Brief(Body):
    hook: str | None = Field(default=None, max_length=2_000)
    cta: str | None = None
    target_platforms: list[str] | None = None
    theme_tags: list[str] | None = None
    influencer_id: str | None = None
    reference_media_ids: list[str] | None = None
    language: str | None = None
    topic: str | None = None
    angle: str | None = None
    value_propositions: list[str] | None = None


class GenerateBody(Body):
    id: str | None = None
    format: Literal["video_remix", "slideshow_remix", "ugc_remix", "auto"] = "auto"
    variant_count: int = Field(default=1, ge=1, le=5)
    brief: Brief | None = None
    project_layer_id: str | None = None


def clone(ctx: RequestContext, body: CloneBody) -> Response:
    """POST /v1/content/:containerId/clone-from-post: the path id, minted by the client, stays the order's."""
    minted = _minted("containerId", ctx.path["containerId"])
    request = body.model_dump_json(by_alias=True)
    if (known := _known(ctx, minted, request)) is not None:
        return known
    project = ctx.project(body.project_id)
    _check_layer(ctx, project, body.project_layer_id)
    source = ctx.one(
        "SELECT * FROM platform_posts WHERE project_id = ?1 AND ?2 IN (id, external_id) AND published_at <= ?3",
        project["id"],
        body.source_platform_post_id,
        ctx.seen,
    )
    if source is None:
        raise not_found("Source platform post")
    overrides = body.overrides or Overrides()
    brief = {
        "cta": overrides.cta,
        "voiceOverScript": overrides.voice_over_script,
        "targetPlatforms": [source["platform"]],
    }
    origin = _origin(ctx, source, body.mode)
    placed = place_order(
        ctx,
        project,
        origin,
        kind=CLONE,
        content_format=source["format"],
        count=body.variations,
        brief={**brief, "hook": origin.hook},
        caption=overrides.caption,
        minted=minted,
        request=request,
    )
    answer: dict[str, object] = {
        "jobId": placed.job_id,
        "kind": CLONE,
        "status": "running",
        "containerId": placed.container_ids[0],
        "locationUrl": f"/v1/jobs/{placed.job_id}",
    }
    return accepted(ctx, placed, answer)


def _minted(name: str, text: str) -> str:
    """Return the id that a client minted for a new container, in its one spelling."""
    try:
        minted = str(uuid.UUID(text))
    except ValueError:
        minted = ""
    if minted != text.lower():
        raise invalid(name, f"{name} must be a UUID minted by the client.")
    return minted


def _known(ctx: RequestContext, minted: str, request: str) -> Response | None:
    """Return the earlier answer to an order under this id, however old; `CONFLICT` if it asked for something else."""
    known = ctx.one(
        "SELECT * FROM jobs WHERE organization_id = ? AND minted_id = ?", ctx.principal.organization_id, minted
    )
    if known is None:
        return None
    if known["request"] != request:
        raise ApiError("CONFLICT", "This container id was used with another request.")
    return ctx.response(202, json.loads(known["response"]))


def _origin(ctx: RequestContext, source: sqlite3.Row, mode: Literal["fork", "reimagine"]) -> Origin:
    """Return a clone's worth: a fork inherits its source's, less what earlier forks of the original wore off."""
    rules = ctx.rules
    if mode == "reimagine":
        return Origin(source["title"], mode, source["quality"], rules.reimagine_spread, 1.0, source["id"])
    earlier = ctx.one(
        "SELECT count(DISTINCT c.job_id) AS forks FROM content_containers c JOIN jobs j ON j.id = c.job_id"
        " WHERE c.mode = 'fork' AND c.original_id = ? AND j.outcome = 'completed'",
        source["original_id"],
    )
    fatigue = (1 - min(rules.fork_penalty, 1.0)) ** (earlier["forks"] if earlier else 0)
    return Origin(
        source["title"], mode, source["quality"], rules.fork_spread, fatigue, source["id"], source["original_id"]
    )


def generate(ctx: RequestContext, body: GenerateBody) -> Response:
    """POST /v1/projects/:projectId/content: a body may bring an id, which then stays the order's."""
    project = ctx.project()
    request = f"{project['id']} {body.model_dump_json(by_alias=True)}"
    minted = None if body.id is None else _minted("id", body.id)
    if minted is not None and (known := _known(ctx, minted, request)) is not None:
        return known
    _check_layer(ctx, project, body.project_layer_id)
    brief = body.brief or Brief()
    hook = (brief.hook or f"A day with {project['name']}").strip()
    placed = place_order(
        ctx,
        project,
        hook_origin(ctx, project, hook),
        kind=GENERATE,
        content_format=body.format,
        count=body.variant_count,
        brief={**brief.model_dump(by_alias=True, exclude_none=True), "hook": hook},
        minted=minted,
        request=request,
        sources=Sources(influencer_id=brief.influencer_id and to_internal("inf", brief.influencer_id)),
    )
    answer: dict[str, object] = {
        "jobId": placed.job_id,
        "kind": GENERATE,
        "status": "running",
        "containerId": placed.container_ids[0],
        "stage": "queued",
        "projectId": project["id"],
        "containerIds": placed.container_ids,
        "startedAt": iso(ctx.now),
        "locationUrl": f"/v1/jobs/{placed.job_id}",
    }
    return accepted(ctx, placed, answer)


def _check_layer(ctx: RequestContext, project: sqlite3.Row, layer_id: str | None) -> None:
    layers = ctx.all("SELECT * FROM project_layers WHERE project_id = ? ORDER BY rowid", project["id"])
    if layer_id is not None:
        if all(layer["id"] != layer_id for layer in layers):
            raise not_found("Project layer")
    elif len(layers) > 1:
        candidates = [{"projectLayerId": layer["id"], "name": layer["name"]} for layer in layers]
        raise ApiError("CONFLICT", "The project has several content layers.", details={"candidates": candidates})
