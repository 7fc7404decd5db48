"""A bounded pool of workspaces: opened at a tenant's first call, shared by its calls, closed when idle for long."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup

logger = logging.getLogger(__name__)

MOST_OPEN = 1000

IDLE_SECONDS = 600.0
"""After its last call a workspace is closed."""

_CHECK_SECONDS = 0.5
"""Between two checks for work that ended: nothing announces it."""

K = TypeVar("K", bound=Hashable)
W = TypeVar("W")


class PoolExhausted(Exception):  # noqa: N818 - named for what happened
    """As many workspaces as may be open are open, and every one of them has a call."""


@dataclass(eq=False)
class _Slot(Generic[W]):
    """One workspace, in a task of its own: what it entered has to be left by the same task."""

    opened: anyio.Event = field(default_factory=anyio.Event)
    retired: anyio.Event = field(default_factory=anyio.Event)
    closed: anyio.Event = field(default_factory=anyio.Event)
    workspace: W | None = None
    error: Exception | None = None
    users: int = 0
    idle_since: float = 0.0


class WorkspacePool(Generic[K, W]):
    """See the module. Use it as an async context manager; on leaving, every workspace is closed."""

    def __init__(
        self,
        open_workspace: Callable[[K], AbstractAsyncContextManager[W]],
        *,
        is_busy: Callable[[W], bool] = lambda workspace: False,
        most: int = MOST_OPEN,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`is_busy` says whether work goes on in a workspace although no caller is in it."""
        self._open_workspace = open_workspace
        self._is_busy = is_busy
        self._most = most
        self._idle_seconds = idle_seconds
        self._current: dict[K, _Slot[W]] = {}  # least recently used first
        self._open: set[_Slot[W]] = set()
        self._stack = AsyncExitStack()
        self._group: TaskGroup | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        self._group = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing = True
        for slot in self._open:
            slot.retired.set()
        await self._stack.aclose()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    @property
    def busy(self) -> bool:
        """Whether any workspace has a caller, or work that goes on without one."""
        return any(not self._is_idle(slot) for slot in self._open)

    @asynccontextmanager
    async def workspace(self, key: K) -> AsyncGenerator[W]:
        """Yield the workspace of `key`, opened if it is not, and keep it open for the block. Raises PoolExhausted."""
        slot = self._current.get(key) or await self._new_slot(key)
        self._used(key, slot)
        slot.users += 1
        try:
            await slot.opened.wait()
            if slot.workspace is None:
                raise slot.error or RuntimeError("the workspace was closed while it was being opened")
            yield slot.workspace
        finally:
            slot.users -= 1
            slot.idle_since = anyio.current_time()
            if self._current.get(key) is slot:
                self._used(key, slot)

    def _used(self, key: K, slot: _Slot[W]) -> None:
        self._current.pop(key, None)
        self._current[key] = slot

    def retire(self, key: K) -> None:
        """Let the next call of `key` open a new workspace; the present one is closed once its calls have ended."""
        slot = self._current.pop(key, None)
        if slot is not None:
            slot.retired.set()

    def retain(self, keys: frozenset[K]) -> None:
        """Retire all but these."""
        for key in [key for key in self._current if key not in keys]:
            self.retire(key)

    async def _new_slot(self, key: K) -> _Slot[W]:
        if self._group is None:
            raise RuntimeError("the pool is not open: use `async with`")
        while len(self._open) >= self._most:
            await self._evict()
            if slot := self._current.get(key):  # another call of this tenant came first
                return slot
        slot = _Slot[W](idle_since=anyio.current_time())
        self._current[key] = slot
        self._open.add(slot)
        self._group.start_soon(self._live, key, slot)
        return slot

    async def _evict(self) -> None:
        """Close the idle workspace that was used least recently, and wait until it is gone."""
        closing = next((slot for slot in self._open if slot.retired.is_set() and self._is_idle(slot)), None)
        if closing is None:
            found = next(((key, slot) for key, slot in self._current.items() if self._is_idle(slot)), None)
            if found is None:
                raise PoolExhausted
            key, closing = found
            self.retire(key)
        await closing.closed.wait()

    def _is_idle(self, slot: _Slot[W]) -> bool:
        return not slot.users and not (slot.workspace is not None and self._is_busy(slot.workspace))

    async def _live(self, key: K, slot: _Slot[W]) -> None:
        try:
            async with self._open_workspace(key) as slot.workspace:
                slot.opened.set()
                await self._until_idle(key, slot)
        except Exception as error:
            slot.error = error
            if slot.opened.is_set():
                logger.exception("a workspace could not be closed well")
        finally:
            if self._current.get(key) is slot:
                del self._current[key]
            self._open.discard(slot)
            slot.opened.set()
            slot.closed.set()

    async def _until_idle(self, key: K, slot: _Slot[W]) -> None:
        """Return when the workspace is to be closed: retired and without work, or without work for long."""
        while not slot.retired.is_set():
            idle_for = anyio.current_time() - slot.idle_since
            if self._is_idle(slot) and idle_for >= self._idle_seconds:
                del self._current[key]  # before anything is awaited: no caller joins what is being closed
                return
            with anyio.move_on_after(max(self._idle_seconds - idle_for, _CHECK_SECONDS)):
                await slot.retired.wait()
        while not (self._closing or self._is_idle(slot)):  # noqa: ASYNC110 - nothing announces its end
            await anyio.sleep(_CHECK_SECONDS)
