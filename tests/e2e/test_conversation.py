"""The loop closes between the two programs: `layers-mcp` over stdio, `layers-mcp sandbox` over HTTP."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox.vintages import VINTAGES
from tests.e2e.program import Program, environment
from tests.integration.sandbox.test_command import run, served
from tests.support import conversation

pytestmark = [pytest.mark.subprocess, pytest.mark.slow]


@pytest.mark.parametrize("vintage", VINTAGES)
async def test_the_conversation_closes_over_http(tmp_path: Path, vintage: str) -> None:
    db = tmp_path / "world.db"
    with served("--db", db, "--vintage", vintage) as said:
        env = environment(tmp_path / "state", LAYERS_API_KEY=said["LAYERS_API_KEY"])
        with Program("--base-url", said["LAYERS_BASE_URL"], env=env) as program:
            program.handshake()
            numbers = count(1)

            async def facts(tool: str, **arguments: Any) -> dict[str, Any]:
                result = program.call(next(numbers), tool, **arguments)
                assert not result.get("isError"), result["content"]
                return result["structuredContent"]

            def pass_time(seconds: float) -> None:
                assert run("--db", db, "--advance", f"{max(1, round(seconds / 60))}m") == 0

            ordered = await conversation.order(facts, said["acme-todo"])
            items = await conversation.made(facts, ordered, pass_time)
            await conversation.publish(facts, said["acme-todo"], items)
            assert run("--db", db, "--advance", "14d") == 0
            await conversation.review(facts, said["acme-todo"])
