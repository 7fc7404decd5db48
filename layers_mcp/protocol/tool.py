"""A tool is a plain async function that says everything about itself once.

    @tool(
        title="Rank top performers",
        kind=READ,
        scope="metrics:read",
        example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "metric": "engagement_rate"},
    )
    async def rank_top_performers(context: ToolContext, project_id: Annotated[str, Field(description="…")]) -> Ranking:
        '''What it does, when to use it, when not.'''

The first parameter is the call's context, handed in by position; all others are the tool's arguments. The function
stays as it is: scripts and tests call it without a server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from layers_mcp.protocol.errors import NOTHING_CHANGED, unknown_outcome
from layers_mcp.protocol.result import Result

ToolFunction = Callable[..., Awaitable[Result]]
F = TypeVar("F", bound=Callable[..., Awaitable[Result]])

_SPEC = "__tool_spec__"


@dataclass(frozen=True)
class Kind:
    """What a call may do to the outside world: the hints by which a host decides whether to ask a person first."""

    name: str
    read_only: bool
    destructive: bool
    idempotent: bool = True
    open_world: bool = True

    @property
    def annotations(self) -> dict[str, bool]:
        """The four hints, as a client is shown them."""
        return {
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        }


READ = Kind("read", read_only=True, destructive=False)
"""Looks, and changes nothing."""

WRITE = Kind("write", read_only=False, destructive=False)
"""Adds something; the same arguments again are the same addition."""

IDEMPOTENT = Kind("idempotent", read_only=False, destructive=False)
"""Sets a state that another call can set back."""

DESTRUCTIVE = Kind("destructive", read_only=False, destructive=True)
"""Does what cannot be undone; the same call again changes nothing more."""


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """What a tool says about itself.

    `title` is its name for people; `scope` what an API key needs for it; `effect` completes "Unknown whether …" where
    the answer to a write is lost; `view` is the URI of the view in which a person sees its result, or empty; `example`
    the arguments of a good call, for the documentation and for the tests that call every tool.
    """

    name: str
    title: str
    kind: Kind
    scope: str
    effect: str
    view: str
    example: Mapping[str, object]

    @property
    def effect_unknown(self) -> str:
        """What may be said of a call that ended without an outcome."""
        return NOTHING_CHANGED if self.kind.read_only else unknown_outcome(self.effect)


def tool(
    *,
    title: str,
    kind: Kind,
    scope: str = "",
    effect: str = "",
    view: str = "",
    example: Mapping[str, object] = MappingProxyType({}),
) -> Callable[[F], F]:
    """Make an async function a tool; see `ToolSpec` for what to say of it. A write says its `effect`, a read has none.

    Raises TypeError where they disagree.
    """

    def mark(function: F) -> F:
        name = function.__name__
        if kind.read_only is bool(effect):
            raise TypeError(f"{name}: a write says its effect, and a read has none")
        spec = ToolSpec(name=name, title=title, kind=kind, scope=scope, effect=effect, view=view, example=example)
        setattr(function, _SPEC, spec)
        return function

    return mark


def spec_of(function: Callable[..., Any]) -> ToolSpec:
    """Return what `@tool` was told about `function`; TypeError if it is no tool."""
    spec = getattr(function, _SPEC, None)
    if not isinstance(spec, ToolSpec):
        raise TypeError(f"{function!r} is not marked with @tool")
    return spec
