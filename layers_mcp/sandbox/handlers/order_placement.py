"""What every order has in common: it is charged once, its job starts, its containers are set up."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Literal, NamedTuple

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.account import balance
from layers_mcp.sandbox.responses import ApiError, Response, encode
from layers_mcp.sandbox.simulation.parameters import FORMAT_CREDITS
from layers_mcp.sandbox.simulation.records import charge, first_approval_status, insert, next_number
from layers_mcp.sandbox.simulation.rng import generator, lognormal, lognormal_mean_one, ulid


class Origin(NamedTuple):
    """What an order starts from: its text, and the hidden worth it inherits."""

    hook: str
    mode: Literal["fork", "reimagine", "hook"]
    quality: float
    spread: float
    fatigue: float = 1.0
    source_post_id: str | None = None
    original_id: str | None = None


class Sources(NamedTuple):
    """Whom and what a container is made with: ids that a read of it shows."""

    influencer_id: str | None = None
    tiktok_id: str | None = None
    media_id: str | None = None


class Placed(NamedTuple):
    """The ids of an order."""

    job_id: str
    container_ids: list[str]


def hook_origin(ctx: RequestContext, project: sqlite3.Row, hook: str) -> Origin:
    """Return a hook's worth: known, or drawn when it is first used, and then fixed."""
    known = ctx.one("SELECT quality FROM hooks WHERE project_id = ? AND text = ?", project["id"], hook)
    if known is None:
        chance = generator(ctx.seed, "hook", project["name"], hook)
        quality = lognormal(chance, ctx.rules.hook_rate_median, ctx.rules.hook_rate_spread)
        insert(ctx.db, "hooks", project_id=project["id"], text=hook, quality=quality)
    else:
        quality = known["quality"]
    return Origin(hook, "hook", quality, ctx.rules.hook_spread)


def place_order(
    ctx: RequestContext,
    project: sqlite3.Row,
    origin: Origin,
    *,
    kind: str,
    content_format: str,
    count: int,
    brief: Mapping[str, object],
    request: str = "",
    caption: str | None = None,
    minted: str | None = None,
    sources: Sources | None = None,
) -> Placed:
    """Charge once, start the job, set up its containers. Raises `BILLING_EXHAUSTED`."""
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
    )
    who = sources or Sources()
    for sequence, container_id in zip(numbers, container_ids, strict=True):
        quality = origin.quality * lognormal_mean_one(generator(ctx.seed, "quality", sequence), origin.spread)
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
            brief=json.dumps(brief),
            influencer_id=who.influencer_id,
            source_tiktok_id=who.tiktok_id,
            media_id=who.media_id,
            source_post_id=origin.source_post_id,
            original_id=origin.original_id or container_id,
            quality=min(quality, ctx.rules.rate_ceiling),
            fatigue=origin.fatigue,
            approval_status=first_approval_status(ctx.db, project),
            created_at=ctx.now,
        )
    charge(
        ctx.db,
        ctx.seed,
        ctx.now,
        organization_id=ctx.principal.organization_id,
        project_id=project["id"],
        event_type="usage",
        amount=-price,
        content_format=content_format,
        job_id=job_id,
        container_ids=container_ids,
    )
    return Placed(job_id, container_ids)


def accepted(ctx: RequestContext, placed: Placed, answer: dict[str, object]) -> Response:
    """Return the 202 of an order, kept with its job to be given again."""
    ctx.db.execute("UPDATE jobs SET response = ? WHERE id = ?", (encode(answer).decode(), placed.job_id))
    return ctx.response(202, answer)
