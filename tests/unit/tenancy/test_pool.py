"""The pool of open workspaces: shared, bounded, closed when idle, each in a task of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from layers_mcp.tenancy.pool import PoolExhausted, WorkspacePool

pytestmark = [pytest.mark.anyio, pytest.mark.jumping]


@dataclass(eq=False)
class FakeWorkspace:
    """A stand-in for a workspace, with a cancel scope that must be left where it was entered, as real ones have."""

    key: str
    busy: bool = False


@dataclass
class FakeWorkspaces:
    """Open fake workspaces, and record what happened to them."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    most_open: int = 0
    broken: set[str] = field(default_factory=set)
    closing_seconds: float = 0.0

    @asynccontextmanager
    async def open(self, key: str) -> AsyncGenerator[FakeWorkspace]:
        if key in self.broken:
            raise OSError("no such workspace")
        async with anyio.create_task_group() as group:
            self.opened.append(key)
            self.most_open = max(self.most_open, len(self.opened) - len(self.closed))
            yield FakeWorkspace(key)
            group.cancel_scope.cancel()
        await anyio.sleep(self.closing_seconds)
        self.closed.append(key)

    def pool(self, **limits: float) -> WorkspacePool[str, FakeWorkspace]:
        return WorkspacePool(self.open, is_busy=lambda workspace: workspace.busy, **limits)  # type: ignore[arg-type]


async def test_calls_of_a_tenant_share_one_workspace() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        async with pool.workspace("a") as first, pool.workspace("a") as second, pool.workspace("b") as other:
            assert first is second is not other
            assert len(pool) == 2
        async with pool.workspace("a") as later:
            assert later is first
    assert workspaces.opened == ["a", "b"]
    assert sorted(workspaces.closed) == ["a", "b"]


async def test_an_idle_workspace_is_closed_after_ten_minutes_and_opened_anew() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        async with pool.workspace("a"):
            await anyio.sleep(3600)
            assert not workspaces.closed
        await anyio.sleep(599)
        async with pool.workspace("a"):
            assert not workspaces.closed
        await anyio.sleep(601)
        assert workspaces.closed == ["a"]
        assert len(pool) == 0
        async with pool.workspace("a"):
            assert workspaces.opened == ["a", "a"]


async def test_the_least_recently_used_idle_workspace_makes_room() -> None:
    workspaces = FakeWorkspaces(closing_seconds=3)
    async with workspaces.pool(most=3) as pool:
        for key in ("a", "b", "c", "a"):
            async with pool.workspace(key):
                await anyio.sleep(1)
        async with pool.workspace("d"):
            assert workspaces.closed == ["b"]
    assert workspaces.most_open == 3


async def test_where_all_are_busy_no_more_is_opened() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool(most=2) as pool:
        async with pool.workspace("a"), pool.workspace("b"):
            with pytest.raises(PoolExhausted):
                async with pool.workspace("c"):
                    raise AssertionError("there is no room for it")
            async with pool.workspace("a"):
                pass
        async with pool.workspace("c"):
            assert len(workspaces.closed) == 1


async def test_work_that_goes_on_without_a_caller_keeps_its_workspace() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool(most=1) as pool:
        async with pool.workspace("a") as workspace:
            workspace.busy = True
        assert pool.busy
        await anyio.sleep(5000)
        assert not workspaces.closed
        with pytest.raises(PoolExhausted):
            async with pool.workspace("b"):
                raise AssertionError("there is no room for it")
        workspace.busy = False
        assert not pool.busy
        await anyio.sleep(5)
        assert workspaces.closed == ["a"]


async def test_a_retired_workspace_ends_with_its_calls_and_serves_no_new_one() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        async with pool.workspace("a") as old:
            pool.retire("a")
            async with pool.workspace("a") as new:
                assert new is not old
            assert not workspaces.closed
        await anyio.sleep(1)
        assert workspaces.closed == ["a"]
        async with pool.workspace("a") as again:
            assert again is new


async def test_a_retired_workspace_outlives_its_calls_until_its_work_is_done() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        async with pool.workspace("a") as workspace:
            workspace.busy = True
            pool.retire("a")
        await anyio.sleep(60)
        assert not workspaces.closed
        workspace.busy = False
        await anyio.sleep(2)
        assert workspaces.closed == ["a"]


async def test_what_is_retained_stays_and_the_rest_goes() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        for key in ("a", "b"):
            async with pool.workspace(key):
                pass
        pool.retain(frozenset({"b"}))
        await anyio.sleep(0.1)
        assert workspaces.closed == ["a"]


async def test_a_workspace_that_cannot_be_opened_fails_its_callers_alone_and_is_tried_again() -> None:
    workspaces = FakeWorkspaces(broken={"a"})
    async with workspaces.pool() as pool:
        for _ in range(2):
            with pytest.raises(OSError, match="no such workspace"):
                async with pool.workspace("a"):
                    raise AssertionError("it cannot be opened")
        async with pool.workspace("b"):
            assert len(pool) == 1
        workspaces.broken.clear()
        async with pool.workspace("a") as workspace:
            assert workspace.key == "a"


async def test_a_caller_who_leaves_while_it_is_opened_leaves_nothing_behind() -> None:
    workspaces = FakeWorkspaces()
    async with workspaces.pool() as pool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            async with pool.workspace("a"):
                raise AssertionError("its caller is gone")
        assert not pool.busy
        await anyio.sleep(601)
        assert workspaces.closed == ["a"]


async def test_many_tenants_at_once_never_open_more_than_the_limit() -> None:
    workspaces = FakeWorkspaces(closing_seconds=0.5)
    served: list[str] = []

    async def call(key: str) -> None:
        while True:
            try:
                async with pool.workspace(key) as workspace:
                    assert workspace.key == key
                    await anyio.sleep(0.2)
                served.append(key)
                return
            except PoolExhausted:
                await anyio.sleep(1)

    async with workspaces.pool(most=4) as pool, anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(call, f"tenant {number % 20}")
    assert len(served) == 60
    assert workspaces.most_open <= 4
    assert sorted(workspaces.opened) == sorted(workspaces.closed)
