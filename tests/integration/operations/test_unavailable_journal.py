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
from tests.support.order_harness import CLONE, OrderHarness

pytestmark = pytest.mark.jumping


async def refused(context: ToolContext, order, why: str) -> None:
    """Neither placed nor previewed, and nothing changed."""
    for call in (context.operations.orders.place, context.operations.orders.preview):
        with pytest.raises(OperationError) as raised:
            await call(order)
        assert (raised.value.code, raised.value.nothing_changed) == ("JOURNAL_UNAVAILABLE", True)
        assert why in raised.value.reason


async def test_with_the_journal_deleted_the_derived_ids_still_collapse_a_repeat(harness: OrderHarness) -> None:
    first = [await harness.orders.place(order) for order in (harness.clone(), harness.generate())]
    for file in harness.state_dir.iterdir():
        file.unlink()
    harness.clock.move(hours=20)
    again = [await harness.orders.place(order) for order in (harness.clone(), harness.generate())]
    assert [each.record.job_id for each in again] == [each.record.job_id for each in first]
    assert len(harness.charges()) == 2


async def test_a_damaged_journal_lets_no_order_leave_and_reads_say_why(harness: OrderHarness) -> None:
    (harness.state_dir / "orders.db").write_bytes(b"this is no database" * 100)
    before = anyio.current_time()
    await refused(harness.context, harness.clone(), "its file is damaged")
    assert anyio.current_time() - before < 1, "what will not pass is not waited for"
    warning = "The order journal could not be read or written: its file is damaged."
    assert await harness.history.since(START) == ([], warning)
    assert await harness.history.commission_ids(["cnt_1"]) == ({}, warning)
    assert harness.posts() == 0


async def test_a_state_directory_that_cannot_be_made_lets_no_order_leave(harness: OrderHarness, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    async with harness.open(state_dir=tmp_path / "a file") as context:
        await refused(context, harness.clone(), "its folder cannot be used")
    assert harness.posts() == 0


async def test_a_state_directory_that_cannot_even_be_looked_at_reads_as_empty_and_says_why(
    harness: OrderHarness,
) -> None:
    async with harness.open(state_dir=harness.state_dir / ("x" * 300)) as context:
        orders, warning = await context.operations.history.since(START)
        assert (orders, "its folder cannot be used" in warning) == ([], True)


@pytest.mark.parametrize("trouble", ["a later version", "a damaged row"])
@pytest.mark.parametrize("then", ["another key", "a day later"])
async def test_an_answered_order_is_not_sent_again_while_its_row_cannot_be_read(
    harness: OrderHarness, trouble: str, then: str
) -> None:
    await harness.orders.place(harness.generate())
    with closing(sqlite3.connect(harness.state_dir / "orders.db")) as journal:
        if trouble == "a later version":
            journal.execute("UPDATE journal_version SET version = 99")
        else:
            journal.execute("UPDATE orders SET answer = '{'")
        journal.commit()
    key = harness.sandbox.issue_key() if then == "another key" else harness.sandbox.api_key
    if then == "a day later":
        harness.clock.move(days=1, minutes=1)
    async with harness.open(api_key=key) as context:
        await refused(
            context, harness.generate(), "later version" if trouble == "a later version" else "cannot be understood"
        )
        if trouble == "a damaged row":
            assert not (await context.operations.orders.place(harness.generate("Another hook."))).replayed
    assert len(harness.charges()) == (2 if trouble == "a damaged row" else 1)


async def test_a_journal_that_stays_locked_lets_no_order_leave_and_answers_what_it_knows(harness: OrderHarness) -> None:
    async with harness.impatient() as impatient:
        await impatient.operations.orders.place(harness.generate())
        posts = harness.posts()
        with harness.locked():
            with pytest.raises(OperationError, match="another process holds it locked") as raised:
                await impatient.operations.orders.place(harness.clone())
            assert (raised.value.code, raised.value.nothing_changed) == ("JOURNAL_UNAVAILABLE", True)
            assert (await impatient.operations.orders.place(harness.generate())).replayed
        assert harness.posts() == posts
        assert not (await impatient.operations.orders.place(harness.clone())).replayed


async def test_a_journal_that_comes_back_within_seconds_costs_no_order(harness: OrderHarness) -> None:
    async with harness.impatient() as impatient:
        await impatient.operations.orders.place(harness.generate())

        async def place() -> None:
            assert not (await impatient.operations.orders.place(harness.clone())).replayed

        async with anyio.create_task_group() as group:
            with harness.locked():
                group.start_soon(place)
                await anyio.sleep(3)
    assert len(harness.charges()) == 2


async def test_an_answer_that_could_not_be_written_is_asked_for_again(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="latency", seconds=5))
    notes: list[str] = []

    async with harness.impatient() as impatient:

        async def place() -> None:
            notes.extend((await impatient.operations.orders.place(harness.clone())).notes)

        async with anyio.create_task_group() as group:
            group.start_soon(place)
            await anyio.sleep(4)
            with harness.locked():
                await anyio.sleep(12)
        assert any("could not be written" in note for note in notes)
        harness.sandbox.faults.clear()
        orders, _ = await impatient.operations.history.since(START)
        assert [order.status for order in orders] == ["unknown"]
        assert (await impatient.operations.orders.place(harness.clone())).recovered
    assert len(harness.charges()) == 1


async def test_a_known_order_that_cannot_be_brought_up_to_date_still_says_how_it_stands(harness: OrderHarness) -> None:
    async with harness.impatient() as impatient:
        await impatient.operations.orders.place(harness.clone())
        harness.clock.move(minutes=1)
        with harness.locked():
            assert (await impatient.operations.orders.place(harness.clone())).record.status == "completed"


async def test_of_two_calls_at_once_only_the_one_whose_journal_fails_is_told_so(
    harness: OrderHarness, tmp_path: Path
) -> None:
    """A warning travels with its own answer: no other call can clear it, or borrow it."""
    await harness.orders.place(harness.clone())
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "orders.db").write_bytes(b"this is no database" * 100)
    answers: dict[str, tuple[int, bool]] = {}

    async def read(name: str, context: ToolContext) -> None:
        orders, warning = await context.operations.history.since(START)
        answers[name] = (len(orders), bool(warning))

    broken_folder = tmp_path / "broken"
    async with (
        harness.open() as whole,
        harness.open(state_dir=broken_folder) as broken,
        anyio.create_task_group() as group,
    ):
        for _ in range(3):
            group.start_soon(read, "whole", whole)
            group.start_soon(read, "broken", broken)
    assert answers == {"whole": (1, False), "broken": (0, True)}


async def test_of_two_reads_at_once_of_one_journal_each_says_what_it_missed(harness: OrderHarness) -> None:
    await harness.orders.place(harness.clone())
    damaged = await harness.orders.place(harness.generate())
    with closing(sqlite3.connect(harness.state_dir / "orders.db")) as journal:
        journal.execute("UPDATE orders SET body = '[]' WHERE commission_id = ?", [damaged.record.commission_id])
        journal.commit()
    said: dict[str, bool] = {}

    async def all_orders() -> None:
        said["all orders"] = bool((await harness.history.since(START))[1])

    async def publications() -> None:
        said["publications"] = bool((await harness.history.publication_ids(harness.project))[1])

    async with anyio.create_task_group() as group:
        group.start_soon(all_orders)
        group.start_soon(publications)
    assert said == {"all orders": True, "publications": False}


async def test_an_order_that_was_refused_upstream_is_refused_though_the_journal_went_away(
    harness: OrderHarness,
) -> None:
    harness.sandbox.faults += [
        Fault(endpoint=CLONE, kind="latency", seconds=3, calls=(1,)),
        Fault(endpoint=CLONE, kind="status", status=402, calls=(1,)),
    ]
    async with harness.impatient() as impatient:
        failures: list[LayersError] = []

        async def place() -> None:
            with pytest.raises(LayersError) as raised:
                await impatient.operations.orders.place(harness.clone())
            failures.append(raised.value)

        async with anyio.create_task_group() as group:
            group.start_soon(place)
            await anyio.sleep(1)
            with harness.locked():
                await anyio.sleep(12)
        assert [(each.code, each.nothing_changed) for each in failures] == [("BILLING_EXHAUSTED", True)]
        assert (await impatient.operations.orders.place(harness.clone())).record.status == "running"
    assert len(harness.charges()) == 1
