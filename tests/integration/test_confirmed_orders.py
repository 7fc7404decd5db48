"""A person is asked before an order or a publication: at its price, once more at worse terms, and it happens once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from httpx2 import AsyncBaseTransport, Request, Response
from mcp import Client, MCPError
from mcp.types import CallToolResult, InputRequiredResult

from layers_mcp.sandbox import Fault
from tests.support.confirmation import Person, Rewriting, asked, chose
from tests.support.publishing_harness import open_publishing_harness
from tests.support.tool_harness import ToolHarness, open_tool_harness, text_of

pytestmark = pytest.mark.jumping

ERAS = pytest.mark.parametrize("era", ["legacy", "auto"])

ORDER = chose("order")


@ERAS
async def test_a_new_order_is_asked_about_with_its_price_and_charged_once_however_often_it_is_asked(
    era: str, tmp_path: Path
) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        person = Person(chose("do not order"), ORDER)
        call = {"project_id": harness.project, "source_platform_post_id": await harness.winner(), "variations": 2}
        async with asked(harness, tmp_path, person, era) as client:
            preview = await client.call_tool("clone_post", {**call, "dry_run": True})
            assert not preview.is_error
            assert person.questions == []
            assert text_of(await client.call_tool("clone_post", call)).startswith("DECLINED: The user chose")
            assert harness.charges() == []
            placed = await client.call_tool("clone_post", call)
            assert not placed.is_error, text_of(placed)
            again = await client.call_tool("clone_post", call)
        assert again.structured_content["replayed"] is True
        assert len(harness.charges()) == 1
    assert len(person.questions) == 2
    estimate = preview.structured_content["estimated_credits"]
    assert person.questions[0].message.startswith(f"Order 2 pieces (fork) for up to {estimate} credits (")
    assert 'Project: "acme-todo".' in person.questions[0].message


@ERAS
async def test_two_calls_at_once_each_ask_and_one_order_is_charged(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        person, answers = Person(ORDER, seconds=5), list[CallToolResult]()
        call = {"project_id": harness.project, "hook": "Plan less."}
        async with asked(harness, tmp_path, person, era) as client:

            async def order() -> None:
                answers.append(await client.call_tool("generate_with_hook", call))

            async with anyio.create_task_group() as calls:
                calls.start_soon(order)
                calls.start_soon(order)
        assert len(person.questions) == 2
        assert sorted(answer.structured_content["replayed"] for answer in answers) == [False, True]
        assert len(harness.charges()) == 1


async def test_an_order_waits_for_a_person_longer_than_a_call_may_take(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        async with asked(harness, tmp_path, Person(ORDER, seconds=300)) as client:
            placed = await client.call_tool("generate_with_hook", {"project_id": harness.project, "hook": "Plan less."})
        assert not placed.is_error, text_of(placed)
        assert len(harness.charges()) == 1


@ERAS
async def test_a_publication_is_asked_about_with_its_account_and_time_and_goes_out_once(
    era: str, tmp_path: Path
) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container, person = await harness.finished(), Person(chose("do not publish"), chose("publish"))
        await harness.facts("decide_content", container_id=container, decision="approve")
        ready = await harness.facts("check_readiness", project_id=harness.project)
        account = next(row for row in ready["accounts"] if row["status"] == "connected")
        call = {"container_id": container, "social_account_ids": [account["social_account_id"]]}
        async with asked(harness, tmp_path, person, era) as client:
            refused = text_of(await client.call_tool("publish_content", call))
            assert refused.startswith("DECLINED: The user chose")
            assert "Nothing was changed." in refused
            placed = await client.call_tool("publish_content", call)
            assert not placed.is_error, text_of(placed)
            again = await client.call_tool("publish_content", call)
        assert again.structured_content["replayed"] is True
    assert len(person.questions) == 2
    assert person.questions[0].message.startswith(f"Publish {container} now, on {account['platform']} ")


@ERAS
async def test_a_person_confirms_the_very_texts_mode_and_take_that_go_out(era: str, tmp_path: Path) -> None:
    async with open_publishing_harness(tmp_path) as harness:
        own = await harness.context.api.content.get(harness.container)
        person = Person(chose("publish"))
        async with asked(harness, tmp_path, person, era) as client:
            call = {"container_id": harness.container, "social_account_ids": harness.accounts[:1]}
            texts = {"caption": "A wholly other caption", "first_comment": "Buy at evil.example"}
            await client.call_tool("publish_content", {**call, **texts})
            await client.call_tool("publish_content", {**call, "mode": "draft", "take": 4})
    replaced, draft = person.texts
    assert '? Caption: "A wholly other caption". First comment: "Buy at evil.example". Project: "' in replaced
    assert own.caption
    assert own.caption not in replaced
    assert f'Hook: "{own.hook}"' in replaced
    assert draft.startswith(f"Send to the drafts: {harness.container} now, on ")
    assert "This is take 4: earlier ones stay. The same content is there already: tiktok " in draft
    assert f'). Caption: "{own.caption}". Project: "' in draft
    assert harness.project not in draft, "the project is told by its name"


ALTERED = {
    "as it goes out": ("New caption", '"New caption". '),
    "on lines": ("New\n\ncaption", '"New  caption". '),
    "with markup": ("New <b>now</b>", '"New bnow/b" (cleaned). '),
    "with what cannot be seen": ("New\u202e caption", '"New caption" (cleaned). '),
    "as long as can be shown": ("x" * 80, f'"{"x" * 80}". '),
    "longer": ("x" * 81, f'"{"x" * 80}…" (shortened). '),
    "longer, with markup": ("[" + "x" * 2_000, f'"{"x" * 80}…" (shortened, cleaned). '),
}


@pytest.mark.parametrize("how", ALTERED)
async def test_a_person_is_told_where_a_text_is_not_shown_as_it_goes_out(how: str, tmp_path: Path) -> None:
    caption, shown = ALTERED[how]
    async with open_publishing_harness(tmp_path) as harness:
        person = Person(chose("do not publish"))
        async with asked(harness, tmp_path, person) as client:
            call = {"container_id": harness.container, "social_account_ids": harness.accounts[:1], "caption": caption}
            await client.call_tool("publish_content", call)
    assert f"Caption: {shown}Project: " in person.texts[0]


@ERAS
async def test_a_person_is_told_where_the_same_content_is_already_by_its_present_time(era: str, tmp_path: Path) -> None:
    async with open_publishing_harness(tmp_path) as harness:
        first = await harness.publish(at="2026-04-18T09:00", timezone="America/New_York")
        await harness.change(
            first.scheduled_posts[0].scheduled_post_id,
            action="reschedule",
            at="2026-04-19T10:30",
            timezone="America/New_York",
        )
        person = Person(chose("do not publish"))
        call = {"container_id": harness.container, "timezone": "America/New_York", "at": "2026-04-19T10:30"}
        async with asked(harness, tmp_path, person, era) as client:
            for account in harness.accounts[:2]:
                text = text_of(await client.call_tool("publish_content", {**call, "social_account_ids": [account]}))
                assert text.startswith("DECLINED: The user chose"), text
    [handle] = [post.handle for post in first.scheduled_posts]
    repeated, elsewhere = person.texts
    told = f'{first.scheduled_posts[0].platform} "{handle}" due 2026-04-19 10:30 (America/New_York)'
    assert f"? The same content is there already: {told}. Caption: " in repeated
    assert "already" not in elsewhere


async def test_a_person_is_told_where_a_schedule_could_not_be_read(tmp_path: Path) -> None:
    async with open_publishing_harness(tmp_path) as harness:
        harness.sandbox.faults.append(Fault(endpoint="GET /v1/projects/:id/scheduled-posts", kind="status", status=500))
        person = Person(chose("publish"))
        async with asked(harness, tmp_path, person) as client:
            call = {"container_id": harness.container, "social_account_ids": harness.accounts[:1]}
            assert not (await client.call_tool("publish_content", call)).is_error
    assert "? Whether the same content is on these accounts already could not be read. Caption: " in person.texts[0]


async def hook_order(client: Client, harness: ToolHarness, **more: Any) -> CallToolResult:
    return await client.call_tool("generate_with_hook", {"project_id": harness.project, "hook": "Plan less.", **more})


@ERAS
async def test_a_repeated_order_is_told_as_one_with_its_take_and_its_hook(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        person = Person(ORDER)
        transport = Rewriting(harness.sandbox.transport())
        transport.price(10)
        async with asked(harness, tmp_path, person, era, transport=transport) as client:
            for more in ({}, {"take": 2}, {"take": 3, "cta": "Try it"}):
                await hook_order(client, harness, **more)
    first, second, third = person.texts
    assert "? What is made waits for approval. Project: " in first
    assert first.endswith('Hook: "Plan less.".')
    repeat = "Ordered from the same source in the last hour: 1. Project: "
    assert f"approval. This is take 2, charged by itself. {repeat}" in second
    assert "approval. This is take 3, charged by itself. Ordered from the same source in the last hour: 2." in third
    assert first.startswith("Order 1 piece (hook) for up to 1,200 credits ("), first


WORSE: dict[str, tuple[Callable[[ToolHarness, Rewriting], None], str]] = {
    "a higher price": (lambda harness, transport: transport.price(2), "for up to 240 credits"),
    "a lost price": (
        lambda harness, transport: transport.edits.update(
            {"/credits": lambda body: body.update(estimatedCreditsPerFormat={})}
        ),
        "for an unknown number of credits",
    ),
    "less hold": (
        lambda harness, transport: harness.sandbox.set_review_policy("acme-todo", "auto_approve"),
        "What is made needs no approval before it is published.",
    ),
}


@ERAS
@pytest.mark.parametrize("change", WORSE)
async def test_terms_that_are_worse_after_the_yes_are_asked_about_again(era: str, change: str, tmp_path: Path) -> None:
    happens, told = WORSE[change]
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Rewriting(harness.sandbox.transport())
        person = Person(ORDER, meanwhile=lambda number: happens(harness, transport) if number == 1 else None)
        async with asked(harness, tmp_path, person, era, transport=transport) as client:
            placed = await hook_order(client, harness)
        assert not placed.is_error, text_of(placed)
        assert len(harness.charges()) == 1
    first, second = person.texts
    assert told not in first
    assert told in second


async def test_a_yes_to_one_title_is_none_to_another(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        post = await harness.winner()
        person = Person(
            ORDER,
            chose("do not order"),
            meanwhile=lambda number: harness.sandbox.retitle(post, "Another title altogether") if number == 1 else None,
        )
        async with asked(harness, tmp_path, person, "auto") as client:
            call = {"project_id": harness.project, "source_platform_post_id": post}
            text = text_of(await client.call_tool("generate_with_hook", call))
        assert text.startswith("DECLINED: The user chose")
        assert harness.charges() == []
    assert ["Another title altogether" in told for told in person.texts] == [False, True]


@ERAS
async def test_a_no_to_the_worse_terms_orders_nothing(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Rewriting(harness.sandbox.transport())
        person = Person(ORDER, chose("do not order"), meanwhile=lambda number: transport.price(2))
        async with asked(harness, tmp_path, person, era, transport=transport) as client:
            text = text_of(await hook_order(client, harness))
        assert text.startswith("DECLINED: The user chose")
        assert "Nothing was changed." in text
        assert harness.charges() == []
    assert len(person.questions) == 2


@ERAS
async def test_better_terms_after_the_yes_are_not_asked_about_again(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        harness.sandbox.set_review_policy("acme-todo", "auto_approve")
        transport = Rewriting(harness.sandbox.transport())
        person = Person(ORDER, seconds=5)
        async with (
            asked(harness, tmp_path, person, era, transport=transport) as client,
            anyio.create_task_group() as group,
        ):

            async def improve() -> None:
                await anyio.sleep(2)
                harness.sandbox.set_review_policy("acme-todo", "review_all")

            group.start_soon(improve)
            placed = await hook_order(client, harness)
        assert not placed.is_error, text_of(placed)
        assert len(harness.charges()) == 1


@ERAS
async def test_a_limit_that_is_passed_after_the_yes_refuses(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Rewriting(harness.sandbox.transport())
        dearer = Person(ORDER, meanwhile=lambda number: transport.price(2))
        async with asked(harness, tmp_path, dearer, era, transport=transport) as client:
            text = text_of(await hook_order(client, harness, max_credits=200))
        assert text.startswith("MAX_CREDITS: The estimate of 240 credits")
        assert "Nothing was changed." in text

        async def order_elsewhere(number: int) -> None:
            await harness.facts("generate_with_hook", project_id=harness.project, hook="Do more.")

        spender = Person(ORDER, meanwhile=order_elsewhere)
        async with asked(harness, tmp_path, spender, era, daily_credit_limit=200) as client:
            text = text_of(await hook_order(client, harness))
        assert text.startswith("DAILY_LIMIT: ")
        assert "Nothing was changed." in text
        assert len(harness.charges()) == 1, "of the order elsewhere"
    assert [len(person.questions) for person in (dearer, spender)] == [1, 1]


@ERAS
async def test_an_order_is_told_by_names_that_are_read_once(era: str, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        winner = await harness.winner()
        for call in ({"source_platform_post_id": winner}, {"hook": "Plan less."}):
            transport = Rewriting(harness.sandbox.transport())
            person = Person(
                ORDER, meanwhile=lambda number, transport=transport: transport.price(2) if number == 1 else None
            )
            async with asked(harness, tmp_path, person, era, transport=transport) as client:
                tool = "clone_post" if "hook" not in call else "generate_with_hook"
                placed = await client.call_tool(tool, {"project_id": harness.project, **call})
            assert not placed.is_error, text_of(placed)
            assert len(person.questions) == 2
            rankings = [path for path in transport.asked if path.endswith("/top-performers")]
            names = [path for path in transport.asked if path == "GET /v1/projects"]
            asked_anew = 1 if era == "legacy" else 2  # the later era begins a new call for each question
            assert len(names) == asked_anew
            assert len(rankings) == (asked_anew if tool == "clone_post" else 0)


async def test_who_cannot_ask_and_must_reads_no_names(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Rewriting(harness.sandbox.transport())
        async with asked(harness, tmp_path, None, transport=transport, confirm="required") as client:
            text = text_of(await hook_order(client, harness))
        assert text.startswith("CONFIRMATION_REQUIRED: ")
        assert "GET /v1/projects" not in transport.asked
        assert harness.charges() == []


# --- states of 2026-07-28, and servers that end in between


async def first_round(client: Client, call: dict[str, Any]) -> str:
    """The sealed state of the question to which this order is answered."""
    answer = await client.session.call_tool("generate_with_hook", call, allow_input_required=True)
    assert isinstance(answer, InputRequiredResult)
    assert answer.request_state is not None
    return answer.request_state


async def second_round(client: Client, call: dict[str, Any], state: str) -> CallToolResult | InputRequiredResult:
    return await client.session.call_tool(
        "generate_with_hook",
        call,
        input_responses={"decision": ORDER},
        request_state=state,
        allow_input_required=True,
    )


def key_file(tmp_path: Path, text: str = "k") -> Path:
    path = tmp_path / f"state-{text}"
    path.write_bytes(text.encode() * 32)
    return path


async def test_a_state_counts_as_long_as_a_person_may_take_and_then_is_refused(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        call = {"project_id": harness.project, "hook": "Plan less."}
        async with asked(harness, tmp_path, Person(ORDER), "auto", confirm_seconds=0.2) as client:
            state = await first_round(client, call)
            await anyio.to_thread.run_sync(time.sleep, 0.3)  # a state's age is told by the machine's clock
            with pytest.raises(MCPError) as refused:
                await second_round(client, call, state)
            assert refused.value.code == -32602
            assert harness.charges() == []
        async with asked(harness, tmp_path, Person(ORDER), "auto", confirm_seconds=600) as client:
            fresh = await second_round(client, call, await first_round(client, call))
            assert isinstance(fresh, CallToolResult)
        assert len(harness.charges()) == 1


async def test_a_state_is_taken_by_a_replica_with_the_same_key_and_by_no_other(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        call = {"project_id": harness.project, "hook": "Plan less."}
        shared = key_file(tmp_path)
        async with asked(harness, tmp_path, Person(ORDER), "auto", state_key_file=shared) as client:
            state = await first_round(client, call)
        for other in (None, key_file(tmp_path, "o")):
            async with asked(harness, tmp_path, Person(ORDER), "auto", state_key_file=other) as client:
                with pytest.raises(MCPError) as refused:
                    await second_round(client, call, state)
                assert refused.value.code == -32602
        assert harness.charges() == []
        for replayed in (False, True):
            async with asked(harness, tmp_path, Person(ORDER), "auto", state_key_file=shared) as client:
                placed = await second_round(client, call, state)
            assert isinstance(placed, CallToolResult)
            assert placed.structured_content["replayed"] is replayed
        assert len(harness.charges()) == 1


async def test_a_yes_does_not_count_for_another_question_of_the_same_call(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Rewriting(harness.sandbox.transport())
        call = {"project_id": harness.project, "hook": "Plan less."}
        async with asked(harness, tmp_path, Person(ORDER), "auto", transport=transport) as client:
            state = await first_round(client, call)
            transport.price(2)
            assert isinstance(await second_round(client, call, state), InputRequiredResult)
            assert harness.charges() == []


class Lost(AsyncBaseTransport):
    """A way to the API on which an order arrives, and its answer never does."""

    def __init__(self, inner: AsyncBaseTransport) -> None:
        self.inner = inner
        self.arrived = anyio.Event()

    async def handle_async_request(self, request: Request) -> Response:
        answer = await self.inner.handle_async_request(request)
        if request.method == "POST":
            self.arrived.set()
            await anyio.sleep_forever()
        return answer


@ERAS
async def test_a_server_that_ends_while_it_asks_has_ordered_nothing_and_the_next_one_asks_anew(
    era: str, tmp_path: Path
) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        waiting = anyio.Event()

        async def wait(number: int) -> None:
            waiting.set()
            await anyio.sleep_forever()

        async with (
            asked(harness, tmp_path, Person(ORDER, meanwhile=wait), era) as client,
            anyio.create_task_group() as group,
        ):
            group.start_soon(hook_order, client, harness)
            await waiting.wait()
            group.cancel_scope.cancel()
        assert harness.charges() == []
        person = Person(ORDER)
        async with asked(harness, tmp_path, person, era) as client:
            placed = await hook_order(client, harness)
        assert placed.structured_content["replayed"] is False
        assert len(person.questions) == 1
        assert len(harness.charges()) == 1


@ERAS
async def test_a_server_that_ends_after_the_yes_has_charged_once_and_the_next_one_need_not_ask(
    era: str, tmp_path: Path
) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        transport = Lost(harness.sandbox.transport())
        async with (
            asked(harness, tmp_path, Person(ORDER), era, transport=transport) as client,
            anyio.create_task_group() as group,
        ):
            group.start_soon(hook_order, client, harness)
            await transport.arrived.wait()
            group.cancel_scope.cancel()
        assert len(harness.charges()) == 1
        person = Person(ORDER)
        async with asked(harness, tmp_path, person, era) as client:
            placed = await hook_order(client, harness)
        assert not placed.is_error, text_of(placed)
        assert placed.structured_content["job_id"] == harness.charges()[0]
        assert len(harness.charges()) == 1


async def test_a_publication_whose_time_passes_while_a_person_is_asked_is_refused(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path, confirm="off") as harness:
        container = await harness.finished()
        await harness.facts("decide_content", container_id=container, decision="approve")
        ready = await harness.facts("check_readiness", project_id=harness.project)
        account = next(row for row in ready["accounts"] if row["status"] == "connected")
        soon = harness.sandbox.now() + timedelta(minutes=2)
        call = {
            "container_id": container,
            "social_account_ids": [account["social_account_id"]],
            "at": f"{soon:%Y-%m-%dT%H:%MZ}",
        }
        person = Person(chose("publish"), seconds=300)
        async with asked(harness, tmp_path, person) as client:
            text = text_of(await client.call_tool("publish_content", call))
        assert text.startswith("INVALID_ARGUMENT: `at` is in the past: it is "), text
    assert len(person.questions) == 1, text
