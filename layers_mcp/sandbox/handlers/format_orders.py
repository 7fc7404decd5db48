"""Orders in the current vintage: the format is the address, one piece a call."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.influencers import find_speaker
from layers_mcp.sandbox.handlers.inspiration import TIKTOK_ID, kind_of, require_app
from layers_mcp.sandbox.handlers.order_placement import Origin, Sources, accepted, hook_origin, place_order
from layers_mcp.sandbox.handlers.orders import GENERATE
from layers_mcp.sandbox.responses import ApiError, Response, invalid_fields
from layers_mcp.sandbox.schemas import Body, iso
from layers_mcp.sandbox.simulation.rng import generator, lognormal


class SpokenBody(Body):
    """An order that an influencer may speak: named, or wired to the account."""

    social_account_id: str | None = None
    influencer_id: str | None = None


class SlideshowBuilderBody(SpokenBody):
    hook: str = Field(min_length=1, max_length=2_000)


class UgcRemixBody(SpokenBody):
    hook: str | None = Field(default=None, min_length=1, max_length=2_000)
    media_id: str | None = None


class TikTokRemixBody(SpokenBody):
    tiktok_video_id: str


def slideshow_builder(ctx: RequestContext, body: SlideshowBuilderBody) -> Response:
    """POST /v1/projects/:projectId/content/slideshow-builder: needs an app description, and nobody to speak."""
    project = ctx.project()
    require_app(ctx, "appDescription")
    speaker = find_speaker(ctx, project["id"], body.influencer_id, body.social_account_id)
    origin = hook_origin(ctx, project, body.hook.strip() or body.hook)
    return _place(ctx, project, "slideshow_builder", origin, {"hook": body.hook}, Sources(influencer_id=speaker))


def ugc_remix(ctx: RequestContext, body: UgcRemixBody) -> Response:
    """POST /v1/projects/:projectId/content/ugc-remix: needs somebody to speak, and a demo of the app."""
    project = ctx.project()
    speaker = _speaker(ctx, project, body)
    if body.media_id is None and not project["app_demo"]:
        details = {"code": "MISSING_APP_DEMO", "missingFields": ["mediaId"]}
        raise ApiError("VALIDATION", "The project has no app demo, and mediaId names none.", details=details)
    if body.media_id is not None and body.media_id != project["app_demo"]:
        raise invalid_fields([("mediaId", "is no media of this project")])
    hook = body.hook or f"A day with {project['name']}"
    sources = Sources(influencer_id=speaker, media_id=body.media_id or project["app_demo"])
    brief = {} if body.hook is None else {"hook": body.hook}
    return _place(ctx, project, "ugc_remix", hook_origin(ctx, project, hook), brief, sources)


def video_remix(ctx: RequestContext, body: TikTokRemixBody) -> Response:
    """POST /v1/projects/:projectId/content/video-remix: a TikTok video, taken over by an influencer; takes no hook."""
    return _remix(ctx, body, "video_remix")


def slideshow_remix(ctx: RequestContext, body: TikTokRemixBody) -> Response:
    """POST /v1/projects/:projectId/content/slideshow-remix: likewise, of a TikTok slideshow."""
    return _remix(ctx, body, "slideshow_remix")


def _remix(ctx: RequestContext, body: TikTokRemixBody, content_format: str) -> Response:
    project = ctx.project()
    tiktok_id = body.tiktok_video_id
    if not TIKTOK_ID.fullmatch(tiktok_id):
        raise invalid_fields([("tiktokVideoId", "must be a TikTok video's own id, digits alone")])
    speaker = _speaker(ctx, project, body)
    own = ctx.one("SELECT * FROM platform_posts WHERE project_id = ? AND external_id = ?", project["id"], tiktok_id)
    if own is not None:
        slideshow = own["format"].startswith("slideshow")
        origin = Origin(own["title"], "reimagine", own["quality"], ctx.rules.reimagine_spread, 1.0, own["id"])
    else:
        slideshow = kind_of(tiktok_id) == "slideshow"
        chance = generator(ctx.seed, "tiktok", tiktok_id)
        worth = lognormal(chance, ctx.rules.hook_rate_median, ctx.rules.hook_rate_spread)
        origin = Origin(f"Remix of TikTok {tiktok_id}", "reimagine", worth, ctx.rules.hook_spread)
    if content_format == "slideshow_remix" and not slideshow:
        raise ApiError(
            "NOT_A_SLIDESHOW",
            "tiktokVideoId: this TikTok is a video, not a slideshow.",
            details={"code": "NOT_A_SLIDESHOW", "tiktokVideoId": tiktok_id},
        )
    return _place(ctx, project, content_format, origin, {}, Sources(influencer_id=speaker, tiktok_id=tiktok_id))


def _speaker(ctx: RequestContext, project: sqlite3.Row, body: SpokenBody) -> str:
    speaker = find_speaker(ctx, project["id"], body.influencer_id, body.social_account_id)
    if speaker is None:
        problem = "one of influencerId and socialAccountId is required"
        raise invalid_fields([("influencerId", problem), ("socialAccountId", problem)])
    return speaker


def _place(
    ctx: RequestContext,
    project: sqlite3.Row,
    content_format: str,
    origin: Origin,
    brief: Mapping[str, object],
    sources: Sources,
) -> Response:
    placed = place_order(
        ctx,
        project,
        origin,
        kind=GENERATE,
        content_format=content_format,
        count=1,
        brief=brief,
        sources=sources,
    )
    answer: dict[str, object] = {
        "jobId": placed.job_id,
        "kind": GENERATE,
        "status": "running",
        "containerIds": placed.container_ids,
        "locationUrl": f"/v1/jobs/{placed.job_id}",
        "startedAt": iso(ctx.now),
    }
    return accepted(ctx, placed, answer)
