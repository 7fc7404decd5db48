"""The database that holds the journal: a SQLite file of one machine, or a PostgreSQL database that many share.

Everything that differs between the two is here, as is the one error that the rest of the package sees when
storage fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from layers_mcp.deadlines import STORAGE_SECONDS
from layers_mcp.operations.errors import JournalError
from layers_mcp.operations.store.migrations import is_current, migrate

POOL_SIZE = 10
"""Connections to PostgreSQL that a process keeps; five more at most when many tenants write at once."""

_PRIVATE = 0o600


class Database:
    """A database in which the journal's tables exist. Made for worker threads: its methods block."""

    def __init__(self, url: str, file: Path) -> None:
        """`url` is SQLAlchemy's or PostgreSQL's; where it is empty, `file` is the SQLite database."""
        self._engine = _engine(url, file)
        self._file = _file(self._engine.url)
        self._preparing = threading.Lock()
        self._ready = False
        self._opened: int | None = None

    @contextlib.contextmanager
    def reading(self) -> Generator[Connection]:
        """Open a transaction that only reads, and needs no permission to write."""
        with _our_words():
            self._prepare()
            with self._engine.connect().execution_options(reads=True) as connection:
                yield connection

    @contextlib.contextmanager
    def writing(self, *exclusive: str) -> Generator[Connection]:
        """Open a transaction that writes; nobody else is in one with any of the names `exclusive` meanwhile."""
        with _our_words():
            self._prepare()
            with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    for name in exclusive:
                        _lock(connection, name)
                yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def _prepare(self) -> None:
        """Create or migrate the tables: at the first use, and again where the file was removed or replaced."""
        with self._preparing:
            if self._ready and self._inode() == self._opened:
                return
            self._engine.dispose()
            if self._file is not None:
                _make_private(self._file)
            with self._engine.connect().execution_options(reads=True) as connection:
                self._ready = is_current(connection)
            if not self._ready:
                with self._engine.begin() as connection:
                    if connection.dialect.name == "postgresql":
                        _lock(connection, "migration")
                    migrate(connection)
                self._ready = True
            self._opened = self._inode()

    def _inode(self) -> int | None:
        """Return what tells files at the same path apart; None for a database that is no file of ours, or is gone."""
        try:
            return self._file and self._file.stat().st_ino
        except FileNotFoundError:
            return None


def _make_private(file: Path) -> None:
    """Let only its user read the journal, whoever may open its directory; SQLite's other files follow it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # a file that cannot be made or is another user's: opening it says so
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, _PRIVATE))
        for each in (file, file.with_name(file.name + "-wal"), file.with_name(file.name + "-shm")):
            with contextlib.suppress(FileNotFoundError):
                each.chmod(_PRIVATE)


def _engine(url: str, file: Path) -> Engine:
    with _our_words():
        parsed = make_url(url) if url else URL.create("sqlite", database=str(file))
        if parsed.get_backend_name() == "sqlite":
            patient = {"timeout": str(STORAGE_SECONDS), **parsed.query}
            engine = create_engine(parsed.set(query=patient))
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if parsed.get_backend_name() not in ("postgresql", "postgres"):
            raise JournalError("its URL is neither PostgreSQL's nor SQLite's")
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE // 2,
            pool_timeout=STORAGE_SECONDS,
            connect_args={
                "connect_timeout": int(STORAGE_SECONDS),
                # no prepared statements and no start-up options: connection poolers refuse them
                "prepare_threshold": None,
                # a server whose machine is gone is noticed, and does not hold a thread for hours
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                "tcp_user_timeout": 10_000,
            },
        )
        event.listen(engine, "connect", _set_up_postgresql)
        return engine


def _file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        return None
    return Path(url.database)


def _set_up_sqlite(opened: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make it durable and ready for several processes: WAL, or the rollback journal if the file system refuses WAL."""
    connection = cast("sqlite3.Connection", opened)
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    connection.execute("PRAGMA synchronous = FULL")
    deadline = time.monotonic() + STORAGE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # answers "delete" where WAL is refused, which is fine
        except sqlite3.OperationalError as error:
            # two processes that switch a new file at once meet "locked" in spite of the busy timeout
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _set_up_postgresql(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    milliseconds = int(STORAGE_SECONDS * 1000)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(f"SET lock_timeout = {milliseconds}")
        cursor.execute(f"SET statement_timeout = {milliseconds}")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    """Begin; a writer takes the write lock at once: what it then reads, nobody changes before it writes."""
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reads") else "BEGIN IMMEDIATE")


def _lock(connection: Connection, name: str) -> None:
    """Hold PostgreSQL's lock of this name until the transaction ends."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


@contextlib.contextmanager
def _our_words() -> Generator[None]:
    try:
        yield
    except exc.DBAPIError as error:
        raise _journal_error(error.orig) from None
    except exc.TimeoutError:
        raise JournalError("its database is too busy", passing=True) from None
    except exc.ArgumentError:
        raise JournalError("its URL is not understood") from None
    except exc.SQLAlchemyError:
        raise JournalError("its database answered in an unexpected way") from None
    except ImportError:
        raise JournalError("the PostgreSQL driver is not installed: pip install 'layers-mcp[postgres]'") from None
    except sqlite3.Error as error:
        raise _journal_error(error) from None
    except OSError:
        raise JournalError("its folder cannot be used") from None


_SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: "another process holds it locked",
    sqlite3.SQLITE_LOCKED: "another process holds it locked",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is damaged",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "its file is read-only",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
}
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _journal_error(error: BaseException | None) -> JournalError:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        reason = _SQLITE_REASONS.get(code, "its file cannot be read or written")
        return JournalError(reason, passing=code in _PASSING)
    return JournalError("its database cannot be reached or refused the step", passing=True)
