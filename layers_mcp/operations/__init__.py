"""An order is placed once: the order book, its journal and its budget.

`book` is the front desk. Behind it, `placing` takes one order through the states that `states` draws; `journal` keeps
them, on the tables of `schema` in the database of `storage`, reached from the event loop by `access`; `upstream` is
what an order asks of Layers; `tenancy` tells whose it is, `budget` what it may cost, `similar` whether it was ordered
in other words just now.
"""

from layers_mcp.operations.book import OrderBook
from layers_mcp.operations.errors import OrderError
from layers_mcp.operations.order import CloneOrder, HookOrder, Order
from layers_mcp.operations.records import OrderRecord, Placement, SimilarOrder

__all__ = ["CloneOrder", "HookOrder", "Order", "OrderBook", "OrderError", "OrderRecord", "Placement", "SimilarOrder"]
