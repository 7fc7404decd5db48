"""set_override: keep a creative in the scoring pool, force it out, or let scoring decide."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.context import ToolContext
from layers_mcp.protocol import IDEMPOTENT, Result, tool


class Override(Result):
    ads_content_id: str
    override: str
    eligible: bool | None = None
    organic_score: float | None = None
    notes: list[str]


NOTES = {
    "include": "It stays eligible regardless of score decay until the override is cleared.",
    "exclude": "Ads that already run with this creative are not stopped by this: that is done in the ads manager.",
    "clear": "Scoring decides again; the next run is within 6 hours.",
}
ELIGIBLE = {"include": True, "exclude": False}
"""What an override makes of a creative, whatever its score."""

NOT_YET = "Layers shows it otherwise for now: the override takes effect with the next scoring run, within 6 hours."


@tool(
    title="Pin or exclude a creative",
    kind=IDEMPOTENT,
    scope="ads:write",
    effect="the override was set",
    example={
        "project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB",
        "ads_content_id": "adc_01HXC5T7Y9U1I3O5P7A9S1D3F5",
        "override": "exclude",
    },
)
async def set_override(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
    ads_content_id: Annotated[str, Field(description="From list_ads_content.")],
    override: Annotated[
        Literal["include", "exclude", "clear"],
        Field(description="clear = none."),
    ],
    note: Annotated[str, Field(description="Why.", max_length=280)] = "",
) -> Override:
    """Set the override of this creative for paid promotion: include (pin, force or keep it in the ads pool), exclude
    (take this video out, block it, stop promoting it, advertise it no longer) or clear (undo, let scoring decide).

    exclude leaves running ads to the ads manager. Use include sparingly: it turns off the learning that makes room for
    fresh winners. No credits. Ids: list_ads_content.
    """
    wanted: Literal["include", "exclude"] | None = None if override == "clear" else override
    row = await context.api.ads.set_override(project_id, ads_content_id, override=wanted, note=note)
    eligible = ELIGIBLE.get(row.override, row.eligible)
    return Override(
        ads_content_id=row.ads_content_id,
        override=row.override,
        eligible=eligible,
        organic_score=row.organic_score,
        notes=[NOTES[override]] if row.eligible in (eligible, None) else [NOTES[override], NOT_YET],
    )
