"""Storage that misbehaves, and storage that several processes open at once."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.models import Operation
from layers_mcp.operations.store.database import Database
from layers_mcp.operations.store.journal import Journal
from tests.support.factories import ACME, MORNING, clone, start

Opener = Callable[[str | Path], Journal]


@pytest.fixture
def journal_at() -> Iterator[Opener]:
    """Open journals, in a file or at a URL, that are closed at the end of the test."""
    with ExitStack() as opened:

        def open_journal(place: str | Path) -> Journal:
            database = Database("", place) if isinstance(place, Path) else Database(place, Path("unused.db"))
            journal = Journal(database)
            opened.callback(journal.close)
            return journal

        yield open_journal


def sent(journal: Journal, post: str = "pp_1", **arguments) -> Operation:
    """Write an order down whose attempt is on its way."""
    [row] = journal.reserve([clone(post, **arguments)], None, MORNING)
    return journal.record(row, start(row), MORNING)


def rows_of(journal: Journal) -> list[Operation]:
    return journal.since(ACME, MORNING).value


def journal_mode(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_new_journal_is_private_to_its_user_and_uses_write_ahead_logging(journal_at: Opener, tmp_path: Path) -> None:
    file = tmp_path / "state" / "layers" / "orders.db"
    sent(journal_at(file))
    assert journal_mode(file) == "wal"
    assert file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such modes")
def test_the_journals_files_are_private_whatever_the_directory_and_whoever_made_them(
    journal_at: Opener, tmp_path: Path
) -> None:
    folder = tmp_path / "open to all"
    folder.mkdir(mode=0o777)
    journal = journal_at(folder / "orders.db")
    sent(journal)
    journal.close()
    (folder / "orders.db").chmod(0o644)  # as an earlier version left it
    again = journal_at(folder / "orders.db")
    sent(again, "pp_2")
    modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    assert modes == dict.fromkeys(["orders.db", "orders.db-wal", "orders.db-shm"], 0o600)
    again.close()


def test_where_the_file_system_refuses_wal_a_rollback_journal_does(journal_at: Opener, tmp_path: Path) -> None:
    journal = journal_at(f"sqlite:///file:{tmp_path / 'orders.db'}?vfs=unix-dotfile&uri=true")
    entry = sent(journal)
    assert journal.find(ACME, entry.identity) == [entry]
    journal.close()
    assert journal_mode(tmp_path / "orders.db") == "delete"


@pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_processes_that_open_a_new_journal_at_once_all_get_in(journal_at: Opener, times: int, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_at_once(file: Path, start: threading.Barrier, post: str) -> None:
        journal = journal_at(file)
        start.wait()
        try:
            sent(journal, post)
        except JournalError as error:
            failures.append(error)
        journal.close()

    for number in range(times):
        start = threading.Barrier(4)
        file = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=open_at_once, args=(file, start, f"pp_{post}")) for post in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(rows_of(journal_at(file))) == 4
    assert failures == []


def test_the_switch_to_write_ahead_logging_is_tried_again_while_another_process_is_at_it(
    journal_at: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "orders.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.close)
    release.start()
    journal = journal_at(f"sqlite:///{file}?timeout=0.01")
    assert sent(journal).status == "unknown"
    journal.close()
    release.join()
    assert journal_mode(file) == "wal"


@pytest.mark.parametrize("gone", ["removed", "replaced"])
def test_a_journal_that_is_taken_away_meanwhile_begins_anew(journal_at: Opener, tmp_path: Path, gone: str) -> None:
    file = tmp_path / "orders.db"
    journal = journal_at(file)
    sent(journal, "pp_1")
    for each in tmp_path.iterdir():
        each.unlink()
    if gone == "replaced":
        other = journal_at(file)
        sent(other, "pp_2")
        other.close()
    entry = sent(journal, "pp_3")
    assert entry in rows_of(journal)
    assert len(rows_of(journal_at(file))) == (2 if gone == "replaced" else 1)


def test_a_damaged_file_is_named_as_such(journal_at: Opener, tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(os.urandom(8192))
    with pytest.raises(JournalError, match="its file is damaged"):
        sent(journal_at(tmp_path / "orders.db"))


def test_a_file_damaged_within_is_named_as_such(journal_at: Opener, tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    journal = journal_at(file)
    for number in range(40):
        sent(journal, f"pp_{number}")
    journal.close()
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xff" * (size - 4096))
    with pytest.raises(JournalError, match="its file is damaged"):
        rows_of(journal_at(file))


@pytest.mark.parametrize(
    "damage", ["container_ids = 'cnt_1, cnt_2'", "updated_at = 'yesterday'", "status = 7", "body = '[]'"]
)
def test_a_damaged_row_stands_in_the_way_of_its_own_order_alone(
    journal_at: Opener, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "orders.db"
    journal = journal_at(file)
    damaged, whole = sent(journal, "pp_1"), sent(journal, "pp_2")
    with closing(sqlite3.connect(file)) as person:
        person.execute(f"UPDATE orders SET {damage} WHERE entry = ?", [damaged.entry])
        person.commit()
    assert journal.since(ACME, MORNING) == ([whole], "1 of its rows cannot be understood")
    assert journal.find(ACME, whole.identity) == [whole]
    assert sent(journal, "pp_3").status == "unknown"
    for step in (lambda: journal.find(ACME, damaged.identity), lambda: sent(journal, "pp_1")):
        with pytest.raises(JournalError, match="a row of it cannot be understood"):
            step()


def test_a_read_only_journal_is_still_read(journal_at: Opener, tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    journal = journal_at(file)
    entry = sent(journal)
    journal.close()
    read_only = journal_at(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert read_only.find(ACME, entry.identity) == [entry]
    with pytest.raises(JournalError, match="its file is read-only"):
        sent(read_only, "pp_2")
    read_only.close()


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes."""
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_no_order_that_was_written_before(journal_at: Opener, tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "orders.db")
    kept = sent(journal, "pp_kept")

    def fill() -> None:
        for number in range(200):
            sent(journal, f"pp_{number}", caption="x" * 500)

    with disk_of(64 * 1024), pytest.raises(JournalError, match=r"disk is full|cannot be read or written"):
        fill()
    assert kept in rows_of(journal)
    assert sent(journal, "pp_after").status == "unknown"


def test_a_folder_that_is_a_file_is_named_as_such(journal_at: Opener, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(JournalError, match="its folder cannot be used"):
        sent(journal_at(tmp_path / "state" / "orders.db"))


def test_a_file_that_is_a_folder_is_named_as_such(journal_at: Opener, tmp_path: Path) -> None:
    (tmp_path / "orders.db").mkdir()
    with pytest.raises(JournalError, match="its file cannot be opened"):
        sent(journal_at(tmp_path / "orders.db"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("no url at all", "its URL is not understood"),
        ("postgresql://user:secret@127.0.0.1:9/none", "its database cannot be reached"),
        ("mysql://user:secret@127.0.0.1/none", "neither PostgreSQL's nor SQLite's"),
    ],
)
def test_a_journal_url_that_leads_nowhere_is_told_without_its_secrets(journal_at: Opener, url: str, why: str) -> None:
    with pytest.raises(JournalError, match=why) as raised:
        sent(journal_at(url))
    assert "secret" not in repr(raised.value)


def test_a_missing_postgresql_driver_is_told_with_its_remedy(
    journal_at: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"pip install 'layers-mcp\[postgres\]'"):
        sent(journal_at("postgresql://127.0.0.1/none"))
