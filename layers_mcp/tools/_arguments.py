"""Parse the times that a tool's caller wrote."""

from __future__ import annotations

from datetime import datetime

from layers_mcp.protocol import invalid_argument
from layers_mcp.text.times import MOMENT_FORMS, parse_moment


def moment(name: str, text: str, now: datetime) -> datetime:
    """Return the moment that the argument `name` gives, in UTC.

    Raises ToolError naming the argument, never its value.
    """
    try:
        return parse_moment(text, now)
    except ValueError:
        raise invalid_argument(f"`{name}` must be {MOMENT_FORMS}.") from None
