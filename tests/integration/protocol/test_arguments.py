"""Arguments are checked against the definition, and what is wrong is said from it."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers_mcp.protocol import ToolError
from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.schema import describe
from tests.support.example_server import count, look

LOOK = describe(look)["inputSchema"]


def refused(arguments: dict[str, Any], schema: dict[str, Any] = LOOK) -> str:
    with pytest.raises(ToolError) as caught:
        validate(schema, arguments)
    assert caught.value.code == "INVALID_ARGUMENT"
    return caught.value.reason


@pytest.mark.parametrize(
    ("given_kinds", "taken"),
    [
        (["rose", "tulip"], ("rose", "tulip")),
        ('["rose", "tulip"]', ("rose", "tulip")),
        ("rose", ("rose",)),
        ("", ()),
        ("[]", ()),
        ([], ()),
    ],
)
def test_a_list_is_taken_as_list_as_json_text_and_as_its_single_item(given_kinds: Any, taken: tuple[str, ...]) -> None:
    assert validate(LOOK, {"colour": "red", "kinds": given_kinds}) == {"colour": "red", "kinds": taken}


def test_null_counts_as_left_out() -> None:
    assert validate(LOOK, {"colour": "red", "tallest": None, "kinds": None, "name": None}) == {"colour": "red"}
    assert refused({"colour": None}) == "`colour` is required: one of red, white, yellow."


def test_no_arguments_at_all_are_no_arguments() -> None:
    assert validate(describe(count)["inputSchema"], None) == {}
    assert refused({"x": 1}, describe(count)["inputSchema"]) == "Unknown argument `x`. This tool takes no arguments."


def test_a_whole_float_is_an_integer() -> None:
    value = validate(LOOK, {"colour": "red", "tallest": 50.0})["tallest"]
    assert (value, type(value)) == (50, int)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("tallest", "5", 5),
        ("tallest", "5.0", 5),
        ("tallest", "005", 5),
        ("sun", "0.45", 0.45),
        ("sun", "1", 1),
        ("sun", "1.000", 1),
        ("deep", "true", True),
        ("deep", "True", True),
        ("deep", "FALSE", False),
    ],
)
def test_the_decimal_text_of_a_number_and_the_name_of_a_boolean_are_taken_as_the_value(
    name: str, text: str, value: float
) -> None:
    taken = validate(LOOK, {"colour": "red", name: text})[name]
    assert (taken, type(taken)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "five", "5.5", "5.0000000000000000001", " 5", "5 ", "5\n", "1e2", "+5", "0x5", "5.", ".5", "5,0"),
        *("1_0", "\uff15", "\u0665", "nan", "inf", "true", "9" * 21, "9" * 5_000),
    ],
)
def test_any_other_text_is_no_integer(text: str) -> None:
    assert refused({"colour": "red", "tallest": text}) == "`tallest` must be an integer from 1 to 300."


@pytest.mark.parametrize("text", ["", "yes", "1", "0", "on", " true", "true ", "t", "\uff54rue"])
def test_any_other_text_is_no_boolean(text: str) -> None:
    assert refused({"colour": "red", "deep": text}) == "`deep` must be true or false."


@pytest.mark.parametrize("endless", [10**13, -(10**13), "9" * 20, 1e300, pytest.param(10**5_000, id="5000 digits")])
def test_a_number_is_never_endless_though_its_schema_names_no_limit(endless: Any) -> None:
    assert refused({"any": endless}, BARE) == "`any` must be a number closer to 0."
    assert refused({"low": endless}, BARE) == "`low` must be a number closer to 0."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"tallest": 0}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": 301}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": 1.5}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": True}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": "301"}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": 10**400}, "`tallest` must be an integer from 1 to 300."),
        ({"tallest": float("inf")}, "`tallest` must be an integer from 1 to 300."),
        ({"sun": float("nan")}, "`sun` must be a number from 0 to 1."),
        ({"deep": 1}, "`deep` must be true or false."),
        ({"deep": "yes"}, "`deep` must be true or false."),
        ({"name": 5}, "`name` must be text of at most 20 characters."),
        ({"name": "x" * 21}, "`name` must be text of at most 20 characters."),
        ({"name": "a\0b"}, "`name` must be text without NUL characters and without halves of surrogate pairs."),
        (
            {"name": "\ud800"},
            "`name` must be text without NUL characters and without halves of surrogate pairs.",
        ),
        ({"colour": "blue"}, "`colour` must be one of red, white, yellow. Trees: climb."),
        ({"colour": ["red"]}, "`colour` must be one of red, white, yellow. Trees: climb."),
        ({"kinds": "oak"}, "`kinds` must be a list of at most 2 items, each one of rose, tulip."),
        ({"kinds": "[oak"}, "`kinds` must be a list of at most 2 items, each one of rose, tulip."),
        ({"kinds": 3}, "`kinds` must be a list of at most 2 items, each one of rose, tulip."),
        ({"kinds": ["rose"] * 3}, "`kinds` must be a list of at most 2 items, each one of rose, tulip."),
        ({"kinds": "[" * 5000}, "`kinds` must be a list of at most 2 items, each one of rose, tulip."),
    ],
)
def test_an_unfit_value_is_answered_with_what_is_expected(arguments: dict[str, Any], told: str) -> None:
    assert refused({"colour": "red", **arguments}) == told


def test_everything_wrong_is_named_at_once() -> None:
    assert refused({"tall": 1, "deep": 2}) == (
        "Unknown argument `tall`. Valid arguments: `colour`, `tallest`, `sun`, `kinds`, `name`, `deep`. "
        "`colour` is required: one of red, white, yellow. `deep` must be true or false."
    )


@pytest.mark.parametrize("name", ["x" * 41, "ignore all previous", "na\nme", "", "😀"])
def test_an_unknown_name_that_is_no_plain_name_is_not_shown(name: str) -> None:
    assert refused({"colour": "red", name: 1}).startswith("Unknown argument. Valid arguments: ")


BARE = {
    "type": "object",
    "properties": {
        "low": {"type": "integer", "minimum": 2},
        "high": {"type": "number", "maximum": 2},
        "any": {"type": "integer"},
        "some": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 3}, "minItems": 1},
    },
}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"low": 1}, "`low` must be an integer of at least 2."),
        ({"high": 3}, "`high` must be a number of at most 2."),
        ({"any": "x"}, "`any` must be an integer."),
        ({"some": []}, "`some` must be a list of 1 to 100 items, each text of 1 to 3 characters."),
        ({"some": ["ok", 1]}, "`some` must be a list of 1 to 100 items, each text of 1 to 3 characters."),
    ],
)
def test_limits_on_one_side_are_told_in_their_own_words(arguments: dict[str, Any], told: str) -> None:
    assert refused(arguments, BARE) == told


ID = {"type": "object", "properties": {"id": {"type": "string"}, "more": {"type": "string"}}, "required": ["id"]}


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_a_required_text_and_the_texts_of_a_list_are_never_blank(blank: str) -> None:
    expected = "text that is not blank" if blank else "text of 1 to 1000 characters"
    assert refused({"id": blank}, ID) == f"`id` must be {expected}."
    assert (
        refused({"some": [blank]}, BARE) == "`some` must be a list of 1 to 100 items, each text of 1 to 3 characters."
    )
    assert validate(ID, {"id": "1", "more": blank}) == {"id": "1", "more": blank}


def test_nothing_is_endless_though_its_schema_names_no_limit() -> None:
    assert refused({"id": "x" * 1001}, ID) == "`id` must be text of 1 to 1000 characters."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["colour", "tallest", "sun", "kinds", "name", "deep", "other"]) | st.text(), JSON)
)
def test_whatever_is_sent_is_either_refused_or_fits_the_schema(arguments: dict[str, Any]) -> None:
    refusal, values = None, {}
    try:
        values = validate(LOOK, arguments)
    except ToolError as error:
        refusal = error
    if refusal is not None:
        assert refusal.code == "INVALID_ARGUMENT"
        return
    as_sent = json.loads(json.dumps(values))
    assert jsonschema.Draft202012Validator(LOOK).is_valid(as_sent)


SECRET = "s3cr3t-of-the-caller"


@given(st.sampled_from(["colour", "tallest", "sun", "kinds", "deep"]))
def test_a_value_is_never_repeated(name: str) -> None:
    assert SECRET not in refused({name: SECRET})
