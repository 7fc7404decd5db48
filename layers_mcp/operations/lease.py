"""An attempt on its way shows that it lives; who waits for it notices when it does not.

Nothing here compares two machines' clocks: a dead attempt is one whose row did not change while somebody watched.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from layers_mcp.operations.models import Operation

BEAT_SECONDS = 2.0
"""How often an attempt on its way shows that it lives."""

DEAD_SECONDS = 8.0
"""For how long a row is watched before the attempt that holds its lease counts as dead."""


@asynccontextmanager
async def renewing(renew: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    """Call `renew` every `BEAT_SECONDS` while the block runs."""

    async def beat() -> None:
        while True:
            await anyio.sleep(BEAT_SECONDS)
            await renew()

    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        try:
            yield
        except Exception as error:  # raised below: a task group would wrap it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


class LeaseWatch:
    """One caller's watch over rows that others hold."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int, float]] = {}

    def any_alive(self, rows: Sequence[Operation]) -> bool:
        """Return whether one of the rows is held by an attempt that may live, as far as this watch has seen."""
        alive = [row for row in rows if self._is_alive(row)]
        return bool(alive)

    def _is_alive(self, row: Operation) -> bool:
        if not row.lease:
            return False
        now = anyio.current_time()
        lease, beat, since = self._seen.get(row.entry, ("", -1, now))
        if (lease, beat) != (row.lease, row.beat):
            self._seen[row.entry] = (row.lease, row.beat, now)
            return True
        return now - since < DEAD_SECONDS
