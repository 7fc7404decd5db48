"""clone_post: what its caller is told, from the dry run to the replay."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers_mcp.context import ToolContext
from layers_mcp.operations import OperationError
from layers_mcp.protocol import ToolError
from layers_mcp.protocol.tool import spec_of
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools._errors import to_tool_error
from layers_mcp.tools.clone_post import clone_post
from tests.support import START, LoopClock, open_tool_context
from tests.support.virtual_time import JumpingLoop

pytestmark = pytest.mark.jumping

CLONE = "POST /v1/content/:id/clone-from-post"


class OrderHarness:
    """acme-todo, its best post, and a workspace to order from."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, context: ToolContext, post: str) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.context = context
        self.post = post
        self.project = sandbox.project_id("acme-todo")

    async def clone(self, **arguments):
        wanted = {"project_id": self.project, "source_platform_post_id": self.post, **arguments}
        return await clone_post(self.context, **wanted)

    def charges(self) -> int:
        return sum(event.type == "usage" for event in self.sandbox.ledger())

    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.sandbox.requests)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[OrderHarness]:
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            ranking = await context.api.metrics.top_performers(
                sandbox.project_id("acme-todo"), metric="engagement_rate", window="30d"
            )
            yield OrderHarness(sandbox, clock, context, ranking.items[0].platform_post_id)


async def test_a_dry_run_tells_price_and_balance_and_orders_nothing(harness: OrderHarness) -> None:
    preview = await harness.clone(variations=2, dry_run=True, max_credits=100)
    assert (preview.status, preview.replayed, preview.commission_id, preview.job_id) == (
        "not_ordered",
        False,
        None,
        None,
    )
    assert preview.estimated_credits == 240
    assert preview.credits_available == (await harness.context.api.credits.get()).spendable
    assert preview.notes == [
        "The estimate is an upper bound: a clone has no published price, so the dearest format's counts for each "
        "variation.",
        "The estimate of 240 credits is above max_credits of 100.",
    ]
    assert preview.next_step == "Order fewer variations, or ask the user for a higher budget."
    assert harness.posts() == 0
    assert (await harness.clone(dry_run=True)).next_step == "Call again without dry_run to order it."


async def test_a_dry_run_that_the_daily_limit_would_refuse_does_not_lead_into_that_refusal(
    harness: OrderHarness, tmp_path: Path
) -> None:
    async with open_tool_context(harness.sandbox, tmp_path, daily_credit_limit=300) as context:
        limited = OrderHarness(harness.sandbox, harness.clock, context, harness.post)
        above_the_whole_limit = await limited.clone(variations=3, dry_run=True)
        assert (
            above_the_whole_limit.next_step
            == "Order fewer variations where there are several, or ask the person who set the limit."
        )
        await limited.clone(variations=2)
        preview = await limited.clone(variations=1, dry_run=True)
        assert preview.next_step == "Order after midnight UTC, or ask the person who set the limit."
        with pytest.raises(OperationError) as refused:
            await limited.clone(variations=1)
        assert (refused.value.code, refused.value.next_step) == ("DAILY_LIMIT", preview.next_step)


async def test_an_order_says_what_comes_and_what_it_costs(harness: OrderHarness) -> None:
    order = await harness.clone(mode="reimagine", variations=3)
    assert order.commission_id.startswith("com_")
    assert (order.status, order.kind, order.replayed, order.take) == ("running", "content_clone_from_post", False, 1)
    assert order.container_ids
    assert (order.held_for_approval, order.variations) == (True, 3)
    assert order.estimated_credits == 360
    assert order.credits_ordered_today == 360
    assert order.ordered_at == "2026-04-17T09:10:00Z"
    assert order.credits_available == (await harness.context.api.credits.get()).spendable
    assert order.next_step == "Wait for the content with wait_job and this job_id."
    assert harness.charges() == 1


@pytest.mark.parametrize("variations", [1, 2, 10])
async def test_fewer_containers_than_were_ordered_are_noted_until_the_job_names_them(
    harness: OrderHarness, variations: int
) -> None:
    note = f"Containers named so far: 1 of {variations}; the rest follow when the job ends."
    for _ in ("ordered", "replayed"):
        running = await harness.clone(variations=variations)
        assert len(running.container_ids) == 1
        assert (note in running.notes) == (variations > 1)
    harness.clock.move(minutes=5)
    ended = await harness.clone(variations=variations)
    assert (ended.status, len(ended.container_ids)) == ("completed", variations)
    assert not any("named" in note for note in ended.notes)


async def test_the_same_arguments_are_the_same_order_and_say_when_it_was_placed(harness: OrderHarness) -> None:
    first = await harness.clone()
    harness.clock.move(minutes=5)
    again = await harness.clone(source_platform_post_id=f" {harness.post}\n", cta="  ")
    assert (again.commission_id, again.job_id, again.ordered_at) == (
        first.commission_id,
        first.job_id,
        first.ordered_at,
    )
    assert (again.replayed, again.status) == (True, "completed")
    assert again.notes == ["This order was placed at 2026-04-17T09:10:00Z: nothing was ordered or charged again."]
    assert again.next_step == "Look at the content with get_content and these container_ids."
    assert again.next_take is None
    assert harness.charges() == 1
    preview = await harness.clone(dry_run=True)
    assert (preview.replayed, preview.status, preview.commission_id) == (True, "completed", first.commission_id)


async def test_another_take_is_another_order_on_purpose(harness: OrderHarness) -> None:
    first = await harness.clone()
    second = await harness.clone(take=2)
    assert second.commission_id != first.commission_id
    assert (second.take, second.replayed) == (2, False)
    [similar] = second.similar_orders
    assert (similar.commission_id, similar.differs_in, similar.status) == (first.commission_id, ["take"], "running")
    assert any("are in similar_orders" in note for note in second.notes)
    assert harness.charges() == 2


async def test_a_failed_order_names_the_next_take(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="job_failed", calls=(1,)))
    await harness.clone()
    harness.clock.move(minutes=1)
    failed = await harness.clone()
    assert (failed.status, failed.next_take) == ("failed", 2)
    assert failed.next_step == "Order it again with take=2 if it is still wanted."
    assert not (await harness.clone(take=2)).replayed


async def test_after_the_last_take_failed_no_other_is_named(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="job_failed"))
    await harness.clone(take=99)
    harness.clock.move(minutes=1)
    failed = await harness.clone(take=99)
    assert (failed.status, failed.next_take) == ("failed", None)
    assert failed.next_step == "Change the order: every take of this one is used."


async def test_an_order_whose_reply_was_lost_is_completed_by_calling_again(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=CLONE, kind="drop_after"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.clone()
    harness.sandbox.faults.clear()
    preview = await harness.clone(dry_run=True)
    assert (preview.status, preview.replayed) == ("unknown", True)
    assert preview.notes == [
        "This order was sent at 2026-04-17T09:10:00Z and never answered: whether it was placed is not known."
    ]
    assert "not charged twice" in preview.next_step
    completed = await harness.clone()
    assert completed.replayed
    assert completed.notes[0] == (
        "This order had never been answered: it was sent again under the same ids, and is charged once."
    )
    assert harness.charges() == 1


@pytest.mark.parametrize(
    ("policy", "held", "note"),
    [
        ("review_all", True, ""),
        ("auto_approve", False, ""),
        ("review_first_n", None, "holds finished content for a person only in part"),
    ],
)
async def test_whether_content_is_held_for_approval_follows_the_review_policy(
    harness: OrderHarness, policy: str, held: bool | None, note: str
) -> None:
    harness.sandbox.set_review_policy("acme-todo", policy, 2)
    preview = await harness.clone(dry_run=True)
    assert preview.held_for_approval is held
    assert note in " ".join(preview.notes)


async def test_what_cannot_be_read_beside_an_order_is_left_out_with_a_note(harness: OrderHarness) -> None:
    harness.sandbox.faults += [
        Fault(endpoint="GET /v1/credits", kind="status", status=403),
        Fault(endpoint="GET /v1/projects/:id/content-review-policy", kind="status", status=403),
        Fault(endpoint="GET /v1/projects/:id/approval-policy", kind="status", status=403),
    ]
    order = await harness.clone()
    assert (order.status, order.held_for_approval, order.credits_available) == ("running", None, None)
    assert order.estimated_credits is None
    assert any("review policy could not be read" in note for note in order.notes)
    assert any("balance could not be read" in note for note in order.notes)


async def test_a_slow_balance_does_not_hold_up_the_answer(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="latency", seconds=60))
    start = anyio.current_time()
    assert (await harness.clone()).status == "running"
    assert anyio.current_time() - start < 12


async def test_a_budget_is_refused_in_the_contracts_words(harness: OrderHarness) -> None:
    with pytest.raises(OperationError) as raised:
        await harness.clone(max_credits=100)
    assert str(to_tool_error(raised.value, spec_of(clone_post))) == (
        "MAX_CREDITS: The estimate of 120 credits is above max_credits of 100. Nothing was changed. "
        "Order fewer variations, or ask the user for a higher budget."
    )


@pytest.mark.parametrize("name", ["project_id", "source_platform_post_id"])
async def test_a_blank_id_is_refused_before_any_request(harness: OrderHarness, name: str) -> None:
    before = len(harness.sandbox.requests)
    with pytest.raises(ToolError, match=f"INVALID_ARGUMENT: `{name}` must not be blank."):
        await harness.clone(**{name: " \n"})
    assert len(harness.sandbox.requests) == before


async def test_broken_text_is_refused_without_an_echo(harness: OrderHarness) -> None:
    with pytest.raises(ToolError) as raised:
        await harness.clone(caption="half a pair \ud83d")
    assert str(raised.value).startswith("INVALID_ARGUMENT: A text argument is not valid Unicode. Nothing was changed.")


blanks = st.text(" \t\n\u00a0\u2003", max_size=2)


@pytest.mark.fuzz
@settings(max_examples=25)
@given(
    spellings=st.lists(st.tuples(blanks, blanks, st.booleans()), min_size=2, max_size=5),
    caption=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
)
def test_equal_orders_are_charged_at_most_once_whatever_the_spelling(
    tmp_path_factory: pytest.TempPathFactory, spellings: list[tuple[str, str, bool]], caption: str
) -> None:
    async def order_all() -> int:
        clock = LoopClock(START)
        with Sandbox(clock=clock) as sandbox:
            async with open_tool_context(sandbox, tmp_path_factory.mktemp("spelling")) as context:
                project = sandbox.project_id("acme-todo")
                ranking = await context.api.metrics.top_performers(project, metric="views", window="30d")
                harness = OrderHarness(sandbox, clock, context, ranking.items[0].platform_post_id)
                for before, after, decomposed in spellings:
                    form = "NFD" if decomposed else "NFC"
                    await harness.clone(
                        project_id=before + project,
                        source_platform_post_id=harness.post + after,
                        caption=before + unicodedata.normalize(form, caption) + after,
                        cta=after,
                    )
                return harness.charges()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(order_all()) == 1
