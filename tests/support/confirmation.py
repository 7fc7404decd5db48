"""A client whose user is asked before money, decisions and publications, and an API that changes meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from httpx2 import AsyncBaseTransport, Request, Response
from mcp import Client
from mcp.types import ElicitResult, ErrorData

from layers_mcp import create_server
from tests.support import BASE_URL, configured
from tests.support.tool_harness import ToolHarness

Answer = ElicitResult | ErrorData


class Person:
    """Answers the questions of a client after so many seconds, the last answer for ever, and keeps the questions.

    `meanwhile(number)` is what happens before the answer to each, counted from 1.
    """

    def __init__(
        self, *answers: Answer, seconds: float = 0, meanwhile: Callable[[int], object] = lambda number: None
    ) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.meanwhile = meanwhile
        self.questions: list[Any] = []

    async def __call__(self, context: Any, params: Any) -> Answer:
        self.questions.append(params)
        await anyio.sleep(self.seconds)
        happening = self.meanwhile(len(self.questions))
        if isinstance(happening, Awaitable):
            await happening
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def texts(self) -> list[str]:
        """What was asked, in order."""
        return [question.message for question in self.questions]


def chose(decision: object) -> ElicitResult:
    """The form as it comes back with a choice, or with what is none."""
    return ElicitResult.model_construct(action="accept", content={"decision": decision})


class Rewriting(AsyncBaseTransport):
    """A way to the API on which `edit` may change the answers to reads of a path that ends in one of its names."""

    def __init__(self, inner: AsyncBaseTransport) -> None:
        self.inner = inner
        self.edits: dict[str, Callable[[Any], None]] = {}
        self.asked: list[str] = []

    async def handle_async_request(self, request: Request) -> Response:
        path = f"{request.method} {request.url.path}"
        self.asked.append(path)
        answer = await self.inner.handle_async_request(request)
        edit = next((edit for end, edit in self.edits.items() if path.startswith("GET ") and path.endswith(end)), None)
        if edit is None:
            return answer
        await answer.aread()
        body = answer.json()
        edit(body)
        return Response(answer.status_code, content=json.dumps(body), headers={"Content-Type": "application/json"})

    def price(self, times: float) -> None:
        """Let every piece cost so many times its price from now on."""

        def edit(body: Any) -> None:
            prices = body["estimatedCreditsPerFormat"]
            body["estimatedCreditsPerFormat"] = {name: round(price * times) for name, price in prices.items()}

        self.edits["/credits"] = edit


@asynccontextmanager
async def asked(
    harness: ToolHarness,
    state_dir: Path,
    person: Person | None,
    era: str = "legacy",
    *,
    transport: AsyncBaseTransport | None = None,
    **settings: Any,
) -> AsyncGenerator[Client]:
    """A client whose user is this person, of a server of its own on the harness's organization."""
    known = {"api_key": harness.sandbox.api_key, "base_url": BASE_URL, "state_dir": state_dir, **settings}
    transport = transport or harness.sandbox.transport()
    server = create_server(**configured(**known), transport=transport, clock=harness.sandbox.now)
    async with Client(server, mode=era, elicitation_callback=person) as client:
        yield client
