"""What a failure says, and in which order."""

import pytest

from layers_mcp.protocol import ToolError, invalid_argument, unknown_outcome
from layers_mcp.protocol.progress import no_progress
from layers_mcp.protocol.texts import parse_prompt


def test_a_failure_reads_code_status_reason_effect_next_step_and_request_id() -> None:
    error = ToolError(
        "NOT_FOUND",
        "There is no such project",
        status=404,
        effect=unknown_outcome("the order was placed"),
        next_step="List the projects.",
        request_id="req_01",
    )
    assert str(error) == (
        "NOT_FOUND (404): There is no such project. Unknown whether the order was placed: calling again with the same "
        "arguments is safe. List the projects. requestId: req_01"
    )


def test_a_refusal_of_ones_own_has_no_status_and_changed_nothing() -> None:
    assert str(invalid_argument("`since` is after `until`.")) == (
        "INVALID_ARGUMENT: `since` is after `until`. Nothing was changed. Correct this and call again."
    )


async def test_progress_may_be_told_to_nobody() -> None:
    assert await no_progress(1, None, "working") is None


@pytest.mark.parametrize("source", ["no front matter", "---\ntitle: A\ntext", "---\ntitle: A\n---\ntext"])
def test_a_text_without_whole_front_matter_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="front matter"):
        parse_prompt("walk", source)


def test_front_matter_may_come_with_windows_newlines() -> None:
    prompt = parse_prompt("walk", "---\r\ntitle: A\r\ndescription: B: c\r\n---\r\ntext\r\n")
    assert (prompt.title, prompt.description, prompt.text) == ("A", "B: c", "text\n")
