"""The times of a call's parts are in one module, and the parts of the longest paths add up to less than the whole."""

import ast
from pathlib import Path

import pytest

import layers_mcp
from layers_mcp import deadlines as d

PACKAGE = Path(layers_mcp.__file__).parent

PATHS = {
    "an order": ["WHOAMI", "DETECTION", "TERMS", "ORDER_REQUEST", "ORDER_ANSWER"],
    "an order that is known": ["WHOAMI", "OBSERVE", "ORDER_EXTRAS", "ORDER_ANSWER"],
    "an order that was never answered": ["WHOAMI", "SEARCH", "RECONCILE", "ORDER_EXTRAS", "ORDER_ANSWER"],
    "a publication": ["PUBLISH_READS", "WHOAMI", "PUBLISH_REQUEST", "SCHEDULE"],
    "reads at once": ["GATHER", "ANSWER"],
    "reads, and what adds to them": ["REQUEST", "OPTIONAL_READS", "ANSWER"],
    "waiting for jobs": ["WAIT", "WAIT_NOTES"],
    "a review": ["REVIEW_JOBS", "REVIEW_JOURNAL", "REVIEW_READS", "REVIEW_REST"],
    "a step of the journal": ["STEP", "RESTART", "ORDER_ANSWER"],
}

NO_PARTS = {
    "PROMISED", "CALL", "PLACE",  # the whole
    "COMPLETION", "CONFIRM", "AFTER_QUESTION",  # no call, or time that does not count against it
    "NEXT_PIECE", "POLICY_AGE",  # what has to be left, and an age
    "STORAGE",  # ends within a step
}  # fmt: skip


def seconds(name: str) -> float:
    return getattr(d, f"{name}_SECONDS")


@pytest.mark.parametrize("path", PATHS)
def test_the_parts_of_a_path_add_up_to_less_than_the_call(path: str) -> None:
    assert sum(map(seconds, PATHS[path])) <= d.CALL_SECONDS


def test_every_part_is_on_a_path() -> None:
    parts = {part for path in PATHS.values() for part in path}
    assert not parts & NO_PARTS
    assert parts | NO_PARTS == {name.removesuffix("_SECONDS") for name in vars(d) if name.isupper()}


def test_a_call_is_answered_within_what_is_promised_and_storage_ends_its_own_waits_first() -> None:
    assert d.CALL_SECONDS < d.PROMISED_SECONDS
    assert d.STORAGE_SECONDS < d.STEP_SECONDS


@pytest.mark.parametrize("package", ["tools", "operations/kinds", "api/resources"])
def test_no_tool_kind_or_resource_has_a_time_of_its_own(package: str) -> None:
    for module in (PACKAGE / package).rglob("*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, ast.Assign):
                names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
                assert not any(name.endswith(("SECONDS", "KEEP", "TIMEOUT", "_AGE")) for name in names), (module, names)
