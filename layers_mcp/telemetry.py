"""What an operator sees of calls: metrics and spans by OpenTelemetry's API, and which call a log line belongs to.

Without an SDK installed and set up, everything here does nothing. No label, attribute or log field holds an id that
Layers gave, a key or a title: a tenant is identified by a short hash, a call by a random name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from layers_mcp.operations.observation import OrderOutcome

SCOPE = "layers_mcp"

CallOutcome = Literal["ok", "error", "busy", "timeout", "cancelled"]

SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0)
"""Up to the 45 seconds within which every call ends."""


@dataclass(frozen=True)
class CallLabels:
    """Whose call a log line belongs to."""

    request_id: str
    tool: str
    tenant: str


current_call: ContextVar[CallLabels | None] = ContextVar("layers_mcp.current_call", default=None)
"""The tool call that the present task works for; None outside of one."""


class CallMetrics:
    """The instruments of one process. `tenants_open` is asked at every reading."""

    def __init__(self, tenants_open: Callable[[], int], meter: Meter | None = None) -> None:
        meter = meter or get_meter(SCOPE)

        def open_now(options: CallbackOptions) -> Iterable[Observation]:
            yield Observation(tenants_open())

        self._calls = meter.create_counter("layers_mcp_tool_calls", description="Tool calls that ended.")
        self._seconds = meter.create_histogram(
            "layers_mcp_tool_call",
            unit="s",
            description="How long tool calls took.",
            explicit_bucket_boundaries_advisory=SECONDS_BUCKETS,
        )
        self._requests = meter.create_counter(
            "layers_mcp_upstream_requests", description="Requests to the Layers API, by what came of them."
        )
        self._orders = meter.create_counter(
            "layers_mcp_orders", description="Orders and publications, by what became of them."
        )
        self._credits = meter.create_counter(
            "layers_mcp_credits_ordered", description="Estimated credits of the orders that were placed."
        )
        self._running = meter.create_up_down_counter(
            "layers_mcp_calls_in_progress", description="Tool calls that run now."
        )
        meter.create_observable_gauge(
            "layers_mcp_tenants_open", [open_now], description="Tenants whose workspace is open."
        )
        self._credits.add(0)
        self._running.add(0)

    def call_started(self) -> None:
        """Count a tool call that runs."""
        self._running.add(1)

    def call_ended(self, tool: str, outcome: CallOutcome, seconds: float) -> None:
        """Count a tool call that ended, after so many seconds."""
        self._running.add(-1)
        self._calls.add(1, {"tool": tool, "outcome": outcome})
        self._seconds.record(seconds, {"tool": tool})

    def upstream_answered(self, endpoint: str, status: int | None) -> None:
        """Count a request to the API: `endpoint` is a path without ids, `status` None where no answer came."""
        self._requests.add(1, {"endpoint": endpoint, "status": "none" if status is None else str(status)})

    def ordered(self, tool: str, outcome: OrderOutcome, estimated_credits: int = 0) -> None:
        """Count an order or a publication; of a placed one its estimated credits too."""
        self._orders.add(1, {"tool": tool, "outcome": outcome})
        if outcome == "placed":
            self._credits.add(max(estimated_credits, 0))
