"""A thin, strict layer over the MCP SDK's low-level server. It knows nothing of Layers.

Write a tool as a typed async function (`tool.py`); its definition is made from its signature once, and kept as data
(`schema.py`); arguments are checked against that definition before the function is even imported (`arguments.py`);
what it returns is written down small (`result.py`), what it raises in words that a model can repair from
(`errors.py`); `handlers.py` puts it on the wire, in both eras of the protocol.
"""

from layers_mcp.protocol.errors import NOTHING_CHANGED, ToolError, invalid_argument, unknown_outcome
from layers_mcp.protocol.progress import Progress, no_progress
from layers_mcp.protocol.result import Result, render
from layers_mcp.protocol.tool import DESTRUCTIVE, IDEMPOTENT, READ, WRITE, Kind, ToolFunction, tool

__all__ = [
    "DESTRUCTIVE",
    "IDEMPOTENT",
    "NOTHING_CHANGED",
    "READ",
    "WRITE",
    "Kind",
    "Progress",
    "Result",
    "ToolError",
    "ToolFunction",
    "invalid_argument",
    "no_progress",
    "render",
    "tool",
    "unknown_outcome",
]
