"""Content on its way to social accounts."""

from __future__ import annotations

from typing import Self

from pydantic import AliasChoices, Field, model_validator

from layers_mcp.api.models._fields import ApiModel, Given, Id, Label, Moment
from layers_mcp.api.models.content import JobError


class ScheduledPost(ApiModel):
    """Content on its way to one account.

    `status` is queued, publishing, draft, published, failed or canceled; `mode` publish or draft (of an earlier API
    in its own words); `error.code` is CREDENTIAL_INVALID where the account has to be connected again.
    """

    scheduled_post_id: Id = Field(validation_alias=AliasChoices("scheduledPostId", "id"))
    status: Label | None = None
    container_id: Given = None
    social_account_id: Given = None
    platform: Label | None = None
    mode: Label | None = None
    external_id: Given = None
    external_url: Given = None
    scheduled_for: Moment | None = None
    attempted_at: Moment | None = None
    published_at: Moment | None = None
    error: JobError | None = None


class PublishReply(ApiModel):
    """What Layers took on: a scheduled post a target; `gate_status` is blocked_on_approval while that is awaited."""

    scheduled_post_ids: tuple[str, ...]
    gate_status: Label | None = None

    @model_validator(mode="after")
    def _says_what_it_took_on(self) -> Self:
        if not self.scheduled_post_ids and not self.gate_status:
            raise ValueError("neither a scheduled post nor a gate")
        return self
