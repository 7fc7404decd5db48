"""The loop closes on every vintage of the API: rank, order, wait, look, decide, publish, a fortnight later review."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.vintages import VINTAGES, Vintage
from tests.support import conversation
from tests.support.harness import Stage, open_stage

pytestmark = pytest.mark.jumping

ORDERS = ("POST /v1/projects/:id/content", "POST /v1/projects/:id/content/slideshow-builder")

OTHER: dict[Vintage, Vintage] = {"preview": "current", "current": "preview"}


async def converse(stage: Stage, ordered: dict[str, object], turn: Vintage | None = None) -> None:
    """Go on from an order to its review; the API may turn to another vintage on the way."""
    items = await conversation.made(stage.facts, ordered, lambda seconds: stage.clock.move(seconds=seconds))
    await conversation.publish(stage.facts, stage.project, items)
    if turn:
        stage.sandbox.speak(turn)
    stage.clock.move(days=14)
    commission = await conversation.review(stage.facts, stage.project)
    assert commission["charged_credits"] == -stage.spent()


@pytest.mark.parametrize("vintage", VINTAGES)
async def test_the_conversation_closes(tmp_path: Path, vintage: Vintage) -> None:
    async with open_stage(tmp_path, speaks=vintage) as stage:
        await converse(stage, await conversation.order(stage.facts, stage.project))


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_after_the_order(tmp_path: Path, vintage: Vintage) -> None:
    async with open_stage(tmp_path, speaks=vintage) as stage:
        ordered = await conversation.order(stage.facts, stage.project)
        stage.sandbox.speak(OTHER[vintage])
        await converse(stage, ordered)


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_before_the_review(tmp_path: Path, vintage: Vintage) -> None:
    async with open_stage(tmp_path, speaks=vintage) as stage:
        await converse(stage, await conversation.order(stage.facts, stage.project), OTHER[vintage])


@pytest.mark.parametrize("vintage", OTHER)
async def test_it_closes_where_the_api_changes_while_the_order_is_unanswered(tmp_path: Path, vintage: Vintage) -> None:
    async with open_stage(tmp_path, speaks=vintage) as stage:
        stage.sandbox.faults += [Fault(endpoint=where, kind="drop_after") for where in ORDERS]
        with pytest.raises(AssertionError, match="Unknown whether the order was placed"):
            await conversation.order(stage.facts, stage.project)
        stage.sandbox.faults.clear()
        stage.sandbox.speak(OTHER[vintage])
        ordered = await conversation.order(stage.facts, stage.project)
        assert ordered["replayed"]
        charged = len(stage.charges())
        again = await conversation.order(stage.facts, stage.project)
        assert (again["commission_id"], len(stage.charges())) == (ordered["commission_id"], charged)
