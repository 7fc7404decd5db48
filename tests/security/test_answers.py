"""No answer, error, progress message, log line or journal holds the key, whatever upstream sends back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers_mcp.tools import CATALOG
from tests.security.keys import bytes_of, every_key, everything_logged, secret_in
from tests.support.key_echo_transport import ECHOES, FAULTS, KeyEchoTransport, in_headers
from tests.support.tool_harness import ToolHarness, open_tool_harness

pytestmark = pytest.mark.slow


async def everything_said(harness: ToolHarness, prepared: dict[str, dict[str, Any]]) -> list[str]:
    """Call every tool: all that comes back, progress included."""
    said: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        said.append(f"progress: {message}")

    for name in CATALOG:
        arguments = prepared[name]
        if "take" in arguments:
            arguments["take"] += 1
        result = await harness.client.call_tool(name, arguments, progress_callback=progress)
        said.append(f"{name}: {result.model_dump_json()} {result.structured_content!r}")
    return said


@every_key
@pytest.mark.jumping
async def test_no_answer_log_line_or_journal_holds_the_key_whatever_upstream_echoes(key: str, tmp_path: Path) -> None:
    transport, leaks = KeyEchoTransport(key), dict[str, list[str]]()
    with everything_logged(key) as log:
        async with open_tool_harness(tmp_path, transport=transport, api_key=key) as harness:

            async def look(place: str) -> None:
                before = len(log)
                said = await everything_said(harness, prepared)
                if found := [text for text in (*said, *log[before:]) if secret_in(text, key)]:
                    leaks[place] = found

            prepared = {name: await harness.ready_for(name) for name in CATALOG}
            for name, echo in ECHOES.items():
                transport.echo = echo(key)
                await look(name)
            transport.echo = in_headers(key)
            for fault in FAULTS:
                harness.sandbox.faults[:] = [fault]
                await look(fault.kind)
    assert not leaks
    assert not transport.leaks
    assert {line.split(":")[0] for line in log} >= {"httpx2", "layers_mcp.api"}
    assert (tmp_path / "orders.db").stat().st_size > 0
    assert not secret_in(bytes_of(tmp_path).decode("latin-1"), key)
