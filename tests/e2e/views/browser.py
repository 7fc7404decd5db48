"""Drives `host.mjs`: a view on a sandboxed page in Chromium, behind the official AppBridge, as tests see it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HOST = Path(__file__).with_name("host.mjs")

Answer = Mapping[str, Any]
Answering = Callable[[str, dict[str, Any]], "Answer | None"]
"""Answers a tool call with its result; None leaves it unanswered."""


class BrowserError(Exception):
    """A command that the browser could not follow."""


class Browser:
    """One Chromium with one view at a time. Commands are answered in turn; events are kept in `events`."""

    def __init__(self, chromium: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(HOST), chromium], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        self._last = 0
        self.events: list[dict[str, Any]] = []
        self.answering: Answering = lambda name, arguments: None

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def do(self, command: str, **fields: Any) -> Any:
        """Run a command; tool calls that come meanwhile are answered."""
        self._last += 1
        self._send({"id": self._last, "do": command, **fields})
        while True:
            message = self._read()
            if "event" in message:
                self._note(message)
            elif message["id"] == self._last:
                if "error" in message:
                    raise BrowserError(message["error"])
                return message["value"]

    def answer(self, call: int, result: Answer) -> None:
        """Answer a tool call of the view that was left unanswered: with a result, or with `{"error": …}`."""
        self._send({"answer": call, **({"error": result["error"]} if "error" in result else {"result": result})})

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        if event["event"] == "call":
            answer = self.answering(event["name"], event["arguments"])
            if answer is not None:
                self.answer(event["call"], answer)

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"the browser ended: {self._process.wait(20)}")
        return json.loads(line)
