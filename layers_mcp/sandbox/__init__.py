"""The embedded Layers API: written against the contract, independent of the client that talks to it."""

from layers_mcp.sandbox.faults import Fault
from layers_mcp.sandbox.sandbox import CreditEvent, Sandbox, Truth
from layers_mcp.sandbox.simulation.parameters import WorldParameters
from layers_mcp.sandbox.store import WorldFileError, WorldVersionError

__all__ = ["CreditEvent", "Fault", "Sandbox", "Truth", "WorldFileError", "WorldParameters", "WorldVersionError"]
