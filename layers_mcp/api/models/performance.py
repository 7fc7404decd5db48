"""How posts perform, and the pool that ads are picked from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from layers_mcp.api.decoding import count, eligibility, with_ranks, without_nulls
from layers_mcp.api.models._fields import ApiModel, FlatRow, Given, Id, Label, Reply


class MetricsWindow(ApiModel):
    """The window as upstream gave it; where it gave none, as it was asked for."""

    since: Label
    until: Label
    granularity: Label


class Metrics(Reply):
    """A series of buckets and their totals, metric keys in snake_case; `engagement_rate` is a fraction."""

    scope: Label
    id: Id
    window: MetricsWindow
    series: Annotated[list[FlatRow], BeforeValidator(without_nulls)]
    totals: FlatRow = Field(default_factory=dict[str, float | int | str])


class Organic(ApiModel):
    """Organic results; `engagement_rate` is a fraction, `watch_time_ms` a total over all views."""

    views: int | None = None
    engagement_rate: float | None = None
    watch_time_ms: int | None = None
    platforms: tuple[str, ...] = ()


class RankedRow(ApiModel):
    """A creative in a ranking; `paid` is passed through as upstream gave it."""

    rank: int
    source_type: Label | None = None
    source_id: Given = None
    platform_post_id: Given = None
    ads_content_id: Given = None
    title: str | None = None
    metric_value: float | None = None
    organic: Organic | None = None
    paid: dict[str, Any] | None = None


class Ranking(Reply):
    """A ranking, best first."""

    items: Annotated[list[RankedRow], BeforeValidator(with_ranks)]


class AdsContent(ApiModel):
    """A creative in the scoring pool; `organic_score` is 0 to 10, `active_promotions` a count."""

    ads_content_id: Id = Field(validation_alias=AliasChoices("adsContentId", "id"))
    title: str | None = None
    organic_score: float | None = None
    scoring_pool: Label | None = None
    eligible: Annotated[bool | None, BeforeValidator(eligibility)] = Field(
        default=None, validation_alias=AliasChoices("eligible", "eligibility")
    )
    override: Annotated[Label, BeforeValidator(lambda value: "none" if value is None else value)] = "none"
    active_promotions: Annotated[int | None, BeforeValidator(count)] = None
    source_type: Label | None = None
    source_id: Given = None
    platform_post_id: Given = None
