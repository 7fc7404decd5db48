"""Nothing that spends leaves while the journal cannot be read and written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.context import ToolContext
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault
from tests.support import START
from tests.support.shop import CLONE, Shop

pytestmark = pytest.mark.jumping


async def refused(ws: ToolContext, order, why: str) -> None:
    """Neither placed nor previewed, and nothing changed."""
    for call in (ws.operations.orders.place, ws.operations.orders.preview):
        with pytest.raises(OperationError) as raised:
            await call(order)
        assert (raised.value.code, raised.value.nothing_changed) == ("JOURNAL_UNAVAILABLE", True)
        assert why in raised.value.reason


async def test_with_the_journal_deleted_the_derived_ids_still_collapse_a_repeat(shop: Shop) -> None:
    first = [await shop.orders.place(order) for order in (shop.clone(), shop.generate())]
    for file in shop.state_dir.iterdir():
        file.unlink()
    shop.clock.move(hours=20)
    again = [await shop.orders.place(order) for order in (shop.clone(), shop.generate())]
    assert [each.record.job_id for each in again] == [each.record.job_id for each in first]
    assert len(shop.charges()) == 2


async def test_a_damaged_journal_lets_no_order_leave_and_reads_say_why(shop: Shop) -> None:
    (shop.state_dir / "orders.db").write_bytes(b"this is no database" * 100)
    before = anyio.current_time()
    await refused(shop.ws, shop.clone(), "its file is damaged")
    assert anyio.current_time() - before < 1, "what will not pass is not waited for"
    warning = "The order journal could not be read or written: its file is damaged."
    assert await shop.history.since(START) == ([], warning)
    assert await shop.history.commission_ids(["cnt_1"]) == ({}, warning)
    assert shop.posts() == 0


async def test_a_state_directory_that_cannot_be_made_lets_no_order_leave(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    async with shop.open(state_dir=tmp_path / "a file") as ws:
        await refused(ws, shop.clone(), "its folder cannot be used")
    assert shop.posts() == 0


async def test_a_state_directory_that_cannot_even_be_looked_at_reads_as_empty_and_says_why(shop: Shop) -> None:
    async with shop.open(state_dir=shop.state_dir / ("x" * 300)) as ws:
        orders, warning = await ws.operations.history.since(START)
        assert (orders, "its folder cannot be used" in warning) == ([], True)


@pytest.mark.parametrize("trouble", ["a later version", "a damaged row"])
@pytest.mark.parametrize("then", ["another key", "a day later"])
async def test_an_answered_order_is_not_sent_again_while_its_row_cannot_be_read(
    shop: Shop, trouble: str, then: str
) -> None:
    await shop.orders.place(shop.generate())
    with closing(sqlite3.connect(shop.state_dir / "orders.db")) as journal:
        if trouble == "a later version":
            journal.execute("UPDATE journal_version SET version = 99")
        else:
            journal.execute("UPDATE orders SET answer = '{'")
        journal.commit()
    key = shop.sandbox.issue_key() if then == "another key" else shop.sandbox.api_key
    if then == "a day later":
        shop.clock.move(days=1, minutes=1)
    async with shop.open(api_key=key) as ws:
        await refused(ws, shop.generate(), "later version" if trouble == "a later version" else "cannot be understood")
        if trouble == "a damaged row":
            assert not (await ws.operations.orders.place(shop.generate("Another hook."))).replayed
    assert len(shop.charges()) == (2 if trouble == "a damaged row" else 1)


async def test_a_journal_that_stays_locked_lets_no_order_leave_and_answers_what_it_knows(shop: Shop) -> None:
    async with shop.impatient() as impatient:
        await impatient.operations.orders.place(shop.generate())
        posts = shop.posts()
        with shop.locked():
            with pytest.raises(OperationError, match="another process holds it locked") as raised:
                await impatient.operations.orders.place(shop.clone())
            assert (raised.value.code, raised.value.nothing_changed) == ("JOURNAL_UNAVAILABLE", True)
            assert (await impatient.operations.orders.place(shop.generate())).replayed
        assert shop.posts() == posts
        assert not (await impatient.operations.orders.place(shop.clone())).replayed


async def test_a_journal_that_comes_back_within_seconds_costs_no_order(shop: Shop) -> None:
    async with shop.impatient() as impatient:
        await impatient.operations.orders.place(shop.generate())

        async def place() -> None:
            assert not (await impatient.operations.orders.place(shop.clone())).replayed

        async with anyio.create_task_group() as group:
            with shop.locked():
                group.start_soon(place)
                await anyio.sleep(3)
    assert len(shop.charges()) == 2


async def test_an_answer_that_could_not_be_written_is_asked_for_again(shop: Shop) -> None:
    shop.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    notes: list[str] = []

    async with shop.impatient() as impatient:

        async def place() -> None:
            notes.extend((await impatient.operations.orders.place(shop.clone())).notes)

        async with anyio.create_task_group() as group:
            group.start_soon(place)
            await anyio.sleep(4)
            with shop.locked():
                await anyio.sleep(12)
        assert any("could not be written" in note for note in notes)
        shop.sandbox.faults.clear()
        orders, _ = await impatient.operations.history.since(START)
        assert [order.status for order in orders] == ["unknown"]
        assert (await impatient.operations.orders.place(shop.clone())).recovered
    assert len(shop.charges()) == 1


async def test_a_known_order_that_cannot_be_brought_up_to_date_still_says_how_it_stands(shop: Shop) -> None:
    async with shop.impatient() as impatient:
        await impatient.operations.orders.place(shop.clone())
        shop.clock.move(minutes=1)
        with shop.locked():
            assert (await impatient.operations.orders.place(shop.clone())).record.status == "completed"


async def test_of_two_calls_at_once_only_the_one_whose_journal_fails_is_told_so(shop: Shop, tmp_path: Path) -> None:
    """A warning travels with its own answer: no other call can clear it, or borrow it."""
    await shop.orders.place(shop.clone())
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "orders.db").write_bytes(b"this is no database" * 100)
    answers: dict[str, tuple[int, bool]] = {}

    async def read(name: str, ws: ToolContext) -> None:
        orders, warning = await ws.operations.history.since(START)
        answers[name] = (len(orders), bool(warning))

    broken_folder = tmp_path / "broken"
    async with shop.open() as whole, shop.open(state_dir=broken_folder) as broken, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(read, "whole", whole)
            group.start_soon(read, "broken", broken)
    assert answers == {"whole": (1, False), "broken": (0, True)}


async def test_of_two_reads_at_once_of_one_journal_each_says_what_it_missed(shop: Shop) -> None:
    await shop.orders.place(shop.clone())
    damaged = await shop.orders.place(shop.generate())
    with closing(sqlite3.connect(shop.state_dir / "orders.db")) as journal:
        journal.execute("UPDATE orders SET body = '[]' WHERE commission_id = ?", [damaged.record.commission_id])
        journal.commit()
    said: dict[str, bool] = {}

    async def all_orders() -> None:
        said["all orders"] = bool((await shop.history.since(START))[1])

    async def clones() -> None:
        said["clones"] = bool((await shop.history.cloned_posts(shop.project))[1])

    async with anyio.create_task_group() as group:
        group.start_soon(all_orders)
        group.start_soon(clones)
    assert said == {"all orders": True, "clones": False}


async def test_an_order_that_was_refused_upstream_is_refused_though_the_journal_went_away(shop: Shop) -> None:
    shop.sandbox.faults += [
        Fault(endpoint=CLONE, kind="latency", seconds=3, calls=(1,)),
        Fault(endpoint=CLONE, kind="status", status=402, calls=(1,)),
    ]
    async with shop.impatient() as impatient:
        failures: list[LayersError] = []

        async def place() -> None:
            with pytest.raises(LayersError) as raised:
                await impatient.operations.orders.place(shop.clone())
            failures.append(raised.value)

        async with anyio.create_task_group() as group:
            group.start_soon(place)
            await anyio.sleep(1)
            with shop.locked():
                await anyio.sleep(12)
        assert [(each.code, each.nothing_changed) for each in failures] == [("BILLING_EXHAUSTED", True)]
        assert (await impatient.operations.orders.place(shop.clone())).record.status == "running"
    assert len(shop.charges()) == 1
