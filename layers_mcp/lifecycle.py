"""How long a call may take, and work that outlives the call which started it.

A call has one `Deadline`: it is made where the request comes in and handed down with the call's `ToolContext`. The
shares of its time are in `deadlines`.

A call can be cancelled at any moment: its caller goes away, or its deadline passes. Two kinds of work must not die
with it: a request that spends money, and a read that other callers are waiting for too. Both run under a
`TaskSupervisor`, which outlives every call; the call only waits for the outcome.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Generator, Hashable
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")


GRACE_SECONDS = 3.5
"""How long work that must finish may still take once its server is closing: the process is gone within 4 s."""


class Deadline:
    """The moment by which a call is answered. It stands still while a person is asked.

    Without `seconds` it never comes: for a script, which has nobody waiting.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self._scope = anyio.CancelScope(deadline=math.inf if seconds == math.inf else anyio.current_time() + seconds)

    def remaining(self) -> float:
        """Return seconds that are left, never below 0."""
        return max(0.0, self._scope.deadline - anyio.current_time())

    def at(self, *, keep: float = 0.0) -> float:
        """Return the loop's time at which it comes, or `keep` seconds before, which later parts need."""
        return self._scope.deadline - keep

    def allow(self, seconds: float, *, keep: float = 0.0) -> float:
        """Return how long a part of the call may take: its share, without the last `keep` seconds for later parts."""
        return max(0.0, min(seconds, self.remaining() - keep))

    @contextmanager
    def enforced(self) -> Generator[None]:
        """Cancel the block when the time is up."""
        with self._scope:
            yield

    @contextmanager
    def paused(self) -> Generator[None]:
        """Stand still during the block; what was left before is left after it."""
        left = self.remaining()
        self._scope.deadline = math.inf
        try:
            yield
        finally:
            self._scope.deadline = anyio.current_time() + left


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
    """Runs work that its callers may leave.

    On leaving, work that must finish gets `grace` seconds, the rest is cancelled at once. A process has one supervisor,
    entered and left by the task that serves. A tenant has one of its own whose `parent` that is: its work runs there,
    so that any task may open and close it, and ends with whichever is left first.
    """

    def __init__(self, parent: TaskSupervisor | None = None, *, grace: float = GRACE_SECONDS) -> None:
        self._parent = parent
        self._grace = grace
        self._jobs: set[_Job[Any]] = set()
        self._shared: dict[Hashable, _Job[Any]] = {}
        self._stack = AsyncExitStack()
        self._group: TaskGroup | None = None

    @property
    def busy(self) -> bool:
        """Whether work that must finish is running, with or without a waiting caller."""
        return any(job.must_finish for job in self._jobs)

    async def __aenter__(self) -> Self:
        if self._parent is not None:
            self._group = self._parent._group
        else:
            self._group = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.move_on_after(self._grace, shield=True):
            for job in [job for job in self._jobs if job.must_finish]:
                await job.done.wait()
        for job in (stopped := list(self._jobs)):
            job.scope.cancel()
        if self._parent is not None:
            self._group = None
            with anyio.CancelScope(shield=True):
                for job in stopped:
                    await job.done.wait()
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
        for supervisor in self._with_parents():
            supervisor._jobs.add(job)
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
            for supervisor in self._with_parents():
                supervisor._jobs.discard(job)
            if self._shared.get(key) is job:
                del self._shared[key]
            job.done.set()

    def _with_parents(self) -> Generator[TaskSupervisor]:
        yield self
        if self._parent is not None:
            yield from self._parent._with_parents()
