"""How a server that is told to stop ends: with its last call, or once no call may take any longer."""

from __future__ import annotations

import signal
from collections.abc import Callable

import anyio
import pytest
from starlette.applications import Starlette

from layers_mcp.transports.http_server import DrainingServer, listen

pytestmark = [pytest.mark.anyio, pytest.mark.jumping]


async def seconds_to_the_end(busy: Callable[[float], bool]) -> float:
    """How long a server still serves that is told to stop; `busy` says whether a call still runs so much later."""
    began = anyio.current_time()
    drained: list[float] = []

    def passed() -> float:
        return anyio.current_time() - began

    server = DrainingServer(
        Starlette(),
        ready=lambda: server.handle_exit(signal.SIGTERM, None),
        draining=lambda: drained.append(passed()),
        busy=lambda: busy(passed()),
    )
    await server.serve([listen("127.0.0.1", 0)])
    assert drained == [0]
    return passed()


async def test_it_ends_at_once_where_nothing_runs() -> None:
    assert await seconds_to_the_end(lambda passed: False) < 3


async def test_it_ends_once_the_last_call_has() -> None:
    assert 20 <= await seconds_to_the_end(lambda passed: passed < 20) < 21.5


async def test_a_call_that_never_ends_is_left_after_45_seconds() -> None:
    assert 45 <= await seconds_to_the_end(lambda passed: True) < 46.5
