"""The real program over pipes, spoken to line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support import PATIENCE

LEAVE_SECONDS = 20.0
"""How long a program may take to leave, on a busy machine: less than any call that a test leaves under way."""

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "pipes", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def call_of(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def environment(state_dir: Path, **more: str) -> dict[str, str]:
    """The variables of this process without any of the program's own, and a state directory of the test's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LAYERS_")}
    return {**inherited, "LAYERS_STATE_DIR": str(state_dir), **more}


class Program:
    """`python -m layers_mcp` as a child process; use it as a context manager."""

    def __init__(self, *arguments: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "layers_mcp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
        )
        self._watchdog = threading.Timer(PATIENCE, self._process.kill)  # a program that is silent fails, it never hangs
        self._watchdog.daemon = True
        self._watchdog.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watchdog.cancel()
        if self._process.poll() is None:
            self._process.kill()
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._process.communicate()

    def send(self, *messages: Mapping[str, Any], newline: str = "\n") -> None:
        self.write("".join(json.dumps(message) + newline for message in messages).encode())

    def write(self, raw: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(raw)
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next message; a line that is none fails the test."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline().decode("utf-8"))

    def handshake(self, newline: str = "\n") -> dict[str, Any]:
        self.send(INITIALIZE, newline=newline)
        answer = self.receive()
        self.send(INITIALIZED, newline=newline)
        return answer

    def call(self, number: int, tool: str, **arguments: Any) -> dict[str, Any]:
        self.send(call_of(number, tool, **arguments))
        while (message := self.receive()).get("id") != number:
            pass
        return message["result"]

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, *, close: bool = True) -> tuple[int, list[dict[str, Any]], str]:
        """Close stdin (unless told not to) and wait: the exit code, what else was on stdout, and stderr."""
        if close:
            out, err = self._process.communicate(timeout=LEAVE_SECONDS)
        else:
            self._process.wait(LEAVE_SECONDS)
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            out, err = self._process.stdout.read(), self._process.stderr.read()
        messages = [json.loads(line) for line in out.decode("utf-8").splitlines()]
        return self._process.returncode, messages, err.decode("utf-8", "backslashreplace")

    def close_input(self) -> int:
        """Close stdin and wait, reading nothing of what it wrote: the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(LEAVE_SECONDS)
        for unread in (self._process.stdout, self._process.stderr):
            assert unread is not None
            unread.close()
        return code

    def interrupted(self) -> tuple[int, str]:
        """Wait for a program that speaks to a person: its exit code and stderr."""
        _, err = self._process.communicate(timeout=LEAVE_SECONDS)
        return self._process.returncode, err.decode("utf-8", "backslashreplace")
