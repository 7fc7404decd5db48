"""generate_with_hook: the brief that is sent, and the order that it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from layers_mcp.api.errors import Conflict
from layers_mcp.api.models import RankedRow
from layers_mcp.context import ToolContext
from layers_mcp.operations import OperationError
from layers_mcp.protocol import ToolError
from layers_mcp.protocol.tool import spec_of
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.tools._errors import to_tool_error
from layers_mcp.tools.clone_post import clone_post
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.rank_top_performers import rank_top_performers
from tests.support import START, LoopClock, open_tool_context

pytestmark = pytest.mark.jumping

GENERATE = "POST /v1/projects/:id/content"


class OrderHarness:
    """acme-todo and a workspace to order from."""

    def __init__(self, sandbox: Sandbox, clock: LoopClock, context: ToolContext) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.context = context
        self.project = sandbox.project_id("acme-todo")

    async def generate(self, hook: str = "Plan less, do more.", **arguments):
        return await generate_with_hook(self.context, project_id=self.project, hook=hook, **arguments)

    async def winner(self) -> RankedRow:
        """The row with the most views."""
        return (await self.context.api.metrics.top_performers(self.project, metric="views", window="30d")).items[0]

    def charges(self) -> int:
        return sum(event.type == "usage" for event in self.sandbox.ledger())


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[OrderHarness]:
    clock = LoopClock(START)
    with Sandbox(clock=clock) as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            yield OrderHarness(sandbox, clock, context)


async def test_every_format_is_estimated_by_its_own_price(harness: OrderHarness) -> None:
    assert (await harness.generate(format="slideshow_remix", variations=2, dry_run=True)).estimated_credits == 100
    assert (await harness.generate(format="video_remix", variations=2, dry_run=True)).estimated_credits == 240
    assert (await harness.generate(dry_run=True)).notes == []


async def test_an_order_makes_content_with_its_hook(harness: OrderHarness) -> None:
    order = await harness.generate(" Plan less, do more.\n", variations=2, format="video_remix")
    assert (order.status, order.kind, order.replayed) == ("running", "content_generate", False)
    assert len(order.container_ids) == 2
    container = await harness.context.api.content.get(order.container_ids[0])
    assert container.hook == "Plan less, do more."


async def test_the_same_brief_in_another_spelling_is_the_same_order(harness: OrderHarness) -> None:
    first = await harness.generate(target_platforms=("tiktok", "instagram"), theme_tags=("speed", "focus"))
    again = await harness.generate(target_platforms=("instagram", "tiktok", "tiktok"), theme_tags=(" focus", "speed"))
    assert (again.commission_id, again.job_id, again.replayed) == (first.commission_id, first.job_id, True)
    assert harness.charges() == 1


async def test_nearly_the_same_brief_is_told_before_it_spends(harness: OrderHarness) -> None:
    first = await harness.generate()
    preview = await harness.generate("plan less; do more", cta="Try it", dry_run=True)
    [similar] = preview.similar_orders
    assert similar.commission_id == first.commission_id
    assert set(similar.differs_in) == {"hook", "cta"}
    assert harness.charges() == 1


async def test_hooks_without_a_letter_are_similar_only_where_they_are_the_same(harness: OrderHarness) -> None:
    await harness.generate("🔥🔥")
    assert (await harness.generate("🚀", dry_run=True)).similar_orders == []
    assert len((await harness.generate("🔥🔥", cta="Try it", dry_run=True)).similar_orders) == 1


@pytest.mark.parametrize(
    ("second", "differs_in"),
    [
        ({"hook": "Another hook altogether."}, ["hook"]),
        ({"cta": "Try it"}, ["cta"]),
        ({"source_platform_post_id": "", "cta": "Try it"}, ["source_platform_post_id", "cta"]),
        ({"source_platform_post_id": "pp_other", "hook": "Another hook."}, None),
        ({"source_platform_post_id": "", "hook": "Another hook."}, None),
    ],
)
async def test_orders_of_one_source_or_one_hook_are_similar(
    harness: OrderHarness, second: dict, differs_in: list[str] | None
) -> None:
    row = await harness.winner()
    brief = {"hook": "Plan less, do more.", "source_platform_post_id": row.platform_post_id}
    first = await harness.generate(**brief)
    preview = await harness.generate(**{**brief, **second}, dry_run=True)
    told = [(order.commission_id, order.differs_in) for order in preview.similar_orders]
    assert told == ([] if differs_in is None else [(first.commission_id, differs_in)])


async def test_an_order_by_a_title_is_similar_to_one_by_the_title_as_it_was_before(harness: OrderHarness) -> None:
    row = await harness.winner()
    first = await harness.generate("", source_platform_post_id=row.platform_post_id)
    harness.sandbox.retitle(row.platform_post_id, "A new title altogether")
    preview = await harness.generate("", source_platform_post_id=row.platform_post_id, cta="Try it", dry_run=True)
    assert [(order.commission_id, order.differs_in) for order in preview.similar_orders] == [
        (first.commission_id, ["hook", "cta"])
    ]


async def test_a_clone_and_a_hook_order_are_similar_where_they_name_the_same_post(harness: OrderHarness) -> None:
    row = await harness.winner()
    ordered = {"project_id": harness.project, "source_platform_post_id": row.platform_post_id}
    clone = await clone_post(harness.context, **ordered)
    assert (await harness.generate(row.title, dry_run=True)).similar_orders == []
    preview = await harness.generate(row.title, source_platform_post_id=row.platform_post_id, dry_run=True)
    assert [(one.commission_id, one.differs_in) for one in preview.similar_orders] == [(clone.commission_id, ["tool"])]
    hook = await harness.generate(row.title, source_platform_post_id=row.platform_post_id, cta="Try it")
    again = await clone_post(harness.context, **ordered, take=2, dry_run=True)
    assert {(one.commission_id, tuple(one.differs_in)) for one in again.similar_orders} == {
        (hook.commission_id, ("tool", "cta", "take")),
        (clone.commission_id, ("take",)),
    }


async def test_an_order_that_can_no_longer_be_sent_says_what_is_known_and_how_to_look(
    harness: OrderHarness,
) -> None:
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_before"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.generate()
    harness.sandbox.faults.clear()
    harness.clock.move(days=1)
    with pytest.raises(OperationError) as raised:
        await harness.generate()
    assert str(to_tool_error(raised.value, spec_of(generate_with_hook))) == (
        "ORDER_UNKNOWN: This order was sent at 2026-04-17T09:10:00Z, was never answered, and is no longer safe to send "
        "again. The project's content since then holds 0 containers with its hook that belong to no other order; 1 "
        "were ordered. Unknown whether the order was placed: calling again with the same arguments is safe. Look for "
        "it with get_content, the project_id and since=2026-04-17T09:10:00Z; take=2 orders another one."
    )


async def test_an_adopted_order_says_where_it_was_found_and_where_to_look(harness: OrderHarness) -> None:
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_after"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.generate()
    harness.sandbox.faults.clear()
    harness.clock.move(days=1)
    found = await harness.generate()
    assert (found.job_id, found.status, found.replayed) == (None, "completed", True)
    assert found.notes[0] == "This order had never been answered: its containers were found in the project's content."
    assert found.next_step == "Look at the content with get_content and these container_ids."


async def test_a_project_with_several_layers_is_asked_for_one_and_nothing_stays_ordered(
    harness: OrderHarness,
) -> None:
    harness.sandbox.add_content_layer("acme-todo", "lay_second")
    with pytest.raises(Conflict) as raised:
        await harness.generate()
    assert raised.value.nothing_changed
    assert not (await harness.generate(layer_id="lay_second")).replayed


@pytest.mark.parametrize("hook", ["", " ", "\n\u00a0"])
async def test_a_blank_hook_is_refused_before_any_request(harness: OrderHarness, hook: str) -> None:
    with pytest.raises(ToolError, match="Either `hook` or `source_platform_post_id`"):
        await harness.generate(hook)
    assert harness.sandbox.requests == []


async def test_the_exact_title_of_a_post_is_the_hook_and_what_it_is_measured_against(
    harness: OrderHarness,
) -> None:
    ranking = await harness.context.api.metrics.top_performers(harness.project, metric="views", window="90d")
    post = ranking.items[0]
    order = await harness.generate("", source_platform_post_id=post.platform_post_id)
    assert (await harness.context.api.content.get(order.container_ids[0])).hook == post.title
    [record] = (await harness.context.operations.history.since(START)).value
    assert (record.source_platform_post_id, record.hook) == (post.platform_post_id, post.title)
    assert (await harness.generate("", source_platform_post_id=post.platform_post_id)).replayed
    assert harness.charges() == 1


async def lending(harness: OrderHarness) -> str:
    """A post that lends its title."""
    ranking = await harness.context.api.metrics.top_performers(harness.project, metric="views", window="90d")
    return ranking.items[0].platform_post_id or ""


@pytest.mark.parametrize("since", ["edited", "gone from the ranking"])
async def test_an_order_by_a_posts_title_stays_that_order_whatever_becomes_of_the_post(
    harness: OrderHarness, since: str
) -> None:
    post = await lending(harness)
    first = await harness.generate("", source_platform_post_id=post, variations=2)
    if since == "edited":
        harness.sandbox.retitle(post, "Another title altogether")
        harness.clock.move(days=1)
    else:
        harness.clock.move(days=120)
    again = await harness.generate("", source_platform_post_id=f" {post}", variations=2)
    assert (again.replayed, again.commission_id, again.container_ids) == (
        True,
        first.commission_id,
        first.container_ids,
    )
    assert harness.charges() == 1


async def test_an_unanswered_order_by_a_title_that_was_edited_is_completed_under_the_first_one(
    harness: OrderHarness,
) -> None:
    post = await lending(harness)
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="drop_before"))
    with pytest.raises(Exception, match="UNREACHABLE"):
        await harness.generate("", source_platform_post_id=post)
    harness.sandbox.faults.clear()
    harness.sandbox.retitle(post, "Another title altogether")
    order = await harness.generate("", source_platform_post_id=post)
    assert (await harness.context.api.content.get(order.container_ids[0])).hook != "Another title altogether"
    another = await harness.generate("", source_platform_post_id=post, take=2)
    assert (await harness.context.api.content.get(another.container_ids[0])).hook == "Another title altogether"
    assert harness.charges() == 2


@pytest.mark.parametrize("first", ["title", "hook"])
async def test_a_title_and_a_hook_that_reads_the_same_are_one_order(harness: OrderHarness, first: str) -> None:
    """0.1.0 wrote the hook into the identity, wherever it came from."""
    post = await lending(harness)
    ranking = await harness.context.api.metrics.top_performers(harness.project, metric="views", window="90d")
    hooks = ["", ranking.items[0].title or ""]
    if first == "hook":
        hooks.reverse()
    orders = [await harness.generate(hook, source_platform_post_id=post) for hook in hooks]
    assert [order.replayed for order in orders] == [False, True]
    assert orders[0].commission_id == orders[1].commission_id
    assert not (await harness.generate("Another hook.", source_platform_post_id=post)).replayed
    assert harness.charges() == 2


async def test_calls_at_once_by_a_title_and_by_its_text_are_one_order(harness: OrderHarness) -> None:
    row = await harness.winner()
    hooks = ["", row.title or "", "", row.title or ""]
    orders = await asyncio.gather(
        *(harness.generate(hook, source_platform_post_id=row.platform_post_id) for hook in hooks)
    )
    assert len({order.commission_id for order in orders}) == 1
    assert [order.replayed for order in orders].count(False) == 1
    assert harness.charges() == 1


async def test_a_refused_order_by_a_title_is_free_to_be_ordered_by_the_title_as_it_is_then(
    harness: OrderHarness,
) -> None:
    post = await lending(harness)
    harness.sandbox.faults.append(Fault(endpoint=GENERATE, kind="status", status=402, code="BILLING_EXHAUSTED"))
    with pytest.raises(Exception, match="BILLING_EXHAUSTED"):
        await harness.generate("", source_platform_post_id=post)
    harness.sandbox.faults.clear()
    harness.sandbox.retitle(post, "Another title altogether")
    order = await harness.generate("", source_platform_post_id=post)
    assert (await harness.context.api.content.get(order.container_ids[0])).hook == "Another title altogether"


async def test_only_the_same_call_is_the_order_by_a_title_that_was_edited(harness: OrderHarness) -> None:
    post = await lending(harness)
    first = await harness.generate("", source_platform_post_id=post, theme_tags=("speed", "focus"))
    harness.sandbox.retitle(post, "Another title altogether")
    for changed in ({"cta": "Try it"}, {"take": 2}, {"theme_tags": ("speed",)}, {"variations": 2}):
        call = {"source_platform_post_id": post, "theme_tags": ("speed", "focus"), **changed}
        order = await harness.generate("", **call)
        assert (await harness.context.api.content.get(order.container_ids[0])).hook == "Another title altogether"
    again = await harness.generate("", source_platform_post_id=post, theme_tags=("focus", "speed", "speed"))
    assert (again.replayed, again.commission_id) == (True, first.commission_id)


@pytest.mark.parametrize("vintage", ["current", "preview"])
async def test_an_order_by_a_title_is_the_same_before_and_after_layers_named_the_organization(
    vintage: Vintage, tmp_path: Path
) -> None:
    with Sandbox(clock=LoopClock(START), vintage=vintage) as sandbox:
        nameless = Fault(endpoint="GET /v1/whoami", kind="drop_before")
        orders = []
        for faults in ([nameless], [nameless], []):
            sandbox.faults[:] = faults
            async with open_tool_context(sandbox, tmp_path) as context:
                harness = OrderHarness(sandbox, LoopClock(START), context)
                post = await lending(harness)
                orders.append(await harness.generate("", source_platform_post_id=post))
            sandbox.retitle(post, "Another title altogether")
        assert [order.replayed for order in orders] == [False, True, True]
        assert len({order.commission_id for order in orders}) == 1
        assert harness.charges() == 1


async def test_a_winner_that_is_not_eligible_for_ads_lends_its_title_too(tmp_path: Path) -> None:
    with Sandbox(clock=LoopClock(START), vintage="current") as sandbox:
        async with open_tool_context(sandbox, tmp_path) as context:
            project = sandbox.project_id("acme-todo")
            shown = {"project_id": project, "metric": "views", "limit": 100}
            every = await rank_top_performers(context, **shown)
            eligible = await rank_top_performers(context, **shown, include_ineligible=False)
            left_out = next(row for row in every.items if row.title not in {each.title for each in eligible.items})
            order = await generate_with_hook(
                context, project_id=project, source_platform_post_id=left_out.platform_post_id or ""
            )
            assert (await context.api.content.get(order.container_ids[0])).hook == left_out.title


async def test_a_post_that_is_not_ranked_lends_no_title(harness: OrderHarness) -> None:
    with pytest.raises(ToolError, match="NOT_FOUND: The project's ranking"):
        await harness.generate("", source_platform_post_id="pp_nowhere")
    assert harness.charges() == 0


async def test_an_order_that_must_be_held_is_refused_where_content_goes_live_by_itself(
    harness: OrderHarness,
) -> None:
    harness.project = harness.sandbox.project_id("globex-fit")
    with pytest.raises(OperationError, match="NOT_HELD"):
        await harness.generate(require_approval=True)
    preview = await harness.generate(require_approval=True, dry_run=True)
    assert any("without a person's decision" in note for note in preview.notes)
    assert harness.charges() == 0


async def test_an_order_that_is_held_in_part_says_so_once(harness: OrderHarness) -> None:
    harness.sandbox.set_review_policy("acme-todo", "review_first_n", 3)
    in_part = "The project's review policy holds finished content for a person only in part, or for a while."
    with pytest.raises(OperationError) as refused:
        await harness.generate(require_approval=True)
    assert (refused.value.code, refused.value.reason) == ("NOT_HELD", in_part)
    preview = await harness.generate(require_approval=True, dry_run=True)
    assert [note for note in preview.notes if "review policy" in note] == [in_part]


async def test_requiring_approval_is_no_part_of_the_order(harness: OrderHarness) -> None:
    first = await harness.generate(require_approval=True)
    again = await harness.generate()
    assert (first.replayed, again.replayed, again.job_id) == (False, True, first.job_id)
