"""The Layers Partner API as Python. Knows no MCP."""

from layers_mcp.layers import errors, models
from layers_mcp.layers.client import LayersClient

__all__ = ["LayersClient", "errors", "models"]
