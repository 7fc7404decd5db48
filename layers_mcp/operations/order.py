"""What can be ordered: a clone of a post, or new content with a hook pinned in its brief.

An order is made from the caller's arguments and holds them in canonical form; two orders are the same order when
their `identity` is equal (see `loop.identity`). `body` is what goes on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

from layers_mcp.operations.identity import Argument, Canonical, canonical, canonical_list, canonical_text, identity

Tool = Literal["clone_post", "generate_with_hook"]
Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Commission:
    """The part that both kinds share. Raises `ValueError` for text that is no valid Unicode."""

    tool: ClassVar[Tool]
    project_id: str
    variations: int = 1
    layer_id: str = ""
    take: int = 1

    def __post_init__(self) -> None:
        for name, value in cast("dict[str, Argument]", vars(self).copy()).items():
            if isinstance(value, str):
                object.__setattr__(self, name, canonical_text(value))
            elif isinstance(value, tuple):
                object.__setattr__(self, name, canonical_list(value))

    @cached_property
    def arguments(self) -> dict[str, Canonical]:
        """Every argument but `take`, by its name in the tool contract, in canonical form."""
        return canonical({field.name: getattr(self, field.name) for field in fields(self) if field.name != "take"})

    @cached_property
    def identity(self) -> str:
        """SHA-256 (hex) over tool, arguments and take."""
        return self.identity_of_take(self.take)

    def identity_of_take(self, take: int) -> str:
        """The identity of the same order in another take."""
        return identity(self.tool, self.arguments, take)


@dataclass(frozen=True, kw_only=True)
class CloneOrder(_Commission):
    """`POST /v1/content/:containerId/clone-from-post` (publish-to-learn, step 3, option A)."""

    tool: ClassVar[Tool] = "clone_post"
    source_platform_post_id: str
    mode: Literal["fork", "reimagine"] = "fork"
    caption: str = ""
    cta: str = ""
    voice_over_script: str = ""

    @property
    def body(self) -> Body:
        """The request's JSON body, with empty optional parts left out."""
        overrides = {"caption": self.caption, "cta": self.cta, "voiceOverScript": self.voice_over_script}
        return {
            "projectId": self.project_id,
            "sourcePlatformPostId": self.source_platform_post_id,
            "mode": self.mode,
            "variations": self.variations,
            **_given({"projectLayerId": self.layer_id, "overrides": _given(overrides)}),
        }


@dataclass(frozen=True, kw_only=True)
class HookOrder(_Commission):
    """`POST /v1/projects/:projectId/content` with the hook in its brief (publish-to-learn, step 3, option B)."""

    tool: ClassVar[Tool] = "generate_with_hook"
    mode: ClassVar[Literal["hook"]] = "hook"
    hook: str
    format: str = "auto"
    cta: str = ""
    target_platforms: tuple[str, ...] = ()
    theme_tags: tuple[str, ...] = ()

    @property
    def body(self) -> Body:
        """The request's JSON body, with empty optional parts left out."""
        brief = {
            "hook": self.hook,
            "cta": self.cta,
            "targetPlatforms": list(self.target_platforms),
            "themeTags": list(self.theme_tags),
        }
        return {
            "format": self.format,
            "variantCount": self.variations,
            "brief": _given(brief),
            **_given({"projectLayerId": self.layer_id}),
        }


Order = CloneOrder | HookOrder


def _given(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value}
