"""What is listed keeps the limits on names and sizes at which hosts refuse a tool, or the whole server."""

import json
import re
from typing import Any

import pytest

from layers_mcp.tools import CATALOG, DEFINITIONS

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
"""Hosts put their own prefix before a tool's name ("mcp__layers__") and stop at 64 characters, of these kinds."""

DESCRIPTION_CHARACTERS = 1_024
"""OpenAI's limit for a function, and the shortest that is known."""

PARAMETERS, CHOICES, DEPTH = 100, 100, 5
"""Far below what OpenAI takes in all: 5,000 properties, 1,000 enum values, ten levels."""

every_tool = pytest.mark.parametrize("name", CATALOG)


@every_tool
def test_a_tools_name_and_texts_fit_every_host(name: str) -> None:
    definition = DEFINED[name]
    assert NAME.fullmatch(name)
    assert 0 < len(definition["description"]) <= DESCRIPTION_CHARACTERS
    assert 0 < len(definition["title"]) <= 64


@every_tool
def test_its_parameters_have_names_and_sizes_that_every_host_takes(name: str) -> None:
    schema = DEFINED[name]["inputSchema"]
    assert schema["type"] == "object"
    assert len(schema["properties"]) <= PARAMETERS
    for parameter, rule in schema["properties"].items():
        assert NAME.fullmatch(parameter)
        choices = rule.get("enum") or rule.get("items", {}).get("enum") or ["one"]
        assert all(isinstance(choice, str) and choice for choice in choices)
        assert len(choices) == len(set(choices)) <= CHOICES


@every_tool
@pytest.mark.parametrize("which", ["inputSchema", "outputSchema"])
def test_no_schema_is_nested_deeper_than_hosts_follow(name: str, which: str) -> None:
    assert depth(DEFINED[name][which]) <= DEPTH


def depth(schema: Any) -> int:
    """How many objects and lists lie in each other."""
    if not isinstance(schema, dict):
        return 0
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return int(schema.get("type") in ("object", "array")) + max(map(depth, inner), default=0)


def test_the_whole_list_is_small_enough_to_be_read_at_once() -> None:
    assert len(DEFINITIONS.read_bytes()) <= 64 * 1024
