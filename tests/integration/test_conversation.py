"""The loop closes on every vintage of the API: rank, order, wait, look, decide, publish, a fortnight later review."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.vintages import VINTAGES, Vintage
from tests.support import conversation
from tests.support.tool_harness import ToolHarness, open_tool_harness

pytestmark = pytest.mark.jumping

ORDERS = ("POST /v1/projects/:id/content", "POST /v1/projects/:id/content/slideshow-builder")

OTHER: dict[Vintage, Vintage] = {"preview": "current", "current": "preview"}


async def converse(harness: ToolHarness, ordered: dict[str, object], turn: Vintage | None = None) -> None:
    """Go on from an order to its review; the API may turn to another vintage on the way."""
    items = await conversation.made(harness.facts, ordered, lambda seconds: harness.clock.move(seconds=seconds))
    await conversation.publish(harness.facts, harness.project, items)
    if turn:
        harness.sandbox.speak(turn)
    harness.clock.move(days=14)
    commission = await conversation.review(harness.facts, harness.project)
    assert commission["charged_credits"] == -harness.spent()


@pytest.mark.parametrize("vintage", VINTAGES)
async def test_the_conversation_closes(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        await converse(harness, await conversation.order(harness.facts, harness.project))


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_after_the_order(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        ordered = await conversation.order(harness.facts, harness.project)
        harness.sandbox.speak(OTHER[vintage])
        await converse(harness, ordered)


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_before_the_review(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        await converse(harness, await conversation.order(harness.facts, harness.project), OTHER[vintage])


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_while_the_order_is_unanswered(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        harness.sandbox.faults += [Fault(endpoint=where, kind="drop_after") for where in ORDERS]
        with pytest.raises(AssertionError, match="Unknown whether the order was placed"):
            await conversation.order(harness.facts, harness.project)
        harness.sandbox.faults.clear()
        harness.sandbox.speak(OTHER[vintage])
        ordered = await conversation.order(harness.facts, harness.project)
        assert ordered["replayed"]
        charged = len(harness.charges())
        again = await conversation.order(harness.facts, harness.project)
        assert (again["commission_id"], len(harness.charges())) == (ordered["commission_id"], charged)
