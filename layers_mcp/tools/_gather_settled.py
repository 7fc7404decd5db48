"""Several reads at once, each allowed to fail without failing the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

import anyio

from layers_mcp.api.errors import LayersError, TimedOut
from layers_mcp.deadlines import ANSWER_SECONDS, GATHER_SECONDS, OPTIONAL_READS_SECONDS
from layers_mcp.lifecycle import Deadline

T = TypeVar("T")
D = TypeVar("D")
P = ParamSpec("P")

AT_ONCE = 8
"""Concurrent requests: quick, and far from a rate limit."""


class Read(Generic[T]):
    """A read that was started; `outcome` is its answer or its failure, once the `GatherSettled` has been left."""

    def __init__(self) -> None:
        self.outcome: T | LayersError = TimedOut("No answer came in time.")

    @property
    def value(self) -> T:
        """Its answer. Raises its failure, `LayersError`, where it has none."""
        if isinstance(self.outcome, LayersError):
            raise self.outcome
        return self.outcome

    def or_else(self, default: D) -> T | D:
        """Return the answer, or `default` if there is none."""
        return default if isinstance(self.outcome, LayersError) else self.outcome


class GatherSettled:
    """Start reads in the block; they are done when it ends, at the latest `keep` seconds before the call's deadline.

    async with GatherSettled(context.deadline) as reads:
        credits = reads.start(layers.credits.get)
    credits.outcome
    """

    def __init__(
        self,
        deadline: Deadline,
        *,
        at_once: int = AT_ONCE,
        seconds: float = GATHER_SECONDS,
        keep: float = ANSWER_SECONDS,
    ) -> None:
        self._places = anyio.Semaphore(at_once, fast_acquire=True)
        self._seconds = deadline.allow(seconds, keep=keep)
        self._stack = AsyncExitStack()

    @classmethod
    def optional(cls, deadline: Deadline) -> Self:
        """For reads that only add to an answer: they do not hold it up for long."""
        return cls(deadline, seconds=OPTIONAL_READS_SECONDS)

    async def __aenter__(self) -> Self:
        self._stack.enter_context(anyio.move_on_after(self._seconds))
        self._group = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, traceback)

    def start(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> Read[T]:
        """Call `call`; a `LayersError` becomes the outcome, anything else ends the whole block."""
        read = Read[T]()
        self._group.start_soon(self._run, read, call, args, kwargs)
        return read

    async def _run(
        self, read: Read[Any], call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        async with self._places:
            try:
                read.outcome = await call(*args, **kwargs)
            except LayersError as error:
                read.outcome = error
