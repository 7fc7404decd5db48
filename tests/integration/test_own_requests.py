"""What a turn of the loop reads for itself, beside what does the work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox.vintages import VINTAGES, Vintage
from tests.support import conversation
from tests.support.tool_harness import open_tool_harness

pytestmark = pytest.mark.jumping


OWN = re.compile(
    r"/v1/(whoami|credits|projects(/[^/]+)?|projects/[^/]+/(approval-policy|content-review-policy|social-accounts))"
)
"""What a tool reads for itself: whose key it is, prices and balance, vintage and policy, projects, accounts."""


ASIDE = ("check_readiness", "list_schedule")
"""A turn needs neither: the one reads these for its work, the other shows what the review tells too."""


@pytest.mark.parametrize("vintage", VINTAGES)
async def test_a_turn_of_the_loop_reads_little_beside_what_does_the_work(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        own: list[str] = []

        async def facts(tool: str, **arguments: Any) -> dict[str, Any]:
            before = len(harness.sandbox.requests)
            told = await harness.facts(tool, **arguments)
            if tool not in ASIDE and not arguments.get("dry_run"):
                paths = [each.path for each in harness.sandbox.requests[before:] if each.method == "GET"]
                own.extend(f"{tool}: {path}" for path in paths if OWN.fullmatch(path))
            return told

        ordered = await conversation.order(facts, harness.project, pieces=1)
        items = await conversation.made(facts, ordered, lambda seconds: harness.clock.move(seconds=seconds))
        await conversation.publish(facts, harness.project, items)
        harness.clock.move(days=14)
        await conversation.review(facts, harness.project, pieces=1)
        assert len(own) <= 8, "\n".join(own)
