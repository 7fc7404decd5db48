"""Storage that misbehaves, and storage that several processes open at once."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.journal import Journal
from layers_mcp.operations.storage import Storage
from tests.support.factories import ACME, MORNING, clone


def journal_in(file: Path) -> Journal:
    return Journal(Storage("", file))


def journal_at(url: str) -> Journal:
    return Journal(Storage(url, Path("unused.db")))


def journal_mode(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_new_journal_is_private_to_its_user_and_uses_write_ahead_logging(tmp_path: Path) -> None:
    file = tmp_path / "state" / "layers" / "orders.db"
    journal_in(file).reserve(clone(), None)
    assert journal_mode(file) == "wal"
    assert file.parent.stat().st_mode & 0o077 == 0


def test_where_the_file_system_refuses_wal_a_rollback_journal_does(tmp_path: Path) -> None:
    journal = journal_at(f"sqlite:///file:{tmp_path / 'orders.db'}?vfs=unix-dotfile&uri=true")
    entry = journal.reserve(clone(), None)
    assert journal.find(ACME, entry.identity) == entry
    journal.close()
    assert journal_mode(tmp_path / "orders.db") == "delete"


def test_processes_that_open_a_new_journal_at_once_all_get_in(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_at_once(file: Path, start: threading.Barrier, post: str) -> None:
        journal = journal_in(file)
        start.wait()
        try:
            journal.reserve(clone(post), None)
        except JournalError as error:
            failures.append(error)
        journal.close()

    for number in range(25):
        start = threading.Barrier(4)
        file = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=open_at_once, args=(file, start, f"pp_{post}")) for post in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(journal_in(file).since(ACME, MORNING)) == 4
    assert failures == []


def test_the_switch_to_write_ahead_logging_is_tried_again_while_another_process_is_at_it(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.close)
    release.start()
    journal = journal_at(f"sqlite:///{file}?timeout=0.01")
    assert journal.reserve(clone(), None).status == "unknown"
    journal.close()
    release.join()
    assert journal_mode(file) == "wal"


@pytest.mark.parametrize("gone", ["removed", "replaced"])
def test_a_journal_that_is_taken_away_meanwhile_begins_anew(tmp_path: Path, gone: str) -> None:
    file = tmp_path / "orders.db"
    journal = journal_in(file)
    journal.reserve(clone("pp_1"), None)
    for each in tmp_path.iterdir():
        each.unlink()
    if gone == "replaced":
        other = journal_in(file)
        other.reserve(clone("pp_2"), None)
        other.close()
    entry = journal.reserve(clone("pp_3"), None)
    assert entry in journal.since(ACME, MORNING)
    assert len(journal_in(file).since(ACME, MORNING)) == (2 if gone == "replaced" else 1)


def test_a_damaged_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(os.urandom(8192))
    with pytest.raises(JournalError, match="its file is damaged"):
        journal_in(tmp_path / "orders.db").reserve(clone(), None)


def test_a_file_damaged_within_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    journal = journal_in(file)
    for number in range(40):
        journal.reserve(clone(f"pp_{number}"), None)
    journal.close()
    size = file.stat().st_size
    with file.open("r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xff" * (size - 4096))
    with pytest.raises(JournalError, match="its file is damaged"):
        journal_in(file).since(ACME, MORNING)


def test_a_row_that_was_edited_by_hand_is_told_and_crashes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    journal = journal_in(file)
    journal.reserve(clone(), None)
    with closing(sqlite3.connect(file)) as person:
        person.execute("UPDATE orders SET container_ids = 'cnt_1, cnt_2'")
        person.commit()
    with pytest.raises(JournalError, match="a row of it cannot be understood"):
        journal.since(ACME, MORNING)


def test_a_read_only_journal_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    journal = journal_in(file)
    entry = journal.reserve(clone(), None)
    journal.close()
    read_only = journal_at(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert read_only.find(ACME, entry.identity) == entry
    with pytest.raises(JournalError, match="its file is read-only"):
        read_only.reserve(clone("pp_2"), None)
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


def test_a_full_disk_loses_no_order_that_was_written_before(tmp_path: Path) -> None:
    journal = journal_in(tmp_path / "orders.db")
    kept = journal.reserve(clone("pp_kept"), None)

    def fill() -> None:
        for number in range(200):
            journal.reserve(clone(f"pp_{number}", caption="x" * 500), None)

    with disk_of(64 * 1024), pytest.raises(JournalError, match=r"disk is full|cannot be read or written"):
        fill()
    assert kept in journal.since(ACME, MORNING)
    assert journal.reserve(clone("pp_after"), None).status == "unknown"


def test_a_folder_that_is_a_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(JournalError, match="its folder cannot be used"):
        journal_in(tmp_path / "state" / "orders.db").reserve(clone(), None)


def test_a_file_that_is_a_folder_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "orders.db").mkdir()
    with pytest.raises(JournalError, match="its file cannot be opened"):
        journal_in(tmp_path / "orders.db").reserve(clone(), None)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("no url at all", "its URL is not understood"),
        ("postgresql://user:secret@127.0.0.1:9/none", "its database cannot be reached"),
        ("mysql://user:secret@127.0.0.1/none", "neither PostgreSQL's nor SQLite's"),
    ],
)
def test_a_journal_url_that_leads_nowhere_is_told_without_its_secrets(url: str, why: str) -> None:
    with pytest.raises(JournalError, match=why) as raised:
        journal_at(url).reserve(clone(), None)
    assert "secret" not in repr(raised.value)


def test_a_missing_postgresql_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match=r"pip install 'layers-mcp\[postgres\]'"):
        journal_at("postgresql://127.0.0.1/none").reserve(clone(), None)
