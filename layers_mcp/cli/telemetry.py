"""Set up OpenTelemetry from the `telemetry` extra: Prometheus text, and OTLP where it is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from layers_mcp.config import ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_LIBRARIES = ("opentelemetry.sdk", "opentelemetry.exporter.prometheus", "prometheus_client")

_OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"


def set_up(*, prometheus: bool, environ: Mapping[str, str]) -> ASGIApp | None:
    """Make what is measured readable: the application of `/metrics` where `prometheus` is wanted.

    Traces and metrics go to an OTLP collector where `OTEL_EXPORTER_OTLP_ENDPOINT` (or that of one signal) names one;
    its other variables count too. Raises ConfigError where the extra is missing.
    """
    signals = [signal for signal in ("TRACES", "METRICS") if _names_a_collector(environ, signal)]
    if not (prometheus or signals):
        return None
    if not all(map(_is_installed, _LIBRARIES)):
        if prometheus:
            raise ConfigError('--metrics-port needs the telemetry extra: pip install "layers-mcp[telemetry]"')
        return None
    return _set_up(signals, prometheus=prometheus)


def _names_a_collector(environ: Mapping[str, str], signal: str) -> bool:
    return bool(environ.get(_OTLP) or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


def _set_up(signals: list[str], *, prometheus: bool) -> ASGIApp | None:
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from prometheus_client import CollectorRegistry, generate_latest

    resource = Resource.create({"service.name": "layers-mcp"})
    registry = CollectorRegistry()
    readers: list[MetricReader] = []
    if prometheus:
        readers.append(PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry))
    if "METRICS" in signals:
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    metrics.set_meter_provider(MeterProvider(metric_readers=readers, resource=resource))
    if "TRACES" in signals:
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    return _prometheus(lambda: generate_latest(registry)) if prometheus else None


def _prometheus(text: Callable[[], bytes]) -> ASGIApp:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        return Response(text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return Starlette(routes=[Route("/metrics", answer, methods=["GET"])])
