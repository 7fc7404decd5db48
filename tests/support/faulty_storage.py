"""Storage of the journal that fails on request: at any step, before it, after it, or long after it was given up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from layers_mcp.deadlines import STEP_SECONDS
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.store.sql import SqlStore

T = TypeVar("T")

Failure = Literal["refused", "unsure", "late", "orphaned", "killed before", "killed after"]
"""`refused`: the step is not taken. `unsure`: it is, and is told as failed. `late`: it is given up, taken a while
later, and then undone. `orphaned`: the same, and nobody undoes it (its process is gone by then). `killed`: the process
dies before the step, or when it is taken.
"""

LATE_SECONDS = 20.0


class FaultyStorage:
    """Takes the steps of a `SqlStore`, whichever server they are of, without threads: a run repeats to the digit."""

    def __init__(self) -> None:
        self._failures: dict[int, Failure] = {}
        self._passing = True
        self._steps = 0
        self._at = self.step = ""
        self._late: list[tuple[float, Callable[[], None]]] = []
        self.on_death: Callable[[], object] = lambda: None

    def fail(self, failure: Failure, steps: Collection[int], *, at: str = "", passing: bool = True) -> None:
        """Let these of the steps to come fail, counted from 1, and no others.

        With `at`, the first step of that name is the first that counts: "find", or for a `record` its event's.
        """
        self._failures, self._passing, self._steps, self._at = dict.fromkeys(steps, failure), passing, 0, at

    def heal(self) -> None:
        """Let no step fail any more."""
        self._failures = {}

    def forget(self) -> None:
        """What was given up is never taken: its process was killed."""
        self._late.clear()

    async def run(self, work: Callable[[], T], undo: Callable[[], object] | None = None) -> T:
        """Take a step, or do not. Raises `JournalError`."""
        if self.step == self._at:
            self._at = ""
        await checkpoint()
        while self._late and self._late[0][0] <= anyio.current_time():
            self._late.pop(0)[1]()
        if self._late:
            raise JournalError("its storage does not answer", passing=True)
        self._steps += not self._at
        match self._failures.get(self._steps):
            case None:
                return work()
            case "refused":
                pass
            case "unsure":
                work()
            case "killed before" | "killed after" as when:
                if when == "killed after":
                    work()
                self.on_death()
                await anyio.sleep_forever()
            case failure:
                later = _afterwards(work, undo if failure == "late" else None)
                self._late.append((anyio.current_time() + LATE_SECONDS, later))
                await anyio.sleep(STEP_SECONDS)
        raise JournalError("its storage fails", passing=self._passing)


class NamingStore:
    """A `SqlStore` that tells its storage which step is next: a method's name, or for `record` its event's."""

    def __init__(self, store: SqlStore, storage: FaultyStorage) -> None:
        self._store = store
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)
        if not callable(step):
            return step

        async def named(*arguments: Any, **options: Any) -> Any:
            self._storage.step = type(arguments[1]).__name__ if name == "record" else name
            return await step(*arguments, **options)

        return named


def _afterwards(work: Callable[[], object], undo: Callable[[], object] | None) -> Callable[[], None]:
    def taken() -> None:
        try:
            work()
        except Exception:
            return  # what is refused has nothing to undo
        if undo is not None:
            undo()

    return taken
