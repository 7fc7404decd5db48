"""How a tool reports progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""`await progress(done, total, message)`: `done` rises with every call; `total` is None where nobody knows it."""


async def no_progress(done: float, total: float | None, message: str) -> None:
    """Tell nobody: for scripts, which have nobody to tell."""
