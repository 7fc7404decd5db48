"""Where new content can start from: hooks made up on the spot, and TikTok videos to remix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.pagination import page
from layers_mcp.sandbox.responses import ApiError
from layers_mcp.sandbox.schemas import NoQuery, Query
from layers_mcp.sandbox.simulation.rng import generator

HOOKS = 20

OPENINGS = (
    "Nobody tells you that",
    "Stop scrolling:",
    "POV:",
    "I was today years old when I learned that",
    "Unpopular:",
)
MIDDLES = ("mornings", "Sunday nights", "long weeks", "busy people", "small steps")
ENDINGS = ("need less than you think", "get easier with one habit", "are won the evening before", "love a short list")

TIKTOK_ID = re.compile(r"\d{8,20}")

SOURCES = 60
"""How many videos a project, or a keyword, has to offer."""


@dataclass(frozen=True)
class TikTokSource:
    """A stranger's TikTok that can be remixed."""

    tiktok_id: str
    kind: Literal["video", "slideshow"]
    views: int
    likes: int


class SourcesQuery(Query):
    keyword: str | None = Field(default=None, min_length=1, max_length=200)
    kind: Literal["video", "slideshow", "mixed"] = "mixed"
    cursor: str | None = None
    limit: int = Field(default=20, ge=1, le=50)


def require_app(ctx: RequestContext, *fields: str) -> None:
    """Refuse where the project lacks what the generator builds on: `appName`, `appDescription`."""
    project = ctx.project()
    values = {"appName": project["app_name"], "appDescription": project["app_description"]}
    missing = [field for field in fields if not values[field]]
    if missing:
        issues = [{"path": field, "message": "the project does not have it"} for field in missing]
        message = f"The project has no {' and no '.join(missing)}."
        raise ApiError("VALIDATION", message, details={"missingFields": missing, "issues": issues})


def hooks(ctx: RequestContext, query: NoQuery) -> object:
    """GET /v1/projects/:projectId/content/hooks: new ones each time; a line break is a backslash and an n."""
    require_app(ctx, "appName", "appDescription")
    chance = generator(ctx.seed, "hooks", ctx.project()["id"], ctx.now, ctx.number)
    made: list[str] = []
    while len(made) < HOOKS:
        parts = [chance.choice(OPENINGS), chance.choice(MIDDLES), chance.choice(ENDINGS)]
        hook = f"{parts[0]}{chance.choice((' ', chr(92) + 'n'))}{parts[1]} {parts[2]}."
        if hook not in made:
            made.append(hook)
    return {"hooks": made}


def source_recommendations(ctx: RequestContext, query: SourcesQuery) -> object:
    """GET /v1/projects/:projectId/content/source-recommendations"""
    project = ctx.project()
    found = [
        source for source in _sources(ctx, project["name"], query.keyword or "") if query.kind in ("mixed", source.kind)
    ]
    return page(
        found,
        limit=query.limit,
        cursor=query.cursor,
        key=lambda source: source.tiktok_id,
        render=lambda source: {
            "tiktokId": source.tiktok_id,
            "kind": source.kind,
            "stats": {"views": source.views, "likes": source.likes},
        },
    )


def kind_of(tiktok_id: str) -> Literal["video", "slideshow"]:
    """Return whether a TikTok is a slideshow, which its id decides: every fourth one is."""
    return "slideshow" if int(tiktok_id) % 4 == 0 else "video"


def _sources(ctx: RequestContext, project: str, keyword: str) -> list[TikTokSource]:
    chance = generator(ctx.seed, "sources", project, keyword.lower())
    found: list[TikTokSource] = []
    for _ in range(SOURCES):
        tiktok_id = str(chance.randrange(7 * 10**18, 8 * 10**18))
        views = int(10 ** chance.uniform(4, 7))
        likes = int(views * chance.uniform(0.02, 0.15))
        found.append(TikTokSource(tiktok_id, kind_of(tiktok_id), views, likes))
    return found
