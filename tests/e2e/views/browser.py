"""Drives `host.mjs`: a view on a sandboxed page in Chromium, behind the official AppBridge, as tests see it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layers_mcp.config import DEFAULT_MEDIA_ORIGINS
from layers_mcp.views import pages

HOST = Path(__file__).with_name("host.mjs")

Wire = dict[str, Any]
Answering = Callable[[str, Wire], "Wire | None"]
"""Answers a tool call with its result, or with `{"error": …}`; None leaves it unanswered."""


class BrowserError(Exception):
    """A command that the browser could not follow."""


class Browser:
    """One Chromium with one view at a time. Commands are answered in turn; events are kept in `events`."""

    def __init__(self, chromium: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(HOST), chromium], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        self._last = 0
        self.events: list[Wire] = []
        self.answering: Answering = unanswered

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
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

    def answer(self, call: int, result: Wire) -> None:
        """Answer a tool call of the view: with a result, or with `{"error": …}`."""
        self._send({"answer": call, **({"error": result["error"]} if "error" in result else {"result": result})})

    def _note(self, event: Wire) -> None:
        self.events.append(event)
        if event["event"] == "opened":
            self.events.clear()  # those of the view before
        if event["event"] == "call":
            answer = self.answering(event["name"], event["arguments"])
            if answer is not None:
                self.answer(event["call"], answer)

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> Wire:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BrowserError(f"the browser ended: {self._process.wait(20)}")
        return json.loads(line)


def unanswered(name: str, arguments: Wire) -> Wire | None:
    """Leave every call without an answer."""
    return None


def result_of(facts: Wire) -> Wire:
    """A tool result, as the server writes one: the same facts as structure and as text."""
    return {"content": [{"type": "text", "text": json.dumps(facts)}], "structuredContent": facts}


def error_of(text: str) -> Wire:
    """A tool result that is an error."""
    return {"content": [{"type": "text", "text": text}], "isError": True}


def part(name: str, row: str = "") -> str:
    """The selector of a part of a view, in the row of this id where one is given."""
    inside = f'[data-testid="row"][data-id="{row}"] ' if row else ""
    return f'{inside}[data-testid="{name}"]'


class Shown:
    """A view on show: what a person can do to it, and what it did."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def open(
        self,
        name: str,
        *,
        read_only: bool = False,
        media_origins: tuple[str, ...] = DEFAULT_MEDIA_ORIGINS,
        answering: Answering = unanswered,
        **options: Any,
    ) -> None:
        """Put a view on a page; its host is there, and silent."""
        found = pages(version="0.0.0", read_only=read_only, media_origins=media_origins)
        page = next(page for page in found if page.view.name == name)
        self.open_page(page.join(), page.meta["ui"]["csp"], answering, **options)

    def open_page(self, html: str, csp: Wire, answering: Answering = unanswered, **options: Any) -> None:
        """The same with a page as a server hands it out, under the policy of its `_meta`."""
        self.browser.answering = unanswered
        self.browser.do("open", html=html, csp=csp, **options)
        self.browser.answering = answering

    def connect(self, *, capabilities: Wire | None = None, **context: Any) -> None:
        """Let the host answer; `context` is what it tells of itself."""
        told = {"theme": "light", "locale": "en-US", "timeZone": "America/New_York", **context}
        given = {} if capabilities is None else {"capabilities": capabilities}
        self.browser.do("connect", context={key: value for key, value in told.items() if value is not None}, **given)

    def give(self, facts: Wire, **arguments: Any) -> None:
        """Hand over the arguments of a call and its result."""
        self.browser.do("input", args=arguments)
        self.result(result_of(facts))

    def result(self, result: Wire) -> None:
        self.browser.do("result", result=result)
        self.settle()

    def settle(self) -> None:
        """Wait until what was sent is drawn and its height told."""
        drawn = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(%s), 60)))"
        height = "Math.ceil(document.documentElement.getBoundingClientRect().height)"
        for _ in range(100):
            now = self.evaluate(drawn % height)
            if not self.events("size") or self.height == now:
                return

    def press(self, name: str, row: str = "", *, count: int = 1) -> None:
        self.browser.do("click", selector=part(name, row), count=count)

    def tap(self, name: str, row: str = "") -> None:
        self.browser.do("tap", selector=part(name, row))

    def key(self, *keys: str) -> None:
        for key in keys:
            self.browser.do("key", key=key)

    def type(self, text: str) -> None:
        self.browser.do("type", text=text)

    def select(self, name: str, value: str, row: str = "") -> None:
        self.browser.do("select", selector=part(name, row), value=value)
        self.settle()

    def evaluate(self, script: str, arg: Any = None) -> Any:
        return self.browser.do("evaluate", script=script, arg=arg)

    def wait_for(self, name: str, row: str = "") -> None:
        """Wait until a part can be seen."""
        script = "(selector) => document.querySelector(selector)?.checkVisibility() === true"
        self.browser.do("until", script=script, arg=part(name, row))

    def wait_for_text(self, text: str) -> None:
        self.browser.do("until", script="(text) => document.body.innerText.includes(text)", arg=text)

    def wait_for_calls(self, count: int) -> None:
        while len(self.calls) < count:
            self.settle()

    def texts(self, name: str, row: str = "") -> list[str]:
        """The texts of all parts of that name that can be seen."""
        script = """(selector) => [...document.querySelectorAll(selector)]
            .filter((node) => node.checkVisibility()).map((node) => node.innerText.trim())"""
        return self.evaluate(script, part(name, row))

    def text(self, name: str, row: str = "") -> str:
        (text,) = self.texts(name, row)
        return text

    def has(self, name: str, row: str = "") -> bool:
        return bool(self.texts(name, row))

    def attribute(self, selector: str, name: str) -> Any:
        return self.evaluate(
            "([selector, name]) => document.querySelector(selector).getAttribute(name)", [selector, name]
        )

    def marks(self, row: str) -> dict[str, float]:
        """Where a row's marks are, from 0 to 1 along its track: the end of a bar, the middle of others."""
        script = """(id) => {
            const track = document.querySelector(`[data-testid="row"][data-id="${id}"] .track`);
            if (!track) return {};
            const { left, width } = track.getBoundingClientRect();
            const place = (mark) => {
                const box = mark.getBoundingClientRect();
                return ((mark.dataset.mark === "bar" ? box.right : (box.left + box.right) / 2) - left) / width;
            };
            const marks = [...track.querySelectorAll("[data-mark]")];
            return Object.fromEntries(marks.map((mark) => [mark.dataset.mark, place(mark)]));
        }"""
        return self.evaluate(script, row)

    @property
    def page_text(self) -> str:
        return self.evaluate("() => document.body.innerText")

    @property
    def state(self) -> str | None:
        """The state shown in place of the content, None where the content is shown."""
        return self.evaluate("""() => {
            const [empty, content] = ["empty", "content"].map((name) => document.getElementsByClassName(name)[0]);
            if (empty.checkVisibility() === content.checkVisibility()) return "both or none";
            return empty.checkVisibility() ? empty.dataset.state : null;
        }""")

    @property
    def ids(self) -> list[str]:
        return self.evaluate("() => [...document.querySelectorAll('[data-testid=row]')].map((row) => row.dataset.id)")

    @property
    def focused(self) -> str | None:
        return self.evaluate(
            "() => document.activeElement?.dataset.testid ?? document.activeElement?.className ?? null"
        )

    def events(self, name: str) -> list[Wire]:
        """What the view has done so far, of one kind."""
        self.browser.do("flush")
        return [event for event in self.browser.events if event["event"] == name]

    @property
    def calls(self) -> list[tuple[str, Wire]]:
        """What the view called, with which arguments."""
        return [(event["name"], event["arguments"]) for event in self.events("call")]

    @property
    def contexts(self) -> list[str]:
        """What the model was told, each time."""
        return [event["params"]["content"][0]["text"] for event in self.events("context")]

    def wait_for_contexts(self) -> list[str]:
        """What the model was told, each time, once it was told anything."""
        for _ in range(200):
            if self.contexts:
                break
            self.settle()
        return self.contexts

    @property
    def height(self) -> int:
        """The height that the view told last."""
        return self.events("size")[-1]["height"]

    @property
    def requested(self) -> list[str]:
        """What the view fetched."""
        return [event["url"] for event in self.events("request")]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the browser, but for files that a test did not serve."""
        lines = [event["text"] for event in self.events("console") if event["level"] in {"error", "warn", "exception"}]
        return [line for line in lines if not line.startswith("Failed to load resource")]

    def violations(self) -> list[Wire]:
        """What axe-core finds."""
        return self.browser.do("axe")
