"""list_ads_content: the scoring pool, from which Layers promotes (publish-to-learn, step 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.api.models import AdsContent, Page
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._ranking_rows import shown_title

STARTED_AGAIN = (
    "Upstream answered this cursor with its first page, so the cursor is wrong or expired: "
    "calling without it starts over."
)

NO_CREATIVE = "No creative is in the pool. check_readiness says whether anything was scored yet."
NO_MATCH = "No creative matches; without scoring_pool, min_score, override and eligible_only all are listed."


class Creative(Result):
    """A creative of the pool; `organic_score` is 0 to 10, `active_promotions` a count of running ads."""

    ads_content_id: str
    title: str | None = None
    title_cut: bool | None = None
    organic_score: float | None = None
    scoring_pool: str | None = None
    eligible: bool | None = None
    override: str
    active_promotions: int | None = None
    source_type: str | None = None
    source_id: str | None = None


class Overrides(Result):
    """How many creatives on this page are forced in or out."""

    include: int
    exclude: int


class AdsContentPage(Result):
    """A page of the pool, best score first."""

    truncation_hint = "Ask for a lower limit."

    items: list[Creative]
    overrides: Overrides
    next_cursor: str | None = None
    notes: list[str]


@tool(
    title="List ad creatives and scores",
    kind=READ,
    scope="metrics:read",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB"},
)
async def list_ads_content(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    scoring_pool: Annotated[tuple[Literal["generated", "ugc", "manual"], ...], Field(description="Empty = all.")] = (),
    min_score: Annotated[float, Field(description="Lowest score.", ge=0, le=10)] = 0,
    override: Annotated[Literal["any", "include", "exclude", "none"], Field(description="none = without one.")] = "any",
    eligible_only: Annotated[bool, Field(description="Only eligible.")] = False,
    limit: Annotated[int, Field(description="Per page.", ge=1, le=200)] = 25,
    cursor: Annotated[str, Field(description="From next_cursor.")] = "",
) -> AdsContentPage:
    """List all ad creatives in the scoring pool, best organic score first: which content is eligible, excluded, pinned
    by hand or promoted now, active promotions, what we can or could advertise or run as ads.

    Eligible: a score of 4.0 or more (of 10) or override include, never exclude. Not for results (rank_top_performers).
    """

    async def read(limit: int, cursor: str) -> Page[AdsContent]:
        return await context.api.ads.content(
            project_id,
            scoring_pool=tuple(dict.fromkeys(scoring_pool)),
            min_score=min_score or None,
            override="" if override == "any" else override,
            eligible=eligible_only or None,
            limit=limit,
            cursor=cursor,
        )

    async with GatherSettled(context.deadline) as reads:
        asked = reads.start(read, limit, cursor)
        first = reads.start(read, 1, "") if cursor else None
    page = asked.value
    if first and _starts_like(page, first.or_else(None)):
        return AdsContentPage(items=[], overrides=Overrides(include=0, exclude=0), notes=[STARTED_AGAIN])
    filtered = bool(scoring_pool or min_score or override != "any" or eligible_only)
    return _shown(page, cursor, filtered=filtered)


def _starts_like(page: Page[AdsContent], first: Page[AdsContent] | None) -> bool:
    """Return whether a later page is the first one again: upstream answers a bad cursor so, without an error."""
    if not first or not page.items or not first.items:
        return False
    return page.items[0].ads_content_id == first.items[0].ads_content_id


def _shown(page: Page[AdsContent], cursor: str, *, filtered: bool) -> AdsContentPage:
    notes = _notes(page.items, cursor, filtered=filtered)
    return AdsContentPage(
        items=[_creative(row) for row in page.items],
        overrides=Overrides(
            include=sum(row.override == "include" for row in page.items),
            exclude=sum(row.override == "exclude" for row in page.items),
        ),
        next_cursor=page.next_cursor,
        notes=[*notes, *page.notes],
    )


def _notes(rows: Sequence[AdsContent], cursor: str, *, filtered: bool) -> list[str]:
    if not rows and not cursor:
        return [NO_MATCH if filtered else NO_CREATIVE]
    if unscored := sum(row.organic_score is None for row in rows):
        return [f"Not scored yet: {unscored} of these rows; scoring runs every 6 hours."]
    return []


def _creative(row: AdsContent) -> Creative:
    title, title_cut = shown_title(row.title)
    return Creative(
        ads_content_id=row.ads_content_id,
        title=title,
        title_cut=title_cut,
        organic_score=row.organic_score,
        scoring_pool=row.scoring_pool,
        eligible=row.eligible,
        override=row.override,
        active_promotions=row.active_promotions,
        source_type=row.source_type,
        source_id=row.source_id,
    )
