"""An order is placed once: the order book, its journal and its budget."""

from layers_mcp.orders.book import OrderBook
from layers_mcp.orders.errors import OrderError
from layers_mcp.orders.order import CloneOrder, HookOrder, Order
from layers_mcp.orders.records import OrderRecord, Placement, SimilarOrder

__all__ = ["CloneOrder", "HookOrder", "Order", "OrderBook", "OrderError", "OrderRecord", "Placement", "SimilarOrder"]
