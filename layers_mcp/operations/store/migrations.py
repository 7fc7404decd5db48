"""From the tables of any earlier version to those of `schema`, or a refusal that touches nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, inspect, text

from layers_mcp.api.request import path
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.identity import normal_base_url
from layers_mcp.operations.store.schema import metadata

VERSION_1 = (
    """CREATE TABLE orders (
        entry TEXT NOT NULL PRIMARY KEY,
        base_url TEXT NOT NULL, organization TEXT NOT NULL,
        identity TEXT NOT NULL, commission_id TEXT NOT NULL,
        tool TEXT NOT NULL, project_id TEXT NOT NULL, mode TEXT NOT NULL,
        take BIGINT NOT NULL, variations BIGINT NOT NULL, arguments TEXT NOT NULL,
        key_fingerprint TEXT NOT NULL, idempotency_key TEXT NOT NULL, path_container_id TEXT NOT NULL,
        body TEXT NOT NULL, estimated_credits BIGINT,
        status TEXT NOT NULL, unanswered BIGINT NOT NULL,
        ordered_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        answer TEXT NOT NULL, job_id TEXT NOT NULL, kind TEXT NOT NULL, container_ids TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX orders_identity ON orders (base_url, organization, identity)",
    "CREATE INDEX orders_by_time ON orders (base_url, ordered_at)",
    "CREATE INDEX orders_by_job ON orders (base_url, job_id)",
    """CREATE TABLE organizations (
        base_url TEXT NOT NULL, key_fingerprint TEXT NOT NULL, organization TEXT NOT NULL,
        PRIMARY KEY (base_url, key_fingerprint)
    )""",
)
VERSION_2 = ("ALTER TABLE orders ADD COLUMN clock_doubted BIGINT NOT NULL DEFAULT 0",)
VERSION_3 = (
    "ALTER TABLE orders ADD COLUMN piece BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD COLUMN route TEXT NOT NULL DEFAULT 'generate'",
    "UPDATE orders SET route = 'clone_from_post' WHERE path_container_id <> ''",
    "ALTER TABLE orders ADD COLUMN lease TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN beat BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE orders ADD COLUMN sent_at TEXT",
    "UPDATE orders SET sent_at = ordered_at",
    "ALTER TABLE orders ADD COLUMN clock_offset DOUBLE PRECISION",
    "DROP INDEX orders_identity",
    "DROP INDEX orders_by_time",
    "DROP INDEX orders_by_job",
    "CREATE UNIQUE INDEX orders_identity ON orders (base_url, organization, identity, piece)",
    "CREATE INDEX orders_by_time ON orders (base_url, organization, ordered_at)",
    "CREATE INDEX orders_by_day ON orders (base_url, organization, sent_at)",
    "CREATE INDEX orders_by_job ON orders (base_url, organization, job_id)",
    "DROP TABLE organizations",
    """CREATE TABLE order_events (
        entry TEXT NOT NULL, number BIGINT NOT NULL, at TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (entry, number)
    )""",
)
VERSION_4 = (
    "ALTER TABLE orders RENAME COLUMN route TO path",
    "ALTER TABLE orders ADD COLUMN price_keys TEXT NOT NULL DEFAULT '[]'",
)
MIGRATIONS: tuple[tuple[str, ...], ...] = (VERSION_1, VERSION_2, VERSION_3, VERSION_4)
"""One tuple of statements a version, in order; a published one is never edited."""


_IDENTITIES = {"base_url", "key_fingerprint", "organization"}
_ORDERS = {
    *("entry", "base_url", "organization", "identity", "commission_id", "tool", "project_id", "mode", "take"),
    *("variations", "arguments", "key_fingerprint", "idempotency_key", "path_container_id", "body"),
    *("estimated_credits", "status", "unanswered", "ordered_at", "updated_at", "answer", "job_id", "kind"),
    "container_ids",
}
_EVENTS = {"entry", "number", "at", "event", "detail"}
_SENDING = {"piece", "lease", "beat", "sent_at", "clock_offset", "clock_doubted"}
TABLES: tuple[Mapping[str, set[str]], ...] = (
    {},
    {"orders": _ORDERS, "organizations": _IDENTITIES},
    {"orders": _ORDERS | {"clock_doubted"}, "organizations": _IDENTITIES},
    {"orders": _ORDERS | _SENDING | {"route"}, "order_events": _EVENTS},
    {name: set(table.columns.keys()) for name, table in metadata.tables.items()},
)
"""The tables of each version, and their columns."""


def is_current(connection: Connection) -> bool:
    """Return whether the tables are those of this version.

    Raises `JournalError` for a later version's, and for tables that are not what their version says: those of a
    migration that was cut off, or of another program.
    """
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise JournalError("it was written by a later version of this program")
    if version < 0 or _tables(connection) != TABLES[version]:
        raise JournalError("its tables are not those of any one version: a migration of it was cut off")
    return version == len(MIGRATIONS)


def migrate(connection: Connection) -> None:
    """Bring the journal to this version, in a transaction that holds its write lock."""
    if is_current(connection):  # another process was first
        return
    version = _version(connection)
    if version == 0:
        connection.execute(text("CREATE TABLE journal_version (version BIGINT NOT NULL)"))
        connection.execute(text("INSERT INTO journal_version VALUES (0)"))
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(text(statement))
    if 0 < version < 3:
        _normalize_base_urls(connection)
    if 0 < version < 4:
        _write_paths(connection)
    connection.execute(text("UPDATE journal_version SET version = :version"), {"version": len(MIGRATIONS)})


def _version(connection: Connection) -> int:
    """Return the version that the journal says it has; 0 for a new one, -1 where it does not say one thing."""
    if not inspect(connection).has_table("journal_version"):
        return 0
    versions = connection.execute(text("SELECT version FROM journal_version")).scalars().all()
    return versions[0] if len(versions) == 1 and isinstance(versions[0], int) else -1


def _tables(connection: Connection) -> Mapping[str, set[str]]:
    inspector = inspect(connection)
    ours = {name for version in TABLES for name in version} & set(inspector.get_table_names())
    return {name: {column["name"] for column in inspector.get_columns(name)} for name in ours}


def _normalize_base_urls(connection: Connection) -> None:
    """Bring every spelling of a base URL to its normal form; of two rows of one order the further one stays."""
    for base_url in connection.execute(text("SELECT DISTINCT base_url FROM orders")).scalars().all():
        if base_url == (normal := normal_base_url(base_url)):
            continue
        for row in connection.execute(text("SELECT * FROM orders WHERE base_url = :url"), {"url": base_url}).mappings():
            _rename(connection, row, normal)


def _rename(connection: Connection, row: Mapping[Any, Any], base_url: str) -> None:
    same = {"url": base_url, "organization": row["organization"], "identity": row["identity"]}
    where = "base_url = :url AND organization = :organization AND identity = :identity"
    other = connection.execute(text(f"SELECT entry, status FROM orders WHERE {where}"), same).mappings().first()  # noqa: S608
    if other is not None:
        loser = row if progress(other["status"]) >= progress(row["status"]) else other
        connection.execute(text("DELETE FROM orders WHERE entry = :entry"), {"entry": loser["entry"]})
        if loser is row:
            return
    connection.execute(
        text("UPDATE orders SET base_url = :url WHERE entry = :entry"), {"url": base_url, "entry": row["entry"]}
    )


def _write_paths(connection: Connection) -> None:
    """Give each row the address it was sent to, where it had the name of one, and what its price is called."""
    columns = "entry, project_id, path, path_container_id, container_ids, arguments"
    for row in connection.execute(text(f"SELECT {columns} FROM orders")).mappings().all():  # noqa: S608
        match row["path"]:
            case "generate":
                where, keys = path("projects", row["project_id"], "content"), [_format(row["arguments"])]
            case "clone_from_post":
                where, keys = path("content", row["path_container_id"], "clone-from-post"), []
            case verb:
                where, keys = path("content", _first(row["container_ids"]), verb), []
        connection.execute(
            text("UPDATE orders SET path = :path, price_keys = :keys WHERE entry = :entry"),
            {"path": where, "keys": json.dumps(keys), "entry": row["entry"]},
        )


def _format(arguments: str) -> str:
    """Return the format that an order asked for."""
    with contextlib.suppress(ValueError, TypeError, KeyError):  # a damaged row is refused when it is read
        return str(json.loads(arguments)["format"])
    return "auto"


def _first(container_ids: str) -> str:
    """Return the content that was published."""
    with contextlib.suppress(ValueError, TypeError, KeyError, IndexError):
        return str(json.loads(container_ids)[0])
    return "unknown"


def progress(status: str) -> int:
    """Return how far an operation got: of two rows for one order, the higher one is kept."""
    return {"refused": 0, "reserved": 1, "unknown": 2, "running": 3}.get(status, 4)
