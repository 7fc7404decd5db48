"""Steps of the journal, tried again while what is in their way may pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from layers_mcp.deadlines import RESTART_SECONDS
from layers_mcp.operations.errors import JournalError, JournalUnavailableError

T = TypeVar("T")


_PAUSE_SECONDS = 0.25


async def retry_passing(step: Callable[[], Awaitable[T]]) -> T:
    """Take a step, again and again while what is in its way may pass. Raises `JournalError`."""
    until = anyio.current_time() + RESTART_SECONDS
    while True:
        try:
            return await step()
        except JournalError as error:
            if not error.passing or anyio.current_time() + _PAUSE_SECONDS > until:
                raise
        await anyio.sleep(_PAUSE_SECONDS)


async def require_journal(step: Callable[[], Awaitable[T]]) -> T:
    """Take a step without which nothing may be sent. Raises `JournalUnavailableError`."""
    try:
        return await retry_passing(step)
    except JournalError as error:
        raise JournalUnavailableError(
            f"The order journal cannot be read and written: {error}. Nothing is ordered without it.",
            "Repair or restart its storage, then call again: layers-mcp doctor checks whether it works.",
        ) from None
