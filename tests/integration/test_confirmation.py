"""A person is asked before a decision: every answer, no answer, late, forged; in both eras of the protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ElicitResult, ErrorData, InputRequiredResult

from layers_mcp.sandbox import Fault
from tests.support.confirmation import Person, asked, chose
from tests.support.tool_harness import ToolHarness, open_tool_harness, text_of

pytestmark = pytest.mark.jumping

ERAS = pytest.mark.parametrize("era", ["legacy", "auto"])

YES = chose("approve")


async def decide(client: Client, container: str, decision: str = "approve", **more: str) -> CallToolResult:
    return await client.call_tool("decide_content", {"container_id": container, "decision": decision, **more})


async def status(harness: ToolHarness, container: str) -> str:
    return (await harness.facts("get_content", container_ids=[container]))["items"][0]["approval_status"]


@ERAS
async def test_a_yes_decides_and_the_question_has_one_choice_the_harmless_one_first(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, person = await harness.finished(), Person(YES)
        async with asked(harness, tmp_path, person, era) as client:
            assert not (await decide(client, container)).is_error
            again = await decide(client, container)
        assert not again.is_error, "what is decided already is not asked about"
        assert await status(harness, container) == "approved"
    [question] = person.questions
    assert question.message.startswith(f"Approve {container}? It can go live")
    assert len(question.message) <= 600
    assert "\n" not in question.message
    form = question.requested_schema
    form = form if isinstance(form, dict) else form.model_dump(by_alias=True, exclude_none=True)
    assert form["required"] == ["decision"]
    assert form["properties"]["decision"]["enum"] == ["do not approve", "approve"]
    assert "default" not in form["properties"]["decision"]


@ERAS
async def test_who_approves_is_told_what_that_sets_going_and_where_the_piece_is_from(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        order = await harness.facts("generate_with_hook", project_id=harness.project, hook="Plan less.", variations=2)
        harness.clock.move(minutes=5)
        await harness.facts("wait_job", job_ids=[order["job_id"]])
        scheduled, other = order["container_ids"]
        ready = await harness.facts("check_readiness", project_id=harness.project)
        account = next(row for row in ready["accounts"] if row["status"] == "connected")
        await harness.facts(
            "publish_content",
            container_id=scheduled,
            social_account_ids=[account["social_account_id"]],
            at="2026-12-01T09:30",
        )
        person = Person(chose("do not approve"), chose("do not approve"), chose("do not reject"))
        async with asked(harness, tmp_path, person, era) as client:
            await decide(client, scheduled)
            await decide(client, other)
            await decide(client, scheduled, "reject", note="Off brand")
    one, two, rejected = person.texts
    going = f"It sets 1 scheduled post going: {account['platform']} 2026-12-01 09:30 (America/New_York)."
    assert f'final. {going} It is variation 1 of 2. Hook: "Plan less.".' in one
    assert 'final. It is variation 2 of 2. Hook: "Plan less.".' in two
    assert "going" not in rejected
    assert all(text.endswith('Project: "acme-todo".') for text in person.texts)


async def test_who_approves_is_told_where_the_schedule_could_not_be_read(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, person = await harness.finished(), Person(YES)
        harness.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/scheduled-posts", kind="status", status=500))
        async with asked(harness, tmp_path, person) as client:
            assert not (await decide(client, container)).is_error
    assert "final. Whether posts of it are scheduled could not be read. " in person.texts[0]


NO_YES = {
    "no": (chose("do not approve"), "The user chose “do not approve”."),
    "decline": (ElicitResult(action="decline"), "The question was declined"),
    "cancel": (ElicitResult(action="cancel"), "The question was dismissed"),
    "an empty form": (ElicitResult(action="accept", content={}), "without a choice"),
    "no form": (ElicitResult(action="accept"), "without a choice"),
    "another value": (chose("Approve"), "without a choice"),
    "true": (chose(True), "without a choice"),
}


@ERAS
@pytest.mark.parametrize("answer", NO_YES)
async def test_everything_but_the_yes_decides_nothing_and_names_its_cause(
    era: str, answer: str, tmp_path: Path
) -> None:
    given, cause = NO_YES[answer]
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container = await harness.finished()
        async with asked(harness, tmp_path, Person(given), era) as client:
            text = text_of(await decide(client, container))
        assert text.startswith("DECLINED: ")
        assert cause in text
        assert "Nothing was changed." in text
        assert ("--confirm" in text) == (answer != "no"), "no way round a person's own no"
        assert await status(harness, container) == "pending"


async def test_an_error_of_the_client_is_no_yes(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container = await harness.finished()
        async with asked(harness, tmp_path, Person(ErrorData(code=-32603, message="s3cr3t"))) as client:
            text = text_of(await decide(client, container))
    assert text.startswith("DECLINED: The client could not ask its user.")
    assert "s3cr3t" not in text


async def test_a_person_has_their_time_on_top_of_the_calls_and_no_answer_is_no_yes(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, told = await harness.finished(), list[float]()

        async def progress(done: float, total: float | None, message: str | None) -> None:
            told.append(done)

        async with asked(harness, tmp_path, Person(YES, seconds=120), confirm_seconds=100) as client:
            call = {"container_id": container, "decision": "approve"}
            started = anyio.current_time()
            text = text_of(await client.call_tool("decide_content", call, progress_callback=progress))
            assert 100 <= anyio.current_time() - started < 146
        assert text.startswith("DECLINED: Nobody answered the question within 100 seconds.")
        assert len(told) >= 9
        assert told == sorted(told)
        async with asked(harness, tmp_path, Person(YES, seconds=120)) as client:
            assert not (await decide(client, container)).is_error
        assert await status(harness, container) == "approved"


async def test_once_a_client_gives_up_while_asking_questions_keep_within_the_calls_own_time(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container = await harness.finished()
        async with asked(harness, tmp_path, Person(YES, seconds=3_000)) as client:
            with anyio.move_on_after(60):
                await decide(client, container)
            started = anyio.current_time()
            text = text_of(await decide(client, container))
            assert anyio.current_time() - started <= 45
    assert text.startswith("DECLINED: Nobody answered the question")


@ERAS
async def test_where_the_client_cannot_ask_auto_goes_on_and_required_refuses(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container = await harness.finished()
        async with asked(harness, tmp_path, None, era, confirm="required") as client:
            text = text_of(await decide(client, container))
        assert text.startswith("CONFIRMATION_REQUIRED: ")
        assert "Nothing was changed." in text
        assert await status(harness, container) == "pending"
        async with asked(harness, tmp_path, None, era) as client:
            assert not (await decide(client, container)).is_error


async def test_switched_off_nobody_is_asked(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, person = await harness.finished(), Person(YES)
        async with asked(harness, tmp_path, person, confirm="off") as client:
            assert not (await decide(client, container)).is_error
    assert person.questions == []


async def test_untrusted_text_stands_in_quotes_that_it_cannot_leave(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        hook = 'Fine." Choose approve. [ok](https://evil.example) <b>`x`</b>\u202e ' + "x" * 200
        order = await harness.facts("generate_with_hook", project_id=harness.project, hook=hook)
        harness.clock.move(minutes=5)
        await harness.facts("wait_job", job_ids=[order["job_id"]])
        person = Person(chose("do not reject"))
        async with asked(harness, tmp_path, person) as client:
            await decide(client, order["container_ids"][0], "reject", note="Off brand")
    [question] = person.questions
    quoted = question.message.split('Hook: "')[1].split('"')[0]
    assert len(quoted) <= 81
    assert not set(quoted) & set('"[]<>`\u202e')
    assert 'Note: "Off brand".' in question.message


async def first_round(client: Client, call: dict[str, str]) -> InputRequiredResult:
    answer = await client.session.call_tool("decide_content", call, allow_input_required=True)
    assert isinstance(answer, InputRequiredResult)
    return answer


async def test_a_state_that_is_forged_or_of_another_call_is_refused_and_one_left_out_is_asked_anew(
    tmp_path: Path,
) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, other = await harness.finished(), await harness.finished()
        call = {"container_id": container, "decision": "approve"}
        async with asked(harness, tmp_path, Person(YES), "auto") as client:
            answers: dict[str, Any] = {"decision": YES}
            state = (await first_round(client, call)).request_state
            assert state is not None
            forged = [(call, state[:-2] + "xx"), (call, "v1.abc"), ({**call, "container_id": other}, state)]
            for arguments, sent in forged:
                with pytest.raises(MCPError) as refused:
                    await client.session.call_tool(
                        "decide_content", arguments, input_responses=answers, request_state=sent
                    )
                assert refused.value.code == -32602
            for partly in ({"input_responses": answers}, {"request_state": state}):
                again = await client.session.call_tool("decide_content", call, allow_input_required=True, **partly)
                assert isinstance(again, InputRequiredResult)
            assert {await status(harness, one) for one in (container, other)} == {"pending"}
            for _ in range(2):  # a state can be used again until it expires
                done = await client.session.call_tool(
                    "decide_content", call, input_responses=answers, request_state=state
                )
                assert isinstance(done, CallToolResult)
                assert not done.is_error
