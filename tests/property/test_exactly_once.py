"""No sequence of calls, failures and wrong clocks charges or publishes anything twice, loses it, or passes a limit.

A run makes some hundred steps, most of several requests; `LAYERS_TEST_STEPS=20` makes twenty times as many.
`LAYERS_TEST_SEED` chooses another sequence.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import CloneOrder, HookOrder, Limits, OperationError, Order, Placement, Publication
from layers_mcp.operations.errors import DailyLimitError, OrderUnknownError, PublicationUnknownError
from layers_mcp.operations.identity import idempotency_key, piece_identity
from layers_mcp.operations.state_machine import LONGEST_CALL
from layers_mcp.sandbox import Fault
from tests.support import BASE_URL
from tests.support.crash_harness import Cluster, Server
from tests.support.order_events import CALLERS, faults, lies, spellings, troubles, wanted
from tests.support.virtual_time import JumpingLoop

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))
SEED = int(os.environ.get("LAYERS_TEST_SEED", "1"))
STEPS = 60
TIKTOKS = ["7412345678901234567", "7412345678901234568"]
MOST_PIECES = 9
FIRST_OTHER_TAKE = 3
COOLDOWN_SECONDS = 600
"""After which no rate limit closes the way any more."""
DAILY_LIMIT = 360
"""Three of the dearest pieces."""


class ExactlyOnce(RuleBasedStateMachine):
    """A small set of orders and publications, again and again, while everything around them breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=JumpingLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.placed: dict[str, Order] = {}
        self.keys: dict[str, list[str]] = {}
        self.jobs: dict[str, str] = {}

    @initialize(vintage=st.sampled_from(["preview", "current"]), limited=st.booleans())
    def settle(self, vintage: Any, limited: bool) -> None:
        async def settled() -> None:
            limit = DAILY_LIMIT if limited else None
            self.cluster = Cluster(Path(self.folder.name) / "cluster", vintage, daily_credit_limit=limit)
            self.other_key = self.cluster.sandbox.issue_key()
            self.servers = [Server(self.cluster)]
            api = (await self.servers[0].up()).api
            ranking = await api.metrics.top_performers(self.cluster.project, metric="views", window="30d")
            self.posts = [row.platform_post_id or "" for row in ranking.items[:2]] if vintage == "preview" else TIKTOKS
            self.prices = (await api.credits.get()).estimated_credits_per_format
            self.content = (await api.content.list(self.cluster.project, limit=2)).items
            self.accounts = await api.projects.social_accounts(self.cluster.project)

        self.vintage, self.limited = vintage, limited
        self.run(settled())

    def run(self, work: Any) -> Any:
        return self.loop.run(work)

    def order(self, wanted: dict[str, Any], spell: Any = str) -> Order:
        arguments = dict(wanted)
        if "post" in arguments:
            post = spell(self.posts[arguments.pop("post")])
            order: Order = CloneOrder(project_id=spell(self.cluster.project), source_platform_post_id=post, **arguments)
        elif "hook" in arguments:
            if self.vintage == "current":
                arguments.pop("theme_tags", None)
            order = HookOrder(project_id=self.cluster.project, **{**arguments, "hook": spell(arguments["hook"])})
        else:
            order = self._publication(**arguments)
        identity = order.identity
        if identity not in self.placed:
            pieces = [piece_identity(identity, piece) for piece in range(MOST_PIECES)]
            self.keys[identity] = [idempotency_key(BASE_URL, piece) for piece in pieces]
        self.placed[identity] = order
        return order

    def _publication(self, content: int, accounts: tuple[int, ...], **arguments: Any) -> Publication:
        chosen = [self.accounts[number] for number in accounts]

        return Publication(
            project_id=self.cluster.project,
            content=self.content[content],
            social_account_ids=tuple(account.social_account_id for account in chosen),
            accounts=chosen,
            **arguments,
        )

    def answered(self, order: Order, placement: Placement) -> None:
        """Whatever was answered was made, and is the same job at every later answer."""
        assert placement.record is not None
        for row in placement.rows:
            made = self.cluster.made[row.idempotency_key]
            if row.status == "unknown":
                continue
            assert made, f"{row.tool} is answered, and nothing was made"
            if row.job_id:
                jobs = (self.jobs.setdefault(row.idempotency_key, row.job_id), row.job_id, made[0])
                assert len({*jobs}) == 1, f"{row} was told as the jobs {jobs}"

    async def _place(self, server: Server, order: Order, max_credits: int = 0, *, known: bool = True) -> None:
        """Ask for it; what is not `known` yet, and whose answers all come, is not taken for lost."""
        with contextlib.suppress(LayersError, OperationError):
            try:
                self.answered(order, await server.place(order, limits=Limits(max_credits=max_credits)))
            except (OrderUnknownError, PublicationUnknownError) as error:
                if not known:
                    raise AssertionError(f"{order} is on its way, and was taken for lost") from error
                raise

    # --- what happens

    @rule(
        wanted=wanted,
        spell=spellings,
        troubles=troubles,
        slow=st.sampled_from([0, 0, 4, 60]),
        budget=st.sampled_from([0, 0, 60, 120]),
    )
    def an_agent_asks(
        self,
        wanted: dict[str, Any],
        spell: Any = str,
        troubles: list[tuple[str, tuple[int, ...]]] = (),  # pyright: ignore
        slow: float = 0,
        budget: int = 0,
    ) -> None:
        order = self.order(wanted, spell)
        before = len(self.cluster.charges())
        self.cluster.sandbox.faults += faults(troubles)
        self.cluster.slow = slow
        try:
            self.run(self._place(self.servers[0], order, budget))
        finally:
            self.cluster.sandbox.faults.clear()
            self.cluster.slow = 0
        spent = sum(cost for _, cost, _ in self.cluster.charges()[before:])
        assert not budget or spent <= budget, f"{spent} of a budget of {budget}"

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
            calls: list[asyncio.Task[None]] = []
            for caller in callers:
                calls.append(asyncio.create_task(self._place(servers[caller], order, known=not fresh or slow > 15)))
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

    @rule(wanted=wanted)
    def the_caller_goes_away(self, wanted: dict[str, Any]) -> None:
        self.run(self.servers[0].place_and_go_away(self.order(wanted)))
        self.restart()

    @rule(
        wanted=wanted,
        failure=st.sampled_from(["refused", "unsure", "late", "orphaned"]),
        first=st.integers(1, 14),
        steps=st.sampled_from([1, 1, 2, 30, 300]),
        passing=st.booleans(),
    )
    def the_journal_fails(self, wanted: dict[str, Any], failure: Any, first: int, steps: int, passing: bool) -> None:
        order = self.order(wanted)
        self.cluster.storage.fail(failure, range(first, first + steps), passing=passing)
        self.run(self._place(self.servers[0], order))
        self.cluster.storage.heal()

    @rule(wanted=wanted, lie=lies, budget=st.sampled_from([0, 120]))
    def the_price_list_lies(self, wanted: dict[str, Any], lie: dict[str, Any], budget: int) -> None:
        self.cluster.prices = {**self.prices, **lie}
        self.an_agent_asks(wanted, budget=budget)
        self.cluster.prices = {}

    @rule()
    def restart(self) -> None:
        async def again() -> None:
            await self.servers[0].stop()
            self.servers = [Server(self.cluster)]

        self.run(again())

    @rule()
    def the_key_is_rotated(self) -> None:
        self.cluster.key, self.other_key = self.other_key, self.cluster.sandbox.issue_key()
        self.restart()

    @rule(wanted=wanted)
    def whoami_fails_after_a_rotation(self, wanted: dict[str, Any]) -> None:
        self.cluster.sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=404))
        self.the_key_is_rotated()
        self.an_agent_asks(wanted)

    @rule(hours=st.sampled_from([0.01, 1, 14.8, 21, 25]))
    def time_passes(self, hours: float) -> None:
        self.run(anyio.sleep(LONGEST_CALL.total_seconds()))  # no machine sleeps for hours in the middle of a call
        self.cluster.clock.move(hours=hours)

    @rule(hours=st.sampled_from([-30, -5, -0.5, 0, 0, 0.03, 0.5, 5, 30]))
    def the_clock_is_wrong_from_now_on(self, hours: float) -> None:
        self.cluster.skew = timedelta(hours=hours)

    @rule(
        wanted=wanted,
        lost=st.sampled_from(["drop_before", "drop_after", "killed", "late", "unwritten"]),
        step=st.integers(2, 7),
        refusal=st.sampled_from(["", "402", "429"]),
        then=st.sampled_from(["rotation", "day", "day and clock", "clock and day"]),
        hours=st.sampled_from([3, 5, 30]),
    )
    def an_answer_is_lost_and_cannot_be_asked_for_again(
        self, wanted: dict[str, Any], lost: str, step: int, refusal: str, then: str, hours: float
    ) -> None:
        """Of something new; a clock that was ahead and is set right makes it look younger, as one that is set back."""
        wanted = {**wanted, "take": FIRST_OTHER_TAKE + len(self.placed)}
        if then == "clock and day":
            self.the_clock_is_wrong_from_now_on(hours)
        if lost == "killed":
            self.the_server_is_killed_with_a_write_on_its_way(wanted, "after")
        elif lost == "late":
            self.the_journal_fails(wanted, "late", step, 1, True)
        elif lost == "unwritten":
            self.the_journal_fails(wanted, "refused", step, 300, True)
        else:
            self.an_agent_asks(wanted, troubles=[(lost, ())])
        if refusal:
            self.an_agent_asks(wanted, troubles=[(refusal, ())])
        if then == "rotation":
            self.the_key_is_rotated()
        else:
            self.time_passes(25)
            self.the_clock_is_wrong_from_now_on(-hours if then == "day and clock" else 0)
        self.an_agent_asks(wanted)
        self.the_clock_is_wrong_from_now_on(0)

    # --- what holds

    @invariant()
    def nothing_is_charged_or_published_twice(self) -> None:
        for identity, order in self.placed.items():
            made = [self.cluster.made[key] for key in self.keys[identity]]
            at_once = order.variations if isinstance(order, Publication) else 1
            in_all = order.variations if self.vintage == "current" and at_once == 1 else at_once
            assert {len(each) for each in made} <= {0, at_once}, f"{order} became {made}"
            assert sum(map(len, made)) <= in_all, f"{order} became {made}"
        assert not self.cluster.twice_at_once
        known = {key for keys in self.keys.values() for key in keys}
        assert {key for key, made in self.cluster.made.items() if made} <= known

    @invariant()
    def no_day_has_more_charges_than_its_limit(self) -> None:
        """But for the first minute of a day: an attempt that left before midnight may be charged in it."""
        days: dict[Any, int] = {}
        for _, cost, at in self.cluster.charges():
            if (at.hour, at.minute) != (0, 0):
                days[at.date()] = days.get(at.date(), 0) + cost
        assert not self.limited or max(days.values(), default=0) <= DAILY_LIMIT

    def teardown(self) -> None:
        """In a healed world everything can be completed, or is refused for a reason that is true."""
        try:
            self.cluster.skew = timedelta()
            self.run(anyio.sleep(COOLDOWN_SECONDS))
            self.run(self._complete_all())
            self.nothing_is_charged_or_published_twice()
        finally:
            for server in self.servers:
                self.run(server.stop())
            self.cluster.close()
            self.loop.close()
            self.folder.cleanup()

    async def _complete_all(self) -> None:
        for order in self.placed.values():
            try:
                placement = await self._placed(order)
            except OrderUnknownError:
                assert isinstance(order, HookOrder) or self.vintage == "current"
            except PublicationUnknownError:
                assert isinstance(order, Publication)
            except LayersError as error:
                if not isinstance(order, Publication) or order.at is None or order.at > self.cluster.clock():
                    raise AssertionError(f"{order} cannot be placed") from error
            else:
                self.answered(order, placement)
                assert self.vintage == "current" or all(row.status != "unknown" for row in placement.rows)

    async def _placed(self, order: Order) -> Placement:
        try:
            return await self.servers[0].place(order)
        except DailyLimitError:
            self.cluster.clock.move(hours=24)
            return await self.servers[0].place(order)


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
