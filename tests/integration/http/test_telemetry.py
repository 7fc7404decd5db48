"""What an operator sees: metrics that a Prometheus parser reads, spans, a line of log for each call; no ids in any."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
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
from layers_mcp.cli.telemetry import set_up
from layers_mcp.config import ConfigError
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.telemetry import CallMetrics
from tests.support import LoopClock
from tests.support.http_server import until
from tests.support.team_server import Held, team_server

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
    CallMetrics(lambda: 0, meter)
    assert _samples(registry) == {
        "layers_mcp_credits_ordered_total": {(): 0},
        "layers_mcp_calls_in_progress": {(): 0},
        "layers_mcp_tenants_open": {(): 0},
    }


def test_orders_and_upstream_requests_have_exactly_their_labels() -> None:
    registry, meter = _metered()
    observed = CallMetrics(lambda: 0, meter)
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


async def test_an_order_is_counted_by_what_came_of_it_whoever_still_listens(tmp_path: Path) -> None:
    registry, meter = _metered()
    where = "POST /v1/projects/:id/content"
    with Sandbox(faults=[Fault(endpoint=where, kind="drop_after", calls=(1, 2, 3, 4))]) as sandbox:
        slow = Held(sandbox, "POST", "/content", calls=(5,))
        async with team_server(sandbox, tmp_path, transport=slow, auth="key", meter=meter) as server:
            own = {"X_Layers_Api_Key": sandbox.api_key}
            order = {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less."}
            told = await server.error("generate_with_hook", order, **own)
            assert "Unknown whether" in told
            orders = _samples(registry)["layers_mcp_orders_total"]
            assert orders == {(("outcome", "unknown"), ("tool", "generate_with_hook")): 1}
            sandbox.faults.clear()
            async with anyio.create_task_group() as client:
                client.start_soon(partial(server.post, "generate_with_hook", order | {"take": 2}, **own))
                await until(lambda: slow.held == 1)
                client.cancel_scope.cancel()
            await anyio.sleep(0.2)  # the server has seen by now that nobody listens
            assert server.app.busy, "an order whose client went away is a running call"
            slow.let_go.set()
            await until(lambda: not server.app.busy)
            samples = _samples(registry)
            price = (await server.facts("generate_with_hook", order | {"take": 2}, **own))["estimated_credits"]
    assert samples["layers_mcp_credits_ordered_total"] == {(): price}
    assert samples["layers_mcp_orders_total"] == {
        (("outcome", outcome), ("tool", "generate_with_hook")): 1 for outcome in ("placed", "unknown")
    }


async def test_a_publication_is_counted_and_costs_nothing(tmp_path: Path) -> None:
    registry, meter = _metered()
    clock = LoopClock()
    with Sandbox(clock=clock) as sandbox:
        async with team_server(sandbox, tmp_path, auth="key", meter=meter) as server:
            own = {"X_Layers_Api_Key": sandbox.api_key}
            project = sandbox.project_id("acme-todo")
            order = {"project_id": project, "hook": "Plan less."}
            [container] = (await server.facts("generate_with_hook", order, **own))["container_ids"]
            clock.move(minutes=10)
            ordered = _samples(registry)["layers_mcp_credits_ordered_total"]
            await server.facts("decide_content", {"container_id": container, "decision": "approve"}, **own)
            ready = await server.facts("check_readiness", {"project_id": project}, **own)
            accounts = [each["social_account_id"] for each in ready["accounts"] if each["status"] == "connected"][:1]
            publication = {"container_id": container, "social_account_ids": accounts}
            for _ in range(2):
                await server.facts("publish_content", publication, **own)
            samples = _samples(registry)
            told = generate_latest(registry).decode()
    assert samples["layers_mcp_credits_ordered_total"] == ordered
    counted = samples["layers_mcp_orders_total"]
    for outcome in ("placed", "replayed"):
        assert counted[("outcome", outcome), ("tool", "publish_content")] == 1
    for secret in (container, project, *accounts, "acme-todo", "Plan less", "lp_"):
        assert secret not in told


def test_metrics_without_the_telemetry_extra_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigError, match=r"--metrics-port needs the telemetry extra: pip install"):
        set_up(prometheus=True, environ={})
    assert set_up(prometheus=False, environ={}) is None
