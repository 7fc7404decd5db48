"""decide_content: a person's decision, recorded once."""

import json

import httpx2
import pytest

from layers_mcp.api.errors import ForbiddenScope
from layers_mcp.protocol import ToolError
from layers_mcp.tools.decide_content import decide_content
from tests.support.upstream import Upstream, refused

APPROVE = "/v1/content/cnt_1/approve"
REJECT = "/v1/content/cnt_1/reject"


def unscheduled() -> Upstream:
    """A container of a project with an empty schedule."""
    upstream = Upstream()
    upstream.replies["GET /v1/content/cnt_1"] = {"id": "cnt_1", "projectId": "prj_1", "approvalStatus": "approved"}
    upstream.replies["GET /v1/projects/prj_1/scheduled-posts"] = {"items": []}
    return upstream


async def test_an_approval_is_recorded_with_its_note(tmp_path):
    upstream = unscheduled()
    upstream.replies[f"POST {APPROVE}"] = {"id": "cnt_1", "approvalStatus": "approved"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "approve", note="Fine.")
    assert json.loads(upstream.asked(APPROVE)[0].content) == {"note": "Fine."}
    assert (result.container_id, result.approval_status) == ("cnt_1", "approved")
    assert result.note == "Fine."
    assert result.notes == ["It can be published from now on; nothing goes live by itself."]


async def test_a_rejection_carries_its_reason(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {REJECT}"] = {"id": "cnt_1", "approvalStatus": "rejected"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "reject", note=" Off brand. ")
    assert json.loads(upstream.asked(REJECT)[0].content) == {"reason": "Off brand."}
    assert result.approval_status == "rejected"
    assert result.notes == ["It will not be published."]


@pytest.mark.parametrize("note", ["", "  \n"])
async def test_a_rejection_without_a_reason_is_refused_before_any_request(tmp_path, note):
    upstream = Upstream()
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await decide_content(context, "cnt_1", "reject", note=note)
    assert failure.value.code == "INVALID_ARGUMENT"
    assert "`note`" in failure.value.reason
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("decision", "path", "state"), [("approve", APPROVE, "approved"), ("reject", REJECT, "rejected")]
)
async def test_content_already_in_the_wanted_state_is_a_success(tmp_path, decision, path, state):
    upstream = unscheduled()
    upstream.replies[f"POST {path}"] = refused(409, "CONFLICT", details={"approvalStatus": state})
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", decision, note="x")
    assert result.approval_status == state
    assert result.notes == [f"It was {state} before this call."]


async def test_a_conflict_that_does_not_say_how_the_content_stands_is_looked_up(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {APPROVE}"] = refused(409, "CONFLICT")
    upstream.replies["GET /v1/content/cnt_1"] = {"id": "cnt_1", "status": "completed", "approvalStatus": "approved"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "approve")
    assert result.approval_status == "approved"


async def test_rejecting_what_is_rejected_is_a_success_under_that_code_too(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {REJECT}"] = refused(409, "CONTENT_REJECTED")
    upstream.replies["GET /v1/content/cnt_1"] = {"id": "cnt_1", "status": "completed", "approvalStatus": "rejected"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "reject", note="x")
    assert (result.approval_status, result.notes) == ("rejected", ["It was rejected before this call."])


async def test_nothing_is_said_of_the_effect_where_the_state_is_another_than_decided(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {APPROVE}"] = {"id": "cnt_1", "approvalStatus": "pending"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "approve")
    assert (result.approval_status, result.notes) == ("pending", [])


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ("rejected", "rejected already, and a decision is final"),
        ("not_required", "needs no approval: its project lets content be published without one."),
        ("pending", "has to be finished first"),
    ],
)
async def test_a_decision_that_the_state_does_not_allow_is_refused_in_plain_words(tmp_path, present, words):
    upstream = Upstream()
    upstream.replies[f"POST {APPROVE}"] = refused(409, "CONFLICT", "Container cnt_1 …", {"approvalStatus": present})
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await decide_content(context, "cnt_1", "approve")
    assert words in str(failure.value)
    assert str(failure.value).startswith("CONFLICT (409): ")
    assert "Nothing was changed." in str(failure.value)
    assert "requestId: req_01HX" in str(failure.value)


async def test_what_was_approved_cannot_be_rejected_and_its_schedule_is_named(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {REJECT}"] = refused(409, "CONFLICT", details={"approvalStatus": "approved"})
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ToolError) as failure:
            await decide_content(context, "cnt_1", "reject", note="Changed my mind.")
    assert "approved already, and a decision is final" in str(failure.value)
    assert "can still be canceled (change_schedule)" in str(failure.value)


async def test_a_key_that_may_not_decide_is_an_error(tmp_path):
    upstream = Upstream()
    upstream.replies[f"POST {APPROVE}"] = refused(403, "FORBIDDEN_SCOPE")
    async with upstream.open_tool_context(tmp_path) as context:
        with pytest.raises(ForbiddenScope):
            await decide_content(context, "cnt_1", "approve")


@pytest.mark.jumping
async def test_a_lost_reply_is_answered_from_the_container_without_a_second_decision(tmp_path):
    upstream = Upstream()

    def lost(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadError("gone", request=request)

    upstream.replies[f"POST {APPROVE}"] = lost
    upstream.replies["GET /v1/content/cnt_1"] = {"id": "cnt_1", "status": "completed", "approvalStatus": "approved"}
    async with upstream.open_tool_context(tmp_path) as context:
        result = await decide_content(context, "cnt_1", "approve")
    assert result.approval_status == "approved"
    assert len(upstream.asked(APPROVE)) == 1
