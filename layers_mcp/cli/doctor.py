"""`layers-mcp doctor`: would a call work, and if not, why not? One line for each check."""

from __future__ import annotations

import os
import platform
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, TextIO, cast

import anyio

from layers_mcp import __version__
from layers_mcp.api.errors import LayersError
from layers_mcp.app import open_context
from layers_mcp.cli import imports_done
from layers_mcp.cli.serve import add_config_flags
from layers_mcp.config import Options, ServerConfig
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._errors import to_tool_error

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it

    from httpx2 import AsyncBaseTransport

    from layers_mcp.api import LayersClient

CHECK_SECONDS = 30.0
"""For the one question to the API and the look into the journal."""

SETTINGS = (
    "base_url",
    "organization",
    "read_only",
    "sandbox",
    "daily_credit_limit",
    "confirm",
    "confirm_seconds",
    "state_key_file",
    "state_dir",
    "media_origin",
    "vintage",
    "log_level",
)
SECRETS = ("api_key", "journal_url")
"""Told only as set or not: a key never appears, and a database URL may hold a password."""

LIBRARIES = ("mcp", "httpx2", "pydantic", "anyio", "sqlalchemy")


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `doctor` command."""
    parser = commands.add_parser(
        "doctor",
        description="Check settings, reachability and what the key may do; exit code 0 when a call would work.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--http", metavar="URL", help="check a running HTTP server as a client sees it, and nothing else"
    )
    add_config_flags(parser)
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Write the findings to stdout; 0 when a call would work, else 1."""
    if options.http is not None:
        from layers_mcp.cli.http_doctor import examine_http

        imports_done()
        return anyio.run(examine_http, options.http)
    imports_done()
    return anyio.run(examine, Options(options, os.environ))


async def examine(
    options: Options, *, transport: AsyncBaseTransport | None = None, stream: TextIO | None = None
) -> int:
    """Write the findings to `stream` (stdout); 0 when a call would work, else 1."""
    config, credentials, policy = ServerConfig.load(options), Credentials.load(options), Policy.load(options)
    out = stream or sys.stdout
    values = vars(config) | vars(credentials) | vars(policy)
    for line in (*_versions(), *_settings(values, options.sources)):
        print(line, file=out)
    works, findings = await _reach(config, credentials, policy, transport)
    for line in findings:
        print(line, file=out)
    return 0 if works else 1


def _line(mark: str, name: str, text: object) -> str:
    return f"{mark:<5} {name:<20} {text}"


def _versions() -> Iterator[str]:
    yield _line("", "layers-mcp", f"{__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    yield _line("", "libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES))


def _settings(values: Mapping[str, object], sources: Mapping[str, str]) -> Iterator[str]:
    for name in (*SECRETS, *SETTINGS):
        yield _line("", name, f"{_shown(name, values[name])} ({sources[name]})")


def _shown(name: str, value: object) -> object:
    if name in SECRETS:
        return "set" if value else "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value))) or "none"
    return "none" if value in (None, "") else value


async def _vintage(api: LayersClient) -> str:
    """Return which vintage the API speaks, and why that is thought."""
    try:
        newest = (await api.projects.list(limit=1)).items
    except LayersError:
        newest = []
    found = await api.vintages.find(newest[0].id) if newest else api.vintages.known
    if found is None:
        return "unknown: there is no project to detect it by, so the preview's orders are tried first"
    return f"{found.vintage}: {found.reason}"


async def _reach(
    config: ServerConfig, credentials: Credentials, policy: Policy, transport: AsyncBaseTransport | None
) -> tuple[bool, list[str]]:
    """Ask who this is, the cheapest request that proves address, key and organization at once; try the journal."""
    try:
        with anyio.fail_after(CHECK_SECONDS):
            async with open_context(config, credentials, policy, transport=transport) as context:
                whoami = await context.api.whoami()
                vintage = await _vintage(context.api)
                journal = await context.operations.journal_problem()
    except LayersError as error:
        return False, [_line("FAIL", "reach", str(to_tool_error(error)))]
    except TimeoutError:
        return False, [_line("FAIL", "reach", f"no answer within {CHECK_SECONDS:.0f} seconds")]
    name, _ = clean(whoami.organization_name or "")
    organization_id, _ = clean(whoami.organization_id)
    scopes, _ = clean(", ".join(whoami.scopes), limit=1_000)
    scopes = scopes or "not listed by the API; a call that lacks one says which"
    return not journal, [
        _line("ok", "reach", "the embedded sandbox" if config.sandbox else config.base_url),
        _line("ok", "organization", f"{name or 'unnamed'} ({organization_id})"),
        _line("ok", "key may", scopes),
        _line("ok", "vintage", vintage),
        _line("ok", "rate limit tier", whoami.rate_limit_tier or "unknown"),
        _line("ok", "credits", "unknown" if whoami.credit_balance is None else whoami.credit_balance),
        _line("FAIL", "journal", f"{journal} No order can be placed.")
        if journal
        else _line("ok", "journal", "can be read and written"),
    ]
