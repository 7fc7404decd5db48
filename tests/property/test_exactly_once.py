"""No sequence of calls, failures and wrong clocks charges or publishes anything twice, loses it, or passes a limit.

A run makes some hundred steps, most of several requests; `LAYERS_TEST_STEPS=20` makes twenty times as many.
`LAYERS_TEST_SEED` chooses another sequence. Some rules are a throw of dice; those under "what has to go wrong in this
order" aim at one safeguard each, with something new, in whatever state the world is by then.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.vintages import Vintage
from tests.support.crash_harness import Server
from tests.support.order_events import CALLERS, Trouble, clones, hooks, lies, publications, spellings, troubles, wanted
from tests.support.order_machine import VINTAGES, OrderMachine

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))
SEED = int(os.environ.get("LAYERS_TEST_SEED", "1"))
STEPS = 60

WHOAMI = "GET /v1/whoami"
LOST: list[Trouble] = [("drop_after", ())]
NEVER_ARRIVED: list[Trouble] = [("drop_before", ())]


class ExactlyOnce(OrderMachine):
    """A small set of orders and publications, again and again, while everything around them breaks."""

    # --- what happens

    @rule(
        wanted=wanted,
        spell=spellings,
        troubles=troubles,
        slow=st.sampled_from([0, 0, 4, 60]),
        budget=st.sampled_from([0, 0, 60, 120]),
    )
    def an_agent_asks(
        self, wanted: dict[str, Any], spell: Any, troubles: list[Trouble], slow: float, budget: int
    ) -> None:
        self.ask(wanted, troubles, spell=spell, slow=slow, budget=budget)

    @rule(
        wanted=wanted,
        callers=st.sampled_from(CALLERS),
        after=st.sampled_from([0, 0.5, 3]),
        slow=st.sampled_from([0, 4, 15, 35]),
    )
    def several_ask_for_the_same(
        self, wanted: dict[str, Any], callers: tuple[str, ...], after: float, slow: float
    ) -> None:
        async def at_once() -> None:
            second, other = Server(self.cluster), Server(self.cluster, self.other_key)
            servers = {"same": self.servers[0], "second": second, "other key": other}
            calls: list[asyncio.Task[Any]] = []
            for caller in callers:
                calls.append(asyncio.create_task(self.place(servers[caller], order, known=not fresh or slow > 15)))
                await asyncio.sleep(after)
            await asyncio.gather(*calls)
            self.cluster.slow = 0
            await second.stop()
            await other.stop()

        before = set(self.placed)
        order = self.order(wanted)
        fresh = order.identity not in before
        self.cluster.slow = slow
        self.run(at_once())

    @rule(wanted=wanted, when=st.sampled_from(["before", "after"]))
    def the_server_is_killed_with_a_write_on_its_way(self, wanted: dict[str, Any], when: Any) -> None:
        async def kill() -> None:
            await self.servers[0].place_and_be_killed(order, when)
            self.servers = [Server(self.cluster)]

        order = self.order(wanted)
        self.run(kill())

    @rule(
        wanted=wanted,
        step=st.sampled_from(["find", "reserve", "AttemptStarted", "Accepted", "AttemptUnanswered", "claims"]),
        when=st.sampled_from(["killed before", "killed after"]),
    )
    def the_server_is_killed_at_a_step_of_the_journal(self, wanted: dict[str, Any], step: str, when: Any) -> None:
        async def kill() -> None:
            self.cluster.storage.fail(when, [1], at=step)
            await self.servers[0].place_and_be_killed(order)
            self.cluster.storage.heal()
            self.servers = [Server(self.cluster)]

        order = self.order(wanted)
        self.run(kill())

    @rule(wanted=wanted)
    def the_caller_goes_away(self, wanted: dict[str, Any]) -> None:
        self.run(self.servers[0].place_and_go_away(self.order(wanted)))
        self.start_again()

    @rule(
        wanted=wanted,
        failure=st.sampled_from(["refused", "unsure", "late", "orphaned"]),
        first=st.integers(1, 14),
        steps=st.sampled_from([1, 1, 2, 30, 300]),
        passing=st.booleans(),
    )
    def the_journal_fails(self, wanted: dict[str, Any], failure: Any, first: int, steps: int, passing: bool) -> None:
        self.cluster.storage.fail(failure, range(first, first + steps), passing=passing)
        self.ask(wanted)
        self.cluster.storage.heal()

    @rule()
    def the_server_is_started_again(self) -> None:
        self.start_again()

    @rule()
    def the_key_is_rotated(self) -> None:
        self.rotate()

    @rule(wanted=wanted)
    def whoami_fails_after_a_rotation(self, wanted: dict[str, Any]) -> None:
        with self.faulty(Fault(endpoint=WHOAMI, kind="status", status=404)):
            self.rotate()
            self.ask(wanted)

    @precondition(lambda self: self.changing)
    @rule(vintage=st.sampled_from(VINTAGES), seen=st.booleans())
    def the_api_speaks_another_vintage(self, vintage: Vintage, seen: bool) -> None:
        """Which a server finds out when it is started, or by what it is answered."""
        self.cluster.sandbox.speak(vintage)
        self.vintage = vintage
        if seen:
            self.start_again()

    @rule(hours=st.sampled_from([0.01, 1, 14.8, 21, 25]))
    def time_passes(self, hours: float) -> None:
        self.wait(hours=hours)

    @rule(hours=st.sampled_from([-30, -5, -0.5, 0, 0, 0.03, 0.5, 5, 30]))
    def the_clock_is_wrong_from_now_on(self, hours: float) -> None:
        self.cluster.skew = timedelta(hours=hours)

    # --- what has to go wrong in this order

    @rule(
        wanted=wanted,
        lost=st.sampled_from(["drop_before", "drop_after", "killed", "late", "Accepted", "AttemptStarted"]),
        refusal=st.sampled_from(["", "402", "429"]),
        then=st.sampled_from(["rotation", "day", "day and clock", "clock and day"]),
        hours=st.sampled_from([3, 5, 30]),
    )
    def an_answer_is_lost_and_cannot_be_asked_for_again(
        self, wanted: dict[str, Any], lost: str, refusal: str, then: str, hours: float
    ) -> None:
        """A clock that was ahead and is set right makes the order look younger, as one that is set back does."""
        wanted = self.anew(wanted)
        if then == "clock and day":
            self.the_clock_is_wrong_from_now_on(hours)
        if lost == "killed":
            self.the_server_is_killed_with_a_write_on_its_way(wanted, "after")
        elif lost in ("drop_before", "drop_after"):
            self.ask(wanted, [(lost, ())])
        else:
            self._unwritten(wanted, lost)
        if refusal:
            self.ask(wanted, [(refusal, ())])
        if then == "rotation":
            self.rotate()
        else:
            self.wait(hours=25)
            self.the_clock_is_wrong_from_now_on(-hours if then == "day and clock" else 0)
        self.ask(wanted)
        self.the_clock_is_wrong_from_now_on(0)

    def _unwritten(self, wanted: dict[str, Any], step: str) -> None:
        """The journal takes this step late, or from it on no step at all."""
        if step == "late":
            self.cluster.storage.fail("late", [1], at="AttemptStarted")
        else:
            self.cluster.storage.fail("refused", range(1, 300), at=step)
        self.ask(wanted)
        self.cluster.storage.heal()

    @rule(wanted=st.one_of(hooks, publications))
    def an_answer_is_lost_twice_within_two_days(self, wanted: dict[str, Any]) -> None:
        """Upstream remembers a key for a day from the first attempt on, whatever came after it."""
        wanted = self.anew(wanted)
        self.ask(wanted, LOST)
        self.wait(hours=21)
        self.ask(wanted, LOST)
        self.wait(hours=4)
        self.ask(wanted)

    @rule(wanted=st.one_of(clones, hooks), lost=st.sampled_from([LOST, NEVER_ARRIVED]))
    def an_unanswered_order_is_asked_for_with_less(self, wanted: dict[str, Any], lost: list[Trouble]) -> None:
        wanted = self.anew(wanted)
        self.ask(wanted, lost)
        self.ask(wanted, budget=1)

    @rule(wanted=st.one_of(clones, hooks), lie=lies, budget=st.sampled_from([1, 1, 120]))
    def the_price_list_lies(self, wanted: dict[str, Any], lie: dict[str, Any], budget: int) -> None:
        self.cluster.prices = {**self.prices, **lie}
        self.ask(self.anew(wanted), budget=budget)
        self.cluster.prices = {}

    @precondition(lambda self: self.limited)
    @rule(at_once=st.booleans(), late=st.sampled_from([2, 2, 0]))
    def a_day_is_asked_for_too_much(self, at_once: bool, late: int) -> None:
        """Some of it, `late` orders, was sent in the evening before and never arrived."""
        dear = {"hook": "Plan less.", "variations": 3 if self.vintage == "current" else 1}
        wanted: list[dict[str, Any]] = []
        self.the_clock_is_wrong_from_now_on(0)
        self.wait_until(23, 50)
        for _ in range(late):
            wanted.append(self.anew({**dear, "variations": 1}))
            self.ask(wanted[-1], NEVER_ARRIVED)
        self.wait_until(0, 10)
        for _ in range(5 - late):
            wanted.insert(0, self.anew(dear))
            self.order(wanted[0])
        self.run(self._ask_for_all(wanted, at_once))

    async def _ask_for_all(self, wanted: list[dict[str, Any]], at_once: bool) -> None:
        """One after the other, or all of two servers at once."""
        second = Server(self.cluster)
        calls = [self.place((self.servers[0], second)[n % 2], self.order(each)) for n, each in enumerate(wanted)]
        if at_once:
            await asyncio.gather(*calls)
        else:
            for call in calls:
                await call
        await second.stop()

    @rule(wanted=wanted)
    def what_is_reserved_is_never_sent(self, wanted: dict[str, Any]) -> None:
        """And its place is free after a while."""
        wanted = self.anew(wanted)
        self._unwritten(wanted, "AttemptStarted")
        self.wait(minutes=20)
        known = self.run(self.preview(self.order(wanted)))
        assert known is None or known.record is None, f"{known.record} was never sent"

    @rule(wanted=wanted, rotated=st.booleans(), still=st.booleans())
    def nobody_says_whose_the_key_is(self, wanted: dict[str, Any], rotated: bool, still: bool) -> None:
        """While it is ordered; and where `still`, when it is asked for again."""
        wanted = self.anew(wanted)
        with self.nobody_says_whose():
            self.start_again()
            first = self.ask(wanted)
            if rotated:
                self.rotate()
            else:
                self.start_again()
            if still:
                self.ask(wanted)
        self.start_again()
        again = self.ask(wanted)
        assert first is None or rotated or again is not None, f"{first.record} was ordered, and is not known"

    @rule(
        wanted=wanted,
        mine=st.sampled_from([NEVER_ARRIVED, NEVER_ARRIVED, LOST]),
        other=st.sampled_from([[], [], LOST]),
        how=st.sampled_from(["", "apart", "blind"]),
    )
    def what_is_lost_looks_like_another_order(
        self, wanted: dict[str, Any], mine: list[Trouble], other: list[Trouble], how: str
    ) -> None:
        """That belongs to a key of which nobody says whose it is; or the journal cannot say what is whose."""
        self.the_clock_is_wrong_from_now_on(0)
        self.wait(hours=25)
        wanted = self.anew(wanted)
        self.ask(wanted, mine)
        with self.nobody_says_whose() if how == "apart" else nullcontext():
            if how == "apart":
                self.rotate()
            self.ask(self.anew(wanted), other)
            self.rotate()
        self.start_again()
        if how == "blind":
            self.cluster.storage.fail("refused", range(1, 300), at="claims")
            self.ask(wanted)
            self.cluster.storage.heal()
        self.ask(wanted)


def test_no_sequence_of_events_makes_anything_twice_or_loses_it() -> None:
    run_state_machine_as_test(
        seed(SEED)(ExactlyOnce),
        settings=settings(
            max_examples=max(1, int(3 * TIMES)),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            report_multiple_bugs=False,
            database=None,
        ),
    )
