"""No sequence of questions, answers, old states, lost replies and kills orders without a yes, or charges twice."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from mcp import MCPError
from mcp.types import CallToolResult, ElicitResult, ErrorData, InputRequiredResult

from layers_mcp.operations import HookOrder
from layers_mcp.operations.identity import idempotency_key
from layers_mcp.sandbox import Fault
from tests.support import BASE_URL
from tests.support.confirmation import Person, Rewriting, asked, chose
from tests.support.crash_harness import Cluster, CountingTransport
from tests.support.tool_harness import checked_text
from tests.support.virtual_time import JumpingLoop

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))

TOOL = "generate_with_hook"
YES = chose("order")
NO = (
    chose("do not order"),
    chose("Order"),
    ElicitResult(action="accept"),
    ElicitResult(action="decline"),
    ElicitResult(action="cancel"),
)
REFUSED = ErrorData(code=-32603, message="no")

orders = st.fixed_dictionaries(
    {"hook": st.sampled_from(["Plan less.", "Café first."]), "take": st.sampled_from([1, 2])}
)
eras = st.sampled_from(["legacy", "auto"])
answers = st.lists(st.sampled_from([YES, YES, YES, *NO]), min_size=1, max_size=2)
changes = st.sampled_from(["nothing", "nothing", "dearer", "cheaper", "no price", "less hold"])
faults = st.sampled_from(["", "", "drop_before", "drop_after", "html_502", "500", "402"])


class Remembered(Person):
    """Tells which questions were answered with yes, as soon as they are."""

    def __init__(self, tell: Callable[[str], None], *answers: Any, **more: Any) -> None:
        super().__init__(*answers, **more)
        self._tell = tell

    async def __call__(self, context: Any, params: Any) -> Any:
        answer = await super().__call__(context, params)
        if answer is YES:
            self._tell(params.message)
        return answer


class Confirmed(RuleBasedStateMachine):
    """Two orders in two takes, asked for again and again by clients that ask a person first."""

    states = Bundle("states")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=JumpingLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.key_file = Path(self.folder.name) / "state.key"
        self.key_file.write_bytes(b"k" * 32)
        self.cluster = self.loop.run(self._settle())
        self.project = self.cluster.sandbox.project_id("acme-todo")
        self.agreed: dict[str, int] = {}

    async def _settle(self) -> Cluster:
        return Cluster(Path(self.folder.name) / "cluster")

    # --- what a call and a person do

    def key(self, wanted: dict[str, Any]) -> str:
        return idempotency_key(BASE_URL, HookOrder(project_id=self.project, **wanted).identity)

    def client(self, person: Person | None, era: str, transport: Any) -> Any:
        stage: Any = self.cluster
        return asked(stage, self.cluster.state_dir, person, era, transport=transport, state_key_file=self.key_file)

    def person(self, wanted: dict[str, Any], given: list[Any], **more: Any) -> Person:
        """Somebody who gives these answers; a yes is remembered with the price that it was given to."""
        return Remembered(lambda question: self.remember(wanted, question), *given, **more)

    def remember(self, wanted: dict[str, Any], question: str) -> None:
        price = re.search(r"for up to (\d+) credits", question)
        agreed = int(price[1]) if price else 1_000_000
        self.agreed[self.key(wanted)] = max(agreed, self.agreed.get(self.key(wanted), 0))

    def judge(self, wanted: dict[str, Any], result: CallToolResult) -> None:
        """An answer has the contract's form; an order that it names is charged once, at a price that was agreed to."""
        checked_text(TOOL, result)
        content = result.structured_content
        if content is None:
            return
        [job] = self.cluster.made[self.key(wanted)]
        assert content["job_id"] in (None, job)
        if not content["replayed"] and content.get("estimated_credits"):
            assert content["estimated_credits"] <= self.agreed[self.key(wanted)]

    def change(self, transport: Rewriting, what: str) -> None:
        if what in ("dearer", "cheaper"):
            transport.price(2 if what == "dearer" else 0.5)
        elif what == "no price":
            transport.edits["/credits"] = lambda body: body.update(estimatedCreditsPerFormat={})
        elif what == "less hold":
            self.cluster.sandbox.set_review_policy("acme-todo", "auto_approve")

    # --- what happens

    @rule(wanted=orders, era=eras, given=answers, what=changes, kind=faults)
    def a_person_is_asked(self, wanted: dict[str, Any], era: str, given: list[Any], what: str, kind: str) -> None:
        transport = Rewriting(CountingTransport(self.cluster))
        person = self.person(wanted, given, seconds=3, meanwhile=lambda number: self.change(transport, what))
        where = "POST /v1/projects/:id/content"
        if kind:
            self.cluster.sandbox.faults.append(
                Fault(endpoint=where, kind="status", status=int(kind))
                if kind.isdigit()
                else Fault(endpoint=where, kind=kind, calls=(1,))
            )

        async def call() -> None:
            async with self.client(person, era, transport) as client:
                self.judge(wanted, await client.call_tool(TOOL, {"project_id": self.project, **wanted}))

        self.loop.run(call())
        self.cluster.sandbox.faults.clear()
        self.cluster.sandbox.set_review_policy("acme-todo", "review_all")

    @rule(wanted=orders, era=eras, given=st.permutations([YES, NO[0], NO[3]]))
    def several_ask_at_once(self, wanted: dict[str, Any], era: str, given: list[Any]) -> None:
        person = self.person(wanted, given, seconds=3)

        async def call(client: Any) -> None:
            self.judge(wanted, await client.call_tool(TOOL, {"project_id": self.project, **wanted}))

        async def at_once() -> None:
            async with (
                self.client(person, era, CountingTransport(self.cluster)) as client,
                anyio.create_task_group() as group,
            ):
                for _ in given:
                    group.start_soon(call, client)

        self.loop.run(at_once())

    @rule(wanted=orders)
    def a_client_cannot_ask_after_all(self, wanted: dict[str, Any]) -> None:
        person = self.person(wanted, [REFUSED])

        async def call() -> None:
            async with self.client(person, "legacy", CountingTransport(self.cluster)) as client:
                self.judge(wanted, await client.call_tool(TOOL, {"project_id": self.project, **wanted}))

        self.loop.run(call())

    @rule(target=states, wanted=orders)
    def a_question_is_kept(self, wanted: dict[str, Any]) -> Any:
        async def call() -> Any:
            async with self.client(Person(YES), "auto", CountingTransport(self.cluster)) as client:
                call = {"project_id": self.project, **wanted}
                return await client.session.call_tool(TOOL, call, allow_input_required=True)

        answer = self.loop.run(call())
        if not isinstance(answer, InputRequiredResult):
            return multiple()
        return wanted, answer.request_state, answer.input_requests["decision"].params.message

    @rule(kept=states, for_call=orders, given=st.sampled_from([YES, YES, *NO]), forged=st.booleans())
    def a_kept_question_is_answered(
        self, kept: tuple[dict[str, Any], str, str], for_call: dict[str, Any], given: Any, forged: bool
    ) -> None:
        wanted, state, question = kept
        state = state[:-3] + ("AAA" if state[-3:] != "AAA" else "BBB") if forged else state
        own = for_call == wanted and not forged
        if own and given is YES:
            self.remember(wanted, question)

        async def call() -> Any:
            async with self.client(Person(YES), "auto", CountingTransport(self.cluster)) as client:
                try:
                    return await client.session.call_tool(
                        TOOL,
                        {"project_id": self.project, **for_call},
                        input_responses={"decision": given},
                        request_state=state,
                        allow_input_required=True,
                    )
                except MCPError as error:
                    return error

        answer = self.loop.run(call())
        if not own:
            assert isinstance(answer, MCPError)
            assert answer.code == -32602
        elif isinstance(answer, CallToolResult):
            self.judge(wanted, answer)

    @rule(wanted=orders, era=eras, when=st.sampled_from(["asked", "before", "after"]))
    def the_server_is_killed(self, wanted: dict[str, Any], era: str, when: Any) -> None:
        """While a person is asked; or after their yes, before the order arrived, or after."""
        transport = CountingTransport(self.cluster)
        at_work = anyio.Event()

        async def hang(number: int) -> None:
            at_work.set()
            await anyio.sleep_forever()

        if when == "asked":
            person = Person(YES, meanwhile=hang)
        else:
            transport.dies = when
            person = self.person(wanted, [YES])

        async def kill() -> None:
            async with self.client(person, era, transport) as client, anyio.create_task_group() as group:

                async def call() -> None:
                    await client.call_tool(TOOL, {"project_id": self.project, **wanted})
                    at_work.set()

                async def die() -> None:
                    await transport.died.wait()
                    at_work.set()

                group.start_soon(call)
                group.start_soon(die)
                await at_work.wait()
                self.cluster.out_of_reach()
                transport.died.set()
                group.cancel_scope.cancel()

        self.loop.run(kill())

    @rule(hours=st.sampled_from([0.1, 3]))
    def time_passes(self, hours: float) -> None:
        self.cluster.clock.move(hours=hours)

    # --- what holds

    @invariant()
    def nothing_is_charged_twice_or_without_a_yes(self) -> None:
        assert all(len(jobs) <= 1 for jobs in self.cluster.made.values())
        assert len(self.cluster.charges()) == sum(map(len, self.cluster.made.values()))
        assert {key for key, jobs in self.cluster.made.items() if jobs} <= self.agreed.keys()

    def teardown(self) -> None:
        """In a healed world a yes completes every order."""
        try:
            for hook in ("Plan less.", "Café first."):
                for take in (1, 2):
                    self.a_person_is_asked({"hook": hook, "take": take}, "auto", [YES], "nothing", "")
                    assert len(self.cluster.made[self.key({"hook": hook, "take": take})]) == 1
            self.nothing_is_charged_twice_or_without_a_yes()
        finally:
            self.loop.run(self.cluster.aclose())
            self.loop.close()
            self.folder.cleanup()


def test_no_sequence_of_questions_and_answers_orders_without_a_yes_or_charges_twice() -> None:
    run_state_machine_as_test(
        Confirmed,
        settings=settings(
            max_examples=max(1, int(5 * TIMES)),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
