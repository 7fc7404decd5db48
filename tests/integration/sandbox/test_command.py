"""`layers-mcp sandbox`: serves, moves the clock, begins again, and says what is wrong."""

import gc
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import get_args

import httpx2
import pytest

from layers_mcp.cli import main
from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.faults import Kind, load_faults


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", *map(str, arguments)])
    gc.enable()  # the program holds the collector back while it loads
    code = ended.value.code
    assert isinstance(code, int)
    return code


@contextmanager
def served(*arguments: object, stop: signal.Signals = signal.SIGINT) -> Iterator[dict[str, str]]:
    """The program in a process of its own: what it says on stdout, by name."""
    command = [sys.executable, "-m", "layers_mcp", "sandbox", "--port", "0", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield dict(process.stdout.readline().strip().split("=", 1) for _ in range(6))
        finally:
            process.send_signal(stop)
        more, complaints = process.communicate(timeout=60)
        assert (more, process.returncode) == ("", 0)
        assert "Traceback" not in complaints


@pytest.mark.subprocess
def test_it_says_where_it_serves_and_with_which_key_and_projects(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([{"endpoint": "GET /v1/credits", "kind": "status", "status": 500}]))
    db = tmp_path / "world.db"
    with served("--db", db, "--faults", faults) as said:
        names = ["LAYERS_BASE_URL", "LAYERS_API_KEY", "acme-todo", "globex-fit", "initech-notes", "hooli-new"]
        assert list(said) == names
        headers = {"Authorization": f"Bearer {said['LAYERS_API_KEY']}"}
        with httpx2.Client(base_url=said["LAYERS_BASE_URL"], headers=headers) as client:
            project = client.get(f"/v1/projects/{said['acme-todo']}")
            assert project.json()["name"] == "acme-todo"
            assert client.get("/v1/credits").status_code == 500
            assert run("--db", db, "--advance", "14d") == 0
            date = parsedate_to_datetime(client.get("/v1/whoami").headers["date"])
            assert date - datetime.now(UTC) > timedelta(days=13)
            order = f"/v1/projects/{said['acme-todo']}/content"
            assert [client.post(order, json={}).status_code for _ in range(40)][-1] == 429


@pytest.mark.subprocess
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_peace_as_soon_as_it_has_said_where_it_serves(tmp_path: Path, stop: signal.Signals) -> None:
    with served("--db", tmp_path / "world.db", stop=stop) as said:
        assert len(said) == 6


@pytest.mark.subprocess
def test_it_ends_in_peace_when_it_is_terminated_though_an_answer_is_still_due(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps([{"endpoint": "GET /v1/whoami", "kind": "latency", "seconds": 60}]))
    with socket.socket() as waiting:
        with served("--db", tmp_path / "world.db", "--faults", faults, stop=signal.SIGTERM) as said:
            with httpx2.Client(base_url=said["LAYERS_BASE_URL"]) as client:
                assert client.get("/v1/credits").status_code == 401  # it is up and heeds signals
            waiting.connect(("127.0.0.1", int(said["LAYERS_BASE_URL"].rpartition(":")[2])))
            waiting.sendall(b"GET /v1/whoami HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert waiting.recv(1) == b""


@pytest.mark.parametrize(("span", "hours"), [("90m", 1.5), ("12h", 12), ("14d", 14 * 24), ("2w", 14 * 24)])
def test_the_clock_moves_by_the_span(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], span: str, hours: float
) -> None:
    db = tmp_path / "world.db"
    assert run("--db", db, "--advance", span) == 0
    assert "The world's time is now" in capsys.readouterr().out
    with Sandbox(path=db) as sandbox:
        ahead = sandbox.now() - datetime.now(UTC)
        assert ahead == pytest.approx(timedelta(hours=hours), abs=timedelta(seconds=30))


def test_without_a_db_it_acts_on_the_world_of_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERS_STATE_DIR", str(tmp_path / "from environment"))
    monkeypatch.setenv("LAYERS_BASE_URL", "nonsense that does not concern the sandbox")
    assert run("--advance", "1d") == 0
    assert (tmp_path / "from environment" / "sandbox" / "world.db").exists()
    assert run("--advance", "1d", "--state-dir", tmp_path / "flag") == 0
    assert (tmp_path / "flag" / "sandbox" / "world.db").exists()


def test_a_reset_forgets_the_world_and_what_was_ordered_in_it_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert run("--state-dir", tmp_path, "--advance", "14d") == 0
    (folder / "journal.db").write_text("orders in the sandbox")
    (folder / "journal.db-wal").write_text("")
    (tmp_path / "journal.db").write_text("real orders")
    assert run("--state-dir", tmp_path, "--reset") == 0
    assert {path.name for path in folder.iterdir()} == {"world.db"}
    assert (tmp_path / "journal.db").read_text() == "real orders"
    with Sandbox(path=folder / "world.db") as sandbox:
        assert sandbox.now() - datetime.now(UTC) < timedelta(minutes=1)


def test_a_reset_with_a_db_touches_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_text("x")
    assert run("--db", tmp_path / "world.db", "--reset") == 0
    assert (tmp_path / "other.db").read_text() == "x"


def test_a_world_of_another_version_is_refused_until_it_is_reset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "world.db"
    write_tables(db, version=1, tables=("world", "api_keys"))
    assert run("--db", db, "--advance", "1d") == 2
    assert "--reset" in capsys.readouterr().err
    assert run("--db", db, "--reset") == 0
    assert run("--db", db, "--advance", "1d") == 0


@pytest.mark.parametrize("content", ["text", *range(5)])
@pytest.mark.parametrize("arguments", [("--reset",), ("--advance", "1d")])
def test_a_file_that_is_no_world_is_never_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | int, arguments: tuple[str, ...]
) -> None:
    db = tmp_path / "orders.db"
    if isinstance(content, int):
        write_tables(db, version=content, tables=("orders",))
    else:
        db.write_text("not a database at all" * 100)
    before = db.read_bytes()
    assert run("--db", db, *arguments) == 2
    said = capsys.readouterr().err
    assert said == "layers-mcp sandbox: The world's file is not a sandbox world. Name another one with --db.\n"
    assert db.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["orders.db"]


def test_a_reset_replaces_what_is_in_the_place_of_our_own_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "world.db").write_text("not a database at all" * 100)
    assert run("--state-dir", tmp_path, "--advance", "1d") == 2
    assert "--reset" in capsys.readouterr().err
    assert run("--state-dir", tmp_path, "--reset") == 0
    assert run("--state-dir", tmp_path, "--advance", "1d") == 0


def write_tables(path: Path, *, version: int, tables: tuple[str, ...]) -> None:
    """A database of something else, or of another version."""
    with closing(sqlite3.connect(path)) as db:
        for name in tables:
            db.execute(f"CREATE TABLE {name} (one)")
        db.execute(f"PRAGMA user_version={version}")
        db.commit()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--advance", "fortnight"),
        ("--advance", "-3d"),
        ("--port", "http"),
        ("--port", "70000"),
        ("--faults", "missing.json"),
        ("--unknown",),
    ],
)
def test_bad_usage_is_exit_code_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run("--db", tmp_path / "world.db", *arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_its_help_shows_a_faults_file_and_names_every_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")  # no line breaks inside the example
    assert run("--help") == 0
    said = " ".join(capsys.readouterr().out.split())
    example = said[said.index("[{") : said.index("}]") + 2]
    (tmp_path / "faults.json").write_text(example)
    assert len(load_faults(tmp_path / "faults.json")) == 2
    kinds = said.partition("kinds: ")[2].partition(".")[0].split(", ")
    assert kinds == list(get_args(Kind))


def test_a_port_that_is_taken_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run("--db", tmp_path / "world.db", "--port", taken.getsockname()[1]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("layers-mcp sandbox: ")
    assert said.out == ""


def test_a_db_that_is_a_folder_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--db", tmp_path, "--advance", "1d") == 1
    assert "Traceback" not in capsys.readouterr().err
