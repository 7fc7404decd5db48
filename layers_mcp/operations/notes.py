"""Notes for the caller of an order that is being placed, beside its status."""

from __future__ import annotations

from collections.abc import Sequence

from layers_mcp.operations.kinds import KINDS, Order
from layers_mcp.operations.models import Operation
from layers_mcp.operations.placement_state import PlacementState
from layers_mcp.operations.planning import SendPlan
from layers_mcp.operations.pricing import CLONE_PRICE_NOTE
from layers_mcp.operations.terms import Terms


def tell_sent(state: PlacementState, plan: SendPlan, row: Operation) -> None:
    """Note that a row was sent, and what that makes of its order."""
    if row.status == "unknown":
        state.recovered = True
        what = f"A piece of this {state.order.noun}" if row.piece else f"This {state.order.noun}"
        once = "charged" if KINDS[row.tool].spends else "published"
        state.notes.append(f"{what} had never been answered: it was sent again under the same ids, and is {once} once.")
    elif plan.is_new or state.placed:
        state.placed = True
        state.notes += price_notes([row])
    else:
        state.recovered = True
        state.notes.append(
            "The rest of this order was placed only now; what had been placed before is not charged again."
        )


def placed_in_part(order: Order, rows: Sequence[Operation], why: str = "") -> str:
    """Return how much of an order is placed by its `rows`."""
    placed = sum(row.variations for row in rows if row.status not in ("reserved", "unknown"))
    return f"{placed} of {order.variations} pieces are placed{why}. The same call orders the rest."


def price_notes(rows: Sequence[Operation], terms: Terms | None = None) -> list[str]:
    """Return what is to be known of the price of new rows."""
    if not any(KINDS[row.tool].spends for row in rows):
        return []
    if terms is not None and terms.estimated_credits is None:
        return ["What this order costs is not known just now."]
    bounded = any(not row.price_keys and row.estimated_credits is not None for row in rows)
    return [CLONE_PRICE_NOTE] if bounded else []


def tell_found(state: PlacementState) -> None:
    """Note that what had never been answered was found upstream."""
    state.recovered = True
    where = "its containers were found in the project's content"
    if not KINDS[state.order.tool].spends:
        where = "it was found in the project's schedule"
    state.notes.append(f"This {state.order.noun} had never been answered: {where}.")
