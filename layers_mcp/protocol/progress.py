"""How a tool tells that it is still at work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

PROGRESS = "progress"
"""The name of the parameter that is filled in by the server, and no argument of the tool."""

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""`await progress(done, total, message)`: `done` rises with every call; `total` is None where nobody knows it."""


async def no_progress(done: float, total: float | None, message: str) -> None:
    """Tell nobody: the default of a tool's `progress` parameter, so that scripts may leave it out."""
