"""The journal in a database: each step of an operation is one transaction, each read sees one tenant.

Its methods block, and are made for worker threads. Every one may raise `JournalError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, not_, or_, select, text, update

from layers_mcp.operations.errors import JournalError, UnclearTenantError
from layers_mcp.operations.models import STAND_IN, Operation, Reading, Tenant, ToolName
from layers_mcp.operations.state_machine import (
    Event,
    Reserved,
    is_free,
    transition,
)
from layers_mcp.operations.store.base import DayLimit, JournalEvent, Wanted
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.day_credits import check_daily_limit, credits_of_day
from layers_mcp.operations.store.event_log import read_events, write_event
from layers_mcp.operations.store.migrations import progress
from layers_mcp.operations.store.queries import (
    NEWEST_FIRST,
    SENT,
    goes_by,
    held,
    lock_name,
    may_be_of,
    may_have_made,
    of_order,
    of_tenant,
    order_lock_name,
)
from layers_mcp.operations.store.rows import DamagedRowError, from_row, moment_text, to_row
from layers_mcp.operations.store.schema import orders
from layers_mcp.text.ids import container_keys

_NAMED_AT_ONCE = 200
"""Ids that one query names: SQLite takes no expression of more than 1,000 parts."""


class Journal:
    """The operations in one database, of every tenant that shares it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.close = database.close

    def check(self) -> None:
        """Read and write, and leave everything as it is."""
        with self._database.writing() as connection:
            connection.execute(text("UPDATE journal_version SET version = version"))

    # --- the steps of an operation

    def find(self, tenant: Tenant, identity: str) -> list[Operation]:
        """Return every row of one order, by piece. Raises `JournalError` where one of them is damaged."""
        with self._database.reading() as connection:
            return _whole(connection, of_order(tenant, identity))

    def reserve(self, drafts: Sequence[Operation], limit: DayLimit | None, now: datetime) -> list[Operation]:
        """Write new operations of one order down, all or none; those that are there already stay as they are.

        Raises `DailyLimitError`, and `UnclearTenantError`: a clone is idempotent upstream by its path, all others are
        under one key only, so an equal order of another key could be made twice.
        """
        tenant, identity = drafts[0].tenant, drafts[0].identity
        with self._database.writing(lock_name(tenant), order_lock_name(tenant, identity)) as connection:
            known = {row.piece: row for row in _whole(connection, of_order(tenant, identity))}
            new = [each for each in drafts if each.piece not in known or is_free(known[each.piece], now)]
            if _pieces(known.values(), now) + sum(each.variations for each in new) > _ordered(drafts[0]):
                return list(known.values())  # another call was first, and cut the order otherwise
            if any(not each.path_container_id for each in new) and _stands_elsewhere(connection, tenant, identity, now):
                raise UnclearTenantError(
                    "This order is in the journal under another API key, and whether both belong to one organization "
                    "is not known now.",
                    "Call again when Layers answers who the key belongs to; a higher take orders another one.",
                )
            if limit is not None and new:
                check_daily_limit(connection, tenant, new, limit, now)
            return [_reserve(connection, each, known.get(each.piece), now) for each in drafts]

    def record(self, row: Operation, event: Event, now: datetime, limit: DayLimit | None = None) -> Operation:
        """Take one step from where the operation is by now, keep the event, and give back where that leads.

        With a `limit`, an attempt starts only within it. Raises `DailyLimitError`.
        """
        with self._database.writing(*([lock_name(row.tenant)] if limit else [])) as connection:
            current = _current(connection, row)
            changed = transition(current or row, event, now)
            if limit is not None and changed.unanswered > (current or row).unanswered:
                check_daily_limit(connection, row.tenant, [changed], limit, now)
            if current is None:  # the journal was removed meanwhile
                if changed.status == "refused":
                    return changed
                connection.execute(insert(orders).values(to_row(changed)))
            elif changed == current:
                return current
            else:
                connection.execute(update(orders).where(orders.c.entry == current.entry).values(to_row(changed)))
            write_event(connection, changed, event, now)
            return changed

    def adopt(self, tenant: Tenant, key_fingerprint: str) -> None:
        """Move the rows over to the confirmed `tenant` that its key wrote while it stood in for it."""
        stand_in = and_(orders.c.base_url == tenant.base_url, orders.c.organization == STAND_IN + key_fingerprint)
        with self._database.reading() as connection:
            if connection.execute(select(orders.c.entry).where(stand_in).limit(1)).first() is None:
                return
        with self._database.writing(lock_name(tenant)) as connection:
            for row in connection.execute(select(orders).where(stand_in)).mappings():
                _move(connection, row, tenant)

    # --- what was ordered

    def credits_of_day(self, tenant: Tenant, now: datetime, without: Collection[str] = ()) -> int:
        """Return the credits ordered in the UTC day of `now` without these entries; what was refused is free."""
        with self._database.reading() as connection:
            return credits_of_day(connection, tenant, now, without)

    def since(self, tenant: Tenant, when: datetime, project_id: str = "") -> Reading[list[Operation]]:
        """Return operations that were sent, ordered at `when` or later and not refused, newest first."""
        wanted = [of_tenant(tenant), orders.c.ordered_at >= moment_text(when), SENT]
        if project_id:
            wanted.append(orders.c.project_id == project_id)
        with self._database.reading() as connection:
            return _readable(connection, select(orders).where(*wanted).order_by(*NEWEST_FIRST))

    def takes(self, tenant: Tenant, identities: Collection[str]) -> set[str]:
        """Return which of these identities are ordered."""
        wanted = (of_tenant(tenant), orders.c.identity.in_(list(identities)), orders.c.status != "refused")
        with self._database.reading() as connection:
            return set(connection.execute(select(orders.c.identity).where(*wanted)).scalars())

    def of_containers(self, tenant: Tenant, container_ids: Collection[str]) -> Reading[list[Operation]]:
        """Return the orders that made any of these containers, however their ids are spelled."""
        wanted = list(container_keys(container_ids))
        found: dict[str, Operation] = {}
        warning = ""
        with self._database.reading() as connection:
            for start in range(0, len(wanted), _NAMED_AT_ONCE):
                named = or_(*map(may_have_made, wanted[start : start + _NAMED_AT_ONCE]))
                rows = _readable(connection, select(orders).where(of_tenant(tenant), named))
                found |= {row.entry: row for row in rows.value}
                warning = warning or rows.warning
        # What ends like a wanted id may be another, and LIKE may ignore case.
        made = [row for row in found.values() if not container_keys(row.container_ids).isdisjoint(wanted)]
        return Reading(made, warning)

    def of_jobs(self, tenant: Tenant, job_ids: Collection[str]) -> Reading[list[Operation]]:
        """Return the orders that these jobs work on."""
        with self._database.reading() as connection:
            return _readable(connection, select(orders).where(of_tenant(tenant), orders.c.job_id.in_(list(job_ids))))

    def of_project(self, tenant: Tenant, project_id: str, tool: ToolName) -> Reading[list[Operation]]:
        """Return a project's operations by one tool that were sent and not refused."""
        wanted = (of_tenant(tenant), orders.c.project_id == project_id, orders.c.tool == tool, SENT)
        with self._database.reading() as connection:
            return _readable(connection, select(orders).where(*wanted))

    def claims(self, tenant: Tenant, project_id: str) -> Reading[list[Operation]]:
        """Return what may have made a project's content: operations sent for it that are or may be the tenant's."""
        wanted = (may_be_of(tenant), orders.c.project_id == project_id, SENT)
        with self._database.reading() as connection:
            return _readable(connection, select(orders).where(*wanted))

    def tenants(self) -> list[Tenant]:
        """Return whose operations there are, in order of their names."""
        named = select(orders.c.base_url, orders.c.organization).distinct()
        with self._database.reading() as connection:
            return sorted(
                (Tenant(base_url, organization) for base_url, organization in connection.execute(named)),
                key=lambda tenant: (tenant.organization, tenant.base_url),
            )

    def all_of(self, tenant: Tenant, wanted: Wanted) -> Reading[list[Operation]]:
        """Return every row of a tenant's orders, newest first, also those that were refused or never sent."""
        parts = [of_tenant(tenant)]
        if wanted.name:
            parts.append(goes_by(wanted.name))
        if wanted.project_id:
            parts.append(orders.c.project_id == wanted.project_id)
        if wanted.since is not None:
            parts.append(orders.c.ordered_at >= moment_text(wanted.since))
        if wanted.unanswered:
            parts.append(orders.c.status == "unknown")
        newest = select(orders.c.identity).where(*parts).group_by(orders.c.identity)
        newest = newest.order_by(func.max(orders.c.ordered_at).desc(), orders.c.identity).limit(wanted.most)
        whole = select(orders).where(of_tenant(tenant), orders.c.identity.in_(newest)).order_by(*NEWEST_FIRST)
        with self._database.reading() as connection:
            return _readable(connection, whole)

    def events(self, row: Operation) -> list[JournalEvent]:
        """Return what happened to an operation, oldest first."""
        with self._database.reading() as connection:
            return read_events(connection, row)


# --- whose


def _move(connection: Connection, row: Any, tenant: Tenant) -> None:
    """Give a stand-in's row to its organization; of two rows of one order, the one that got further stays."""
    same = and_(of_tenant(tenant), orders.c.identity == row["identity"], orders.c.piece == row["piece"])
    known = connection.execute(select(orders.c.entry, orders.c.status).where(same)).first()
    if known is not None:
        loser = row["entry"] if progress(known.status) >= progress(row["status"]) else known.entry
        connection.execute(delete(orders).where(orders.c.entry == loser))
        if loser == row["entry"]:
            return
    ours = {"organization": tenant.organization}
    connection.execute(update(orders).where(orders.c.entry == row["entry"]).values(ours))


def _stands_elsewhere(connection: Connection, tenant: Tenant, identity: str, now: datetime) -> bool:
    """Return whether an equal order is there under a key whose organization is not known, or while ours is not."""
    wanted = [may_be_of(tenant), not_(of_tenant(tenant)), orders.c.identity == identity, or_(SENT, held(now))]
    return connection.execute(select(orders.c.entry).where(*wanted).limit(1)).first() is not None


# --- rows


def _whole(connection: Connection, query: Select[Any]) -> list[Operation]:
    try:
        return [from_row(row) for row in connection.execute(query).mappings()]
    except DamagedRowError:
        raise JournalError("a row of it cannot be understood") from None


def _readable(connection: Connection, query: Select[Any]) -> Reading[list[Operation]]:
    found: list[Operation] = []
    damaged = 0
    for row in connection.execute(query).mappings():
        try:
            found.append(from_row(row))
        except DamagedRowError:
            damaged += 1
    return Reading(found, f"{damaged} of its rows cannot be understood" if damaged else "")


def _current(connection: Connection, row: Operation) -> Operation | None:
    """Return the row as it is now, held until the transaction ends; by its order where it was moved or replaced."""
    same = of_order(row.tenant, row.identity).where(orders.c.piece == row.piece)
    for query in (select(orders).where(orders.c.entry == row.entry), same):
        if found := _whole(connection, query.with_for_update()):
            return found[0]
    return None


def _pieces(rows: Iterable[Operation], now: datetime) -> int:
    """Return how much of an order these rows are."""
    return sum(row.variations for row in rows if not is_free(row, now))


def _ordered(draft: Operation) -> int:
    """Return how many pieces the whole order has."""
    return int(draft.arguments.get("variations", draft.variations))


def _reserve(connection: Connection, draft: Operation, known: Operation | None, now: datetime) -> Operation:
    if known is None:
        row = draft
        connection.execute(insert(orders).values(to_row(row)))
    elif is_free(known, now):
        row = transition(known, Reserved(draft=draft), now)
        connection.execute(update(orders).where(orders.c.entry == row.entry).values(to_row(row)))
    else:
        return known
    write_event(connection, row, Reserved(draft=draft), now)
    return row
