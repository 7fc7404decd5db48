"""Definitions made from signatures are flat, strict and short."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from layers_mcp.protocol import DESTRUCTIVE, READ, WRITE, Result, tool
from layers_mcp.protocol.schema import describe
from tests.support.example_server import GardenContext, Planted, fail, look, plant


def test_an_input_schema_is_flat_and_holds_plain_defaults() -> None:
    assert describe(look)["inputSchema"] == {
        "type": "object",
        "properties": {
            "colour": {
                "type": "string",
                "description": "Trees: climb.",
                "enum": ["red", "white", "yellow"],
            },
            "tallest": {
                "type": "integer",
                "description": "Height in cm.",
                "minimum": 1,
                "maximum": 300,
                "default": 100,
            },
            "sun": {
                "type": "number",
                "description": "Share of the day in the sun.",
                "minimum": 0,
                "maximum": 1,
                "default": 0.5,
            },
            "kinds": {
                "type": "array",
                "description": "Kinds.",
                "maxItems": 2,
                "items": {"type": "string", "enum": ["rose", "tulip"]},
                "default": [],
            },
            "name": {"type": "string", "description": "A name.", "maxLength": 20, "default": ""},
            "deep": {"type": "boolean", "description": "Look closely.", "default": False},
        },
        "required": ["colour"],
    }


def test_an_output_schema_inlines_rows_and_requires_what_is_always_there() -> None:
    assert describe(look)["outputSchema"] == {
        "type": "object",
        "properties": {
            "flowers": {
                "type": "array",
                "description": "What grows here.",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "colour": {"type": "string", "enum": ["red", "white", "yellow"]},
                        "height_cm": {"type": "integer"},
                        "scents": {"type": "array", "items": {"type": "string"}},
                        "range_cm": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}},
                    },
                    "required": ["name", "colour"],
                    "additionalProperties": False,
                },
            },
            "notes": {"type": "array", "items": {"type": "string"}},
            "next_cursor": {"type": "string"},
            "counts": {"type": "object", "additionalProperties": True},
        },
        "required": ["flowers", "notes", "counts"],
        "additionalProperties": False,
    }


def test_a_description_is_the_docstring_with_its_lines_unwrapped() -> None:
    assert describe(look)["description"] == "Look at the flowers of a bed.\n\nA second paragraph, on two lines."


def test_the_context_is_no_argument() -> None:
    assert list(describe(plant)["inputSchema"]["properties"]) == ["name"]


def test_kinds_become_the_four_hints() -> None:
    hints = {function.__name__: describe(function)["annotations"] for function in (look, plant, fail)}
    assert hints == {
        "look": {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True},
        "plant": {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True, "openWorldHint": True},
        "fail": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": True},
    }
    assert READ != WRITE != DESTRUCTIVE


class Soil(Enum):
    CLAY = "clay"


class Deep(Result):
    soil: Soil
    title: str = Field(description="A field that is named like a keyword.")
    kind: Annotated[str, Field(pattern="^a")] = "a"
    share: int | float | None = None
    anything: dict[str, Any] | None = None
    only: Literal["one"] = "one"


@tool(title="Dig", kind=READ)
async def dig(context: GardenContext) -> Deep:
    """Dig."""
    raise NotImplementedError


def test_enums_unions_of_numbers_and_fields_named_title_are_told_flat() -> None:
    assert describe(dig)["outputSchema"]["properties"] == {
        "soil": {"type": "string", "enum": ["clay"]},
        "title": {"type": "string", "description": "A field that is named like a keyword."},
        "kind": {"type": "string", "pattern": "^a"},
        "share": {"type": "number"},
        "anything": {"type": "object", "additionalProperties": True},
        "only": {"type": "string", "enum": ["one"]},
    }


@tool(title="Either", kind=READ)
async def either(context: GardenContext, what: Annotated[int | str, Field(description="Either.")]) -> Planted:
    """Take one or the other."""
    raise NotImplementedError


@tool(title="Bare", kind=READ)
async def bare(context: GardenContext) -> dict[str, str]:  # pyright: ignore
    """Return no Result."""
    raise NotImplementedError


@tool(title="Anything", kind=READ)
async def anything(context: GardenContext, what: Annotated[Any, Field(description="Anything.")]) -> Planted:
    """Take anything."""
    raise NotImplementedError


@tool(title="Loose", kind=READ)
async def loose(context: GardenContext, what: Annotated[str, Field(description="A word.", pattern="^a")]) -> Planted:
    """Promise what is not enforced."""
    raise NotImplementedError


@tool(title="Blank", kind=READ)
async def blank(
    context: GardenContext, what: Annotated[Literal["", "oak"], Field(description="Empty = any.")]
) -> Planted:
    """Offer an empty choice."""
    raise NotImplementedError


async def unmarked(context: GardenContext) -> Planted:
    """Be no tool."""
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (either, "union"),
        (bare, "Result model"),
        (unmarked, "not marked with @tool"),
        (anything, "one plain type"),
        (blank, "empty choice"),
        (loose, "pattern would be shown and not enforced"),
    ],
)
def test_what_cannot_be_told_flat_is_refused_when_definitions_are_made(function: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        describe(function)
