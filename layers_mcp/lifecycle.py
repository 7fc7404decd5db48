"""Work that outlives the call which started it, and never the server.

A tool call can be cancelled at any moment: its caller goes away, or a deadline passes. Two kinds of work must not
die with it: a request that spends money, and a read that other callers are waiting for too. Both run in the task
group of a `TaskSupervisor`, which a server enters once; the call only waits for the outcome.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")

GRACE_SECONDS = 3.5
"""How long work that must finish may still take once its server is closing: the process is gone within 4 s."""


@dataclass(eq=False)
class _Job(Generic[T]):
    """One piece of running work, and the callers that wait for it."""

    must_finish: bool
    scope: anyio.CancelScope
    done: anyio.Event = field(default_factory=anyio.Event)
    waiting: int = 0
    result: T | None = None
    error: BaseException | None = None

    async def outcome(self) -> T:
        """Wait for the result; the last caller to leave takes work with it that need not finish."""
        self.waiting += 1
        try:
            await self.done.wait()
        finally:
            self.waiting -= 1
            if not self.waiting and not self.must_finish:
                self.scope.cancel()
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


class TaskSupervisor:
    """A task group for work that its callers may leave.

    Entered and left by the task that serves; on leaving, work that must finish gets `GRACE_SECONDS`, the rest is
    cancelled at once.
    """

    def __init__(self) -> None:
        self._jobs: set[_Job[Any]] = set()
        self._shared: dict[Hashable, _Job[Any]] = {}
        self._stack = AsyncExitStack()
        self._group: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._group = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.move_on_after(GRACE_SECONDS, shield=True):
            for job in [job for job in self._jobs if job.must_finish]:
                await job.done.wait()
        for job in self._jobs:
            job.scope.cancel()
        await self._stack.aclose()  # the block's own error passes by: a task group would wrap it

    async def run_shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` to its end even if the caller is cancelled meanwhile; a caller that stays gets its outcome."""
        return await self._start(work, must_finish=True).outcome()

    async def single_flight(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Join the running work of the same `key`, or start it. It stops when its last caller leaves."""
        job: _Job[T] | None = self._shared.get(key)
        if job is None or job.scope.cancel_called:
            job = self._shared[key] = self._start(work, must_finish=False, key=key)
        return await job.outcome()

    def _start(self, work: Callable[[], Awaitable[T]], *, must_finish: bool, key: Hashable = None) -> _Job[T]:
        if self._group is None:
            raise RuntimeError("the workspace is not open: use `async with`")
        job: _Job[T] = _Job(must_finish, anyio.CancelScope(shield=must_finish))
        self._jobs.add(job)
        self._group.start_soon(self._run, job, work, key)
        return job

    async def _run(self, job: _Job[T], work: Callable[[], Awaitable[T]], key: Hashable) -> None:
        try:
            with job.scope:
                job.result = await work()
            if job.scope.cancelled_caught:
                job.error = RuntimeError("the work was stopped: nobody waited for it, or the server closed")
        except Exception as error:
            job.error = error
        except BaseException:
            job.error = RuntimeError("the work was stopped with its server")
            raise
        finally:
            self._jobs.discard(job)
            if self._shared.get(key) is job:
                del self._shared[key]
            job.done.set()
