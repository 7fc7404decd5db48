"""What exists of an order, and what has to be sent for it now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING

from layers_mcp.api.errors import LayersError, ValidationFailed
from layers_mcp.api.plans import OrderRequest
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.identity import clone_container_id, commission_id, idempotency_key, piece_identity
from layers_mcp.operations.kinds import KINDS, Order
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.placement_state import PlacementState
from layers_mcp.operations.state_machine import can_retry
from layers_mcp.operations.terms import Terms

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.dialects.detection import Missing


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
    def unpriced(self) -> list[Operation]:
        """What of it has no price."""
        return [row for row in self.to_send if row.estimated_credits is None]

    @property
    def is_new(self) -> bool:
        """Whether nothing of the order was ever sent."""
        return not (self.answered or self.unanswered or self.lost)


class Planner:
    """Cuts one tenant's orders into requests, as the API takes them."""

    def __init__(self, api: LayersClient, clock: UpstreamClock) -> None:
        self._api = api
        self._clock = clock

    async def plan(self, state: PlacementState, rows: Sequence[Operation]) -> SendPlan:
        """Return the order's rows by what is to be done about them, and drafts of what is missing.

        Raises `LayersError` where what is missing cannot be ordered of this API, and what `before_send` raises.
        """
        now, key = self._clock.now(), self._api.key_fingerprint
        open_rows = [row for row in rows if row.status in ("reserved", "unknown")]
        lost = [row for row in open_rows if row.entry in state.missing_endpoints or not can_retry(row, key, now)]
        return SendPlan(
            answered=[row for row in rows if row not in open_rows],
            unanswered=[row for row in open_rows if row not in lost],
            drafts=await self._drafts(state, rows),
            lost=lost,
        )

    async def find_missing(self, state: PlacementState, row: Operation, failure: LayersError) -> Missing | None:
        """Return what a failed request shows this API to lack: its address, or words that are the same as lacking it;
        or an id. None where it failed for another reason.
        """
        vintages = self._api.vintages
        if not KINDS[row.tool].spends:  # its address is the same in every vintage, the words of its body are not
            in_doubt = isinstance(failure, ValidationFailed) and row.status == "refused" and not state.replanned
            return "address" if in_doubt and await vintages.changed(row.project_id) else None
        if failure.status != HTTPStatus.NOT_FOUND:
            return None
        return await vintages.missing(OrderRequest(path=row.path, body=row.body), row.project_id)

    def is_vintage_mismatch(self, state: PlacementState, row: Operation, missing: Missing | None) -> bool:
        """Return whether a request failed since this API speaks another vintage now, and everything can be read again.

        What certainly had no effect is planned again, once, and not where the user named the vintage.
        """
        may_replan = not (self._api.vintages.is_set or state.replanned)
        return missing == "address" and (row.status == "unknown" or may_replan)

    async def is_outdated(self, state: PlacementState, plan: SendPlan, terms: Terms) -> bool:
        """Return whether a price is missing since this API is of another vintage now; all is planned again then."""
        if not terms.unlisted or state.replanned:
            return False
        request = OrderRequest(path=plan.unpriced[0].path, body=plan.unpriced[0].body)
        return await self._api.vintages.is_outdated(request, state.order.project_id)

    async def _drafts(self, state: PlacementState, rows: Sequence[Operation]) -> list[Operation]:
        """Return rows of what is not ordered yet: one row where a single request makes all of it, else one a piece."""
        order = state.order
        missing = order.variations - sum(row.variations for row in rows)
        if missing <= 0:
            return []
        taken = {row.piece for row in rows}
        free = (piece for piece in count(1) if piece not in taken)
        if rows and rows[-1].variations == 1 and not rows[-1].path_container_id and not state.replanned:
            last = rows[-1]  # pieces are alike, and what one of them was sent as holds for the rest
            requests = (OrderRequest(path=last.path, body=last.body, price_keys=last.price_keys),) * missing
            pieces = [next(free) for _ in requests]
        else:
            first = next(free) if rows else 0
            requests = await self._requests(state, first, missing)
            pieces = [first] if len(requests) == 1 else [first or next(free), *(next(free) for _ in requests[1:])]
        return [
            draft(
                order,
                request,
                state.tenant,
                piece=piece,
                replanned=state.replanned,
                key_fingerprint=self._api.key_fingerprint,
                now=self._clock.now(),
                clock_offset=self._clock.offset,
            )
            for piece, request in zip(pieces, requests, strict=True)
        ]

    async def _requests(self, state: PlacementState, piece: int, missing: int) -> Sequence[OrderRequest]:
        """Return what the API is sent for the missing pieces; the first of them is `piece`."""
        if state.plan is None or sum(request.pieces for request in state.plan.requests) != missing:
            order = state.order
            container_id = clone_container_id(state.tenant.base_url, piece_identity(order.identity, piece))
            state.before_send()
            state.plan = await order.plan(self._api, container_id, missing)
            state.notes += state.plan.notes
        return state.plan.requests


def explain_not_found(failure: LayersError, missing: Missing | None) -> LayersError:
    """Return the failure of a request with what is missing named, where that is known."""
    if missing == "id":
        return failure.replace(reason="An id in the order is unknown, or another organization's.")
    if missing == "address":
        return failure.replace(
            reason="This API has no such endpoint: it does not speak the vintage that the order was meant for.",
            hint="Start the server with --vintage auto; layers-mcp doctor shows what is found then.",
        )
    return failure


def draft(
    order: Order,
    request: OrderRequest,
    tenant: Tenant,
    *,
    piece: int = 0,
    replanned: bool = False,
    key_fingerprint: str,
    now: datetime,
    clock_offset: float | None,
) -> Operation:
    """Return the row of a request that nobody has sent yet; `piece` is 0 where it makes all that is ordered.

    One that was `replanned` is another request, and has another `Idempotency-Key` than the refused one.
    """
    pieces_identity = piece_identity(order.identity, piece)
    return Operation(
        entry=uuid.uuid4().hex,
        base_url=tenant.base_url,
        organization=tenant.organization,
        identity=order.identity,
        commission_id=commission_id(order.identity),
        tool=order.tool,
        project_id=order.project_id,
        mode=order.order_mode,
        take=order.take,
        variations=request.pieces,
        arguments=dict(order.arguments),
        piece=piece,
        path=request.path,
        price_keys=request.price_keys,
        key_fingerprint=key_fingerprint,
        idempotency_key=idempotency_key(tenant.base_url, f"{pieces_identity} anew" if replanned else pieces_identity),
        path_container_id=request.container_id,
        body=dict(request.body),
        container_ids=order.container_ids,
        estimated_credits=None,
        ordered_at=now,
        updated_at=now,
        clock_offset=clock_offset,
    )
