"""What all orders of content share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, cast

from layers_mcp.operations.identity import Argument, Canonical, canonical, canonical_list, canonical_text, identity
from layers_mcp.operations.models import Mode, PublishMode, ToolName


@dataclass(frozen=True, kw_only=True)
class ContentOrder:
    """An order of content, its arguments in canonical form. Raises `ValueError` for text that is no valid Unicode."""

    tool: ClassVar[ToolName]
    noun: ClassVar[str] = "order"
    project_id: str
    variations: int = 1
    layer_id: str = ""
    influencer_id: str = ""
    social_account_id: str = ""
    take: int = 1

    def __post_init__(self) -> None:
        for name, value in cast("dict[str, Argument]", vars(self).copy()).items():
            if isinstance(value, str):
                object.__setattr__(self, name, canonical_text(value))
            elif isinstance(value, tuple):
                object.__setattr__(self, name, canonical_list(value))

    @property
    def order_mode(self) -> Mode | PublishMode:
        """The mode under which its outcome is compared with others'."""
        raise NotImplementedError

    @property
    def container_ids(self) -> tuple[str, ...]:
        """What comes of it is named when it is answered."""
        return ()

    @property
    def arguments(self) -> dict[str, Canonical]:
        """Every argument but `take`, by its name in the tool contract, in canonical form."""
        return canonical({field.name: getattr(self, field.name) for field in fields(self) if field.name != "take"})

    @property
    def identity(self) -> str:
        """SHA-256 (hex) over tool, arguments and take: equal for equal orders."""
        return self.identity_of_take(self.take)

    def identity_of_take(self, take: int) -> str:
        """Return the identity of the same order in another take."""
        return identity(self.tool, self.arguments, take)
