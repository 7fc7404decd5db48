"""One line of log, one span and the metrics of each tool call over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from secrets import token_hex
from time import perf_counter
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from opentelemetry import propagate, trace
from starlette.requests import Request

from layers_mcp.telemetry import SCOPE, CallLabels, CallMetrics, CallOutcome, current_call

logger = logging.getLogger("layers_mcp.calls")


class ObservedCalls:
    """Middleware around `tools/call`, in place of the SDK's own, whose spans hold what callers send.

    `tools` are the names that may be a label, `tenant_of` tells the short hash of who sent a request.
    """

    def __init__(self, metrics: CallMetrics, tools: Container[str], tenant_of: Callable[[Any], str]) -> None:
        self._metrics = metrics
        self._tools = tools
        self._tenant_of = tenant_of
        self._tracer = trace.get_tracer(SCOPE)

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        name = (ctx.params or {}).get("name")
        if ctx.method != "tools/call" or not isinstance(name, str) or name not in self._tools:
            return await call_next(ctx)
        labels = CallLabels(request_id=token_hex(8), tool=name, tenant=self._tenant_of(ctx.request))
        parent = propagate.extract(cast("Request", ctx.request).headers)
        belonging = current_call.set(labels)
        started = perf_counter()
        outcome: CallOutcome = "cancelled"
        self._metrics.call_started()
        with self._tracer.start_as_current_span(
            f"tools/call {name}",
            parent,
            trace.SpanKind.SERVER,
            {"mcp.method.name": "tools/call", "gen_ai.tool.name": name},
        ) as span:
            try:
                result = await call_next(ctx)
                outcome = outcome_of(result)
                return result
            except MCPError:
                outcome = "error"
                raise
            finally:
                seconds = perf_counter() - started
                span.set_attribute("layers_mcp.outcome", outcome)
                self._metrics.call_ended(name, outcome, seconds)
                fields = {"ms": round(seconds * 1000), "outcome": outcome}
                logger.info("%s: %s after %d ms", name, outcome, fields["ms"], extra=vars(labels) | fields)
                current_call.reset(belonging)


def outcome_of(result: HandlerResult) -> CallOutcome:
    """Return what a result says of its call; its text begins with a code where it failed."""
    answer = result if isinstance(result, dict) else {}
    if not answer.get("isError"):
        return "ok"
    code = answer["content"][0]["text"].partition(":")[0].partition(" ")[0]
    outcomes: dict[str, CallOutcome] = {"BUSY": "busy", "TIMEOUT": "timeout"}
    return outcomes.get(code, "error")
