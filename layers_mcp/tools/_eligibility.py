"""Which rows of a ranking are eligible for ads: today's API leaves the others out if asked to, the guide's does not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from layers_mcp.api.models import AdsContent, Page, RankedRow
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._ranking_rows import ScoredRow

POOL_PAGE = 200
MOST_PAGES = 5


class Eligible(NamedTuple):
    """The eligible rows of a ranking, and why that may not be right ("" = it is)."""

    rows: Sequence[ScoredRow]
    note: str = ""


async def read_eligible(
    context: ToolContext, project_id: str, every: Sequence[ScoredRow], gated: Sequence[RankedRow]
) -> Eligible:
    """Find the eligible ones of `every` row: those that `gated` holds too, where that has been told from it.

    Where both hold the same, the API may have no such gate: the pool of creatives tells then.
    """
    named = {_identity(row) for row in gated}
    rows = [row for row in every if _identity(row.row) in named]
    if not rows or len(rows) < len(every):
        return Eligible(rows)

    async def read(cursor: str) -> Page[AdsContent]:
        return await context.api.ads.content(project_id, eligible=True, limit=POOL_PAGE, cursor=cursor)

    async with GatherSettled.optional(context.deadline) as reads:
        started = reads.start(partial(collect, read, most_pages=MOST_PAGES))
    pool = started.or_else(None)
    if pool is None or pool.next_cursor is not None:
        return Eligible(rows, "Which rows are eligible could not be read in full, so all are shown: list_ads_content.")
    ids = {each for one in pool.items if one.eligible is not False for each in _ids(one)}
    return Eligible([row for row in rows if not ids.isdisjoint(_ids(row.row))])


def _ids(row: RankedRow | AdsContent) -> set[str]:
    return {each for each in (row.ads_content_id, row.source_id, row.platform_post_id) if each}


def _identity(row: RankedRow) -> tuple[str | None, ...]:
    return row.platform_post_id, row.source_id, row.ads_content_id, row.title
