"""The journal on both storages: reservations, tenants, the daily limit, events, and several processes at once."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from layers_mcp.operations.errors import DailyLimitError, UnclearTenantError
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.state_machine import AttemptUnanswered, Released
from layers_mcp.operations.store.base import DayLimit, Wanted
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.journal import Journal
from tests.integration.operations.conftest import AT_HAND
from tests.support.factories import (
    ACME,
    GLOBEX,
    MORNING,
    accepted,
    clone,
    generate,
    later,
    rejected,
    stand_in,
    start,
)


@pytest.fixture
def journal(journal_url: str, tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Database(journal_url, tmp_path / "unused.db"))
    yield journal
    journal.close()


def reserve(journal: Journal, draft: Operation, limit: int | None = None) -> Operation:
    [row] = journal.reserve([draft], None if limit is None else DayLimit(limit), draft.ordered_at)
    return row


def sent(journal: Journal, draft: Operation, limit: int | None = None) -> Operation:
    """Reserve an order and start its attempt `a`."""
    row = reserve(journal, draft, limit)
    return journal.record(row, start(row), draft.ordered_at)


def accept(journal: Journal, draft: Operation, *container_ids: str, job_id: str = "job_1", status: str = "running"):
    event = accepted(*container_ids, job_id=job_id, status=status)
    return journal.record(sent(journal, draft), event, later(seconds=1))


def refuse(journal: Journal, draft: Operation, limit: int | None = None) -> Operation:
    return journal.record(sent(journal, draft, limit), rejected(), later(seconds=1))


# --- the steps of an order


def test_the_first_to_reserve_an_order_owns_it(journal: Journal) -> None:
    first, second = clone(), clone()
    assert reserve(journal, first) == first
    assert reserve(journal, second) == first
    assert journal.find(ACME, first.identity) == [first]


def test_a_refused_order_is_free_and_its_row_is_written_anew(journal: Journal) -> None:
    first, second = clone(), clone(now=later(hours=1))
    refused = refuse(journal, first)
    assert (refused.status, journal.since(ACME, MORNING).value) == ("refused", [])
    again = reserve(journal, replace(second, lease="s"))
    assert (again.entry, again.ordered_at, again.lease) == (first.entry, later(hours=1), "s")


def test_a_step_starts_from_where_the_order_stands_by_now(journal: Journal) -> None:
    row = sent(journal, clone())
    journal.record(row, accepted("cnt_1"), MORNING)
    assert journal.record(row, rejected(), MORNING).status == "running"
    assert [each.status for each in journal.find(ACME, row.identity)] == ["running"]


def test_an_attempt_of_two_that_saw_the_same_row_starts_once(journal: Journal) -> None:
    row = reserve(journal, clone())
    assert journal.record(row, start(row, "a"), MORNING).lease == "a"
    assert journal.record(row, start(row, "b"), MORNING).lease == "a"


def test_an_answer_is_kept_though_the_journal_was_removed_meanwhile(journal: Journal) -> None:
    unwritten = clone()
    assert journal.record(unwritten, Released(lease="r"), MORNING).status == "refused"
    assert journal.find(ACME, unwritten.identity) == []
    kept = journal.record(unwritten, accepted("cnt_1"), MORNING)
    assert journal.since(ACME, MORNING).value == [kept]


def test_what_was_only_reserved_is_no_order_to_tell_of(journal: Journal) -> None:
    row = reserve(journal, clone())
    assert journal.since(ACME, MORNING).value == []
    assert journal.claims(ACME, "prj_1").value == []
    assert journal.takes(ACME, [row.identity]) == {row.identity}


def test_what_happened_to_an_order_is_kept_step_by_step(journal: Journal) -> None:
    row = sent(journal, clone(estimate=240))
    journal.record(row, AttemptUnanswered(lease="a", answer={"code": "TIMEOUT", "status": None}), later(seconds=30))
    [row] = journal.find(ACME, row.identity)
    row = journal.record(row, start(row, "b"), later(minutes=5))
    journal.record(row, accepted("cnt_1", job_id="job_7"), later(minutes=6))
    events = journal.events(row)
    assert [(each.event, each.at) for each in events] == [
        ("Reserved", MORNING),
        ("AttemptStarted", MORNING),
        ("AttemptUnanswered", later(seconds=30)),
        ("AttemptStarted", later(minutes=5)),
        ("Accepted", later(minutes=6)),
    ]
    assert [each.detail["status"] for each in events] == ["reserved", "unknown", "unknown", "unknown", "running"]
    assert events[0].detail["estimated_credits"] == 240
    assert events[2].detail["answer"] == {"code": "TIMEOUT", "status": None}
    assert events[4].detail["job_id"] == "job_7"


def test_an_event_that_changes_nothing_is_not_kept(journal: Journal) -> None:
    row = sent(journal, clone())
    journal.record(row, rejected("not ours"), MORNING)
    assert [each.event for each in journal.events(row)] == ["Reserved", "AttemptStarted"]


# --- whose they are


def test_no_tenant_sees_the_orders_of_another(journal: Journal) -> None:
    mine = accept(journal, clone(), "cnt_1")
    assert journal.find(GLOBEX, mine.identity) == []
    assert journal.since(GLOBEX, MORNING).value == []
    assert journal.of_containers(GLOBEX, ["cnt_1"]).value == []
    assert journal.of_jobs(GLOBEX, ["job_1"]).value == []
    assert journal.of_project(GLOBEX, "prj_1", "clone_post").value == []
    assert journal.claims(GLOBEX, "prj_1").value == []
    assert journal.takes(GLOBEX, [mine.identity]) == set()
    assert journal.credits_of_day(GLOBEX, MORNING) == 0
    assert reserve(journal, theirs := clone(tenant=GLOBEX)) == theirs
    assert reserve(journal, there := clone(tenant=Tenant("https://other.test", "org_acme"))) == there


def test_what_was_ordered_is_found_by_time_project_job_container_and_tool(journal: Journal) -> None:
    old = accept(journal, clone("pp_1", now=later(days=-2)), "cnt_a", "cnt%", job_id="job_a")
    new = accept(journal, clone("pp_2", project="prj_2"), "cnt_b", job_id="job_b")
    hook = sent(journal, generate(now=later(hours=1)))
    assert journal.since(ACME, later(days=-3)).value == [hook, new, old]
    assert journal.since(ACME, MORNING, "prj_2").value == [new]
    assert journal.of_jobs(ACME, ["job_a", "job_x"]).value == [old]
    assert journal.of_containers(ACME, ["cnt%"]).value == [old]
    assert journal.of_containers(ACME, ["cnt", "CNT_A", "_nt_a"]).value == []
    assert journal.of_containers(ACME, []).value == []
    assert journal.of_project(ACME, "prj_1", "clone_post").value == [old]
    assert {row.entry for row in journal.claims(ACME, "prj_1").value} == {old.entry, hook.entry}


def test_takes_that_were_refused_are_free(journal: Journal) -> None:
    one, two = sent(journal, clone(take=1)), refuse(journal, clone(take=2))
    assert journal.takes(ACME, [one.identity, two.identity]) == {one.identity}


def test_a_key_that_stands_in_for_its_organization_sees_what_it_ordered_itself(journal: Journal) -> None:
    mine = sent(journal, clone("pp_1"))
    sent(journal, replace(clone("pp_2"), key_fingerprint="bbbb"))
    sent(journal, clone("pp_3", tenant=GLOBEX))  # the fingerprint of a key belongs to one tenant only
    assert mine in journal.since(stand_in("aaaa"), MORNING).value
    assert [row.key_fingerprint for row in journal.since(stand_in("bbbb"), MORNING).value] == ["bbbb"]
    assert journal.find(stand_in("aaaa"), mine.identity) == [mine]
    assert journal.find(stand_in("cccc"), mine.identity) == []


def test_rows_of_a_stand_in_move_over_to_the_organization(journal: Journal) -> None:
    mine = accept(journal, clone(tenant=stand_in("aaaa")), "cnt_1")
    other = sent(journal, replace(clone("pp_2", tenant=stand_in("bbbb")), key_fingerprint="bbbb"))
    journal.adopt(ACME, "aaaa")
    journal.adopt(ACME, "aaaa")
    [moved] = journal.find(ACME, mine.identity)
    assert (moved.entry, moved.status) == (mine.entry, "running")
    assert journal.find(ACME, other.identity) == []


@pytest.mark.parametrize("further", ["organization", "stand-in"])
def test_of_two_rows_of_one_order_the_one_that_got_further_stays(journal: Journal, further: str) -> None:
    theirs = sent(journal, clone(tenant=stand_in("aaaa")))
    ours = sent(journal, replace(clone(), key_fingerprint="bbbb"))
    winner = ours if further == "organization" else theirs
    journal.record(winner, accepted("cnt_1"), MORNING)
    journal.adopt(ACME, "aaaa")
    [kept] = journal.since(ACME, MORNING).value
    assert kept.entry == winner.entry
    assert journal.since(stand_in("cccc"), MORNING).value == []


def test_a_step_made_while_the_row_moved_over_still_finds_it(journal: Journal) -> None:
    row = sent(journal, clone(tenant=stand_in("aaaa")))
    journal.adopt(ACME, "aaaa")
    journal.record(row, accepted("cnt_1"), MORNING)
    assert [each.status for each in journal.find(ACME, row.identity)] == ["running"]


def test_a_generate_that_may_stand_under_another_key_is_not_ordered_again(journal: Journal) -> None:
    sent(journal, generate(tenant=stand_in("aaaa")))
    with pytest.raises(UnclearTenantError, match="under another API key"):
        reserve(journal, generate(tenant=ACME, key="bbbb"))
    journal.adopt(ACME, "aaaa")
    with pytest.raises(UnclearTenantError, match="under another API key"):
        reserve(journal, generate(tenant=stand_in("cccc"), key="cccc"))
    assert reserve(journal, replace(clone(tenant=stand_in("cccc")), key_fingerprint="cccc")).status == "reserved"


def test_a_generate_that_is_just_being_ordered_under_another_key_is_not_ordered_beside_it(journal: Journal) -> None:
    reserve(journal, generate(tenant=stand_in("aaaa")))
    with pytest.raises(UnclearTenantError, match="under another API key"):
        reserve(journal, generate(tenant=stand_in("bbbb"), key="bbbb"))


def test_what_a_project_holds_may_be_of_every_key_whose_organization_is_not_known(journal: Journal) -> None:
    mine, unclear = sent(journal, clone("pp_1")), sent(journal, clone("pp_2", tenant=stand_in("aaaa")))
    sent(journal, clone("pp_3", tenant=GLOBEX))
    assert {row.entry for row in journal.claims(ACME, "prj_1").value} == {mine.entry, unclear.entry}
    assert len(journal.claims(stand_in("bbbb"), "prj_1").value) == 3
    assert journal.claims(Tenant("https://other.test", "org_acme"), "prj_1").value == []


def test_equal_orders_of_two_confirmed_tenants_are_two(journal: Journal) -> None:
    sent(journal, generate(tenant=GLOBEX, key="bbbb"))
    assert sent(journal, generate()).tenant == ACME


# --- the day's credits


def test_the_daily_limit_counts_every_order_that_was_not_refused(journal: Journal) -> None:
    reserve(journal, clone("pp_1", estimate=100), 300)
    row = sent(journal, clone("pp_2", estimate=100), 300)
    journal.record(row, accepted(status="failed"), MORNING)
    refuse(journal, clone("pp_3", estimate=100), 300)
    assert journal.credits_of_day(ACME, MORNING) == 200
    assert journal.credits_of_day(ACME, MORNING, without=[row.entry]) == 100
    with pytest.raises(
        DailyLimitError, match="101 credits would pass the daily limit of 300 credits: 200 are ordered today"
    ):
        reserve(journal, clone("pp_4", estimate=101), 300)
    assert reserve(journal, clone("pp_4", estimate=100), 300).status == "reserved"


def test_the_daily_limit_begins_anew_at_midnight_utc(journal: Journal) -> None:
    sent(journal, clone("pp_1", estimate=300, now=later(hours=14, minutes=59)), 300)
    with pytest.raises(DailyLimitError):
        reserve(journal, clone("pp_2", estimate=1, now=later(hours=14, minutes=59, seconds=59)), 300)
    assert reserve(journal, clone("pp_2", estimate=300, now=later(hours=15)), 300).status == "reserved"


def test_an_order_counts_on_the_day_on_which_it_was_last_sent(journal: Journal) -> None:
    row = sent(journal, generate(estimate=200))
    row = journal.record(row, AttemptUnanswered(lease="a", answer={}), MORNING)
    tomorrow = later(hours=16)
    assert journal.credits_of_day(ACME, tomorrow) == 0
    with pytest.raises(DailyLimitError):
        journal.record(row, start(row, "b"), tomorrow, DayLimit(199))
    assert journal.find(ACME, row.identity) == [row]
    journal.record(row, start(row, "b"), tomorrow, DayLimit(200))
    assert journal.credits_of_day(ACME, tomorrow) == 200


def test_a_reservation_holds_its_credits_until_it_is_released_or_expires(journal: Journal) -> None:
    row = reserve(journal, clone(estimate=200))
    assert journal.credits_of_day(ACME, later(minutes=10)) == 200
    assert journal.credits_of_day(ACME, later(minutes=11)) == 0
    journal.record(row, Released(lease="r"), MORNING)
    assert journal.credits_of_day(ACME, MORNING) == 0


def test_a_known_order_needs_no_room_in_the_daily_limit(journal: Journal) -> None:
    first = reserve(journal, clone(estimate=300), 300)
    assert reserve(journal, clone(estimate=300), 300) == first


def test_several_pieces_are_held_all_or_none(journal: Journal) -> None:
    pieces = [replace(generate(variations=3, estimate=100), piece=piece, variations=1) for piece in (1, 2, 3)]
    with pytest.raises(DailyLimitError, match="estimate of 300 credits"):
        journal.reserve(pieces, DayLimit(299), MORNING)
    assert journal.find(ACME, pieces[0].identity) == []
    assert [row.piece for row in journal.reserve(pieces, DayLimit(300), MORNING)] == [1, 2, 3]
    assert journal.find(ACME, pieces[0].identity) == pieces


@pytest.mark.parametrize("known", [0, 1], ids=["whole", "in pieces"])
def test_an_order_that_another_call_cut_otherwise_is_not_held_twice(journal: Journal, known: int) -> None:
    """An API may change its vintage between two calls: one request of three variations, or three of one."""
    whole = [generate(variations=3)]
    pieces = [replace(generate(variations=3), piece=piece, variations=1) for piece in (1, 2, 3)]
    first, second = (pieces, whole) if known else (whole, pieces)
    held = journal.reserve(first, None, MORNING)
    assert journal.reserve(second, None, MORNING) == held
    assert journal.find(ACME, whole[0].identity) == held


def test_one_tenants_orders_leave_the_limit_of_another_alone(journal: Journal) -> None:
    sent(journal, clone(estimate=300), 300)
    sent(journal, clone("pp_2", tenant=stand_in("bbbb"), estimate=300))
    assert reserve(journal, clone(tenant=GLOBEX, estimate=300), 300).status == "reserved"
    assert journal.credits_of_day(ACME, MORNING) == 300


# --- several at once


def test_a_reservation_waits_for_another_of_its_tenant_that_is_under_way(
    journal: Journal, journal_url: str, tmp_path: Path
) -> None:
    journal.since(ACME, MORNING)
    said: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def reserve_slowly() -> None:
        other = Database(journal_url, tmp_path / "unused.db")
        with other.writing(f"{ACME.base_url} {ACME.organization}"):
            inside.set()
            go_on.wait()
            time.sleep(0.1)  # the second waits for the lock by now
            said.append("first")
        other.close()

    thread = threading.Thread(target=reserve_slowly)
    thread.start()
    inside.wait()
    if journal_url.startswith("postgresql"):
        reserve(journal, clone(tenant=GLOBEX))
        said.append("another tenant's")
    go_on.set()
    reserve(journal, clone())
    said.append("second")
    thread.join()
    assert said == [*(["another tenant's"] if journal_url.startswith("postgresql") else []), "first", "second"]


@pytest.fixture
def postgresql(journal: Journal, journal_url: str) -> Iterator[Connection]:
    """A connection of somebody else to the journal's database."""
    journal.since(ACME, MORNING)
    engine = create_engine(journal_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.postgres
@AT_HAND
@pytest.mark.parametrize("journal_url", ["postgresql"], indirect=True)  # SQLite lets one writer in at a time
def test_two_keys_of_what_may_be_one_organization_do_not_reserve_an_order_at_once(
    postgresql: Connection, journal: Journal
) -> None:
    tenants = [(stand_in("aaaa"), "aaaa"), (stand_in("bbbb"), "bbbb"), (ACME, "cccc")]
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    waiting = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND database = {here}"
    with ThreadPoolExecutor() as pool:
        postgresql.execute(text("LOCK TABLE orders IN SHARE MODE"))  # all may read what is there, and none may insert
        calls = [pool.submit(reserve, journal, generate(tenant=tenant, key=key)) for tenant, key in tenants]
        while postgresql.execute(text(waiting)).scalar_one() < len(calls):
            time.sleep(0.01)
        postgresql.rollback()
        ends = [call.exception() for call in calls]
    assert ends.count(None) == 1
    assert [type(end) for end in ends if end] == [UnclearTenantError, UnclearTenantError]


WRITER = """
import sys
from pathlib import Path
from layers_mcp.operations.errors import DailyLimitError
from layers_mcp.operations.store.base import DayLimit, Wanted
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.journal import Journal
from tests.support.factories import MORNING, clone

journal = Journal(Database(sys.argv[1], Path("unused.db")))
sys.stdin.readline()
for number in range(30):
    draft = clone(f"pp_{number}", estimate=10)
    try:
        print("owned" if journal.reserve([draft], DayLimit(200), MORNING) == [draft] else "known")
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
    journal = Journal(Database(journal_url, tmp_path / "unused.db"))
    assert journal.credits_of_day(ACME, MORNING) == 200
    journal.close()


def test_an_operator_sees_every_row_of_a_tenants_newest_orders_and_of_nobody_elses(journal: Journal) -> None:
    refused = refuse(journal, clone("pp_refused"))
    accept(journal, clone("pp_later", now=later(hours=1), project="prj_2"), "cnt_1", job_id="job_1")
    reserve(journal, generate("Theirs.", tenant=GLOBEX))
    assert journal.tenants() == [ACME, GLOBEX]

    def posts(**wanted: Any) -> list[str]:
        rows, warning = journal.all_of(ACME, Wanted(**wanted))
        assert warning == ""
        return [row.arguments["source_platform_post_id"] for row in rows]

    assert posts() == ["pp_later", "pp_refused"]
    assert posts(most=1) == posts(project_id="prj_2") == posts(since=later(minutes=1)) == ["pp_later"]
    assert posts(name="job_1") == posts(name="1") == posts(name="cnt_1") == ["pp_later"]
    assert posts(name=refused.commission_id[:12]) == ["pp_refused"]
    assert posts(name="com_%") == posts(unanswered=True) == []
