"""The order book: every commission is written here before it is sent, and answered from here ever after."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from layers_mcp.background import Background
from layers_mcp.orders.order import Order
from layers_mcp.orders.records import OrderRecord, Placement

if TYPE_CHECKING:
    from layers_mcp.layers import LayersClient
    from layers_mcp.layers.models import Job


class OrderBook:
    """One tenant's orders. Nothing is imported, opened or created before its first use."""

    def __init__(
        self,
        *,
        layers: LayersClient,
        journal_url: str,
        state_dir: Path,
        daily_credit_limit: int | None,
        background: Background,
        now: Callable[[], datetime],
    ) -> None:
        self.trouble: str | None = None

    async def place(self, order: Order, *, max_credits: int = 0) -> Placement:
        """Order once: a known order is answered from the journal, a new one is written down, sent and recorded."""
        raise NotImplementedError

    async def preview(self, order: Order, *, max_credits: int = 0) -> Placement:
        """What `place` would do, without sending anything that spends."""
        raise NotImplementedError

    async def settle(self, job: Job) -> None:
        """Write back what a job says about its order. Does nothing for a job that is not in the journal; never raises."""
        raise NotImplementedError

    async def commission_ids(self, container_ids: Iterable[str]) -> dict[str, str]:
        """The commission id of each container that the journal ordered."""
        raise NotImplementedError

    async def variations(self, job_ids: Iterable[str]) -> dict[str, int]:
        """How many containers were ordered with each job."""
        raise NotImplementedError

    async def cloned_posts(self, project_id: str) -> frozenset[str]:
        """The posts of a project with a clone order that was neither refused nor failed nor canceled."""
        raise NotImplementedError

    async def since(self, when: datetime, project_id: str = "") -> list[OrderRecord]:
        """The orders placed at `when` or later, of one project or of all, newest first."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the journal."""
        raise NotImplementedError
