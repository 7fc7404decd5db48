"""What an operator sees: metrics that a Prometheus parser reads, spans, a line of log for each call; no ids in any."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from layers_mcp.cli.json_logs import JsonFormatter
from layers_mcp.sandbox import Sandbox
from layers_mcp.telemetry import Metrics
from tests.support.team_server import team_server

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans that end from now on; a process sets the SDK up once."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    yield spans
    provider.shutdown()


def _metered() -> tuple[CollectorRegistry, Meter]:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    return registry, MeterProvider(metric_readers=[reader]).get_meter("test")


def _samples(registry: CollectorRegistry) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


async def test_calls_are_counted_timed_traced_and_logged_without_an_id(
    spans: InMemorySpanExporter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry, meter = _metered()
    caplog.set_level(logging.INFO, logger="layers_mcp.calls")
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key", meter=meter) as server:
            own = {"X_Layers_Api_Key": sandbox.api_key}
            project = sandbox.project_id("acme-todo")
            await server.facts("get_metrics", {"project_id": project}, **own)
            await server.error("get_metrics", {"project_id": "prj_not_there"}, **own)
            refused = await server.post("no_such_tool_" + project, **own)
            assert refused.status_code in (200, 400)
            samples = _samples(registry)
            assert samples["layers_mcp_tenants_open"] == {(): 1}
            assert samples["layers_mcp_calls_in_progress"] == {(): 0}
    assert samples["layers_mcp_credits_ordered_total"] == {(): 0}
    calls = samples["layers_mcp_tool_calls_total"]
    assert calls == {
        (("outcome", "ok"), ("tool", "get_metrics")): 1,
        (("outcome", "error"), ("tool", "get_metrics")): 1,
    }
    assert samples["layers_mcp_tool_call_seconds_count"] == {(("tool", "get_metrics"),): 2}
    told = generate_latest(registry).decode()
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "layers_mcp.calls"]
    traced = "".join(span.to_json() for span in spans.get_finished_spans())
    assert [span.name for span in spans.get_finished_spans()] == ["tools/call get_metrics"] * 2
    for where in (told, traced, *lines):
        for secret in (project, "prj_", own["X_Layers_Api_Key"], "Acme", "no_such_tool"):
            assert secret not in where
    first, second = map(json.loads, lines)
    assert set(first) == {"time", "level", "message", "request_id", "tool", "tenant", "ms", "outcome"}
    assert (first["tool"], first["outcome"], second["outcome"], first["level"]) == (
        "get_metrics",
        "ok",
        "error",
        "info",
    )
    assert first["tenant"] == second["tenant"] != ""
    assert first["request_id"] != second["request_id"]


async def test_orders_and_upstream_requests_are_counted_as_they_happen(tmp_path: Path) -> None:
    registry, meter = _metered()
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key", meter=meter) as server:
            own = {"X_Layers_Api_Key": sandbox.api_key}
            order = {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less."}
            await server.facts("generate_with_hook", order | {"dry_run": True}, **own)
            placed = await server.facts("generate_with_hook", order, **own)
            await server.facts("generate_with_hook", order, **own)
            await server.error("generate_with_hook", order | {"take": 2, "max_credits": 1}, **own)
            samples = _samples(registry)
    assert samples["layers_mcp_credits_ordered_total"] == {(): placed["estimated_credits"]}
    assert samples["layers_mcp_orders_total"] == {
        (("outcome", outcome), ("tool", "generate_with_hook")): 1 for outcome in ("placed", "replayed", "refused")
    }
    asked = {dict(labels)["endpoint"] for labels in samples["layers_mcp_upstream_requests_total"]}
    assert asked
    assert not any("prj_" in endpoint or "org_" in endpoint for endpoint in asked)


def test_metrics_without_labels_are_there_from_the_start() -> None:
    registry, meter = _metered()
    Metrics(lambda: 0, meter)
    assert _samples(registry) == {
        "layers_mcp_credits_ordered_total": {(): 0},
        "layers_mcp_calls_in_progress": {(): 0},
        "layers_mcp_tenants_open": {(): 0},
    }


def test_orders_and_upstream_requests_have_exactly_their_labels() -> None:
    registry, meter = _metered()
    observed = Metrics(lambda: 0, meter)
    observed.ordered("clone_post", "placed", 240)
    observed.ordered("clone_post", "replayed", 240)
    observed.upstream_answered("GET /v1/projects/:id", 200)
    samples = _samples(registry)
    assert samples["layers_mcp_credits_ordered_total"] == {(): 240}
    assert samples["layers_mcp_orders_total"] == {
        (("outcome", "placed"), ("tool", "clone_post")): 1,
        (("outcome", "replayed"), ("tool", "clone_post")): 1,
    }
    assert samples["layers_mcp_upstream_requests_total"] == {
        (("endpoint", "GET /v1/projects/:id"), ("status", "200")): 1
    }


def test_a_log_line_never_holds_an_id_or_a_key(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.LogRecord(
        "layers_mcp.api", logging.DEBUG, "", 0, "GET /v1/projects/prj_01HX/jobs/job_1 lp_live_a_b", (), None
    )
    line = json.loads(JsonFormatter(["sesame-key"]).format(record))
    assert "[id]" in line["message"]
    assert "prj_01HX" not in line["message"]
    assert "lp_live_a_b" not in line["message"]
    assert set(line) == {"time", "level", "message"}
