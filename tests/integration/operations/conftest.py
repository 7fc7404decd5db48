"""The two storages that hold a journal: a SQLite file, and a PostgreSQL database where one is at hand."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

POSTGRES = os.environ.get("LAYERS_TEST_POSTGRES_URL", "")
AT_HAND = pytest.mark.skipif(not POSTGRES, reason="set LAYERS_TEST_POSTGRES_URL to a database that may be emptied")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.postgres, AT_HAND))])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty journal, one for each kind of storage."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    engine = create_engine(make_url(POSTGRES).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS orders, organizations, journal_version"))
    engine.dispose()
    yield POSTGRES
