"""The way from the event loop to the journal: opened when first needed, one step at a time, in a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from layers_mcp.operations.errors import JournalError

if TYPE_CHECKING:
    from layers_mcp.operations.journal import Journal

T = TypeVar("T")

STEP_SECONDS = 8.0
"""How long a step may take: storage ends its own waits sooner, unless its server or file system is frozen."""


class JournalAccess:
    """One process's journal. `trouble` says why its last step failed, None where it did not."""

    def __init__(self, url: str, state_dir: Path, *, seconds: float = STEP_SECONDS) -> None:
        """`seconds` bounds each step."""
        self._url = url
        self._seconds = seconds
        self._file = state_dir / "orders.db"
        self._journal: Journal | None = None
        self._one_at_a_time = anyio.Lock()
        self._frozen: threading.Event | None = None  # set when the step that was given up ends after all
        self.trouble: str | None = None

    @property
    def exists(self) -> bool:
        """Whether anything can be in it; asking opens nothing."""
        try:
            return bool(self._url) or self._file.exists()
        except OSError:  # no permission to look: reading it will say so
            return True

    async def step(self, work: Callable[[Journal], T]) -> T:
        """Do one step on the journal, creating it where there is none. Raises `JournalError`."""
        async with self._one_at_a_time:
            try:
                done = await self._in_time(work)
            except JournalError as error:
                self.trouble = str(error)
                raise
            self.trouble = None
            return done

    async def _in_time(self, work: Callable[[Journal], T]) -> T:
        """Do it in a thread, which is left behind where it does not end: no call waits for frozen storage twice."""
        ended = threading.Event()
        if self._frozen is None or self._frozen.is_set():
            self._frozen = None
            with anyio.move_on_after(self._seconds):
                return await to_thread.run_sync(self._work, work, ended, abandon_on_cancel=True)
            self._frozen = ended
        raise JournalError("its storage does not answer")

    async def read(self, work: Callable[[Journal], T], otherwise: T) -> T:
        """What `work` reads; `otherwise` where nothing was ever ordered, or nothing can be read (see `trouble`)."""
        if not self.exists:
            return otherwise
        try:
            return await self.step(work)
        except JournalError:
            return otherwise

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._journal is not None:
            await to_thread.run_sync(self._journal.close)

    def _work(self, work: Callable[[Journal], T], ended: threading.Event) -> T:
        try:
            if self._journal is None:
                from layers_mcp.operations.journal import Journal
                from layers_mcp.operations.storage import Storage

                self._journal = Journal(Storage(self._url, self._file))
            return work(self._journal)
        finally:
            ended.set()
