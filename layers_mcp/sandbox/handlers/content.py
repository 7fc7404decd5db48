"""Reads of what was made: one container, its progress and assets, and a project's content."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.containers import SELECT, assets, find_container, progress_of, render, status_of
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import invalid_fields, not_found
from layers_mcp.sandbox.schemas import NoQuery, Query, Timestamp, iso


class ContentQuery(Query):
    """`creative_type` is current's."""

    status: tuple[str, ...] = ()
    format: tuple[str, ...] = ()
    creative_type: Literal["generated", "uploaded"] | None = None
    since: Timestamp | None = None
    until: Timestamp | None = None
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=200)


def read_content(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/content/:containerId"""
    return render(ctx, find_container(ctx))


def read_progress(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/content/:containerId/progress"""
    container = find_container(ctx)
    progress = progress_of(container, ctx.now)
    running = progress.status == "running"
    return {
        "containerId": container["id"],
        "status": ctx.dialect.container_status(status_of(container, ctx.now)),
        "stage": progress.stage,
        "stageProgress": progress.stage_progress,
        "etaSeconds": round(container["ends_at"] - ctx.now) if running else None,
        "updatedAt": iso(ctx.now if running else container["ends_at"] or container["created_at"]),
    }


def read_asset(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/content/:containerId/assets/:assetId"""
    container = find_container(ctx)
    done = status_of(container, ctx.now) == "completed"
    found = [one for one in assets(container) if done and one["assetId"] == ctx.path["assetId"]]
    if not found:
        raise not_found("Asset")
    return {"containerId": container["id"], **found[0]}


def project_content(ctx: RequestContext, query: ContentQuery) -> object:
    """GET /v1/projects/:projectId/content, newest first; `until` is inclusive in current, exclusive in preview."""
    statuses = _known(query.status, ctx.dialect.container_statuses(), "status")
    formats = _known(query.format, ctx.dialect.formats(), "format")
    if query.creative_type is not None and not ctx.dialect.reads_current:
        raise invalid_fields([("creativeType", "is not a known parameter")])
    inclusive = ctx.dialect.writes_current
    rows = [
        row
        for row in ctx.all(
            SELECT + "WHERE c.project_id = ? ORDER BY c.created_at DESC, c.sequence DESC", ctx.project()["id"]
        )
        if (not statuses or status_of(row, ctx.now) in statuses)
        and (not formats or row["format"] in formats)
        and (query.since is None or row["created_at"] >= query.since)
        and (query.until is None or row["created_at"] < query.until or (inclusive and row["created_at"] == query.until))
        and query.creative_type != "uploaded"
    ]
    return page(
        rows,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda row: row["id"],
        render=lambda row: render(ctx, row, listed=True),
    )


def _known(asked: tuple[str, ...], words: dict[str, str], field: str) -> set[str]:
    """Return what the words of a filter mean; `VALIDATION` for one that this vintage does not have."""
    if any(word not in words for word in asked):
        raise invalid_fields([(field, f"must be one of {', '.join(words)}")])
    return {words[word] for word in asked}
