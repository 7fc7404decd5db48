"""Every write that must happen once: written to the journal before it is sent, answered from there ever after.

`service` places an order from top to bottom (find, plan, price, ask, send), `sender` reserves and sends it.
`state_machine` draws the states and makes every step between them data; `store` keeps the rows; `kinds` knows what
differs between the things that can be ordered; `tenant` tells whose the rows are, `terms` what sending costs and what
speaks against it; `history` tells what was ordered.
"""

from layers_mcp.operations.errors import OperationError
from layers_mcp.operations.kinds import CloneOrder, HookOrder, Order, Publication
from layers_mcp.operations.models import OrderRecord, Placement, Reading, SimilarOrder
from layers_mcp.operations.operations import Operations
from layers_mcp.operations.terms import Limits

__all__ = [
    "CloneOrder",
    "HookOrder",
    "Limits",
    "OperationError",
    "Operations",
    "Order",
    "OrderRecord",
    "Placement",
    "Publication",
    "Reading",
    "SimilarOrder",
]
