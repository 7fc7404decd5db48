"""The Layers Partner API as Python. It knows nothing of MCP."""

from layers_mcp.api import errors, models
from layers_mcp.api.client import LayersClient

__all__ = ["LayersClient", "errors", "models"]
