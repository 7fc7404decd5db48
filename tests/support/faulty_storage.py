"""Storage of the journal that fails on request: at any step, before it, after it, or long after it was given up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from layers_mcp.deadlines import STEP_SECONDS
from layers_mcp.operations.errors import JournalError

T = TypeVar("T")

Failure = Literal["refused", "unsure", "late", "orphaned"]
"""`refused`: the step is not taken. `unsure`: it is, and is told as failed. `late`: it is given up, taken a while
later, and then undone. `orphaned`: the same, and nobody undoes it (its process is gone by then).
"""

LATE_SECONDS = 20.0


class FaultyStorage:
    """Takes the steps of a `SqlStore`, whichever server they are of, without threads: a run repeats to the digit."""

    def __init__(self) -> None:
        self._failures: dict[int, Failure] = {}
        self._passing = True
        self._steps = 0
        self._late: list[tuple[float, Callable[[], None]]] = []

    def fail(self, failure: Failure, steps: Collection[int], *, passing: bool = True) -> None:
        """Let these of the steps to come fail, counted from 1, and no others."""
        self._failures, self._passing, self._steps = dict.fromkeys(steps, failure), passing, 0

    def heal(self) -> None:
        """Let no step fail any more."""
        self._failures = {}

    def forget(self) -> None:
        """What was given up is never taken: its process was killed."""
        self._late.clear()

    async def run(self, work: Callable[[], T], undo: Callable[[], object] | None = None) -> T:
        """Take a step, or do not. Raises `JournalError`."""
        await checkpoint()
        while self._late and self._late[0][0] <= anyio.current_time():
            self._late.pop(0)[1]()
        if self._late:
            raise JournalError("its storage does not answer", passing=True)
        self._steps += 1
        match self._failures.get(self._steps):
            case None:
                return work()
            case "refused":
                pass
            case "unsure":
                work()
            case failure:
                later = _afterwards(work, undo if failure == "late" else None)
                self._late.append((anyio.current_time() + LATE_SECONDS, later))
                await anyio.sleep(STEP_SECONDS)
        raise JournalError("its storage fails", passing=self._passing)


def _afterwards(work: Callable[[], object], undo: Callable[[], object] | None) -> Callable[[], None]:
    def taken() -> None:
        try:
            work()
        except Exception:
            return  # what is refused has nothing to undo
        if undo is not None:
            undo()

    return taken
