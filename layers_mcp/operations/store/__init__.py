"""The journal of operations, behind one async protocol."""

from layers_mcp.operations.store.base import DayLimit, JournalEvent, Store, Wanted

__all__ = ["DayLimit", "JournalEvent", "Store", "Wanted"]
