"""The rules that hold for every tool, walked over the catalog; the committed files are what the functions say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rs_bpe.bpe import openai

from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.schema import describe
from layers_mcp.protocol.tool import DESTRUCTIVE, IDEMPOTENT, READ, WRITE, spec_of
from layers_mcp.tools import CATALOG, DEFINITIONS, function_of, load_catalog

MOST_TOKENS, MOST_TOKENS_OF_ONE = 5_400, 600

DEFINED: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(DEFINITIONS.read_text("utf-8"))}

EVERY_TOOL = pytest.mark.parametrize("name", CATALOG)


def test_the_committed_definitions_are_what_the_functions_say() -> None:
    assert list(DEFINED) == list(CATALOG)
    for name in CATALOG:
        assert DEFINED[name] == describe(function_of(name)), "run: python docs/generate.py"


def test_all_definitions_together_fit_a_models_context() -> None:
    spent = {name: _tokens(name) for name in CATALOG}
    assert sum(spent.values()) <= MOST_TOKENS, spent
    assert max(spent.values()) <= MOST_TOKENS_OF_ONE, spent


def _tokens(name: str) -> int:
    """Counted with the usual spacing of JSON, as most hosts write it into a context; compact, as sent, it is less."""
    shown = {key: DEFINED[name][key] for key in ("name", "description", "inputSchema")}
    return openai.o200k_base().count(json.dumps(shown, ensure_ascii=False))


@EVERY_TOOL
def test_a_tool_says_what_it_is_and_what_a_key_needs_for_it(name: str) -> None:
    spec = spec_of(function_of(name))
    assert DEFINED[name]["annotations"] == spec.kind.annotations
    assert DEFINED[name]["title"] == spec.title.strip() != ""
    assert re.fullmatch(r"[a-z]+:[a-z]+", spec.scope)
    assert DEFINED[name].get("_meta", {}).get("ui", {}).get("resourceUri", "") == spec.view


@EVERY_TOOL
def test_its_example_is_a_call_that_its_schema_takes(name: str) -> None:
    validate(DEFINED[name]["inputSchema"], spec_of(function_of(name)).example)


def test_kinds_that_look_alike_to_a_client_are_told_apart() -> None:
    assert len({READ, WRITE, IDEMPOTENT, DESTRUCTIVE}) == 4
    assert WRITE.annotations == IDEMPOTENT.annotations


def test_read_only_leaves_out_every_tool_that_writes() -> None:
    offered = {tool.name for tool in load_catalog(read_only=True)}
    assert offered == {name for name in CATALOG if spec_of(function_of(name)).kind.read_only}
    assert offered < set(CATALOG)


def _nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema; the names of properties are no keywords."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name, rule in schema.get("properties", {}).items():
        yield from _nodes(rule, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        yield from _nodes(schema.get(keyword), f"{path}[{keyword}]")


UNWANTED = {"anyOf", "oneOf", "allOf", "not", "if", "$ref", "$defs", "definitions", "$schema", "title", "prefixItems"}


@EVERY_TOOL
@pytest.mark.parametrize("which", ["inputSchema", "outputSchema"])
def test_schemas_are_flat_and_hold_nothing_that_broke_a_host(name: str, which: str) -> None:
    for path, node in _nodes(DEFINED[name][which]):
        assert not UNWANTED & node.keys(), path
        assert isinstance(node["type"], str), path
        assert "" not in node.get("enum", ()), path
        if which == "inputSchema":
            assert "additionalProperties" not in node, path
        elif "properties" in node:
            assert node["additionalProperties"] is False, path


@EVERY_TOOL
def test_every_parameter_is_described_and_optional_ones_have_a_plain_default(name: str) -> None:
    schema = DEFINED[name]["inputSchema"]
    for parameter, rule in schema["properties"].items():
        assert rule["description"].strip(), parameter
        assert parameter in schema.get("required", []) or rule["default"] is not None, parameter


@EVERY_TOOL
def test_result_fields_are_snake_case(name: str) -> None:
    for path, node in _nodes(DEFINED[name]["outputSchema"]):
        for field in node.get("properties", {}):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", field), f"{path}.{field}"


def _names_in(text: str) -> set[str]:
    return set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text))


@EVERY_TOOL
def test_a_description_has_a_readable_length(name: str) -> None:
    assert 50 <= len(DEFINED[name]["description"].split()) <= 130


@EVERY_TOOL
def test_a_description_begins_with_a_verb_and_what_it_acts_on(name: str) -> None:
    first = DEFINED[name]["description"].split()[0]
    assert re.fullmatch(r"[A-Z][a-z]+", first)
    assert not first.endswith("s"), "the imperative: Rank, not Ranks"


@EVERY_TOOL
def test_a_description_says_when_not_to_use_the_tool_and_which_one_instead(name: str) -> None:
    assert _names_in(DEFINED[name]["description"]) & (set(CATALOG) - {name})


ORDERS = re.compile(
    r"\b(always|must|you should|make sure|be sure|do not|don't|ensure|important|remember to)\b", re.IGNORECASE
)
SHOUTS = re.compile(r"\b(?!ROAS|HTTP|JSON)[A-Z]{4,}\b")


@EVERY_TOOL
def test_a_description_advises_and_never_orders(name: str) -> None:
    for text in (DEFINED[name]["description"], *_described(DEFINED[name]["inputSchema"])):
        assert not ORDERS.search(text)
        assert not SHOUTS.search(text)


def _described(schema: dict[str, Any]) -> Iterator[str]:
    for rule in schema["properties"].values():
        yield rule["description"]


@EVERY_TOOL
def test_a_writing_tool_tells_what_it_costs_and_whether_it_can_be_undone(name: str) -> None:
    text = DEFINED[name]["description"].casefold()
    if not spec_of(function_of(name)).kind.read_only:
        assert re.search(r"\b(credits?|costs?|charged?|spends?|free)\b", text)
        assert re.search(
            r"\b(undone|undo|undoes|final|reverse|reversed|cancel_job|clear|one-way|taken back|resumed)\b", text
        )


def test_texts_name_only_tools_that_exist() -> None:
    tool_like = re.compile(r"\b(?:list|check|get|rank|find|clone|generate|set|wait|cancel|decide|review)_[a-z_]+\b")
    known = set(CATALOG) | {"review_all", "review_first_n", "review_policy"}
    for entry in DEFINED.values():
        for text in (entry["description"], *_described(entry["inputSchema"])):
            assert set(tool_like.findall(text)) <= known, text
