"""Journals of other versions: an earlier one is brought along, a later or half-migrated one is left alone."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text

from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.models import Tenant
from layers_mcp.operations.store.base import DayLimit
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.journal import Journal
from layers_mcp.operations.store.migrations import MIGRATIONS
from layers_mcp.operations.store.schema import metadata
from tests.support.factories import ACME, GLOBEX, MORNING, clone, generate, later, stand_in

DATA = Path(__file__).parents[2] / "data"

OF_VERSION_0_1_0 = DATA / "journal-0.1.0.db"
"""Written by the code of version 0.1.0: orders in every state, two tenants, a stand-in, a base URL with its port."""


def engine_of(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


@pytest.fixture
def old_url(journal_url: str, tmp_path: Path) -> str:
    """A journal as version 0.1.0 left it, on either storage."""
    if make_url(journal_url).get_backend_name() == "sqlite":
        shutil.copy(OF_VERSION_0_1_0, tmp_path / "shared.db")
        return journal_url
    engine = engine_of(journal_url)
    with closing(sqlite3.connect(OF_VERSION_0_1_0)) as source, engine.begin() as target:
        source.row_factory = sqlite3.Row
        for statement in (*MIGRATIONS[0], *MIGRATIONS[1], "CREATE TABLE journal_version (version BIGINT NOT NULL)"):
            target.execute(text(statement))
        for table in ("orders", "organizations", "journal_version"):
            for row in map(dict, source.execute(f"SELECT * FROM {table}")):
                names = ", ".join(row)
                target.execute(text(f"INSERT INTO {table} ({names}) VALUES (:{', :'.join(row)})"), row)
    engine.dispose()
    return journal_url


@pytest.fixture
def journal(old_url: str, tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Database(old_url, tmp_path / "unused.db"))
    yield journal
    journal.close()


def test_every_order_of_version_0_1_0_is_kept(journal: Journal) -> None:
    orders = journal.since(ACME, later(days=-1))
    assert orders.warning == ""
    statuses = {
        str(row.arguments.get("source_platform_post_id") or row.arguments["hook"]): row.status for row in orders.value
    }
    assert statuses == {
        "pp_running": "running",
        "می‌خواهم 👨‍👩‍👧 ❤️": "completed",
        "pp_failed": "failed",
        "Never answered.": "unknown",
        "Doubted.": "unknown",
        "pp_stand_in": "running",
        "Only with the port.": "running",
        "pp_unpriced": "unknown",
    }
    [doubted] = [row for row in orders.value if row.clock_doubted]
    assert doubted.arguments["hook"] == "Doubted."
    assert all(
        row.path == f"/v1/content/{row.path_container_id}/clone-from-post"
        for row in orders.value
        if row.price_keys == ()
    )
    assert {(row.path, row.price_keys) for row in orders.value if row.price_keys} == {
        ("/v1/projects/prj_1/content", ("auto",))
    }
    assert all(row.unanswered == (row.status == "unknown") for row in orders.value)
    assert len(journal.since(GLOBEX, later(days=-1)).value) == 1


def test_a_known_order_of_version_0_1_0_is_not_ordered_again(journal: Journal) -> None:
    for draft in (clone("pp_running", variations=2), generate("Only with the port."), generate("Never answered.")):
        [row] = journal.reserve([draft], None, later(hours=1))
        assert row.entry != draft.entry
        assert row.idempotency_key
    [free] = journal.reserve([refused := clone("pp_refused")], None, later(hours=1))
    assert (free.status, free.lease) == ("reserved", refused.lease)


def test_two_rows_that_differ_in_the_spelling_of_the_base_url_become_the_one_that_got_further(journal: Journal) -> None:
    [row] = journal.find(ACME, clone("pp_running", variations=2).identity)
    assert (row.status, row.job_id) == ("running", "job_1")
    assert journal.since(Tenant("https://api.layers.test:443", "org_acme"), later(days=-1)).value == []


def test_the_day_of_version_0_1_0_counts_to_its_limit(journal: Journal) -> None:
    assert journal.credits_of_day(ACME, MORNING) == 240 + 120 * 5 + 50
    with pytest.raises(Exception, match="890 are ordered today"):
        journal.reserve([clone("pp_new")], DayLimit(900), MORNING)


def test_a_key_that_stood_in_in_version_0_1_0_still_owns_its_orders(journal: Journal) -> None:
    late = clone("pp_late").identity
    assert journal.find(ACME, late) == []
    assert len(journal.find(stand_in("cccccccccccccccc"), late)) == 1
    journal.adopt(ACME, "cccccccccccccccc")
    assert len(journal.find(ACME, late)) == 1


def test_the_migrations_lead_to_the_schema_that_the_code_uses(journal: Journal, old_url: str) -> None:
    journal.since(ACME, MORNING)
    made = inspect(engine := engine_of(old_url))
    for name, table in metadata.tables.items():
        columns = {column["name"]: column for column in made.get_columns(name)}
        assert columns.keys() == set(table.columns.keys())
        assert all(columns[column.name]["nullable"] == column.nullable for column in table.columns)
    assert not made.has_table("organizations")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version FROM journal_version")).scalars().all() == [len(MIGRATIONS)]
    engine.dispose()


def dump(url: str) -> list[tuple[object, ...]]:
    engine = engine_of(url)
    tables = sorted(inspect(engine).get_table_names())
    with engine.connect() as connection:
        rows = [(table, *row) for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
        columns = [(table, column["name"]) for table in tables for column in inspect(connection).get_columns(table)]
    engine.dispose()
    return sorted([*rows, *columns], key=str)


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        (["UPDATE journal_version SET version = 99"], "it was written by a later version of this program"),
        (["INSERT INTO journal_version VALUES (2)"], "a migration of it was cut off"),
        (["ALTER TABLE orders ADD COLUMN lease TEXT"], "a migration of it was cut off"),
        (["UPDATE journal_version SET version = 3"], "a migration of it was cut off"),
        (["DROP TABLE journal_version"], "a migration of it was cut off"),
        (["DROP TABLE organizations"], "a migration of it was cut off"),
    ],
)
def test_a_journal_of_a_later_version_or_half_migrated_is_one_clear_line_and_left_alone(
    old_url: str, tmp_path: Path, statements: list[str], why: str
) -> None:
    with (engine := engine_of(old_url)).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
    before = dump(old_url)
    journal = Journal(Database(old_url, tmp_path / "unused.db"))
    for step in (
        lambda: journal.find(ACME, "identity"),
        lambda: journal.reserve([clone()], None, MORNING),
        journal.check,
    ):
        with pytest.raises(JournalError, match=why) as raised:
            step()
        assert not raised.value.passing
    journal.close()
    assert dump(old_url) == before


def test_a_migration_that_is_cut_off_leaves_the_journal_as_it_was(old_url: str, tmp_path: Path) -> None:
    with (engine := engine_of(old_url)).begin() as connection:
        connection.execute(text("CREATE INDEX orders_by_day ON orders (status)"))  # somebody's own, of a name we need
    engine.dispose()
    before = dump(old_url)
    journal = Journal(Database(old_url, tmp_path / "unused.db"))
    with pytest.raises(JournalError):
        journal.check()
    journal.close()
    assert dump(old_url) == before


def test_the_url_that_a_hosting_service_hands_out_is_understood(journal_url: str, tmp_path: Path) -> None:
    url = make_url(journal_url)
    if url.get_backend_name() == "postgresql":
        journal_url = url.set(drivername="postgres").render_as_string(hide_password=False)
    journal = Journal(Database(journal_url, tmp_path / "unused.db"))
    assert journal.since(ACME, MORNING).value == []
    journal.close()
