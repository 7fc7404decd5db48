"""The journal's tables, one schema for SQLite and PostgreSQL, and the migrations that lead to them.

`orders` has a row for each order; `organizations` remembers which organization a key belongs to, by the key's
fingerprint. Moments are UTC in ISO 8601 with six decimals, so that they sort as text and a person can read them:

    sqlite3 orders.db "select ordered_at, status, tool, project_id, estimated_credits, job_id from orders"
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, inspect, text

from layers_mcp.operations.errors import JournalError

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    Column("entry", Text, primary_key=True),
    # whose: the base URL, and the organization or, until that is known, "key:" and the key's fingerprint
    Column("base_url", Text, nullable=False),
    Column("organization", Text, nullable=False),
    # what
    Column("identity", Text, nullable=False),
    Column("commission_id", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("project_id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("take", BigInteger, nullable=False),
    Column("variations", BigInteger, nullable=False),
    Column("arguments", Text, nullable=False),
    # what was sent: the key's fingerprint, the ids and the body, the same at every attempt
    Column("key_fingerprint", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("path_container_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("estimated_credits", BigInteger),
    # how it stands: `unanswered` counts the attempts that left and brought no answer
    Column("status", Text, nullable=False),
    Column("unanswered", BigInteger, nullable=False),
    Column("ordered_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    # what upstream answered
    Column("answer", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("container_ids", Text, nullable=False),
    # 1 once the clock was seen to go backwards: how long ago the first attempt was cannot be told any more
    Column("clock_doubted", BigInteger, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    Column("base_url", Text, primary_key=True),
    Column("key_fingerprint", Text, primary_key=True),
    Column("organization", Text, nullable=False),
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
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
    ),
    ("ALTER TABLE orders ADD COLUMN clock_doubted BIGINT NOT NULL DEFAULT 0",),
)
"""One tuple of statements a version, in order; a published one is never edited. `metadata` is where they lead."""


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of this version. Raises `JournalError` for a later one's."""
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise JournalError("it was written by a later version of this program")
    return version == len(MIGRATIONS)


def migrate(connection: Connection) -> None:
    """Bring the journal to the last version, in a transaction that holds its write lock."""
    version = _version(connection)
    if version == 0:
        connection.execute(text("CREATE TABLE journal_version (version BIGINT NOT NULL)"))
        connection.execute(text("INSERT INTO journal_version VALUES (0)"))
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(text(statement))
    connection.execute(text("UPDATE journal_version SET version = :version"), {"version": len(MIGRATIONS)})


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table("journal_version"):
        return 0
    return connection.execute(text("SELECT version FROM journal_version")).scalar_one()
