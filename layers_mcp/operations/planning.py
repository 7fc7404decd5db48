"""What there is of an order, and what is to be sent for it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from layers_mcp.api.plans import OrderRequest
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.identity import clone_container_id, piece_identity
from layers_mcp.operations.kinds.base import draft
from layers_mcp.operations.models import Operation
from layers_mcp.operations.placement import Call
from layers_mcp.operations.state_machine import can_retry

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass
class SendPlan:
    """What there is of an order, and what is to be sent for it now: its `unanswered` rows, and `drafts` of new ones.

    `lost` rows were never answered and are no longer safe to send.
    """

    answered: list[Operation]
    unanswered: list[Operation]
    drafts: list[Operation]
    lost: list[Operation]

    @property
    def to_send(self) -> list[Operation]:
        """Everything that costs now."""
        return [*self.unanswered, *self.drafts]

    @property
    def is_new(self) -> bool:
        """Whether nothing of the order was ever sent."""
        return not (self.answered or self.unanswered or self.lost)


class Planner:
    """Cuts one tenant's orders into requests, as the API takes them."""

    def __init__(self, api: LayersClient, clock: UpstreamClock) -> None:
        self._api = api
        self._clock = clock

    async def plan(self, call: Call, rows: Sequence[Operation]) -> SendPlan:
        """The order's rows by what is to be done about them, and drafts of what is missing.

        Raises `LayersError` where what is missing cannot be ordered of this API.
        """
        now, key = self._clock.now(), self._api.key_fingerprint
        open_rows = [row for row in rows if row.status in ("reserved", "unknown")]
        lost = [row for row in open_rows if row.entry in call.gone or not can_retry(row, key, now)]
        return SendPlan(
            answered=[row for row in rows if row not in open_rows],
            unanswered=[row for row in open_rows if row not in lost],
            drafts=await self._drafts(call, rows),
            lost=lost,
        )

    async def _drafts(self, call: Call, rows: Sequence[Operation]) -> list[Operation]:
        """Rows of what is not ordered yet: all of it in one where a single request makes it, else a piece each."""
        order = call.order
        missing = order.variations - sum(row.variations for row in rows)
        if missing <= 0:
            return []
        taken = {row.piece for row in rows}
        free = (piece for piece in count(1) if piece not in taken)
        if rows and rows[-1].variations == 1 and not rows[-1].path_container_id and not call.planned_anew:
            last = rows[-1]  # pieces are alike, and what one of them was sent as holds for the rest
            requests = (OrderRequest(path=last.path, body=last.body, price_keys=last.price_keys),) * missing
            pieces = [next(free) for _ in requests]
        else:
            first = next(free) if rows else 0
            requests = await self._requests(call, first, missing)
            pieces = [first] if len(requests) == 1 else [first or next(free), *(next(free) for _ in requests[1:])]
        return [
            draft(
                order,
                request,
                call.tenant,
                piece=piece,
                anew=call.planned_anew,
                key_fingerprint=self._api.key_fingerprint,
                now=self._clock.now(),
                clock_offset=self._clock.offset,
            )
            for piece, request in zip(pieces, requests, strict=True)
        ]

    async def _requests(self, call: Call, piece: int, missing: int) -> Sequence[OrderRequest]:
        """What the API is sent for the missing pieces; the first of them is `piece`."""
        if call.plan is None or sum(request.pieces for request in call.plan.requests) != missing:
            order = call.order
            container_id = clone_container_id(call.tenant.base_url, piece_identity(order.identity, piece))
            call.plan = await order.plan(self._api, container_id, missing)
            call.notes += call.plan.notes
        return call.plan.requests
