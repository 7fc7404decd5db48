"""What a tool is given: the Layers client, the order book and the clock of one tenant.

A workspace is opened once per server (or once in a script) and handed to every tool function; there is no other way
to the world. Its parts are built when first used, so that a server answers `initialize` before any of them is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.tenancy.policy import Policy

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport

    from layers_mcp.api import LayersClient
    from layers_mcp.config import ServerConfig
    from layers_mcp.operations import OrderBook
    from layers_mcp.sandbox import Sandbox

SANDBOX_URL = "https://sandbox.invalid"
"""What stands in logs and the journal for the embedded API, which has no address: a name that leads nowhere."""


class Workspace:
    """One tenant's world: `settings`, `api`, `operations`, `policy`, and `now()`.

    Use it as an async context manager: requests and orders under way belong to it, and end with it.
    `transport` and `clock` replace the network and the time (tests, scripts on a sandbox of their own).
    """

    def __init__(
        self,
        settings: ServerConfig,
        *,
        transport: AsyncBaseTransport | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._clock = clock
        self._supervisor = TaskSupervisor()

    async def __aenter__(self) -> Self:
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._supervisor.__aexit__(kind, error, traceback)
        if "api" in self.__dict__:
            await self.api.aclose()
        if "operations" in self.__dict__:
            await self.operations.aclose()
        if "_sandbox" in self.__dict__ and self._sandbox is not None:
            self._sandbox.close()

    @property
    def policy(self) -> Policy:
        """What the tenant's calls may do."""
        return Policy(read_only=self.settings.read_only, daily_credit_limit=self.settings.daily_credit_limit)

    def now(self) -> datetime:
        """The present, in UTC: the world's clock on the embedded sandbox, the machine's elsewhere."""
        if self._clock is not None:
            return self._clock()
        return self._sandbox.now() if self._sandbox is not None else datetime.now(UTC)

    @cached_property
    def api(self) -> LayersClient:
        """The client of the Layers API."""
        from layers_mcp.api import LayersClient

        base_url, api_key, transport = self.settings.base_url, self.settings.api_key, self._transport
        if self._sandbox is not None:
            base_url, api_key, transport = SANDBOX_URL, self._sandbox.api_key, self._sandbox.transport()
        return LayersClient(
            base_url=base_url,
            api_key=api_key,
            organization=self.settings.organization,
            transport=transport,
            supervisor=self._supervisor,
            now=self.now,
        )

    @cached_property
    def operations(self) -> OrderBook:
        """The book in which every commission is written before it is sent."""
        from layers_mcp.operations import OrderBook

        return OrderBook(
            layers=self.api,
            journal_url=self.settings.journal_url,
            state_dir=self.settings.state_dir,
            daily_credit_limit=self.settings.daily_credit_limit,
            supervisor=self._supervisor,
            now=self.now,
        )

    @cached_property
    def _sandbox(self) -> Sandbox | None:
        if not self.settings.sandbox or self._transport is not None:
            return None
        from layers_mcp.api.errors import Unreachable
        from layers_mcp.sandbox import Sandbox, WorldFileError

        try:
            return Sandbox(path=self.settings.world_path)
        except WorldFileError as error:
            raise Unreachable(str(error), hint="To keep the old one too, name another --state-dir.") from error
        except OSError as error:
            raise Unreachable(
                "The file of the sandbox's world cannot be opened.",
                hint="Check the state directory's permissions, or name another one with --state-dir.",
            ) from error
