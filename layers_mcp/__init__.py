"""The publish-to-learn loop of the Layers Partner API as an MCP server.

The public surface is `__all__`: `create_server(config, credentials, policy)` builds the server of one tenant.
All of it is loaded when first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layers_mcp.app import create_server
    from layers_mcp.config import ServerConfig
    from layers_mcp.tenancy.credentials import Credentials
    from layers_mcp.tenancy.policy import Policy

__version__ = "0.1.0"

__all__ = ["Credentials", "Policy", "ServerConfig", "__version__", "create_server"]

_HOMES = {
    "Credentials": "layers_mcp.tenancy.credentials",
    "Policy": "layers_mcp.tenancy.policy",
    "ServerConfig": "layers_mcp.config",
    "create_server": "layers_mcp.app",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
