"""A tool is a plain async function; this marks it as one.

    @tool(title="Rank top performers", kind=READ)
    async def rank_top_performers(context: ToolContext, project_id: Annotated[str, Field(description="…")]) -> Ranking:
        '''What it does, when to use it, when not.'''

The first parameter is the call's context, handed in by position; all others are the tool's arguments. The function
stays as it is: scripts and tests call it without a server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from layers_mcp.protocol.result import Result

ToolFunction = Callable[..., Awaitable[Result]]
F = TypeVar("F", bound=Callable[..., Awaitable[Result]])

_MARK = "__mcp_tool__"


@dataclass(frozen=True)
class Kind:
    """What a call may do to the outside world: the hints by which a host decides whether to ask a person first."""

    read_only: bool
    destructive: bool
    idempotent: bool = True
    open_world: bool = True

    @property
    def annotations(self) -> dict[str, bool]:
        """The four hints as they stand on the wire."""
        return {
            "readOnlyHint": self.read_only,
            "destructiveHint": self.destructive,
            "idempotentHint": self.idempotent,
            "openWorldHint": self.open_world,
        }


READ = Kind(read_only=True, destructive=False)
"""Looks, and changes nothing."""

WRITE = Kind(read_only=False, destructive=False)
"""Adds something; the same arguments again are the same addition."""

IDEMPOTENT = Kind(read_only=False, destructive=False)
"""Sets a state that another call can set back."""

DESTRUCTIVE = Kind(read_only=False, destructive=True)
"""Does what cannot be undone; the same call again changes nothing more."""


@dataclass(frozen=True)
class Mark:
    """What the decorator notes on a function."""

    title: str
    kind: Kind
    view: str


def tool(*, title: str, kind: Kind, view: str = "") -> Callable[[F], F]:
    """Mark an async function as a tool.

    `title` is its name for people, `kind` says what it may do, and `view` is the URI of the resource that shows its
    results to a person (MCP Apps), in hosts that render views.
    """

    def mark(function: F) -> F:
        setattr(function, _MARK, Mark(title, kind, view))
        return function

    return mark


def mark_of(function: Callable[..., Any]) -> Mark:
    """What `@tool` noted on `function`; TypeError if it is no tool."""
    mark = getattr(function, _MARK, None)
    if not isinstance(mark, Mark):
        raise TypeError(f"{function!r} is not marked with @tool")
    return mark
