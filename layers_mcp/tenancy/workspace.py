"""What one tenant owns: its API client with cooldowns and shared reads, and its operations.

A workspace is opened once for a tenant and shared by its calls. Two workspaces of one process share nothing but what
`ProcessResources` holds. Its parts are built when first used.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.tenancy.resources import ProcessResources

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.operations import Operations


class Workspace:
    """One tenant: `credentials`, `policy`, `api`, `operations`, and `now()`.

    Use it as an async context manager, from any task: requests and orders under way belong to it, and end with it.
    """

    def __init__(
        self,
        resources: ProcessResources,
        credentials: Credentials,
        policy: Policy,
        *,
        must_be_confirmed: bool = False,
    ) -> None:
        """`must_be_confirmed`: while Layers does not say whose the key is, nothing is shown or ordered."""
        self.credentials = credentials
        self.policy = policy
        self._must_be_confirmed = must_be_confirmed
        self._resources = resources
        self._supervisor = TaskSupervisor(parent=resources.supervisor)

    async def __aenter__(self) -> Self:
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._supervisor.__aexit__(kind, error, traceback)
        if "api" in self.__dict__:
            await self.api.aclose()

    @property
    def busy(self) -> bool:
        """Whether a write is running, also one whose caller has left."""
        return self._supervisor.busy

    @property
    def key_refused(self) -> bool:
        """Whether Layers has refused the key."""
        return "api" in self.__dict__ and self.api.times_unauthenticated > 0

    @property
    def has_key(self) -> bool:
        """Whether there is an API key to call with; without one no call works."""
        return bool(self.credentials.api_key) or self._resources.config.sandbox

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return self._resources.now()

    @cached_property
    def api(self) -> LayersClient:
        """The client of the Layers API."""
        from layers_mcp.api import LayersClient

        upstream = self._resources.upstream
        return LayersClient(
            base_url=upstream.base_url,
            api_key=upstream.api_key or self.credentials.api_key,
            organization=self.credentials.organization,
            if_refused=self.credentials.if_refused,
            transport=upstream.transport,
            shared=self._resources.clients,
            supervisor=self._supervisor,
            now=self.now,
            vintage=self._resources.config.vintage,
        )

    @cached_property
    def operations(self) -> Operations:
        """Writes that happen once, written to the journal before they are sent."""
        from layers_mcp.operations import Operations
        from layers_mcp.operations.observation import observe_nothing

        return Operations(
            api=self.api,
            store=self._resources.store,
            supervisor=self._supervisor,
            now=self.now,
            daily_credit_limit=self.policy.daily_credit_limit,
            must_be_confirmed=self._must_be_confirmed,
            observe=self._resources.observe_order or observe_nothing,
        )
