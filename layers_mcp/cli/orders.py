"""`layers-mcp orders`: what was ordered and published, and for one order, what happened when and what it cost.

It reads the journal, also while a server writes it, and sends nothing that spends or publishes. One tenant's orders
are shown: those of the key's organization, or of the one that is named.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import anyio

from layers_mcp.api.errors import LayersError
from layers_mcp.api.pagination import collect
from layers_mcp.app import open_context
from layers_mcp.cli import imports_done
from layers_mcp.cli.logs import RedactingFormatter
from layers_mcp.cli.order_views import Findings, Shown, as_json, as_text
from layers_mcp.cli.serve import add_tenant_flags
from layers_mcp.config import ConfigError, Options, ServerConfig
from layers_mcp.operations.audit import OrderAudit, audits, happenings
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.state_machine import SLACK
from layers_mcp.operations.store.base import Store, Wanted
from layers_mcp.operations.store.sql import SqlStore
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.text.ids import container_key, container_keys
from layers_mcp.text.times import MOMENT_FORMS, parse_moment
from layers_mcp.tools._errors import to_tool_error

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse has no public name for it

    from httpx2 import AsyncBaseTransport

    from layers_mcp.api import LayersClient
    from layers_mcp.api.models import CreditEvent, Page

LAYERS_SECONDS = 20.0
"""How long Layers' own ledger or schedule is waited for; what the journal knows is told without it."""

MOST_ORDERS = 10_000

SHORTEST_NAME = 8
"""Characters of an order's id that name it."""

_WHOSE = """
Whose orders: those of the organization that the API key belongs to (LAYERS_API_KEY or --api-key-file; with --sandbox,
the embedded API's). Without a key, name an organization with --tenant, or ask for all with --all-tenants: whoever may
read the journal may read all of it.
"""


class _UntoldError(Exception):
    """Why there is nothing to show: one line for a person."""


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the `orders` command."""
    parser = commands.add_parser(
        "orders",
        description="List the journal's orders and publications, newest first; of one, tell what happened when.",
        epilog=_WHOSE,
        allow_abbrev=False,
    )
    add = parser.add_argument
    named = "one alone: com_… or pub_… (its beginning will do), or of a job_… or cnt_…"
    add("order_id", nargs="?", default="", metavar="ORDER_ID", help=named)
    add("--json", action="store_true", help="one JSON document instead of lines for a person")
    add("--project", default="", metavar="ID", help="of this project alone")
    add("--since", default="", metavar="WHEN", help="ordered then or later: a date, a datetime, or an age such as 7d")
    add("--unanswered", action="store_true", help="only what was sent and never answered")
    add("--limit", type=_limit, default=50, metavar="N", help="the newest N (50)")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--tenant", default="", metavar="ID", help="of this organization; Layers is not asked")
    whose.add_argument("--all-tenants", action="store_true", help="of every tenant in the journal")
    add_tenant_flags(parser)
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Write what was found to stdout: 0, or 1 where that cannot be told."""
    imports_done()
    return anyio.run(show, options, os.environ)


async def show(
    flags: Namespace,
    environ: Mapping[str, str],
    *,
    transport: AsyncBaseTransport | None = None,
    stream: TextIO | None = None,
) -> int:
    """Write what was found to `stream` (stdout), or why it cannot be told to stderr: 0, or 1."""
    options = Options(flags, environ)
    config, credentials = ServerConfig.load(options), Credentials.load(options)
    wanted = _wanted(flags, datetime.now(UTC))
    redact = RedactingFormatter([credentials.api_key]).redact
    store = SqlStore(config.journal_url, config.state_dir)
    try:
        if store.exists:
            if config.sandbox:  # an age is by the world's clock
                async with open_context(config) as context:
                    wanted = _wanted(flags, context.now())
            found = await _find(flags, wanted, store, config, credentials, transport)
        else:
            found = Findings(notes=[f"Nothing was ordered yet: there is no journal in {config.state_dir}."])
    except (_UntoldError, JournalError) as problem:
        reason = str(problem) if isinstance(problem, _UntoldError) else f"the journal cannot be read: {problem}"
        sys.stderr.write(redact(f"layers-mcp orders: {reason}") + "\n")
        return 1
    finally:
        await store.aclose()
    text = as_json(found) if flags.json else as_text(found, all_tenants=flags.all_tenants)
    (stream or sys.stdout).write(redact(text) + "\n")
    return 0


def _wanted(flags: Namespace, now: datetime) -> Wanted:
    """Return what the flags ask for. Raises `ConfigError`."""
    name = flags.order_id.strip()
    if name.startswith(("com_", "pub_")) and len(name) < SHORTEST_NAME:
        raise ConfigError(f"ORDER_ID must be at least {SHORTEST_NAME} characters of an order's id")
    try:
        since = parse_moment(flags.since, now) if flags.since.strip() else None
    except ValueError:
        raise ConfigError(f"--since must be {MOMENT_FORMS}") from None
    return Wanted(
        name=name, project_id=flags.project.strip(), since=since, unanswered=flags.unanswered, most=flags.limit + 1
    )


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_ORDERS:
        return int(text)
    raise ArgumentTypeError(f"must be a whole number from 1 to {MOST_ORDERS:,}")


# --- whose


async def _find(
    flags: Namespace,
    wanted: Wanted,
    store: Store,
    config: ServerConfig,
    credentials: Credentials,
    transport: AsyncBaseTransport | None,
) -> Findings:
    """Read the orders of the tenants that are asked for. Raises `_UntoldError` and `JournalError`."""
    if flags.tenant or flags.all_tenants:
        there = await store.tenants()
        tenants = [each for each in there if flags.all_tenants or each.organization == flags.tenant.strip()]
        if not tenants:
            raise _UntoldError("the journal holds nothing of that organization")
        return await _read(wanted, store, tenants, None)
    if not (credentials.api_key or config.sandbox):
        raise _UntoldError(
            "whose orders to show is not known: set LAYERS_API_KEY, or name an organization with --tenant, or say "
            "--all-tenants"
        )
    async with open_context(config, credentials, transport=transport) as context:
        try:
            tenant = await context.operations.tenants.current()
        except LayersError as error:
            raise _UntoldError(str(to_tool_error(error))) from None
        found = await _read(wanted, store, [tenant], context.api)
    if tenant.confirmed:
        return found
    stands_in = "Layers could not be asked whose this key is: what this key itself ordered is shown."
    return replace(found, notes=[*found.notes, stands_in])


# --- reading


async def _read(wanted: Wanted, store: Store, tenants: Sequence[Tenant], api: LayersClient | None) -> Findings:
    """Return what is wanted of these tenants; of one order by its name, with what happened, and with Layers' ledger."""
    rows: dict[str, Operation] = {}
    notes: list[str] = []
    for tenant in tenants:
        reading = await store.all_of(tenant, wanted)
        rows |= {row.entry: row for row in reading.value}
        notes += [f"The order journal could not be read whole: {reading.warning}."] if reading.warning else []
    newest = sorted(audits(list(rows.values()), datetime.now(UTC)), key=lambda each: each.first.ordered_at)[::-1]
    if not wanted.name:
        more = len(newest) >= wanted.most
        return Findings(orders=[Shown(audit=each) for each in newest[: wanted.most - 1]], more=more, notes=notes)
    newest = [each for each in newest if each.goes_by(wanted.name)]
    if not newest:
        raise _UntoldError("no order or publication of this tenant has that id")
    return Findings(orders=[await _told(each, store, api) for each in newest], whole=True, notes=notes)


async def _told(audit: OrderAudit, store: Store, api: LayersClient | None) -> Shown:
    """Return one order with everything that happened to it, oldest first."""
    happened = [each for row in audit.rows for each in happenings(row, await store.events(row))]
    shown = Shown(audit=audit, happenings=sorted(happened, key=lambda each: each.at))
    if api is None:
        return shown
    try:
        with anyio.fail_after(LAYERS_SECONDS):
            if audit.spends:
                return replace(shown, booked=await _booked(audit, api))
            return replace(shown, posts=[await api.publishing.get(each) for each in audit.scheduled_post_ids])
    except (LayersError, TimeoutError):
        return shown


async def _booked(audit: OrderAudit, api: LayersClient) -> list[int] | None:
    """Return Layers' entries for the order's content: charges negative, refunds positive; None if they are too many."""
    since = audit.first.ordered_at - SLACK

    async def page(cursor: str) -> Page[CreditEvent]:
        return await api.credits.events(project_id=audit.first.project_id, since=since, limit=100, cursor=cursor)

    read = await collect(page)
    if read.next_cursor:
        return None
    made = container_keys(audit.container_ids)
    ours = [each for each in read.items if each.container_id and container_key(each.container_id) in made]
    return [round(each.credits) for each in ours if each.event_type in ("usage", "refund")]
