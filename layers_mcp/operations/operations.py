"""One tenant's operations, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from layers_mcp.lifecycle import TaskSupervisor
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.history import OrderHistory
from layers_mcp.operations.observation import ObserveOrder, observe_nothing
from layers_mcp.operations.placement import journal_warning
from layers_mcp.operations.service import OrderService
from layers_mcp.operations.store import Store
from layers_mcp.operations.tenant import TenantResolver

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


class Operations:
    """What one tenant does once: `orders` places, `history` tells what was placed.

    Nothing is opened or created before its first use.
    """

    def __init__(
        self,
        *,
        api: LayersClient,
        store: Store,
        supervisor: TaskSupervisor,
        now: Callable[[], datetime],
        daily_credit_limit: int | None = None,
        must_be_confirmed: bool = False,
        observe: ObserveOrder = observe_nothing,
    ) -> None:
        """`must_be_confirmed`: without Layers' word whose the key is, nothing is shown or ordered.

        `observe` is told what comes of every order.
        """
        self._store = store
        clock = UpstreamClock(now, lambda: api.clock_offset)
        self.tenants = TenantResolver(api, store, must_be_confirmed=must_be_confirmed)
        self.history = OrderHistory(store, self.tenants, clock)
        self.orders = OrderService(
            api=api,
            store=store,
            tenants=self.tenants,
            clock=clock,
            supervisor=supervisor,
            daily_credit_limit=daily_credit_limit,
            observe=observe,
        )

    async def journal_problem(self) -> str:
        """Return why the journal cannot be read and written; "" where it can."""
        try:
            await self._store.check()
        except JournalError as error:
            return journal_warning(str(error))
        return ""
