"""The journal on both storages: reservations, tenants, the daily limit, and several processes at once."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from layers_mcp.operations import states
from layers_mcp.operations.errors import DailyLimitError, JournalError, OrderUnknownError
from layers_mcp.operations.journal import Journal
from layers_mcp.operations.schema import MIGRATIONS, metadata
from layers_mcp.operations.storage import Storage
from tests.support.factories import ACME, GLOBEX, MORNING, clone, generate, later, stand_in


@pytest.fixture
def journal(journal_url: str, tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Storage(journal_url, tmp_path / "unused.db"))
    yield journal
    journal.close()


def accept(journal: Journal, entry, *container_ids: str, job_id: str = "job_1", status: str = "running"):
    change = partial(
        states.accepted,
        now=later(seconds=1),
        job_id=job_id,
        kind="k",
        status=status,
        container_ids=container_ids,
        answer={},
    )
    return journal.apply(entry, change)


def refuse(journal: Journal, entry):
    return journal.apply(entry, partial(states.turned_down, now=later(seconds=1), answer={}))


def test_the_first_to_reserve_an_order_owns_it(journal: Journal) -> None:
    first, second = clone(), clone()
    assert journal.reserve(first, None) == first
    assert journal.reserve(second, None) == first
    assert journal.find(ACME, first.identity) == first


def test_a_refused_order_is_free_and_is_written_anew(journal: Journal) -> None:
    first, second = clone(), clone(now=later(hours=1))
    refuse(journal, journal.reserve(first, None))
    assert journal.reserve(second, None).entry == second.entry
    assert journal.since(ACME, MORNING) == [second]


def test_a_step_starts_from_where_the_order_stands_by_now(journal: Journal) -> None:
    entry = journal.reserve(clone(), None)
    accept(journal, entry, "cnt_1")
    assert refuse(journal, entry).status == "running"
    assert journal.find(ACME, entry.identity).status == "running"


def test_an_order_that_could_not_be_written_down_before_it_left_is_written_down_with_its_answer(
    journal: Journal,
) -> None:
    unwritten = clone()
    assert refuse(journal, unwritten).status == "refused"
    assert journal.since(ACME, MORNING) == []
    accepted = accept(journal, unwritten, "cnt_1")
    assert journal.since(ACME, MORNING) == [accepted]


def test_an_attempt_at_an_order_that_was_refused_and_placed_anew_meanwhile_counts_for_the_new_one(
    journal: Journal,
) -> None:
    first = journal.reserve(clone(), None)
    refuse(journal, first)
    second = journal.reserve(clone(now=later(hours=1)), None)
    journal.apply(first, partial(states.attempted, now=later(hours=1)))
    assert refuse(journal, second).status == "unknown"
    assert refuse(journal, second).status == "refused"


def test_no_tenant_sees_the_orders_of_another(journal: Journal) -> None:
    mine = journal.reserve(clone(), None)
    accept(journal, mine, "cnt_1")
    assert journal.find(GLOBEX, mine.identity) is None
    assert journal.since(GLOBEX, MORNING) == []
    assert journal.of_containers(GLOBEX, ["cnt_1"]) == []
    assert journal.takes(GLOBEX, [mine.identity]) == set()
    assert journal.clones(GLOBEX, "prj_1") == []
    theirs = clone(tenant=GLOBEX)
    assert journal.reserve(theirs, None) == theirs


def test_what_was_ordered_is_found_by_time_project_job_container_and_post(journal: Journal) -> None:
    old = accept(journal, journal.reserve(clone("pp_1", now=later(days=-2)), None), "cnt_a", "cnt%", job_id="job_a")
    new = accept(journal, journal.reserve(clone("pp_2", project="prj_2"), None), "cnt_b", job_id="job_b")
    hook = journal.reserve(generate(now=later(hours=1)), None)
    assert journal.since(ACME, later(days=-3)) == [hook, new, old]
    assert journal.since(ACME, MORNING, "prj_2") == [new]
    assert journal.of_jobs(ACME.base_url, ["job_a", "job_x"]) == [old]
    assert journal.of_containers(ACME, ["cnt%"]) == [old]
    assert journal.of_containers(ACME, ["cnt", "CNT_A", "_nt_a"]) == []
    assert journal.of_containers(ACME, []) == []
    assert journal.clones(ACME, "prj_1") == [old]
    assert journal.others_of_project(hook) == [old]


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_clone_that_came_to_nothing_is_no_clone_of_its_post(journal: Journal, end: str) -> None:
    accept(journal, journal.reserve(clone("pp_1"), None), status=end)
    refuse(journal, journal.reserve(clone("pp_2"), None))
    assert journal.clones(ACME, "prj_1") == []


def test_takes_that_were_refused_are_free(journal: Journal) -> None:
    one, two = clone(take=1), clone(take=2)
    journal.reserve(one, None)
    refuse(journal, journal.reserve(two, None))
    assert journal.takes(ACME, [one.identity, two.identity]) == {one.identity}


def test_the_daily_limit_counts_every_order_that_was_not_refused(journal: Journal) -> None:
    journal.reserve(clone("pp_1", estimate=100), 300)
    accept(journal, journal.reserve(clone("pp_2", estimate=100), 300), status="failed")
    refuse(journal, journal.reserve(clone("pp_3", estimate=100), 300))
    assert journal.credits_of_day(ACME, MORNING) == 200
    with pytest.raises(
        DailyLimitError, match="101 credits would pass the daily limit of 300 credits: 200 are ordered today"
    ):
        journal.reserve(clone("pp_4", estimate=101), 300)
    assert journal.reserve(clone("pp_4", estimate=100), 300).status == "unknown"


def test_the_daily_limit_begins_anew_at_midnight_utc(journal: Journal) -> None:
    journal.reserve(clone("pp_1", estimate=300, now=later(hours=14, minutes=59)), 300)
    with pytest.raises(DailyLimitError):
        journal.reserve(clone("pp_2", estimate=1, now=later(hours=14, minutes=59, seconds=59)), 300)
    assert journal.reserve(clone("pp_2", estimate=300, now=later(hours=15)), 300).status == "unknown"


def test_a_known_order_needs_no_room_in_the_daily_limit(journal: Journal) -> None:
    first = journal.reserve(clone(estimate=300), 300)
    assert journal.reserve(clone(estimate=300), 300) == first


def test_one_tenants_orders_leave_the_limit_of_another_alone(journal: Journal) -> None:
    journal.reserve(clone(estimate=300), 300)
    assert journal.reserve(clone(tenant=GLOBEX, estimate=300), 300).status == "unknown"


def test_orders_whose_organization_is_unclear_count_against_everybody(journal: Journal) -> None:
    journal.reserve(clone("pp_1", tenant=stand_in("aaaa"), estimate=200), None)
    assert journal.credits_of_day(ACME, MORNING) == 200
    journal.reserve(clone("pp_2", estimate=50), None)
    assert journal.credits_of_day(stand_in("bbbb"), MORNING) == 250


def test_rows_of_a_stand_in_move_over_to_the_organization(journal: Journal) -> None:
    mine = accept(journal, journal.reserve(clone(tenant=stand_in("aaaa")), None), "cnt_1")
    other = journal.reserve(clone("pp_2", tenant=stand_in("bbbb")), None)
    journal.remember(ACME.base_url, "aaaa", "org_acme")
    assert journal.organization(ACME.base_url, "aaaa") == "org_acme"
    assert journal.organization(ACME.base_url, "bbbb") is None
    moved = journal.find(ACME, mine.identity)
    assert (moved.entry, moved.status) == (mine.entry, "running")
    assert journal.find(ACME, other.identity) is None


@pytest.mark.parametrize("further", ["organization", "stand-in"])
def test_of_two_rows_of_one_order_the_one_that_got_further_stays(journal: Journal, further: str) -> None:
    theirs = journal.reserve(clone(tenant=stand_in("aaaa")), None)
    ours = journal.reserve(clone(), None)
    accept(journal, ours if further == "organization" else theirs, "cnt_1")
    journal.remember(ACME.base_url, "aaaa", "org_acme")
    [kept] = journal.since(ACME, MORNING)
    assert kept.entry == (ours.entry if further == "organization" else theirs.entry)
    assert journal.since(stand_in("aaaa"), MORNING) == []


def test_a_generate_that_may_stand_under_another_key_is_not_ordered_again(journal: Journal) -> None:
    journal.reserve(generate(tenant=stand_in("aaaa")), None)
    with pytest.raises(OrderUnknownError, match="under another API key"):
        journal.reserve(generate(tenant=ACME, key="bbbb"), None)
    journal.remember(ACME.base_url, "aaaa", "org_acme")
    with pytest.raises(OrderUnknownError, match="under another API key"):
        journal.reserve(generate(tenant=stand_in("cccc"), key="cccc"), None)
    assert journal.reserve(clone(tenant=stand_in("cccc")), None).status == "unknown"


def test_a_step_made_while_the_row_moved_over_still_finds_it(journal: Journal) -> None:
    entry = journal.reserve(clone(tenant=stand_in("aaaa")), None)
    journal.remember(ACME.base_url, "aaaa", "org_acme")
    accept(journal, entry, "cnt_1")
    assert journal.find(ACME, entry.identity).status == "running"


def test_the_migrations_lead_to_the_schema_that_the_code_uses(journal: Journal, journal_url: str) -> None:
    journal.since(ACME, MORNING)
    engine = create_engine(journal_url.replace("postgresql://", "postgresql+psycopg://"))
    made = inspect(engine)
    for name, table in metadata.tables.items():
        assert [column["name"] for column in made.get_columns(name)] == list(table.columns.keys())
        assert [column["nullable"] for column in made.get_columns(name)] == [c.nullable for c in table.columns]
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version FROM journal_version")).scalars().all() == [len(MIGRATIONS)]
    engine.dispose()


def test_the_orders_of_an_earlier_version_are_kept(journal: Journal, journal_url: str, tmp_path: Path) -> None:
    entry = journal.reserve(generate(), None)
    engine = create_engine(journal_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE orders DROP COLUMN clock_doubted"))
        connection.execute(text("UPDATE journal_version SET version = 1"))
    engine.dispose()
    opened = Journal(Storage(journal_url, tmp_path / "unused.db"))
    assert opened.since(ACME, MORNING) == [entry]
    opened.close()


def test_a_journal_of_a_later_version_is_left_alone(journal: Journal, journal_url: str, tmp_path: Path) -> None:
    journal.since(ACME, MORNING)
    engine = create_engine(journal_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal_version SET version = 99"))
    engine.dispose()
    opened = Journal(Storage(journal_url, tmp_path / "unused.db"))
    with pytest.raises(JournalError, match="later version"):
        opened.reserve(clone(), None)
    opened.close()


def test_a_reservation_waits_for_another_that_is_under_way(journal: Journal, journal_url: str, tmp_path: Path) -> None:
    journal.since(ACME, MORNING)
    said: list[str] = []
    inside = threading.Event()

    def reserve_slowly() -> None:
        other = Storage(journal_url, tmp_path / "unused.db")
        with other.writing(exclusive=ACME.base_url):
            inside.set()
            time.sleep(0.3)
            said.append("first")
        other.close()

    thread = threading.Thread(target=reserve_slowly)
    thread.start()
    inside.wait()
    journal.reserve(clone(), None)
    said.append("second")
    thread.join()
    assert said == ["first", "second"]


WRITER = """
import sys
from pathlib import Path
from layers_mcp.operations.errors import DailyLimitError
from layers_mcp.operations.journal import Journal
from layers_mcp.operations.storage import Storage
from tests.support.factories import clone

journal = Journal(Storage(sys.argv[1], Path("unused.db")))
sys.stdin.readline()
for number in range(30):
    entry = clone(f"pp_{number}", estimate=10)
    try:
        print("owned" if journal.reserve(entry, 200).entry == entry.entry else "known")
    except DailyLimitError:
        print("limit")
"""


@pytest.mark.subprocess
def test_processes_that_write_at_once_share_orders_and_limit(journal_url: str, tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, journal_url], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = [writer.communicate(timeout=60)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    each = list(zip(*said, strict=True))
    assert all(sorted(pair) == ["known", "owned"] for pair in each[:20])
    assert all(pair == ("limit", "limit") for pair in each[20:])
    journal = Journal(Storage(journal_url, tmp_path / "unused.db"))
    assert journal.credits_of_day(ACME, MORNING) == 200
    journal.close()


def test_the_url_that_a_hosting_service_hands_out_is_understood(journal_url: str, tmp_path: Path) -> None:
    url = make_url(journal_url)
    if url.get_backend_name() == "postgresql":
        journal_url = url.set(drivername="postgres").render_as_string(hide_password=False)
    journal = Journal(Storage(journal_url, tmp_path / "unused.db"))
    assert journal.since(ACME, MORNING) == []
    journal.close()
