"""The program's commands, its usage and its exit codes."""

import gc
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from layers_mcp import __version__
from layers_mcp.cli import COMMANDS, main
from layers_mcp.cli.logs import RedactingFormatter


@pytest.fixture(autouse=True)
def collector_at_work() -> Iterator[None]:
    """`main` holds the collector back, which is for a process of its own."""
    yield
    gc.unfreeze()
    gc.enable()


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code


def test_help_names_every_command_without_importing_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"layers-mcp {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_usage_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    assert f"layers-mcp {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["doctor", "--sandbox"], ["sandbox", "--reset"], pytest.param(["demo"], marks=pytest.mark.slow)]
)
def test_the_garbage_collector_works_again_once_imports_are_done(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAYERS_STATE_DIR", str(tmp_path))
    at_work: list[bool] = []
    monkeypatch.setattr("sys.stdout", _Watched(at_work))
    assert exit_code(*arguments) == 0
    assert at_work
    assert all(at_work)


class _Watched(StringIO):
    """Notes at each line whether the collector is at work."""

    def __init__(self, at_work: list[bool]) -> None:
        super().__init__()
        self._at_work = at_work

    def write(self, text: str, /) -> int:
        self._at_work.append(gc.isenabled())
        return super().write(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--base-url=http://localhost.evil.example"],
        ["serve", "--log-level=loud"],
        ["doctor", "--daily-credit-limit=many"],
    ],
)
def test_a_bad_value_is_one_line_and_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("layers-mcp: --")


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        (["--no-such-flag"], "layers-mcp serve"),
        (["--api-key=lp_live_x"], "layers-mcp serve"),
        (["--state-dir"], "layers-mcp serve"),
        (["--read-only=true"], "layers-mcp serve"),
        (["demo", "--sandbox"], "layers-mcp demo"),
        (["dance"], "layers-mcp"),
        (["--sandbox", "doctor"], "layers-mcp"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: list[str], program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"{program}: ")
    assert captured.err.endswith(f" (see {program} --help)\n")
    assert "lp_live_x" not in captured.err


def formatted(message: str, *args: object, error: BaseException | None = None) -> str:
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, message, args, info)
    return RedactingFormatter(["the-key", ""]).format(record)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("key is the-key.", "the-key"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("b'bearer abc'", "abc"),
        ("another key lp_live_id_word here", "id_word"),
        ("postgresql+psycopg://user:word@host/db", "word"),
    ],
)
def test_secrets_are_struck_out_of_messages_arguments_and_tracebacks(text: str, hidden: str) -> None:
    for line in (formatted(text), formatted("%s", text), formatted("failed", error=ValueError(text))):
        assert hidden not in line
        assert "[redacted]" in line


def test_what_is_no_secret_is_logged_as_it_is() -> None:
    assert formatted("GET https://api.layers.com:443/v1/projects/prj_1").endswith(
        "a: GET https://api.layers.com:443/v1/projects/prj_1"
    )
