"""The two storages that hold a journal: a SQLite file, and a PostgreSQL database where one is at hand."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from layers_mcp.sandbox import Sandbox
from tests.support import START, LoopClock, open_tool_context
from tests.support.order_harness import OrderHarness

POSTGRES = os.environ.get("LAYERS_TEST_POSTGRES_URL", "")
AT_HAND = pytest.mark.skipif(not POSTGRES, reason="set LAYERS_TEST_POSTGRES_URL to a database that may be emptied")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.postgres, AT_HAND))])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty journal, one for each kind of storage."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    url = own_database()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS orders, order_events, organizations, journal_version"))
    engine.dispose()
    yield url.render_as_string(hide_password=False)


def own_database() -> URL:
    """The database that may be emptied; of several processes that share a run, each has one of its own."""
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    if not WORKER:
        return url
    name = f"{url.database}_{WORKER}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()
        if known is None:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return url.set(database=name)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[OrderHarness]:
    """Orders of acme-todo, with the best post that can be cloned there."""
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            project = sandbox.project_id("acme-todo")
            ranking = await context.api.metrics.top_performers(project, metric="views", window="30d")
            yield OrderHarness(sandbox, clock, context, ranking.items[0].platform_post_id, tmp_path)
