"""The API's answers as Python values: typed where tools rely on them, tolerant of everything else.

What vintages say in different places is in one form here (see `dialects`). Unknown fields are ignored, enums are open
strings, ids pass through untouched. An optional field of an unexpected form counts as absent; only a required one
makes an answer unreadable (see `decoding`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from layers_mcp.api.decoding import count, eligibility, flat_row, text_or_none, with_ranks, without_nulls
from layers_mcp.text.labels import label

T = TypeVar("T")


def _utc(moment: datetime) -> datetime:
    if not 1970 <= moment.year < 3000:  # such as the year 1, which stands for "never"
        raise ValueError("no moment in the life of a post")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A point in time, in UTC whatever form it came in."""

Label = Annotated[str, AfterValidator(label)]
"""An open enum's value: printable, short."""

Given = Annotated[str | None, BeforeValidator(text_or_none)]
"""An id or a cursor that may be missing; an empty text names nothing."""

FlatRow = Annotated[dict[str, float | int | str], BeforeValidator(flat_row)]
"""Numbers and texts by name; nulls and nested values left out."""


class Wire(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )


class Reply(Wire):
    """An answer that results date: `answered_at` is when upstream gave it."""

    answered_at: datetime


class PageReply(Reply, Generic[T]):
    """A page of a list as upstream gives it; `next_cursor` is None at its end."""

    items: Annotated[list[T], BeforeValidator(without_nulls)]
    next_cursor: Given = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of a list; `next_cursor` goes on after them (None at its end), `notes` say what was left out, and why."""

    items: list[T]
    next_cursor: str | None
    answered_at: datetime
    notes: tuple[str, ...] = ()


class Whoami(Wire):
    """What the key is."""

    organization_id: str
    organization_name: str | None = None
    scopes: tuple[str, ...] = ()
    rate_limit_tier: Label | None = None
    credit_balance: int | None = None


class Project(Wire):
    """A customer's project."""

    id: str = Field(validation_alias=AliasChoices("id", "projectId"))
    name: str | None = None
    status: Label | None = None
    timezone: str | None = None


class Credits(Wire):
    """The organization's credits; estimates are upper bounds for one piece of a format."""

    balance: int | None = None
    available: int | None = None
    estimated_credits_per_format: dict[str, int] = {}

    @property
    def spendable(self) -> int | None:
        """Credits that an order can use now: what reservations leave where upstream says so, else the balance."""
        return self.balance if self.available is None else self.available

    @model_validator(mode="after")
    def _says_something(self) -> Credits:
        if self.spendable is None:
            raise ValueError("neither a balance nor what is available")
        return self


class SocialAccount(Wire):
    """A linked account; `status` is connected, reauth_required or disconnected."""

    social_account_id: str = Field(validation_alias=AliasChoices("socialAccountId", "id"))
    platform: Label | None = None
    handle: str | None = None
    status: Label | None = None
    connected_at: Moment | None = None


class MetricsWindow(Wire):
    """The window as upstream gave it; where it gave none, as it was asked for."""

    since: Label
    until: Label
    granularity: Label


class Metrics(Reply):
    """A series of buckets and their totals, metric keys in snake_case; `engagement_rate` is a fraction."""

    scope: Label
    id: str
    window: MetricsWindow
    series: Annotated[list[FlatRow], BeforeValidator(without_nulls)]
    totals: FlatRow = {}


class Organic(Wire):
    """Organic results; `engagement_rate` is a fraction, `watch_time_ms` a total over all views."""

    views: int | None = None
    engagement_rate: float | None = None
    watch_time_ms: int | None = None
    platforms: tuple[str, ...] = ()


class RankedRow(Wire):
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


class AdsContent(Wire):
    """A creative in the scoring pool; `organic_score` is 0 to 10, `active_promotions` a count."""

    ads_content_id: str = Field(validation_alias=AliasChoices("adsContentId", "id"))
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


class Asset(Wire):
    """A file of a container; `duration_ms` in milliseconds."""

    asset_id: str | None = Field(default=None, validation_alias=AliasChoices("assetId", "mediaId", "id"))
    container_id: str | None = None
    kind: Label | None = None
    url: str | None = None
    duration_ms: int | None = None


class JobError(Wire):
    """Why a job or container failed, in upstream's code and words."""

    code: Label | None = None
    message: str | None = None


class Job(Wire):
    """A job as it stands; `progress` is 0 to 1, `container_ids` every id that it names anywhere."""

    job_id: str = Field(validation_alias=AliasChoices("jobId", "id"))
    status: Label
    kind: Label | None = None
    stage: Label | None = None
    progress: float | None = None
    project_id: str | None = None
    container_ids: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = ()
    error: JobError | None = None

    @property
    def terminal(self) -> bool:
        """Whether the job has ended, one way or another."""
        return self.status in ("completed", "failed", "canceled")


class OrderReply(Wire):
    """What Layers took on: a job, and the containers named so far (often one, whatever was ordered)."""

    job_id: str
    kind: Label | None = None
    status: Label | None = None
    container_ids: tuple[str, ...] = ()


class CancelReply(Wire):
    """Whether a job was told to stop; it stops at its next stage."""

    accepted: bool
    reason: Label | None = None


class Container(Wire):
    """A piece of content, ordered or made; `status` is queued, generating, completed, failed or canceled."""

    container_id: str = Field(validation_alias=AliasChoices("id", "containerId"))
    project_id: str | None = None
    status: Label | None = None
    approval_status: Label | None = None
    format: Label | None = None
    hook: str | None = None
    caption: str | None = None
    cta: str | None = None
    assets: tuple[Asset, ...] = ()
    created_at: Moment | None = None
    error: JobError | None = None


class ReviewPolicy(Wire):
    """Whether finished content waits for a person.

    `policy` is review_all, review_first_n or auto_approve; `review_until_timeout` where an earlier API lets content go
    live by itself after a while.
    """

    policy: Label
    first_n: int | None = None
    pending_count: int | None = None


class Decision(Wire):
    """A container's approval status after a decision."""

    container_id: str = Field(validation_alias=AliasChoices("id", "containerId"))
    approval_status: Label
