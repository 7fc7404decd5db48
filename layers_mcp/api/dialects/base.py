"""What a vintage of the API is: what it can, and how it is asked for the same thing.

Answers are understood in either vintage's form, whichever is known (see `adapters`): an API may hold both for a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from layers_mcp.api.plans import OrderPlan

Vintage = Literal["preview", "current"]

Speakers = Callable[[], Awaitable[Sequence[str]]]
"""Reads the ids of the project's influencers that are ready to speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vintage can do. Tools and operations ask this, never which vintage it is."""

    clones_posts: bool
    """Any post of a ranking can be cloned; else only a TikTok video, by its own id."""
    paid_series: bool
    """Paid metrics are there as a series over time; else they are only in rankings and in lists of ads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneBrief:
    """A clone to order. Empty texts are left out; `container_id` is the new container's id, minted by the caller."""

    project_id: str
    container_id: str
    source_platform_post_id: str
    mode: Literal["fork", "reimagine"] = "fork"
    variations: int = 1
    caption: str = ""
    cta: str = ""
    voice_over_script: str = ""
    layer_id: str = ""
    influencer_id: str = ""
    social_account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookBrief:
    """New content to order, with its hook given. Empty texts and lists are left out."""

    project_id: str
    hook: str
    format: str = "auto"
    variations: int = 1
    cta: str = ""
    target_platforms: Sequence[str] = ()
    theme_tags: Sequence[str] = ()
    layer_id: str = ""
    influencer_id: str = ""
    social_account_id: str = ""


class Dialect(Protocol):
    """One vintage. Raises NotSupported where it cannot do what is asked: nothing is dropped in silence."""

    @property
    def vintage(self) -> Vintage: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def review_policy(self) -> str:
        """The last part of the review policy's address."""
        ...

    async def plan_clone(self, brief: CloneBrief, speakers: Speakers) -> OrderPlan:
        """Return the requests that clone a post."""
        ...

    async def plan_hook(self, brief: HookBrief, speakers: Speakers) -> OrderPlan:
        """Return the requests that make new content on a hook."""
        ...

    def publish_mode(self, mode: Literal["publish", "draft"], platform: str, *, video: bool) -> str:
        """Return the vintage's word for how content goes out on a platform."""
        ...

    def post_status(self, status: str) -> str:
        """Return the vintage's word for a scheduled post's status, for use in a filter."""
        ...


def given(parts: Mapping[str, object]) -> dict[str, object]:
    """Return the parts that are not empty."""
    return {name: value for name, value in parts.items() if value}
