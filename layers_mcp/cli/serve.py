"""`layers-mcp`: the server on stdio, and the flags that say how it runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from layers_mcp.cli import imports_done
from layers_mcp.config import DEFAULT_BASE_URL, LOG_LEVELS, VINTAGES, Options, ServerConfig
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import CONFIRM, Policy

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it

logger = logging.getLogger(__name__)

LAST_SECONDS = 0.1
"""How long a thread that still works may delay the end of the process once its client is gone."""


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `serve` command."""
    parser = commands.add_parser("serve", description="Serve MCP on stdio.", allow_abbrev=False)
    add_config_flags(parser)
    parser.set_defaults(run=run)


def add_config_flags(parser: ArgumentParser) -> None:
    """Add the flags of `ServerConfig`; each wins over its variable, and unset ones stay None."""
    add_tenant_flags(parser)
    add = parser.add_argument
    add("--read-only", action="store_true", default=None, help="leave out every tool that writes (LAYERS_READ_ONLY)")
    add("--daily-credit-limit", metavar="N", help="credits to commission in a UTC day (LAYERS_DAILY_CREDIT_LIMIT)")
    add("--vintage", metavar="NAME", help=f"the API's vintage: {', '.join(VINTAGES)} (LAYERS_VINTAGE; auto)")
    add("--media-origin", metavar="ORIGINS", help="where views may load media from (LAYERS_MEDIA_ORIGIN)")
    add("--confirm", metavar="WHEN", help=f"ask a person first: {', '.join(CONFIRM)} (LAYERS_CONFIRM; auto)")
    add("--confirm-seconds", metavar="N", help="how long a person may take (LAYERS_CONFIRM_SECONDS; 600)")
    add("--state-key-file", metavar="PATH", help="32 random bytes that replicas share (LAYERS_STATE_KEY_FILE)")
    add("--log-level", metavar="LEVEL", help=f"to stderr: {', '.join(LOG_LEVELS)} (LAYERS_LOG_LEVEL; warning)")


def add_tenant_flags(parser: ArgumentParser) -> None:
    """Add the flags that say which API and journal it is, and who is asking."""
    add = parser.add_argument
    add("--api-key-file", metavar="PATH", help="read the API key from this file (else LAYERS_API_KEY)")
    add("--base-url", metavar="URL", help=f"the API to talk to (LAYERS_BASE_URL; {DEFAULT_BASE_URL})")
    add("--organization", metavar="ID", help="a child organization to act for (LAYERS_ORGANIZATION)")
    add("--sandbox", action="store_true", default=None, help="use the embedded Layers API, no key (LAYERS_SANDBOX)")
    add("--state-dir", metavar="PATH", help="where the journal lies (LAYERS_STATE_DIR)")
    add("--journal-url", metavar="URL", help="a PostgreSQL journal to share (LAYERS_JOURNAL_URL)")


def run(options: Namespace) -> int:
    """Serve until the client closes stdin or the process is told to stop."""
    given = Options(options, os.environ)
    config, credentials, policy = ServerConfig.load(given), Credentials.load(given), Policy.load(given)

    import anyio

    from layers_mcp.app import create_server
    from layers_mcp.cli.logs import RedactingFormatter, log_to_stderr
    from layers_mcp.transports.stdio import serve_stdio

    log_to_stderr(config.log_level, RedactingFormatter([credentials.api_key]))
    server = create_server(config, credentials, policy)
    imports_done()
    code = 0
    try:
        anyio.run(serve_stdio, server)
    except Exception:
        logger.critical("the server stopped on an error of its own", exc_info=True)
        code = 1
    return leave(code)


def leave(code: int) -> int:
    """Return `code`, to exit with; exit at once where a thread hangs that a locked or frozen journal cannot wake."""
    if not _threads_ended():
        logging.shutdown()
        os._exit(code)
    return code


def _threads_ended() -> bool:
    deadline = time.monotonic() + LAST_SECONDS
    others = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in others)
