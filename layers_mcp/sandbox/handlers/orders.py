"""The two POSTs that cost credits: clone a post, generate with a hook."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.account import balance
from layers_mcp.sandbox.responses import ApiError, Response, encode, invalid, not_found
from layers_mcp.sandbox.schemas import Body, iso
from layers_mcp.sandbox.simulation.parameters import FORMAT_CREDITS
from layers_mcp.sandbox.simulation.records import charge, insert, next_number
from layers_mcp.sandbox.simulation.rng import generator, lognormal, lognormal_mean_one, ulid


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


@dataclass(frozen=True)
class Origin:
    """What an order starts from: its text, and the hidden worth it inherits."""

    hook: str
    mode: Literal["fork", "reimagine", "hook"]
    quality: float
    spread: float
    fatigue: float = 1.0
    source_post_id: str | None = None
    original_id: str | None = None


def clone(ctx: RequestContext, body: CloneBody) -> Response:
    """POST /v1/content/:containerId/clone-from-post: the path id, minted by the client, is the order's for ever."""
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
    return _order(
        ctx,
        project,
        _origin(ctx, source, body.mode),
        kind="content_clone_from_post",
        content_format=source["format"],
        count=body.variations,
        brief=brief,
        caption=overrides.caption,
        minted=minted,
        request=request,
    )


def _minted(name: str, text: str) -> str:
    """The id that a client minted for a new container, in its one spelling."""
    try:
        minted = str(uuid.UUID(text))
    except ValueError:
        minted = ""
    if minted != text.lower():
        raise invalid(name, f"{name} must be a UUID minted by the client.")
    return minted


def _known(ctx: RequestContext, minted: str, request: str) -> Response | None:
    """The prior answer to an order under this id, however long ago; `CONFLICT` where it asked for something else."""
    known = ctx.one(
        "SELECT * FROM jobs WHERE organization_id = ? AND minted_id = ?", ctx.principal.organization_id, minted
    )
    if known is None:
        return None
    if known["request"] != request:
        raise ApiError("CONFLICT", "This container id was used with another request.")
    return ctx.response(202, json.loads(known["response"]))


def _origin(ctx: RequestContext, source: sqlite3.Row, mode: Literal["fork", "reimagine"]) -> Origin:
    """A fork inherits its source's worth, less what earlier forks of the same original have worn off."""
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
    """POST /v1/projects/:projectId/content: a body may bring an id, which is then the order's for ever."""
    project = ctx.project()
    request = f"{project['id']} {body.model_dump_json(by_alias=True)}"
    minted = None if body.id is None else _minted("id", body.id)
    if minted is not None and (known := _known(ctx, minted, request)) is not None:
        return known
    _check_layer(ctx, project, body.project_layer_id)
    brief = body.brief or Brief()
    hook = (brief.hook or f"A day with {project['name']}").strip()
    known = ctx.one("SELECT quality FROM hooks WHERE project_id = ? AND text = ?", project["id"], hook)
    if known is None:
        chance = generator(ctx.seed, "hook", project["name"], hook)
        quality = lognormal(chance, ctx.rules.hook_rate_median, ctx.rules.hook_rate_spread)
        insert(ctx.db, "hooks", project_id=project["id"], text=hook, quality=quality)
    else:
        quality = known["quality"]
    return _order(
        ctx,
        project,
        Origin(hook, "hook", quality, ctx.rules.hook_spread),
        kind="content_generate",
        content_format=body.format,
        count=body.variant_count,
        brief=brief.model_dump(by_alias=True, exclude_none=True),
        minted=minted,
        request=request,
    )


def _check_layer(ctx: RequestContext, project: sqlite3.Row, layer_id: str | None) -> None:
    layers = ctx.all("SELECT * FROM project_layers WHERE project_id = ? ORDER BY rowid", project["id"])
    if layer_id is not None:
        if all(layer["id"] != layer_id for layer in layers):
            raise not_found("Project layer")
    elif len(layers) > 1:
        candidates = [{"projectLayerId": layer["id"], "name": layer["name"]} for layer in layers]
        raise ApiError("CONFLICT", "The project has several content layers.", details={"candidates": candidates})


def _order(
    ctx: RequestContext,
    project: sqlite3.Row,
    origin: Origin,
    *,
    kind: str,
    content_format: str,
    count: int,
    brief: Mapping[str, object],
    request: str,
    caption: str | None = None,
    minted: str | None = None,
) -> Response:
    """Charge once, start the job, set up its containers."""
    number = next_number(ctx.db)
    chance = generator(ctx.seed, "job", number)
    if content_format == "auto":
        content_format = "slideshow_remix" if chance.random() < 0.3 else "video_remix"
    price = FORMAT_CREDITS[content_format] * count
    if balance(ctx) < price:
        raise ApiError("BILLING_EXHAUSTED", "Not enough credits.", details={"requiredCredits": price})
    job_id = f"job_{ulid(ctx.now, ctx.seed, 'job', number)}"
    numbers = [next_number(ctx.db) for _ in range(count)]
    container_ids = [f"cnt_{ulid(ctx.now, ctx.seed, 'cnt', n)}" for n in numbers]
    response: dict[str, object] = {"jobId": job_id, "kind": kind, "status": "running", "containerId": container_ids[0]}
    if kind == "content_generate":
        response |= {
            "stage": "queued",
            "projectId": project["id"],
            "containerIds": container_ids,
            "startedAt": iso(ctx.now),
        }
    response["locationUrl"] = f"/v1/jobs/{job_id}"
    seconds = chance.uniform(ctx.rules.job_seconds_least, ctx.rules.job_seconds_most)
    insert(
        ctx.db,
        "jobs",
        id=job_id,
        organization_id=ctx.principal.organization_id,
        project_id=project["id"],
        kind=kind,
        started_at=ctx.now,
        seconds=seconds,
        ends_at=ctx.now + seconds,
        outcome="failed" if "job_failed" in ctx.faults else "completed",
        credits=price,
        minted_id=minted,
        request=request,
        response=encode(response).decode(),
    )
    for sequence, container_id in zip(numbers, container_ids, strict=True):
        insert(
            ctx.db,
            "content_containers",
            id=container_id,
            sequence=sequence,
            project_id=project["id"],
            job_id=job_id,
            minted_id=minted,
            mode=origin.mode,
            format=content_format,
            hook=origin.hook,
            caption=caption or f"{origin.hook} #{project['name'].split('-')[0]}",
            cta=brief.get("cta"),
            brief=json.dumps({**brief, "hook": origin.hook}),
            source_post_id=origin.source_post_id,
            original_id=origin.original_id or container_id,
            quality=min(
                origin.quality * lognormal_mean_one(generator(ctx.seed, "quality", sequence), origin.spread),
                ctx.rules.rate_ceiling,
            ),
            fatigue=origin.fatigue,
            created_at=ctx.now,
        )
    charge(
        ctx.db,
        ctx.seed,
        ctx.now,
        organization_id=ctx.principal.organization_id,
        event_type="usage",
        amount=-price,
        job_id=job_id,
        container_ids=container_ids,
    )
    return ctx.response(202, response)
