"""The Layers Partner API as Python. Knows no MCP."""

from layers_mcp.api import errors, models
from layers_mcp.api.client import LayersClient

__all__ = ["LayersClient", "errors", "models"]
