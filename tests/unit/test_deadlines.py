"""The times of a call's parts are in one module, and the parts of the longest paths add up to less than the whole."""

import ast
from pathlib import Path

import pytest

import layers_mcp
from layers_mcp import deadlines as d

PACKAGE = Path(layers_mcp.__file__).parent

PATHS = {
    "an order": [
        d.WHOAMI_SECONDS,
        d.DETECTION_SECONDS,
        d.TERMS_SECONDS,
        d.ORDER_REQUEST_SECONDS,
        d.ORDER_ANSWER_SECONDS,
    ],
    "an order that is known": [d.WHOAMI_SECONDS, d.OBSERVE_SECONDS, d.AFTERTHOUGHT_SECONDS, d.ORDER_ANSWER_SECONDS],
    "an order that was never answered": [
        d.WHOAMI_SECONDS,
        d.LOOK_SECONDS,
        d.RECONCILE_SECONDS,
        d.AFTERTHOUGHT_SECONDS,
        d.ORDER_ANSWER_SECONDS,
    ],
    "a publication": [d.WHOAMI_SECONDS, d.PUBLISH_REQUEST_SECONDS, d.SCHEDULE_SECONDS],
    "reads at once": [d.GATHER_SECONDS, d.ANSWER_SECONDS],
    "reads, and what adds to them": [d.REQUEST_SECONDS, d.BESIDE_SECONDS, d.ANSWER_SECONDS],
    "waiting for jobs": [d.WAIT_SECONDS, d.WAIT_NOTES_SECONDS],
    "a review": [
        d.REVIEW_JOBS_SECONDS,
        d.REVIEW_JOURNAL_SECONDS,
        d.REVIEW_READS_SECONDS,
        d.REVIEW_REST_SECONDS,
    ],
    "a step of the journal": [d.STEP_SECONDS, d.RESTART_SECONDS, d.ORDER_ANSWER_SECONDS],
}


@pytest.mark.parametrize("path", PATHS)
def test_the_parts_of_a_path_add_up_to_less_than_the_call(path: str) -> None:
    assert sum(PATHS[path]) <= d.CALL_SECONDS


def test_a_call_is_answered_within_what_is_promised_and_storage_ends_its_own_waits_first() -> None:
    assert d.CALL_SECONDS < d.PROMISED_SECONDS
    assert d.STORAGE_SECONDS < d.STEP_SECONDS


@pytest.mark.parametrize("package", ["tools", "operations/kinds", "api/resources"])
def test_no_tool_kind_or_resource_has_a_time_of_its_own(package: str) -> None:
    for module in (PACKAGE / package).rglob("*.py"):
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, ast.Assign):
                names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
                assert not any(name.endswith(("SECONDS", "KEEP", "TIMEOUT")) for name in names), (module, names)
