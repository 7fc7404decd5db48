"""The journal: each step of an order as one transaction.

Its methods block, and are made for worker threads. Every one may raise `JournalError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, update

from layers_mcp.operations.budget import daily_limit_refusal
from layers_mcp.operations.entry import STAND_IN, Entry, Tenant, moment_text
from layers_mcp.operations.errors import JournalError, OrderUnknownError
from layers_mcp.operations.schema import orders, organizations
from layers_mcp.operations.storage import Storage
from layers_mcp.text.ids import container_keys

GONE = ("refused", "failed", "canceled")
"""How an order stands of which nothing will come."""

_NAMED_AT_ONCE = 200
"""Containers that one query names: SQLite takes no expression of more than 1,000 parts."""


class Journal:
    """The orders in one storage, of every tenant that shares it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.close = storage.close

    # --- whose

    def organization(self, base_url: str, key_fingerprint: str) -> str | None:
        """The organization that a key was once seen to belong to."""
        of_key = and_(organizations.c.base_url == base_url, organizations.c.key_fingerprint == key_fingerprint)
        with self._storage.reading() as connection:
            return connection.execute(select(organizations.c.organization).where(of_key)).scalar()

    def remember(self, base_url: str, key_fingerprint: str, organization: str) -> None:
        """Note whose a key is, and move the rows over for which its fingerprint stood in."""
        mine, stand_in = Tenant(base_url, organization), Tenant(base_url, STAND_IN + key_fingerprint)
        of_key = and_(organizations.c.base_url == base_url, organizations.c.key_fingerprint == key_fingerprint)
        with self._storage.writing(exclusive=base_url) as connection:
            for entry in _entries(connection, select(orders).where(_of(stand_in))):
                _move(connection, entry, mine)
            connection.execute(delete(organizations).where(of_key))
            connection.execute(
                insert(organizations).values(
                    base_url=base_url, key_fingerprint=key_fingerprint, organization=organization
                )
            )

    # --- the steps of an order

    def find(self, tenant: Tenant, identity: str) -> Entry | None:
        """The tenant's order of this identity, refused ones included."""
        with self._storage.reading() as connection:
            return _find(connection, tenant, identity)

    def reserve(self, entry: Entry, daily_credit_limit: int | None) -> Entry:
        """Write a new order down and hold its credits, all at once; or give back the one that is there already.

        Raises `DailyLimitError`, and `OrderUnknownError` where the order stands under another key whose organization is
        not known: a generate is idempotent upstream under one key only, so it could be ordered twice.
        """
        with self._storage.writing(exclusive=entry.base_url) as connection:
            known = _find(connection, entry.tenant, entry.identity)
            if known is not None and known.status != "refused":
                return known
            if not entry.path_container_id and _elsewhere(connection, entry):
                raise OrderUnknownError(
                    "This order is in the journal under another API key, and whether both belong to one organization "
                    "cannot be told now.",
                    "Call again when Layers answers who the key belongs to; a higher take orders another one.",
                )
            if daily_credit_limit is not None:
                _check_daily_limit(connection, entry, daily_credit_limit)
            if known is not None:
                connection.execute(delete(orders).where(orders.c.entry == known.entry))
            connection.execute(insert(orders).values(entry.to_row()))
            return entry

    def apply(self, entry: Entry, change: Callable[[Entry], Entry]) -> Entry:
        """Take one step of the state machine from where the order stands by now, and give back where that leads.

        An order that could not be written down before it left is written down now.
        """
        with self._storage.writing() as connection:
            current = _current(connection, entry)
            changed = change(current or entry)
            if current is None:
                if changed.status != "refused":
                    connection.execute(insert(orders).values(changed.to_row()))
            elif changed != current:
                connection.execute(update(orders).where(orders.c.entry == current.entry).values(changed.to_row()))
            return changed

    # --- what was ordered

    def since(self, tenant: Tenant, when: datetime, project_id: str = "") -> list[Entry]:
        """Orders placed at `when` or later and not refused, newest first."""
        wanted = [_of(tenant), orders.c.ordered_at >= moment_text(when), orders.c.status != "refused"]
        if project_id:
            wanted.append(orders.c.project_id == project_id)
        newest_first = (orders.c.ordered_at.desc(), orders.c.entry)
        with self._storage.reading() as connection:
            return _entries(connection, select(orders).where(*wanted).order_by(*newest_first))

    def takes(self, tenant: Tenant, identities: Iterable[str]) -> set[str]:
        """Which of these identities are ordered."""
        wanted = (_of(tenant), orders.c.identity.in_(list(identities)), orders.c.status != "refused")
        with self._storage.reading() as connection:
            return set(connection.execute(select(orders.c.identity).where(*wanted)).scalars())

    def of_containers(self, tenant: Tenant, container_ids: Iterable[str]) -> list[Entry]:
        """The orders that made any of these containers, however their ids are spelled."""
        wanted = list(container_keys(container_ids))
        found: dict[str, Entry] = {}
        with self._storage.reading() as connection:
            for start in range(0, len(wanted), _NAMED_AT_ONCE):
                ends = [_json(key)[1:] for key in wanted[start : start + _NAMED_AT_ONCE]]
                named = or_(*(orders.c.container_ids.contains(end, autoescape=True) for end in ends))
                rows = _entries(connection, select(orders).where(_of(tenant), named))
                found |= {row.entry: row for row in rows}
        # What ends like a wanted id may be another, and LIKE may ignore case.
        return [entry for entry in found.values() if not container_keys(entry.container_ids).isdisjoint(wanted)]

    def of_jobs(self, base_url: str, job_ids: Iterable[str]) -> list[Entry]:
        """The orders that these jobs work on; who knows a job's id got it from Layers, with a key of its tenant."""
        wanted = (orders.c.base_url == base_url, orders.c.job_id.in_(list(job_ids)))
        with self._storage.reading() as connection:
            return _entries(connection, select(orders).where(*wanted))

    def clones(self, tenant: Tenant, project_id: str) -> list[Entry]:
        """A project's clone orders of which something came or may come."""
        wanted = (_of(tenant), orders.c.project_id == project_id, orders.c.tool == "clone_post")
        with self._storage.reading() as connection:
            return _entries(connection, select(orders).where(*wanted, orders.c.status.not_in(GONE)))

    def others_of_project(self, entry: Entry) -> list[Entry]:
        """Every other order of the project that was not refused, whoever placed it."""
        same_project = and_(orders.c.base_url == entry.base_url, orders.c.project_id == entry.project_id)
        wanted = (same_project, orders.c.entry != entry.entry, orders.c.status != "refused")
        with self._storage.reading() as connection:
            return _entries(connection, select(orders).where(*wanted))

    def credits_of_day(self, tenant: Tenant, now: datetime) -> int:
        """The credits ordered in the UTC day of `now`: refused orders are free, all others count."""
        with self._storage.reading() as connection:
            return _credits_of_day(connection, tenant, now)


def _of(tenant: Tenant) -> ColumnElement[bool]:
    return and_(orders.c.base_url == tenant.base_url, orders.c.organization == tenant.organization)


def _maybe_of(tenant: Tenant) -> ColumnElement[bool]:
    """Rows that may be the tenant's: where one side's organization is not known yet, nobody can tell."""
    same_place = orders.c.base_url == tenant.base_url
    if not tenant.certain:
        return same_place
    unclear = orders.c.organization.startswith(STAND_IN, autoescape=True)
    return and_(same_place, or_(orders.c.organization == tenant.organization, unclear))


def _entries(connection: Connection, query: Select[Any]) -> list[Entry]:
    rows = [dict(row) for row in connection.execute(query).mappings()]
    try:
        return [Entry.from_row(row) for row in rows]
    except (ValueError, TypeError):  # edited by hand, or damaged where the database does not notice
        raise JournalError("a row of it cannot be understood") from None


def _find(connection: Connection, tenant: Tenant, identity: str) -> Entry | None:
    found = _entries(connection, select(orders).where(_of(tenant), orders.c.identity == identity))
    return found[0] if found else None


def _current(connection: Connection, entry: Entry) -> Entry | None:
    """The entry as it stands now, or the one that took its place after a refusal; held until the transaction ends."""
    same_order = and_(_of(entry.tenant), orders.c.identity == entry.identity)
    found = _entries(connection, select(orders).where(or_(orders.c.entry == entry.entry, same_order)).with_for_update())
    return next((each for each in found if each.entry == entry.entry), found[0] if found else None)


def _elsewhere(connection: Connection, entry: Entry) -> bool:
    wanted = (_maybe_of(entry.tenant), orders.c.identity == entry.identity, orders.c.status != "refused")
    return any(
        other.organization != entry.organization for other in _entries(connection, select(orders).where(*wanted))
    )


def _move(connection: Connection, entry: Entry, tenant: Tenant) -> None:
    """Give a stand-in's entry to its organization; of two entries of one order, the one that got further stays."""
    known = _find(connection, tenant, entry.identity)
    if known is not None and _progress(known) >= _progress(entry):
        connection.execute(delete(orders).where(orders.c.entry == entry.entry))
        return
    if known is not None:
        connection.execute(delete(orders).where(orders.c.entry == known.entry))
    connection.execute(update(orders).where(orders.c.entry == entry.entry).values(organization=tenant.organization))


def _progress(entry: Entry) -> int:
    return {"refused": 0, "unknown": 1, "running": 2}.get(entry.status, 3)


def _credits_of_day(connection: Connection, tenant: Tenant, now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = (_maybe_of(tenant), orders.c.ordered_at >= moment_text(midnight), orders.c.status != "refused")
    return int(
        connection.execute(select(func.coalesce(func.sum(orders.c.estimated_credits), 0)).where(*wanted)).scalar_one()
    )


def _check_daily_limit(connection: Connection, entry: Entry, limit: int) -> None:
    ordered = _credits_of_day(connection, entry.tenant, entry.ordered_at)
    if refusal := daily_limit_refusal(entry.estimated_credits, ordered, limit):
        raise refusal


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
