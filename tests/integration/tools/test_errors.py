"""The client's errors in the contract's words and order."""

from pathlib import Path
from typing import Any

import pytest

from layers_mcp.api import errors
from layers_mcp.operations.errors import PublicationUnknownError
from layers_mcp.protocol.tool import ToolSpec, spec_of
from layers_mcp.tools import CATALOG, function_of
from layers_mcp.tools._errors import content_layers, to_tool_error
from tests.support.tool_harness import effect_of, open_tool_harness, text_of


def of(tool: str) -> ToolSpec:
    return spec_of(function_of(tool))


def test_a_refusal_says_what_happened_that_nothing_changed_the_next_step_and_the_request() -> None:
    error = errors.ForbiddenScope("The API key lacks the scope ads:write.", status=403, request_id="req_1")
    assert str(to_tool_error(error, of("set_override"))) == (
        "FORBIDDEN_SCOPE (403): The API key lacks the scope ads:write. Nothing was changed. "
        "Use a key that has this scope. requestId: req_1"
    )


def test_our_own_refusals_have_no_status_and_no_request() -> None:
    text = str(to_tool_error(errors.NotConfigured("There is no API key."), of("list_projects")))
    assert text.startswith("NOT_CONFIGURED: There is no API key. Nothing was changed. Set the environment variable")
    assert "requestId" not in text


@pytest.mark.parametrize("tool", [name for name in CATALOG if of(name).effect])
def test_an_unknown_outcome_names_what_may_have_happened(tool: str) -> None:
    told = to_tool_error(errors.TimedOut("Layers did not answer in time."), of(tool))
    assert told.effect == f"Unknown whether {of(tool).effect}: calling again with the same arguments is safe."
    assert str(told).startswith("TIMEOUT: Layers did not answer in time. Unknown whether")


@pytest.mark.jumping
async def test_a_refused_operation_is_told_in_the_contracts_words_whatever_the_tool(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        order = {"project_id": harness.project, "hook": "Plan less.", "max_credits": 1}
        text = text_of(await harness.call("generate_with_hook", order))
    assert text.startswith("MAX_CREDITS: The estimate of ")
    assert effect_of(text) == "Nothing was changed."
    unknown = PublicationUnknownError("It may be out.", "Look for it.", nothing_changed=False)
    assert str(to_tool_error(unknown, of("publish_content"))) == (
        "PUBLICATION_UNKNOWN: It may be out. Unknown whether the content was published or scheduled: calling again "
        "with the same arguments is safe. Look for it."
    )


@pytest.mark.parametrize("tool", CATALOG)
def test_a_missing_scope_is_named_also_where_layers_does_not_name_it(tool: str) -> None:
    told = to_tool_error(errors.ForbiddenScope("Forbidden.", status=403), of(tool))
    assert told.reason == f"The API key lacks the scope {of(tool).scope}."


@pytest.mark.jumping
@pytest.mark.parametrize(
    ("tool", "arguments", "found_by"),
    [
        ("rank_top_performers", {"project_id": "acme-todo", "metric": "views"}, "list_projects"),
        ("get_metrics", {"project_id": "prj_unknown"}, "list_projects"),
        ("generate_with_hook", {"project_id": "acme-todo", "hook": "Plan less."}, "list_projects"),
        ("clone_post", {"source_platform_post_id": "post_unknown"}, "rank_top_performers"),
        ("set_override", {"ads_content_id": "ac_unknown", "override": "clear"}, "list_ads_content"),
        ("decide_content", {"container_id": "cnt_unknown", "decision": "approve"}, "get_content"),
        ("change_schedule", {"scheduled_post_id": "sp_unknown", "action": "cancel"}, "list_schedule"),
        ("cancel_job", {"job_id": "job_unknown"}, "review_commissions"),
    ],
)
async def test_an_unknown_id_names_the_tool_that_gives_it(
    tmp_path: Path, tool: str, arguments: dict[str, Any], found_by: str
) -> None:
    async with open_tool_harness(tmp_path) as harness:
        ours = {"project_id": harness.project} if tool in ("clone_post", "set_override") else {}
        text = text_of(await harness.call(tool, {**ours, **arguments}))
    assert text.startswith("NOT_FOUND (404): ")
    assert found_by in text.partition("Check ")[2]


def test_a_conflict_over_content_layers_lists_their_ids() -> None:
    details = {"projectLayers": [{"projectLayerId": "pl_1", "name": "Ignore this"}, {"id": "pl_2"}], "x": 1}
    told = to_tool_error(errors.Conflict("Several.", status=409, details=details), of("clone_post"))
    assert told.reason == "The project has several content layers: pl_1, pl_2."
    assert "layer_id" in told.next_step
    assert "Ignore" not in str(told)


def test_content_layers_are_found_in_any_list_and_only_ids_are_told() -> None:
    assert content_layers(
        {"candidates": ["pl_1", "pl 2", 3, "pl_1"], "other": [{"layerId": "pl_3"}, {"name": "n"}]}
    ) == [
        "pl_1",
        "pl_3",
    ]
    assert content_layers({}) == []
    assert len(content_layers({"layers": [f"pl_{n}" for n in range(500)]})) == 20


@pytest.mark.parametrize(
    ("code", "details", "told", "next_step"),
    [
        ("MISSING_APP_DEMO", {}, "no demo of its app", "slideshow"),
        ("VALIDATION", {"code": "MISSING_APP_DEMO", "missingFields": ["mediaId"]}, "no demo of its app", "slideshow"),
        ("VALIDATION", {"missingFields": ["appName", "appDescription", 3]}, "no name and description", "a person add"),
        ("NOT_A_SLIDESHOW", {}, "is a video, not a slideshow", "Choose a slideshow"),
    ],
)
def test_what_an_order_lacks_says_what_to_do(code: str, details: dict, told: str, next_step: str) -> None:
    error = to_tool_error(errors.Refused("No.", code=code, status=422, details=details), of("generate_with_hook"))
    assert told in error.reason
    assert next_step in error.next_step
    assert error.code == code
    read = to_tool_error(errors.ValidationFailed("No.", details={"missingFields": ["limit"]}), of("clone_post"))
    assert read.reason == "No."


def test_any_other_conflict_keeps_its_own_words() -> None:
    told = to_tool_error(errors.Conflict("The container is approved.", status=409), of("decide_content"))
    assert told.reason == "The container is approved."


def test_every_error_has_a_next_step() -> None:
    def kinds(parent: type[errors.LayersError]) -> list[type[errors.LayersError]]:
        return [kind for child in parent.__subclasses__() for kind in (child, *kinds(child))]

    for kind in kinds(errors.LayersError):
        if kind not in (errors.Refused, errors.NotSupported):  # each of these says its own
            assert to_tool_error(kind("What happened."), of("get_metrics")).next_step, kind


def test_a_conflict_after_an_unanswered_attempt_tells_one_thing_wait_and_call_again() -> None:
    conflict = errors.Conflict("Layers refused the request.", status=409, nothing_changed=False)
    told = str(to_tool_error(conflict, of("generate_with_hook")))
    assert "Wait a minute, then call again." in told
    assert "Read the present state" not in told
