"""The two storages that hold a journal: a SQLite file, and a PostgreSQL database where one is at hand."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from layers_mcp.sandbox import Sandbox
from tests.support import START, LoopClock, open_workspace
from tests.support.shop import Shop

POSTGRES = os.environ.get("LAYERS_TEST_POSTGRES_URL", "")
AT_HAND = pytest.mark.skipif(not POSTGRES, reason="set LAYERS_TEST_POSTGRES_URL to a database that may be emptied")


ONE_AT_A_TIME = pytest.mark.xdist_group("postgres")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=(pytest.mark.postgres, ONE_AT_A_TIME, AT_HAND))])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty journal, one for each kind of storage."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    engine = create_engine(make_url(POSTGRES).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS orders, order_events, organizations, journal_version"))
    engine.dispose()
    yield POSTGRES


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """acme-todo's shop, and the best post that can be cloned there."""
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_workspace(sandbox, tmp_path) as ws:
            ranking = await ws.api.metrics.top_performers(sandbox.project_id("acme-todo"), metric="views", window="30d")
            yield Shop(sandbox, clock, ws, ranking.items[0].platform_post_id, tmp_path)
