"""What many tests stand on: a workspace on a sandbox, and a clock that keeps step with the event loop."""

from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig
from layers_mcp.context import ToolContext
from layers_mcp.sandbox import Sandbox
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy

BASE_URL = "https://api.layers.test"

START = datetime(2026, 4, 17, 9, 10, tzinfo=UTC)

PATIENCE = 120.0
"""Seconds after which what has not come about, on the busiest machine, fails its test or ends its program."""


class LoopClock:
    """Time that passes as the event loop's does, so that a world's jobs end while a jumping loop waits for them.

    It begins at `start` when first read inside a loop, and stands still outside of one. `move` sets it forward.
    """

    def __init__(self, start: datetime = START) -> None:
        self.time = start
        self._seen: float | None = None

    def __call__(self) -> datetime:
        try:
            elapsed = anyio.current_time()
        except Exception:  # no event loop is running here
            return self.time
        if self._seen is not None:
            self.time += timedelta(seconds=max(0.0, elapsed - self._seen))
        self._seen = elapsed
        return self.time

    def move(self, **step: float) -> None:
        """`move(hours=6)`: the arguments of `timedelta`."""
        self.time += timedelta(**step)


PARTS: dict[str, Any] = {"config": ServerConfig, "credentials": Credentials, "policy": Policy}
CONFIGURED = frozenset(field.name for kind in PARTS.values() for field in fields(kind))
"""The names of everything that can be configured."""


def configured(**settings: Any) -> dict[str, Any]:
    """Settings by name as the arguments of `create_server`: `config`, `credentials` and `policy`.

    `configured(api_key="lp_test_x", state_dir=tmp_path, daily_credit_limit=500)`
    """
    parts: dict[str, Any] = {}
    for name, kind in PARTS.items():
        own = {field.name for field in fields(kind)} & settings.keys()
        parts[name] = kind(**{key: settings.pop(key) for key in own})
    assert not settings, f"unknown settings: {settings}"
    return parts


def open_tool_context(sandbox: Sandbox, tmp_path: Path, **settings: Any) -> AbstractAsyncContextManager[ToolContext]:
    """Open a workspace on this sandbox, in process, its journal in `tmp_path`, and yield a context without a deadline.

    `settings` are those of `configured`, such as `daily_credit_limit=500` or another `api_key`.
    """
    known: dict[str, Any] = {"api_key": sandbox.api_key, "base_url": BASE_URL, "state_dir": tmp_path}
    return open_context(**configured(**(known | settings)), transport=sandbox.transport(), clock=sandbox.now)
