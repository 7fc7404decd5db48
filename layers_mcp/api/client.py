"""The Layers client."""

from __future__ import annotations

from layers_mcp.api.insight import Insight
from layers_mcp.api.production import Production


class LayersClient(Insight, Production):
    """The Layers Partner API for one key: one method for each endpoint that the loop uses.

    Identical reads in flight share one request; nothing is kept afterwards. Requests are repeated as `retries` says,
    for at most 30 seconds a call. Every method raises `LayersError`. The HTTP client is built at the first call.
    """
