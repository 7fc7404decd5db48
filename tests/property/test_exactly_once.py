"""No sequence of calls, lost replies, refusals, kills, rotated keys and clock jumps charges an order twice or loses it.

The default run makes some thousand steps, most of several requests; `LAYERS_TEST_STEPS=20` makes twenty times as many,
and `.ci/run` four times.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import CloneOrder, HookOrder, OperationError, Order, Placement
from layers_mcp.operations.errors import OrderUnknownError
from layers_mcp.operations.identity import idempotency_key
from layers_mcp.sandbox import Fault
from tests.support import BASE_URL
from tests.support.crash_harness import Server, Town
from tests.support.virtual_time import JumpingLoop

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))
ORDERS = ("POST /v1/content/:id/clone-from-post", "POST /v1/projects/:id/content")

clones = st.fixed_dictionaries(
    {"post": st.sampled_from([0, 1]), "variations": st.sampled_from([1, 2]), "take": st.sampled_from([1, 2])}
)
hooks = st.fixed_dictionaries(
    {"hook": st.sampled_from(["Café first.", "Plan less."]), "take": st.sampled_from([1, 2])},
    optional={"theme_tags": st.permutations(["speed", "focus"]).map(tuple)},
)
wanted = st.one_of(clones, hooks)
spellings = st.sampled_from([str, " {}".format, "{}\n".format])
troubles = st.lists(
    st.tuples(
        st.sampled_from(["drop_before", "drop_after", "truncate", "html_502", "latency", "500", "503", "402", "429"]),
        st.sampled_from([(1,), (2,), (1, 2), ()]),
    ),
    max_size=2,
)


class ExactlyOnce(RuleBasedStateMachine):
    """Orders from a small set, again and again, while everything around them breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=JumpingLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.town = self.run(self._settle())
        self.posts = self.run(self._posts())
        self.servers = [self.run(self._server())]
        self.placed: dict[str, Order] = {}
        self.jobs: dict[str, str] = {}

    def run(self, work: Any) -> Any:
        return self.loop.run(work)

    async def _settle(self) -> Town:
        return Town(Path(self.folder.name) / "town")

    async def _server(self) -> Server:
        return Server(self.town)

    async def _posts(self) -> list[str]:
        self.project = self.town.sandbox.project_id("acme-todo")
        server = Server(self.town)
        await server._up.wait()
        ranking = await server.ws.api.metrics.top_performers(self.project, metric="views", window="30d")
        await server.stop()
        return [row.platform_post_id for row in ranking.items[:2]]

    def order(self, wanted: dict[str, Any], spell: Any = str) -> Order:
        arguments = dict(wanted)
        if "post" in arguments:
            post = self.posts[arguments.pop("post")]
            order: Order = CloneOrder(project_id=spell(self.project), source_platform_post_id=spell(post), **arguments)
        else:
            order = HookOrder(project_id=self.project, **{**arguments, "hook": spell(arguments["hook"])})
        self.placed[order.identity] = order
        return order

    def answered(self, order: Order, placement: Placement) -> None:
        """Whatever was answered names one charge, and the same job at every later answer."""
        assert placement.record is not None
        charges = self.charges(order)
        assert len(charges) == 1
        if placement.record.job_id:
            assert (
                self.jobs.setdefault(order.identity, placement.record.job_id) == placement.record.job_id == charges[0]
            )
        assert len(placement.record.container_ids) >= 1

    def charges(self, order: Order) -> list[str | None]:
        return self.town.charges[idempotency_key(BASE_URL, order.identity)]

    async def _place(self, server: Server, order: Order) -> None:
        with contextlib.suppress(LayersError, OperationError):
            self.answered(order, await server.place(order))

    # --- what happens

    @rule(wanted=wanted, spell=spellings, troubles=troubles)
    def an_agent_orders(self, wanted: dict[str, Any], spell: Any, troubles: list[tuple[str, tuple[int, ...]]]) -> None:
        order = self.order(wanted, spell)
        self.town.sandbox.faults += [fault(kind, calls, where) for kind, calls in troubles for where in ORDERS]
        self.run(self._place(self.servers[0], order))
        self.town.sandbox.faults.clear()

    @rule(wanted=wanted, servers=st.sampled_from([(0, 0), (0, 1), (1, 0, 1)]))
    def several_order_the_same_at_once(self, wanted: dict[str, Any], servers: tuple[int, ...]) -> None:
        async def at_once() -> None:
            while len(self.servers) <= max(servers):
                self.servers.append(Server(self.town))
            await asyncio.gather(*(self._place(self.servers[number], order) for number in servers))

        order = self.order(wanted)
        self.run(at_once())

    @rule(wanted=wanted, when=st.sampled_from(["before", "after"]))
    def the_server_is_killed_with_an_order_on_its_way(self, wanted: dict[str, Any], when: Any) -> None:
        async def kill() -> None:
            await self.servers.pop(0).place_and_be_killed(order, when)
            for other in self.servers:  # its journal moved too: it lives on as a new process
                await other.stop()
            self.servers = [Server(self.town)]

        order = self.order(wanted)
        self.run(kill())

    @rule(wanted=wanted)
    def the_caller_goes_away(self, wanted: dict[str, Any]) -> None:
        order = self.order(wanted)
        self.run(self.servers[0].place_and_go_away(order))
        self.restart()

    @rule()
    def restart(self) -> None:
        async def again() -> None:
            for server in self.servers:
                await server.stop()
            self.servers = [Server(self.town)]

        self.run(again())

    @rule()
    def the_key_is_rotated(self) -> None:
        self.town.key = self.town.sandbox.issue_key()
        self.restart()

    @rule(wanted=wanted)
    def whoami_fails_after_a_rotation(self, wanted: dict[str, Any]) -> None:
        self.town.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=404))
        self.the_key_is_rotated()
        self.an_agent_orders(wanted, str, [])

    @rule(hours=st.sampled_from([0.01, 1, 21, 25]))
    def time_passes(self, hours: float) -> None:
        self.town.clock.move(hours=hours)

    @rule(wanted=wanted, hours=st.sampled_from([-30, -3, -0.5, 0.5]))
    def the_clock_is_wrong_for_a_call(self, wanted: dict[str, Any], hours: float) -> None:
        self.town.skew = timedelta(hours=hours)
        self.an_agent_orders(wanted, str, [])
        self.town.skew = timedelta()

    @rule(
        wanted=wanted,
        lost=st.sampled_from(["drop_before", "drop_after"]),
        refusal=st.sampled_from(["", "402", "429"]),
        then=st.sampled_from(["rotation", "day", "clock"]),
    )
    def an_answer_is_lost_and_cannot_be_asked_for_again(
        self, wanted: dict[str, Any], lost: str, refusal: str, then: str
    ) -> None:
        self.an_agent_orders(wanted, str, [(lost, ())])
        if refusal:
            self.an_agent_orders(wanted, str, [(refusal, ())])
        if then == "rotation":
            self.the_key_is_rotated()
        elif then == "day":
            self.time_passes(25)
        else:
            self.the_clock_is_wrong_for_a_call(wanted, -3)
        self.an_agent_orders(wanted, str, [])

    # --- what holds

    @invariant()
    def nothing_is_charged_twice(self) -> None:
        assert all(len(jobs) <= 1 for jobs in self.town.charges.values())
        assert len(self.town.charged()) == sum(map(len, self.town.charges.values()))

    def teardown(self) -> None:
        """In a healed world every order can be completed, or is refused for a reason that is true."""
        try:
            self.run(self._complete_all())
            self.nothing_is_charged_twice()
        finally:
            for server in self.servers:
                self.run(server.stop())
            self.town.close()
            self.loop.close()
            self.folder.cleanup()

    async def _complete_all(self) -> None:
        for order in self.placed.values():
            with contextlib.suppress(OrderUnknownError) if isinstance(order, HookOrder) else contextlib.nullcontext():
                self.answered(order, await self.servers[0].place(order))


def fault(kind: str, calls: tuple[int, ...], where: str) -> Fault:
    if kind.isdigit():
        return Fault(endpoint=where, kind="status", status=int(kind), calls=calls)
    return Fault(endpoint=where, kind=kind, calls=calls, seconds=60 if kind == "latency" else None)


def test_no_sequence_of_events_charges_an_order_twice_or_loses_it() -> None:
    run_state_machine_as_test(
        ExactlyOnce,
        settings=settings(
            max_examples=int(16 * TIMES),
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
