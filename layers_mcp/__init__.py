"""The publish-to-learn loop of the Layers Partner API as an MCP server.

The public surface is `__all__`: `create_server(settings)` builds the server, `ServerConfig` says how.
Both are loaded when first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layers_mcp.app import create_server
    from layers_mcp.config import ServerConfig

__version__ = "0.1.0"

__all__ = ["ServerConfig", "__version__", "create_server"]


def __getattr__(name: str) -> object:
    if name == "create_server":
        from layers_mcp.app import create_server

        return create_server
    if name == "ServerConfig":
        from layers_mcp.config import ServerConfig

        return ServerConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
