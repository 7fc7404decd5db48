"""The journal's tables, one schema for SQLite and PostgreSQL.

`orders` has a row for each operation, `order_events` what happened to it. Moments are UTC in ISO 8601 with six
decimals, so that they sort as text and a person can read them:

    sqlite3 orders.db "select ordered_at, status, tool, project_id, estimated_credits, job_id from orders"
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, MetaData, Table, Text

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    Column("entry", Text, primary_key=True),
    # whose: the base URL, and the organization or, until that is confirmed, "key:" and the key's fingerprint
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
    # what is sent: where, under which key's fingerprint and ids, with which body; the same at every attempt
    Column("piece", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("price_keys", Text, nullable=False),
    Column("key_fingerprint", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("path_container_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("estimated_credits", BigInteger),
    # how it stands
    Column("status", Text, nullable=False),
    Column("unanswered", BigInteger, nullable=False),
    Column("lease", Text, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("ordered_at", Text, nullable=False),
    Column("sent_at", Text),
    Column("updated_at", Text, nullable=False),
    Column("clock_offset", Float),
    Column("clock_doubted", BigInteger, nullable=False),
    # what upstream answered
    Column("answer", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("container_ids", Text, nullable=False),
)

order_events = Table(
    "order_events",
    metadata,
    Column("entry", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
