"""A world for stateful tests of orders: a small set of them, servers that share a journal, and what always holds."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Generator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from layers_mcp.api.errors import LayersError
from layers_mcp.operations import CloneOrder, HookOrder, Limits, OperationError, Order, Placement, Publication
from layers_mcp.operations.errors import DailyLimitError, OrderUnknownError, PublicationUnknownError
from layers_mcp.operations.identity import idempotency_key, piece_identity
from layers_mcp.operations.kinds.publish import scheduled_post_ids
from layers_mcp.operations.models import Operation
from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.text.ids import id_key
from tests.support import BASE_URL
from tests.support.crash_harness import Cluster, Server
from tests.support.order_events import Trouble, faults
from tests.support.virtual_time import JumpingLoop

VINTAGES: list[Vintage] = ["preview", "current"]
TIKTOKS = ["7412345678901234567", "7412345678901234568"]
MOST_PIECES = 9
FIRST_OTHER_TAKE = 3
COOLDOWN_SECONDS = 600
"""After which no rate limit closes the way any more."""
DAILY_LIMIT = 360
"""Three of the dearest pieces."""


class OrderMachine(RuleBasedStateMachine):
    """What can be asked for, the servers that are asked, and what must hold after every step and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=JumpingLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.placed: dict[str, Order] = {}
        self.keys: dict[str, list[str]] = {}
        self.jobs: dict[str, str] = {}
        self.days_apart: set[date] = set()

    @initialize(vintage=st.sampled_from(VINTAGES), limited=st.booleans(), changing=st.booleans())
    def settle(self, vintage: Vintage, limited: bool, changing: bool) -> None:
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

        self.vintage, self.limited, self.changing = vintage, limited, changing
        self.run(settled())

    def run(self, work: Any) -> Any:
        return self.loop.run(work)

    # --- what is asked for

    def order(self, wanted: dict[str, Any], spell: Any = str) -> Order:
        arguments = dict(wanted)
        if "post" in arguments:
            post = spell(self.posts[arguments.pop("post")])
            order: Order = CloneOrder(project_id=spell(self.cluster.project), source_platform_post_id=post, **arguments)
        elif "hook" in arguments:
            order = self._hook_order(spell, **arguments)
        else:
            order = self._publication(**arguments)
        identity = order.identity
        if identity not in self.placed:
            pieces = [piece_identity(identity, piece) for piece in range(MOST_PIECES)]
            anew = [f"{piece} anew" for piece in pieces]  # those that were planned for another vintage first
            self.keys[identity] = [idempotency_key(BASE_URL, piece) for piece in (*pieces, *anew)]
        self.placed.setdefault(identity, order)
        return order

    def _hook_order(self, spell: Any, hook: str, titled: bool | None = None, **arguments: Any) -> HookOrder:
        if titled is not None:  # by its source's title or by the same text, it is the same order
            arguments |= {"source_platform_post_id": self.posts[0], "hook_is_title": titled}
        if self.vintage == "current":
            arguments.pop("theme_tags", None)
        return HookOrder(project_id=self.cluster.project, hook=spell(hook), **arguments)

    def _publication(self, content: int, accounts: tuple[int, ...], **arguments: Any) -> Publication:
        chosen = [self.accounts[number] for number in accounts]
        return Publication(
            project_id=self.cluster.project,
            content=self.content[content],
            social_account_ids=tuple(account.social_account_id for account in chosen),
            accounts=chosen,
            **arguments,
        )

    def anew(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """The same in a take that nobody asked for yet."""
        return {**wanted, "take": FIRST_OTHER_TAKE + len(self.placed)}

    def ask(
        self,
        wanted: dict[str, Any],
        troubles: Sequence[Trouble] = (),
        *,
        spell: Any = str,
        slow: float = 0,
        budget: int = 0,
    ) -> Placement | None:
        """Have the first server place it, in such trouble, within a `budget` if any; None where that fails."""
        order = self.order(wanted, spell)
        before = len(self.cluster.charges())
        self.cluster.slow = slow
        with self.faulty(*faults(troubles)):
            placement = self.run(self.place(self.servers[0], order, budget))
        self.cluster.slow = 0
        spent = sum(cost for _, cost, _ in self.cluster.charges()[before:])
        assert not budget or spent <= budget, f"{spent} of a budget of {budget}"
        return placement

    async def place(
        self, server: Server, order: Order, max_credits: int = 0, *, known: bool = True
    ) -> Placement | None:
        """Ask for it; what is not `known` yet, and whose answers all come, is not taken for lost."""
        try:
            placement = await server.place(order, limits=Limits(max_credits=max_credits))
        except (OrderUnknownError, PublicationUnknownError) as error:
            if not known:
                raise AssertionError(f"{order} is on its way, and was taken for lost") from error
        except (LayersError, OperationError):
            pass
        else:
            self.answered(order, placement)
            return placement
        return None

    async def preview(self, order: Order) -> Placement | None:
        """What is known of it; None where that cannot be told."""
        ws = await self.servers[0].up()
        with contextlib.suppress(LayersError, OperationError):
            return await ws.operations.orders.preview(order)
        return None

    def answered(self, order: Order, placement: Placement) -> None:
        """Whatever was answered was made of this order, and is the same job at every later answer."""
        assert placement.record is not None
        for row in placement.rows:
            made = self.cluster.made[row.idempotency_key]
            if row.status == "unknown":
                continue
            assert made, f"{row} is answered, and nothing was made"
            if row.job_id:
                known = self.jobs.setdefault(row.idempotency_key, row.job_id)
                jobs = {id_key(each or "") for each in (known, row.job_id, made[0])}
                assert len(jobs) == 1, f"{row} was told as the jobs {jobs}"
            assert self._told_ids(row) <= self._made_ids(order), f"{row} was told as what another order made"

    def _told_ids(self, row: Operation) -> set[str]:
        return set(map(id_key, scheduled_post_ids(row) if row.tool == "publish_content" else row.container_ids))

    def _made_ids(self, order: Order) -> set[str]:
        made = {each or "" for key in self.keys[order.identity] for each in self.cluster.made[key]}
        return set(map(id_key, made if isinstance(order, Publication) else self.cluster.containers_of(made)))

    # --- what surrounds it

    @contextlib.contextmanager
    def faulty(self, *happening: Fault) -> Generator[None]:
        """Let this go wrong for a while."""
        self.cluster.sandbox.faults += happening
        try:
            yield
        finally:
            for fault in happening:
                self.cluster.sandbox.faults.remove(fault)

    @contextlib.contextmanager
    def nobody_says_whose(self) -> Generator[None]:
        """A server that is started meanwhile does not learn whose its key is."""
        self.days_apart.add(self.cluster.clock().date())
        with self.faulty(Fault(endpoint="GET /v1/whoami", kind="status", status=500)):
            yield

    def start_again(self) -> None:
        async def again() -> None:
            await self.servers[0].stop()
            self.servers = [Server(self.cluster)]

        self.run(again())

    def rotate(self) -> None:
        self.cluster.key, self.other_key = self.other_key, self.cluster.sandbox.issue_key()
        self.start_again()

    def wait(self, **span: float) -> None:
        self.run(anyio.sleep(60))  # no machine sleeps for hours in the middle of a call
        self.cluster.clock.move(**span)

    def wait_until(self, hour: int, minute: int) -> None:
        """Until the clock shows this time next."""
        now = self.cluster.clock()
        then = now.replace(hour=hour, minute=minute, second=0)
        self.wait(seconds=(then - now).total_seconds() % 86_400)

    # --- what holds

    @invariant()
    def nothing_is_charged_or_published_twice(self) -> None:
        for identity, order in self.placed.items():
            made = [self.cluster.made[key] for key in self.keys[identity]]
            at_once = order.variations if isinstance(order, Publication) else 1
            assert {len(each) for each in made} <= {0, at_once}, f"{order} became {made}"
            ids = self._made_ids(order)
            assert sum(map(len, made)) <= len(ids) <= order.variations, f"{order} became {made}"
        assert not self.cluster.twice_at_once
        known = {key for keys in self.keys.values() for key in keys}
        assert {key for key, made in self.cluster.made.items() if made} <= known

    @invariant()
    def no_day_has_more_charges_than_its_limit(self) -> None:
        """But for the first minute of a day: an attempt that left before midnight may be charged in it.

        On `days_apart` nobody said whose a key is, and so it had a limit of its own.
        """
        days: dict[date, int] = dict.fromkeys(self.days_apart, -1_000_000)
        for _, cost, at in self.cluster.charges():
            if (at.hour, at.minute) != (0, 0):
                days[at.date()] = days.get(at.date(), 0) + cost
        assert not self.limited or max(days.values(), default=0) <= DAILY_LIMIT, f"{days}: {self.cluster.charges()}"

    def teardown(self) -> None:
        """In a healed world everything can be completed, or is refused for a reason that is true."""
        try:
            self.cluster.skew = timedelta()
            self.cluster.storage.heal()
            self.run(anyio.sleep(COOLDOWN_SECONDS))
            self.run(self._nothing_is_held_for_ever())
            self.run(self._complete_all())
            self.nothing_is_charged_or_published_twice()
        finally:
            for server in self.servers:
                self.run(server.stop())
            self.run(self.cluster.aclose())
            self.loop.close()
            self.folder.cleanup()

    async def _nothing_is_held_for_ever(self) -> None:
        """What was reserved and never sent takes no room in the limit of a later day."""
        ws = await self.servers[0].up()
        tenant = await ws.operations.tenants.current()
        after: datetime = self.cluster.clock() + timedelta(days=40)
        assert await self.cluster.store().credits_of_day(tenant, after) == 0

    async def _complete_all(self) -> None:
        for order in self.placed.values():
            try:
                placement = await self._placed(order)
            except (OrderUnknownError, PublicationUnknownError):
                assert not isinstance(order, CloneOrder) or self.vintage == "current" or self.changing
            except LayersError as error:
                in_time = not isinstance(order, Publication) or order.at is None or order.at > self.cluster.clock()
                if in_time and not self.changing:
                    raise AssertionError(f"{order} cannot be placed") from error
            else:
                self.answered(order, placement)
                told = self.vintage == "current" or all(row.status != "unknown" for row in placement.rows)
                assert told or self.changing

    async def _placed(self, order: Order) -> Placement:
        try:
            return await self.servers[0].place(order)
        except DailyLimitError:
            self.cluster.clock.move(hours=24)
            return await self.servers[0].place(order)
