"""What all clients of one process share, of any tenant: it holds no tenant's data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext

from layers_mcp.api.decoding import Decoder
from layers_mcp.api.job_polling import PollPace
from layers_mcp.api.redaction import Redaction

Observe = Callable[[str, int | None], None]
"""Called for every request that was sent: its endpoint without ids, and the status of its answer (None without one)."""


@dataclass(kw_only=True, eq=False)
class SharedResources:
    """The TLS context (built for each client where it is None), the threads and the pace of one process.

    `gateless` holds the base URLs whose API knows no `includeIneligible`.
    """

    verify: SSLContext | None = None
    observe: Observe | None = None
    redaction: Redaction = field(default_factory=Redaction)
    decoder: Decoder = field(default_factory=Decoder)
    polls: PollPace = field(default_factory=PollPace)
    gateless: set[str] = field(default_factory=set[str])
