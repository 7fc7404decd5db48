"""Recommendations: what Layers suggests to do, each with its reason; a person or an agent says what became of it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import not_found
from layers_mcp.sandbox.schemas import Body, Query, iso
from layers_mcp.sandbox.simulation.records import creatives
from layers_mcp.sandbox.simulation.rng import ulid

Kind = Literal["value_propositions", "refresh_fatigued"]
Status = Literal["open", "acknowledged", "dismissed", "acted_on"]


@dataclass(frozen=True)
class Recommendation:
    """One suggestion, and what became of it."""

    recommendation_id: str
    kind: Kind
    confidence: float
    created_at: float
    rationale: str
    evidence: dict[str, object]
    action: dict[str, object]
    status: Status = "open"
    note: str | None = None
    updated_at: float | None = None


class RecommendationsQuery(Query):
    kind: tuple[Kind, ...] = ()
    status: tuple[Status, ...] = ()
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    sort: Literal["confidence_desc", "created_desc"] = "confidence_desc"
    cursor: str | None = None
    limit: int = Field(default=25, ge=1, le=100)


class StatusBody(Body):
    status: Status
    note: str | None = Field(default=None, max_length=1_024)


def recommendations(ctx: RequestContext, query: RecommendationsQuery) -> object:
    """GET /v1/projects/:projectId/recommendations"""
    rows = [
        row
        for row in _all(ctx, ctx.project())
        if (not query.kind or row.kind in query.kind)
        and (not query.status or row.status in query.status)
        and row.confidence >= query.min_confidence
    ]
    if query.sort == "created_desc":
        rows.sort(key=lambda row: (-row.created_at, row.recommendation_id))
    else:
        rows.sort(key=lambda row: (-row.confidence, row.recommendation_id))
    return page(rows, limit=query.limit, cursor=query.cursor, key=lambda row: row.recommendation_id, render=_render)


def set_status(ctx: RequestContext, body: StatusBody) -> object:
    """PATCH /v1/projects/:projectId/recommendations/:recommendationId"""
    project = ctx.project()
    wanted = to_internal("rec", ctx.path["recommendationId"])
    if all(row.recommendation_id != wanted for row in _all(ctx, project)):
        raise not_found("Recommendation")
    ctx.db.execute(
        "INSERT OR REPLACE INTO recommendation_status VALUES (?, ?, ?, ?)", (wanted, body.status, body.note, ctx.now)
    )
    return _render(next(row for row in _all(ctx, project) if row.recommendation_id == wanted))


def _all(ctx: RequestContext, project: sqlite3.Row) -> list[Recommendation]:
    """Worked out from the world: say what the app is worth, and refresh promoted creatives that have faded."""
    found: list[Recommendation] = []
    path = f"/v1/projects/{ctx.dialect.id(project['id'])}"
    if project["app_description"]:
        found.append(
            Recommendation(
                recommendation_id=_id(project["created_at"], ctx.seed, project["id"], "value"),
                kind="value_propositions",
                confidence=0.72,
                created_at=project["created_at"],
                rationale="Most hooks show a feature; few say what life is like with it.",
                evidence={"projectId": project["id"]},
                action={"method": "GET", "endpoint": f"{path}/content/hooks", "body": None},
            )
        )
    for creative in creatives(ctx.db, project["id"]):
        score = creative["organic_score"]
        if creative["promoted_at"] is None or score is None or ctx.engine.eligible(creative, score):
            continue
        found.append(
            Recommendation(
                recommendation_id=_id(creative["created_at"], ctx.seed, creative["id"], "refresh"),
                kind="refresh_fatigued",
                confidence=round(max(0.3, 0.95 - score / 10), 2),
                created_at=creative["created_at"],
                rationale="The creative is promoted, and its score has fallen below what makes one eligible.",
                evidence={"adsContentId": creative["id"], "organicScore": score},
                action={
                    "method": "PATCH",
                    "endpoint": f"{path}/ads-content/{ctx.dialect.id(creative['id'])}",
                    "body": {"override": "exclude"},
                },
            )
        )
    return [_with_status(ctx, row) for row in found]


def _id(moment: float, *parts: object) -> str:
    return f"rec_{ulid(moment, *parts)}"


def _with_status(ctx: RequestContext, row: Recommendation) -> Recommendation:
    given = ctx.one("SELECT * FROM recommendation_status WHERE recommendation_id = ?", row.recommendation_id)
    if given is None:
        return row
    return replace(row, status=given["status"], note=given["note"], updated_at=given["updated_at"])


def _render(row: Recommendation) -> dict[str, object]:
    return {
        "recommendationId": row.recommendation_id,
        "kind": row.kind,
        "status": row.status,
        "confidence": row.confidence,
        "rationale": row.rationale,
        "evidence": row.evidence,
        "suggestedAction": row.action,
        "note": row.note,
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.updated_at),
    }
