"""What one process owns and every tenant's workspace uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from layers_mcp.config import ServerConfig
from layers_mcp.lifecycle import GRACE_SECONDS, TaskSupervisor

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport

    from layers_mcp.api.shared import SharedResources
    from layers_mcp.operations.observation import ObserveOrder
    from layers_mcp.operations.store import Store


def utc_now() -> datetime:
    """Return the machine's time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The Layers API that a process talks to.

    `transport` replaces the network, `now` is the API's own clock; `api_key` is set where the API brings its own key
    (the embedded sandbox) for every caller; `close` releases it.
    """

    base_url: str
    transport: AsyncBaseTransport | None = None
    now: Callable[[], datetime] = utc_now
    api_key: str = ""
    close: Callable[[], None] = lambda: None


class ProcessResources:
    """The configuration, the upstream API, the journal and the task supervisor of one process.

    Use it as an async context manager, entered and left by the task that serves: what its tenants have under way ends
    with it. Each part is built when first used, so that a server answers `initialize` before any of them is loaded.
    """

    def __init__(
        self,
        config: ServerConfig,
        connect: Callable[[], Upstream] | None = None,
        *,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """`connect` finds the upstream API at its first use; without it, it is the one at the configured base URL.

        `grace`: seconds that writes under way may still take when it is left.
        """
        self.config = config
        self.supervisor = TaskSupervisor(grace=grace)
        self._connect = connect
        self.observe_order: ObserveOrder | None = None

    async def __aenter__(self) -> Self:
        await self.supervisor.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.supervisor.__aexit__(kind, error, traceback)
        if "store" in self.__dict__:
            await self.store.aclose()
        if "upstream" in self.__dict__:
            self.upstream.close()

    @cached_property
    def upstream(self) -> Upstream:
        """The Layers API. Raises LayersError where the embedded one cannot be opened."""
        return self._connect() if self._connect is not None else Upstream(base_url=self.config.base_url)

    @cached_property
    def clients(self) -> SharedResources:
        """What the tenants' API clients share."""
        from layers_mcp.api.shared import SharedResources

        return SharedResources()

    @cached_property
    def store(self) -> Store:
        """The journal of every tenant's operations."""
        from layers_mcp.operations.store.sql import SqlStore

        return SqlStore(self.config.journal_url, self.config.state_dir)

    def now(self) -> datetime:
        """Return the time, in UTC, by the upstream's clock."""
        return self.upstream.now()
