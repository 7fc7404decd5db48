"""What a person sees on a terminal, in a pipe, and on a console of an older age."""

import io

import pytest

from layers_mcp.cli.console import Console, columns, cut, pad


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal of this encoding."""

    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def shown(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


TERM = {"TERM": "xterm-256color"}


def test_a_table_aligns_its_columns_and_sets_numbers_flush_right():
    stream = Terminal(tty=False)
    Console(stream, {}).table([["a", "1,204"], ["longer", "7"]], header=["name", "views"], right=[1])
    assert stream.shown() == "  name    views\n  a       1,204\n  longer      7\n"


def test_wide_and_combining_characters_and_styles_count_as_the_columns_they_take():
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert columns("\x1b[1;32mok\x1b[0m") == 2
    assert pad("日本", 6) == "日本  "
    assert pad("7", 3, right=True) == "  7"


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("short", 5, "short"), ("a little longer", 8, "a littl…"), ("日本日本", 5, "日本…"), ("two words", 5, "two…")],
)
def test_a_long_text_is_cut_to_its_columns_and_shows_it(text: str, width: int, expected: str):
    assert cut(text, width) == expected
    assert columns(cut(text, width)) <= width


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, ""), (1.0, "████"), (0.5, "██"), (0.53125, "██▏"), (-1.0, ""), (9.0, "████")]
)
def test_a_bar_is_exact_to_an_eighth_of_a_column_and_never_leaves_its_width(share: float, expected: str):
    assert Console(Terminal(), TERM).bar(share, 4) == expected


def test_a_bar_with_a_track_always_fills_its_width():
    console = Console(Terminal(), TERM)
    assert {len(console.bar(n / 100, 10, track=True)) for n in range(101)} == {10}


def test_a_terminal_gets_colour_and_a_progress_line_that_is_written_over():
    stream = Terminal()
    console = Console(stream, TERM)
    console.progress("one")
    console.progress("two")
    console.line(console.style("done", "bold", "green"))
    assert stream.shown() == "\r\x1b[Kone\r\x1b[Ktwo\n\x1b[1;32mdone\x1b[0m\n"


@pytest.mark.parametrize(
    ("tty", "environ"),
    [(False, TERM), (True, {**TERM, "NO_COLOR": "1"}), (True, {"TERM": "dumb"})],
    ids=["a pipe", "NO_COLOR", "a dumb terminal"],
)
def test_without_a_capable_terminal_the_same_text_comes_plain(tty: bool, environ: dict[str, str]):
    stream = Terminal(tty=tty)
    console = Console(stream, environ)
    console.progress("one")
    console.progress("two")
    console.line(console.style("done", "bold"))
    assert stream.shown() == "one\ntwo\ndone\n"


def test_an_empty_no_color_counts_as_unset():
    assert Console(Terminal(), {**TERM, "NO_COLOR": ""}).live


def test_a_cp1252_console_gets_ascii_for_blocks_and_a_mark_for_what_it_cannot_show():
    stream = Terminal("cp1252", tty=False)
    console = Console(stream, {})
    console.line(f"{console.bar(0.56, 8, track=True)} → ✓ ✗ café 日")
    assert stream.shown() == "####.... > + x café ?\n"


def test_a_stream_without_an_encoding_is_written_to_as_it_is():
    stream = io.StringIO()
    Console(stream, {}).lines(["✓ done", ""])
    assert stream.getvalue() == "✓ done\n\n"


@pytest.mark.parametrize(
    ("told", "width"), [("80", 80), ("60", 60), ("20", 60), ("500", 100)], ids=["80", "60", "too narrow", "too wide"]
)
def test_lines_are_as_wide_as_the_terminal_within_reason(told: str, width: int):
    assert Console(Terminal(), {**TERM, "COLUMNS": told}).width == width


def test_a_terminal_that_does_not_say_how_wide_it_is_gets_a_width_within_reason():
    assert 60 <= Console(Terminal(), TERM).width <= 100


def test_a_pipe_gets_full_lines_whatever_the_terminal_beside_it():
    assert Console(Terminal(tty=False), {**TERM, "COLUMNS": "60"}).width == 100
