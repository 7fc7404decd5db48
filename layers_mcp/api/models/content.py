"""What is made: jobs, containers, and decisions on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from layers_mcp.api.models._fields import ApiModel, Given, Id, Label, Moment, SafeId

_LONGEST_URL = 4_000
"""Characters; a signed address has a third of them."""


class Asset(ApiModel):
    """A file of a container; `duration_ms` in milliseconds."""

    asset_id: Given = Field(default=None, validation_alias=AliasChoices("assetId", "mediaId", "id"))
    container_id: Given = None
    kind: Label | None = None
    url: Annotated[str, Field(max_length=_LONGEST_URL)] | None = None
    duration_ms: int | None = None


class JobError(ApiModel):
    """Why a job or container failed, in upstream's code and words."""

    code: Label | None = None
    message: str | None = None

    @property
    def text(self) -> str:
        """Code and message in one line, as upstream wrote them."""
        return ": ".join(part for part in (self.code, self.message) if part)


class Job(ApiModel):
    """A job as it is; `progress` is 0 to 1, `container_ids` every id that it names anywhere."""

    job_id: Id = Field(validation_alias=AliasChoices("jobId", "id"))
    status: Label
    kind: Label | None = None
    stage: Label | None = None
    progress: float | None = None
    project_id: SafeId = None
    container_ids: tuple[str, ...] = ()
    assets: tuple[Asset, ...] = ()
    error: JobError | None = None

    @property
    def terminal(self) -> bool:
        """Whether the job has ended, one way or another."""
        return self.status in ("completed", "failed", "canceled")


class OrderReply(ApiModel):
    """What Layers took on: a job, and the containers named so far (often one, whatever was ordered)."""

    job_id: Id
    project_id: Given = None
    kind: Label | None = None
    status: Label | None = None
    container_ids: tuple[str, ...] = ()


class CancelReply(ApiModel):
    """Whether a job was told to stop; it stops at its next stage."""

    accepted: bool
    reason: Label | None = None


class Container(ApiModel):
    """A piece of content, ordered or made; `status` is queued, generating, completed, failed or canceled."""

    container_id: Id = Field(validation_alias=AliasChoices("id", "containerId"))
    project_id: Given = None
    status: Label | None = None
    approval_status: Label | None = None
    format: Label | None = None
    hook: str | None = None
    source_tiktok_id: Given = None
    caption: str | None = None
    cta: str | None = None
    assets: tuple[Asset, ...] = ()
    created_at: Moment | None = None
    error: JobError | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it is made; content without a status is listed once it is."""
        return self.status in ("completed", None)

    @property
    def is_video(self) -> bool:
        """Whether it is a video; a slideshow is a series of pictures."""
        if any(asset.kind == "video" for asset in self.assets):
            return True
        return not self.assets and not (self.format or "").startswith("slideshow")


class SchedulePromotion(ApiModel):
    """Scheduled posts that an approval set going; `status` is ok or failed."""

    status: Label | None = None
    scheduled_post_ids: tuple[str, ...] = ()


class Decision(ApiModel):
    """A container's approval status after a decision, and what the decision set going."""

    container_id: Id = Field(validation_alias=AliasChoices("id", "containerId"))
    approval_status: Label
    pending_schedule_promotion: SchedulePromotion | None = None
