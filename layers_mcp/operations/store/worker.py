"""Blocking steps of the journal, in worker threads, each within a time limit whatever its storage does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

import anyio
from anyio import to_thread

from layers_mcp.deadlines import STEP_SECONDS
from layers_mcp.operations.errors import JournalError

T = TypeVar("T")


class Steps(Protocol):
    """Takes the steps of one storage."""

    async def run(self, work: Callable[[], T], undo: Callable[[], object] | None = None) -> T:
        """Do `work` and return what it returns. Raises `JournalError`; what ends only after that does `undo`, too."""
        ...


class Worker:
    """Runs the steps of one storage, `at_once` of them side by side."""

    def __init__(self, *, at_once: int, seconds: float = STEP_SECONDS) -> None:
        """`seconds` bounds each step."""
        self._seconds = seconds
        self._places = anyio.Semaphore(at_once)
        self._frozen: list[_Step[object]] = []

    async def run(self, work: Callable[[], T], undo: Callable[[], object] | None = None) -> T:
        """Do `work` in a thread, and return what it returns. Raises `JournalError`.

        A thread that does not end in time is left behind, and until it ends every step fails at once: no call waits
        twice for frozen storage. Where it ends after all, it does `undo`.
        """
        async with self._places:
            self._frozen = [step for step in self._frozen if not step.ended]
            if self._frozen:
                raise JournalError("its storage does not answer", passing=True)
            step = _Step(work, undo)
            with anyio.move_on_after(self._seconds):
                try:
                    await to_thread.run_sync(step, abandon_on_cancel=True)
                finally:
                    step.give_up()
            if not step.ended:
                self._frozen.append(cast("_Step[object]", step))
            return step.outcome()


class _Step(Generic[T]):
    """One piece of work for a thread, and the agreement on whether its caller still hears of its end."""

    def __init__(self, work: Callable[[], T], undo: Callable[[], object] | None) -> None:
        self._work = work
        self._undo = undo
        self._agreement = threading.Lock()
        self._given_up = False
        self._result: T | None = None
        self._error: Exception | None = JournalError("its storage does not answer", passing=True)
        self.ended = False

    def __call__(self) -> None:
        """Work, in the thread; an error is kept for the caller."""
        result, error = None, None
        try:
            result = self._work()
        except Exception as failure:
            error = failure
        with self._agreement:
            if not self._given_up:
                self._result, self._error, self.ended = result, error, True
                return
        try:
            if error is None and self._undo is not None:
                self._undo()
        except JournalError:
            pass  # what is not undone here expires
        finally:
            self.ended = True

    def give_up(self) -> None:
        """Stop waiting: where the work has not ended by now, nobody hears of its end."""
        with self._agreement:
            self._given_up = not self.ended

    def outcome(self) -> T:
        """Return what the work returned. Raises what it raised, or `JournalError` where it did not end in time."""
        if self._error is not None:
            raise self._error
        return cast("T", self._result)
