"""Ask a person to confirm: a form in the middle of a call, in both eras of the protocol.

In the handshake era the question is a request to the client while the call waits; its time does not count against the
call. In 2026-07-28 the question is the answer to the call, and the client calls again with the person's answer and a
sealed state that names the question: an answer counts only for the question that was asked.

A question has one field, a choice without a default, the harmless one first: some hosts submit an untouched boolean as
false, some cannot decline, some preselect the first value, some accept empty forms by themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from pydantic import ValidationError

from layers_mcp.deadlines import AFTER_QUESTION_SECONDS
from layers_mcp.lifecycle import Deadline

FIELD = "decision"
LONGEST_QUESTION = 600
PROGRESS_SECONDS = 10.0
"""How often a client gets progress while its call waits for the person."""


@dataclass(frozen=True)
class Question:
    """What a person is asked: the verb that they say yes to, and what it is about.

    `about` names what they agree to: another value is another question. `write` returns the line that they read; it is
    called when the question is shown, and may include what changes without a new question, such as a balance.
    """

    verb: str
    about: str
    write: Callable[[], Awaitable[str]] = field(compare=False)

    @property
    def choices(self) -> tuple[str, str]:
        """The harmless choice, and the yes."""
        return f"do not {self.verb}", self.verb

    @property
    def digest(self) -> str:
        """A hash that names the question in the state that the client carries."""
        return hashlib.sha256(json.dumps([self.about, self.verb]).encode()).hexdigest()

    @property
    def schema(self) -> dict[str, Any]:
        """The form: one required choice."""
        no, yes = self.choices
        described = f"Choose “{yes}” to go on, or “{no}”."
        return {
            "type": "object",
            "properties": {FIELD: {"type": "string", "enum": [no, yes], "description": described}},
            "required": [FIELD],
        }


class InputRequiredError(Exception):
    """Ends a call of 2026-07-28 that needs an answer first; `result` is the result of that call."""

    def __init__(self, question: Question, text: str) -> None:
        super().__init__("a question is to be answered first")
        params = ElicitRequestFormParams(message=text, requested_schema=question.schema)
        self.result = InputRequiredResult(
            input_requests={FIELD: ElicitRequest(params=params)}, request_state=question.digest
        )


class Declined(Exception):  # noqa: N818 - named for what happened
    """No yes came, and why. `chose_no`: the person picked the no, and did not merely fail to say yes."""

    def __init__(self, cause: str, *, chose_no: bool = False) -> None:
        super().__init__(cause)
        self.chose_no = chose_no


Ask = Callable[[Question], Awaitable[None]]
"""`await ask(question)` returns if the person chose yes. Raises `Declined` for everything else."""


class QuestionTimeout:
    """How long a question may hold up a call of one server, shortened once its client gave up on one.

    A few hosts declare that they can ask and show nothing. Once a client gives up a call during a question, later
    questions stay within the call's own time, until one is answered.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.short = False


def asker(
    context: ServerRequestContext[Any], params: CallToolRequestParams, deadline: Deadline, timeout: QuestionTimeout
) -> Ask | None:
    """Return how to ask the person behind this call; None where its client cannot be asked."""
    declared = context.session.client_capabilities
    elicitation = declared and declared.elicitation
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None
    if context.protocol_version >= "2026":
        return _ResubmittedElicitation(params).ask
    if context.protocol_version < "2025-06-18" or not context.session.can_send_request:
        return None
    return _InlineElicitation(context, deadline, timeout).ask


class _ResubmittedElicitation:
    """2026-07-28: end the call with the question, and read the answer from the next call."""

    def __init__(self, params: CallToolRequestParams) -> None:
        self._answers = params.input_responses or {}
        self._asked = params.request_state

    async def ask(self, question: Question) -> None:
        answer = self._answers.get(FIELD)
        if answer is None or self._asked != question.digest:
            raise InputRequiredError(question, await question.write())
        if not isinstance(answer, ElicitResult):
            raise Declined("The answer was none to this question.")
        _require_yes(question, answer)


class _InlineElicitation:
    """The handshake era: ask the client while the call waits."""

    def __init__(self, context: ServerRequestContext[Any], deadline: Deadline, timeout: QuestionTimeout) -> None:
        self._context = context
        self._deadline = deadline
        self._timeout = timeout

    async def ask(self, question: Question) -> None:
        seconds = self._timeout.seconds
        text = await question.write()
        if self._timeout.short:
            answer = await self._answer(question, text, self._deadline.allow(seconds, keep=AFTER_QUESTION_SECONDS))
        else:
            with self._deadline.paused():
                answer = await self._answer(question, text, seconds)
        if isinstance(answer, Declined):
            raise answer
        _require_yes(question, answer)

    async def _answer(self, question: Question, text: str, seconds: float) -> ElicitResult | Declined:
        answer: ElicitResult | Declined = Declined(f"Nobody answered the question within {seconds:.0f} seconds.")
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._tell_progress)
                with anyio.move_on_after(seconds):
                    answer = await self._elicit(question, text)
                    self._timeout.short = False
                group.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            self._timeout.short = True  # the client gave up the call during the question
            raise
        return answer

    async def _elicit(self, question: Question, text: str) -> ElicitResult | Declined:
        try:
            return await self._context.session.elicit_form(
                text, cast("Any", question.schema), related_request_id=self._context.request_id
            )
        except MCPError:
            return Declined("The client could not ask its user.")
        except ValidationError:
            return Declined("The client's answer is none that a form can have.")

    async def _tell_progress(self) -> None:
        waited = 0.0
        while True:
            await anyio.sleep(PROGRESS_SECONDS)
            waited += PROGRESS_SECONDS
            await self._context.session.report_progress(waited, None, "waiting for a person's answer")


Principal = Callable[[ServerRequestContext[Any]], str | None]
"""Names the tenant whose request it is; None if there is only one."""


class SealedState:
    """Server middleware that seals the state of a question, and refuses (-32602) one that is not this call's own.

    Its key is derived at the first call that needs one: most clients of that era ask nothing.
    """

    def __init__(self, audience: str, key: bytes, seconds: float, principal: Principal | None) -> None:
        self._audience = audience
        self._key = key
        self._seconds = seconds
        self._principal = principal

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call" or not self._concerns(ctx):
            return await call_next(ctx)
        return await self._boundary(ctx, call_next)

    def _concerns(self, context: ServerRequestContext[Any]) -> bool:
        if (context.params or {}).get("requestState") is not None:
            return True
        declared = context.session.client_capabilities
        return context.protocol_version >= "2026" and declared is not None and declared.elicitation is not None

    @cached_property
    def _boundary(self) -> ServerMiddleware[Any]:
        from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

        security = RequestStateSecurity(keys=[self._key], ttl=self._seconds, bind_principal=self._principal)
        return RequestStateBoundary(security, default_audience=self._audience)


def _require_yes(question: Question, answer: ElicitResult) -> None:
    """Raise `Declined` for every answer but the yes, with what came instead."""
    no, yes = question.choices
    chosen = (answer.content or {}).get(FIELD)
    if answer.action == "accept" and chosen == yes:
        return
    if answer.action == "accept" and chosen == no:
        raise Declined(f"The user chose “{no}”.", chose_no=True)
    if answer.action == "accept":
        raise Declined("The form came back without a choice, as from a client that accepts it by itself.")
    declined = "declined" if answer.action == "decline" else "dismissed"
    raise Declined(f"The question was {declined}, by the user or by a client that showed it to nobody.")
