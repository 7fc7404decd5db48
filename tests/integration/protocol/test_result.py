"""Results are written down small, whole and within bounds."""

import json

from layers_mcp.protocol import Result, render
from layers_mcp.protocol.result import LONGEST_RESULT


class Row(Result):
    name: str
    tags: tuple[str, ...] = ()
    inner: tuple["Row", ...] = ()


class Page(Result):
    rows: tuple[Row, ...]
    total: int | None = None
    notes: tuple[str, ...] = ()
    next_cursor: str | None = None


class Note(Result):
    text: str


def test_nulls_and_empty_lists_inside_rows_are_left_out_and_top_lists_stay() -> None:
    content, text = render(Page(rows=(Row(name="a", inner=(Row(name="b"),)),)))
    assert content == {"rows": [{"name": "a", "inner": [{"name": "b"}]}], "notes": []}
    assert text == '{"rows":[{"name":"a","inner":[{"name":"b"}]}],"notes":[]}'


def test_text_stays_readable_in_every_script() -> None:
    assert render(Note(text="Größe 大"))[1] == '{"text":"Größe 大"}'


class Course(Page):
    keep_tail = True


def test_rows_in_the_order_of_time_lose_their_oldest() -> None:
    content, text = render(Course(rows=tuple(Row(name=f"{number} {'x' * 200}") for number in range(400))))
    kept = len(content["rows"])
    assert len(text) <= LONGEST_RESULT
    assert [row["name"].split()[0] for row in content["rows"]] == [str(number) for number in range(400 - kept, 400)]
    assert content["notes"][-1].startswith(f"Only the last {kept} of 400 rows are shown")


def test_an_answer_that_is_too_long_loses_rows_and_says_how_to_narrow() -> None:
    page = Page(
        rows=tuple(Row(name=f"{number:04}" + "x" * 300) for number in range(400)), next_cursor="c", notes=("n",)
    )
    content, text = render(page)
    assert len(text) <= LONGEST_RESULT
    assert json.loads(text) == content
    assert len(text) > LONGEST_RESULT - 1_500
    assert "next_cursor" not in content, "the next page would leave out the rows that were cut"
    kept = len(content["rows"])
    assert content["notes"] == [
        "n",
        f"Only the first {kept} of 400 rows are shown, to keep the answer short. "
        "Ask for less: a lower limit, a shorter window or fewer ids.",
    ]


def test_an_answer_without_lists_is_given_as_it_is() -> None:
    assert len(render(Note(text="x" * LONGEST_RESULT))[1]) > LONGEST_RESULT


def test_halves_of_surrogate_pairs_never_reach_the_wire() -> None:
    content, text = render(Note(text="a\ud800b"))
    assert text.encode()
    assert content == {"text": "a?b"}


def test_a_single_row_that_is_too_long_loses_the_end_of_its_longest_list() -> None:
    inner = tuple(Row(name=f"{number}" * 100) for number in range(500))
    content, text = render(Page(rows=(Row(name="a", tags=("x",), inner=inner), Row(name="b")), total=2))
    assert len(text) <= LONGEST_RESULT
    [row] = content["rows"]
    kept = len(row["inner"])
    assert 0 < kept < 500
    assert row == {"name": "a", "tags": ["x"], "inner": [{"name": f"{number}" * 100} for number in range(kept)]}
    assert content["notes"] == [
        f"Only one of 2 rows, with the first {kept} of its 500 inner, is shown, to keep the answer short. "
        "Ask for less: a lower limit, a shorter window or fewer ids."
    ]


def test_a_row_that_cannot_be_cut_is_left_out_and_counted() -> None:
    content, _ = render(Page(rows=(Row(name="a" * 60_000), Row(name="b"))))
    assert content["rows"] == []
    assert content["notes"] == [
        "None of 2 rows is shown, to keep the answer short. Ask for less: a lower limit, a shorter window or fewer ids."
    ]


def test_a_row_stays_out_where_cutting_its_longest_list_is_not_enough() -> None:
    content, _ = render(Page(rows=(Row(name="a" * 60_000, tags=("x", "y")),)))
    assert content["rows"] == []


def test_notes_are_not_cut() -> None:
    page = Page(rows=(Row(name="a"),), notes=("n" * 30_000, "n" * 30_000))
    content, _ = render(page)
    assert content["notes"][:2] == list(page.notes)
    assert render(Page(rows=(), notes=page.notes))[0] == {"rows": [], "notes": list(page.notes)}


class Two(Result):
    found: tuple[Row, ...]
    quiet: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def test_two_lists_that_are_both_too_long_share_the_room() -> None:
    many = tuple(Row(name=f"{number:0>400}") for number in range(900))
    content, text = render(Two(found=many, quiet=many))
    assert LONGEST_RESULT - 2_000 < len(text) <= LONGEST_RESULT
    assert len(content["found"]) == len(content["quiet"]) > 50
    assert [note.split(",")[0] for note in content["notes"]] == [
        f"Only the first {len(content[name])} of 900 {name} are shown" for name in ("found", "quiet")
    ]


def test_a_short_list_beside_one_that_is_cut_stays_whole() -> None:
    many = tuple(Row(name=f"{number:0>400}") for number in range(900))
    content, text = render(Two(found=many[:20], quiet=many))
    assert LONGEST_RESULT - 2_000 < len(text) <= LONGEST_RESULT
    assert len(content["found"]) == 20
