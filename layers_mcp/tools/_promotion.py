"""Which creatives Layers has put into paid ads, by evidence.

In one vintage a ranking row carries an ads content id only where its creative is promoted, in another every row does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from layers_mcp.analytics.paid import PaidResult
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import RankedRow
from layers_mcp.context import ToolContext
from layers_mcp.tools._gather_settled import GatherSettled

POOL_PAGE = 200


@dataclass(frozen=True)
class Promoted:
    """What tells of one ranking whether a row is promoted: its id alone, or else spend or an active promotion."""

    by_id: bool
    active: Collection[str] = ()
    note: str = ""

    def __call__(self, row: RankedRow) -> bool:
        """Whether this row's creative was put into paid ads."""
        if self.by_id:
            return row.ads_content_id is not None
        return has_spend(row) or row.ads_content_id in self.active


def id_tells(rows: Sequence[RankedRow]) -> bool:
    """Return whether an ads content id means that a creative is promoted: not if all of several rows have one."""
    return len(rows) == 1 or any(row.ads_content_id is None for row in rows)


def has_spend(row: RankedRow) -> bool:
    """Return whether money was spent on this row's creative."""
    return bool(PaidResult.of(row.paid).spend)


async def read_promoted(context: ToolContext, project_id: str, rows: Sequence[RankedRow]) -> Promoted:
    """Find out what tells; the pool is read only where neither ids nor spend do for every row."""
    if id_tells(rows) or all(map(has_spend, rows)):
        return Promoted(by_id=id_tells(rows))
    async with GatherSettled.optional(context.deadline) as reads:
        pool = reads.start(context.api.ads.content, project_id, limit=POOL_PAGE)
    if isinstance(pool.outcome, LayersError):
        note = "Active promotions could not be read: `promoted` is true where there is spend, and may be elsewhere."
        return Promoted(by_id=False, note=note)
    active = {each.ads_content_id for each in pool.outcome.items if each.active_promotions}
    return Promoted(by_id=False, active=active)
