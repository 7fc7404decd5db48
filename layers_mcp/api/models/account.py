"""An organization, its projects, and what belongs to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from layers_mcp.api.decoding import prices
from layers_mcp.api.models._fields import ApiModel, Given, Id, Label, Moment


class Whoami(ApiModel):
    """What the key is."""

    organization_id: Id
    organization_name: str | None = None
    scopes: tuple[str, ...] = ()
    rate_limit_tier: Label | None = None
    credit_balance: int | None = None


class Project(ApiModel):
    """A customer's project."""

    id: Id = Field(validation_alias=AliasChoices("id", "projectId"))
    name: str | None = None
    status: Label | None = None
    timezone: str | None = None


class Credits(ApiModel):
    """The organization's credits; estimates are upper bounds for one piece of a format, None where unreadable."""

    balance: int | None = None
    available: int | None = None
    estimated_credits_per_format: Annotated[dict[str, int | None], BeforeValidator(prices)] = Field(
        default_factory=dict[str, int | None]
    )

    @property
    def readable_estimates(self) -> dict[str, int]:
        """The estimates that can be read."""
        return {name: price for name, price in self.estimated_credits_per_format.items() if price is not None}

    @property
    def spendable(self) -> int | None:
        """Credits that an order can use now: what reservations leave where upstream says so, else the balance."""
        return self.balance if self.available is None else self.available

    @model_validator(mode="after")
    def _says_something(self) -> Credits:
        if self.spendable is None:
            raise ValueError("neither a balance nor what is available")
        return self


class CreditEvent(ApiModel):
    """An entry of the ledger; `credits` is signed: usage is negative, a refund positive."""

    credits: float
    event_type: Label | None = None
    project_id: Given = None
    container_id: Given = None
    format: Label | None = None
    created_at: Moment | None = None


class SocialAccount(ApiModel):
    """A linked account; `status` is connected, reauth_required or disconnected."""

    social_account_id: Id = Field(validation_alias=AliasChoices("socialAccountId", "id"))
    platform: Label | None = None
    handle: str | None = None
    status: Label | None = None
    connected_at: Moment | None = None


class Influencer(ApiModel):
    """Someone who speaks in content; `status` is pending, training, ready (can be used) or failed."""

    influencer_id: Id = Field(validation_alias=AliasChoices("influencerId", "id"))
    name: str | None = None
    status: Label | None = None


class ReviewPolicy(ApiModel):
    """Whether finished content waits for a person.

    `policy` is review_all, review_first_n or auto_approve; `review_until_timeout` where an earlier API lets content go
    live by itself after a while.
    """

    policy: Label
    first_n: int | None = None
    pending_count: int | None = None

    @property
    def holds_everything(self) -> bool | None:
        """Whether all finished content waits for a person; None where a part of it does, or for a while."""
        return {"review_all": True, "auto_approve": False}.get(self.policy)
