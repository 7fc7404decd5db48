"""`layers-mcp http`: the server over Streamable HTTP, for a team or many tenants at once."""

from __future__ import annotations

import logging
import os
import socket
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from layers_mcp.cli.serve import add_config_flags, imports_done, leave
from layers_mcp.config import ConfigError, Options
from layers_mcp.http_config import AUTHS, LOG_FORMATS, MOST_CALLS, MOST_TENANT_CALLS, HttpConfig

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it

logger = logging.getLogger(__name__)


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `http` command."""
    parser = commands.add_parser(
        "http",
        description="Serve MCP over Streamable HTTP. Every flag has a variable: --port is LAYERS_HTTP_PORT.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", metavar="HOST", help="the address to listen on (127.0.0.1)")
    add("--port", metavar="N", help="the port to listen on; 0 picks a free one (8000)")
    add("--auth", metavar="KIND", help=f"who may call: {', '.join(AUTHS)} (none on loopback, else key)")
    add("--public-url", metavar="URL", help="the URL that clients enter, such as https://mcp.example.com/mcp")
    add("--allowed-host", action="append", metavar="HOST", help="a Host header to take; may be repeated")
    add("--allowed-origin", action="append", metavar="ORIGIN", help="a web page's origin to take; may be repeated")
    add("--oauth-issuer", metavar="URL", help="whose access tokens are taken (with --auth oauth)")
    add("--tenants", metavar="FILE", help="which claims belong to which tenant and key, in TOML (with --auth oauth)")
    add("--max-calls", metavar="N", help=f"POSTs at once ({MOST_CALLS})")
    add("--tenant-calls", metavar="N", help=f"tool calls of one tenant at once ({MOST_TENANT_CALLS})")
    add("--metrics-port", metavar="N", help="serve Prometheus text on this port (needs the telemetry extra)")
    add("--log-format", metavar="FORMAT", help=f"of the log on stderr: {', '.join(LOG_FORMATS)} (text)")
    add_config_flags(parser)
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Serve until told to stop, then until the last call has ended."""
    for name in ("allowed_host", "allowed_origin"):  # a flag that may be repeated is a list as its variable is
        setattr(options, name, ",".join(getattr(options, name) or ()))
    config = HttpConfig.load(Options(options, os.environ))

    from layers_mcp.app import create_app
    from layers_mcp.cli.json_logs import JsonFormatter
    from layers_mcp.cli.logs import RedactingFormatter, log_to_stderr, quieten_libraries
    from layers_mcp.cli.telemetry import set_up
    from layers_mcp.transports.http_server import DrainingServer, allow_many_connections, by_port, serve

    formatter = JsonFormatter if config.log_format == "json" else RedactingFormatter
    log_to_stderr(config.server.log_level, formatter([config.credentials.api_key]))
    quieten_libraries()
    metrics = set_up(prometheus=config.metrics_port is not None, environ=os.environ)
    allow_many_connections()
    try:
        sockets = _listen(config)
    except OSError as error:
        print(f"layers-mcp: cannot listen on {config.host}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    config = replace(config, port=sockets[0].getsockname()[1])
    app = create_app(config)

    def ready() -> None:
        print(f"LAYERS_MCP_URL={config.url}", flush=True)  # noqa: T201 - a supervisor or test reads it
        logger.info("serving on %s with --auth %s", config.url, config.auth)

    served = app if metrics is None else by_port(app, metrics, sockets[1].getsockname()[1])
    server = DrainingServer(served, ready=ready, draining=app.drain, busy=lambda: app.busy, reload=app.reload)
    imports_done()
    serve(server, sockets)
    return leave(0)


def _listen(config: HttpConfig) -> list[socket.socket]:
    """Return the sockets of the server and, where it is wanted, of its metrics. Raises OSError."""
    from layers_mcp.transports.http_server import listen

    ports = [config.port] if config.metrics_port is None else [config.port, config.metrics_port]
    try:
        return [listen(config.host, port) for port in ports]
    except socket.gaierror:
        raise ConfigError(f"--host {config.host} is no address of this machine") from None
