"""What the service asks of a kind of operation, and what all orders share."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from layers_mcp.operations.identity import (
    Argument,
    Canonical,
    canonical,
    canonical_list,
    canonical_text,
    commission_id,
    idempotency_key,
    identity,
    piece_identity,
)
from layers_mcp.operations.models import Mode, Operation, PublishMode, Tenant, Tool
from layers_mcp.operations.state_machine import Accepted, Observed

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.plans import OrderPlan, OrderRequest


class Kind(Protocol):
    """One kind of operation, by its rows."""

    @property
    def spends(self) -> bool:
        """Whether it costs credits; else it publishes."""
        ...

    async def send(self, api: LayersClient, row: Operation) -> Accepted:
        """Send it: the same request at every attempt. Raises `LayersError`."""
        ...

    async def observe(self, api: LayersClient, row: Operation) -> Observed | None:
        """How an accepted one stands upstream; None where that cannot be read."""
        ...

    async def reconcile(self, api: LayersClient, row: Operation, others: Sequence[Operation]) -> Accepted | str:
        """Find an unanswered one upstream, or say in a sentence why that cannot be told.

        `others` are the project's other operations that were sent: what they made is not this one's.
        """
        ...


class Once(Protocol):
    """What can be asked for once: an order or a publication."""

    tool: ClassVar[Tool]

    @property
    def project_id(self) -> str: ...
    @property
    def take(self) -> int: ...
    @property
    def order_mode(self) -> Mode | PublishMode: ...
    @property
    def arguments(self) -> dict[str, Canonical]: ...
    @property
    def identity(self) -> str: ...

    @property
    def variations(self) -> int:
        """How many things come of it."""
        ...

    @property
    def container_ids(self) -> tuple[str, ...]:
        """The containers that are named before it is sent."""
        ...

    async def plan(self, api: LayersClient, container_id: str, variations: int) -> OrderPlan:
        """What is sent for `variations` of it; `container_id` is a new one that a request may be made under.

        Sends nothing that spends or publishes. Raises `LayersError`.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ContentOrder:
    """An order of content, its arguments in canonical form. Raises `ValueError` for text that is no valid Unicode."""

    tool: ClassVar[Tool]
    noun: ClassVar[str] = "order"
    project_id: str
    variations: int = 1
    layer_id: str = ""
    influencer_id: str = ""
    social_account_id: str = ""
    take: int = 1

    def __post_init__(self) -> None:
        for name, value in cast("dict[str, Argument]", vars(self).copy()).items():
            if isinstance(value, str):
                object.__setattr__(self, name, canonical_text(value))
            elif isinstance(value, tuple):
                object.__setattr__(self, name, canonical_list(value))

    @property
    def order_mode(self) -> Mode | PublishMode:
        """The mode under which its outcome is compared with others'."""
        raise NotImplementedError

    @property
    def container_ids(self) -> tuple[str, ...]:
        """What comes of it is named when it is answered."""
        return ()

    @property
    def arguments(self) -> dict[str, Canonical]:
        """Every argument but `take`, by its name in the tool contract, in canonical form."""
        return canonical({field.name: getattr(self, field.name) for field in fields(self) if field.name != "take"})

    @property
    def identity(self) -> str:
        """SHA-256 (hex) over tool, arguments and take: equal for equal orders."""
        return self.identity_of_take(self.take)

    def identity_of_take(self, take: int) -> str:
        """The identity of the same order in another take."""
        return identity(self.tool, self.arguments, take)


def draft(
    order: Once,
    request: OrderRequest,
    tenant: Tenant,
    *,
    piece: int = 0,
    anew: bool = False,
    key_fingerprint: str,
    now: datetime,
    clock_offset: float | None,
) -> Operation:
    """The row of a request that nobody has sent yet; `piece` is 0 where it makes all that is ordered.

    One that was planned `anew` is another request, and has another `Idempotency-Key` than the refused one.
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
        idempotency_key=idempotency_key(tenant.base_url, f"{pieces_identity} anew" if anew else pieces_identity),
        path_container_id=request.container_id,
        body=dict(request.body),
        container_ids=order.container_ids,
        estimated_credits=None,
        ordered_at=now,
        updated_at=now,
        clock_offset=clock_offset,
    )
