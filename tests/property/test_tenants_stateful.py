"""No sequence of calls, tenants, keys, organizations, evictions and revocations shows one tenant a word of another.

Two organizations that are twins down to the ids of their projects are served by one process, on one journal: as
tenants with a key each, and as children of a partner with one key, picked by `X-Layers-Organization`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from layers_mcp.app import create_app
from layers_mcp.config import ServerConfig
from layers_mcp.http_config import HttpConfig
from layers_mcp.sandbox import Fault, Sandbox
from tests.support import BASE_URL, LoopClock
from tests.support.http_server import headers_for, message, messages
from tests.support.twins import Layers, PartnerLayers, Running
from tests.support.virtual_time import JumpingLoop
from tests.unit.tenancy.issuer import ISSUER, Issuer

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))
NAMES = ("acme", "globex")
URL = "http://127.0.0.1:8000/mcp"

names = st.sampled_from(NAMES)
reads = st.sampled_from(["list_projects", "get_metrics", "get_content", "review_commissions", "check_readiness"])
hooks = st.sampled_from(["Plan less.", "own"])
takes = st.sampled_from([1, 2])
faults = st.sampled_from(["", "", "status", "truncate", "drop_before", "drop_after", "html_502"])


class Organizations(RuleBasedStateMachine):
    """What each organization ordered and was told, however its calls are told from the other's."""

    layers: Layers

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner(loop_factory=JumpingLoop)
        self.folder = tempfile.TemporaryDirectory()
        self.issuer = Issuer()
        self.orders: dict[str, set[tuple[str, int]]] = {name: set() for name in NAMES}
        self.marks: dict[str, set[str]] = {name: {f"org_{name}", f"Only {name}."} for name in NAMES}
        self.things: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
        self.loop.run(self._settle())

    async def _settle(self) -> None:
        clock = LoopClock()
        worlds = {name: Sandbox(clock=clock, seed=seed) for seed, name in enumerate(NAMES, 1)}
        self.now = worlds["acme"].now
        self.settle(worlds)
        await self._start()

    async def _start(self) -> None:
        config = self.config(ServerConfig(base_url=BASE_URL, state_dir=Path(self.folder.name)))
        app = create_app(config, transport=self.layers, clock=self.now, issuer_transport=self.issuer)
        self.running = Running(app)
        await self.running.started()

    # --- how calls are told apart

    def settle(self, worlds: dict[str, Sandbox]) -> None:
        """Put the API in front of the worlds."""
        raise NotImplementedError

    def config(self, server: ServerConfig) -> HttpConfig:
        raise NotImplementedError

    def headers(self, name: str) -> dict[str, str]:
        """What a call of this organization presents."""
        raise NotImplementedError

    def is_let_in(self, name: str) -> bool:
        """Whether our server serves it."""
        raise NotImplementedError

    def is_known(self, name: str) -> bool:
        """Whether Layers serves it by what our server knows."""
        raise NotImplementedError

    # --- calls

    async def call(self, name: str, tool: str, **arguments: Any) -> dict[str, Any] | None:
        """A call of this tenant, whose answer holds nothing of the other; None where it is no tenant any more."""
        body = message("tools/call", {"name": tool, "arguments": arguments})
        transport = httpx2.ASGITransport(self.running.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=None) as http:
            answer = await http.post("/mcp", json=body, headers=self.headers(name) | headers_for(body))
        leaked = [mark for other in NAMES if other != name for mark in self.marks[other] if mark in answer.text]
        assert not leaked, (name, tool, arguments, answer.text)
        if not self.is_let_in(name):
            assert answer.status_code == 403
            return None
        assert answer.status_code == 200, answer.text
        result = messages(answer)[-1]["result"]
        if not self.is_known(name):
            # its own orders are told from the journal for as long as whose they are counts as confirmed, and then none;
            # what Layers does not find is no error of get_content
            told = result.get("structuredContent") or {}
            found = [item for item in told.get("items", ()) if item["status"] != "not_found"]
            unfound = tool == "get_content" and not found
            assert result["isError"] or tool == "review_commissions" or told.get("replayed") or unfound
            return None
        return result.get("structuredContent")

    async def order(self, name: str, hook: str, take: int) -> None:
        hook = f"Only {name}." if hook == "own" else hook
        project = self.layers.worlds[name].project_id("acme-todo")
        self.orders[name].add((hook, take))
        told = await self.call(name, "generate_with_hook", project_id=project, hook=hook, take=take)
        if told is not None:
            assert told["job_id"] in self.charges(name)
            self.things[name].append(told)
            if hook == f"Only {name}.":  # equal orders of both have equal ids, by their arguments
                self.marks[name].add(told["commission_id"])

    def charges(self, name: str) -> list[str | None]:
        return [event.job_id for event in self.layers.worlds[name].ledger() if event.type == "usage"]

    async def read(self, name: str, tool: str) -> dict[str, Any] | None:
        needs = tool not in ("list_projects", "review_commissions")
        arguments = {"project_id": self.layers.worlds[name].project_id("acme-todo")} if needs else {}
        return await self.call(name, tool, **arguments)

    # --- what happens

    @rule(name=names, tool=reads)
    def a_tenant_reads(self, name: str, tool: str) -> None:
        told = self.loop.run(self.read(name, tool))
        assert told is not None or not (self.is_let_in(name) and self.is_known(name))

    @rule(name=names, hook=hooks, take=takes, kind=faults)
    def a_tenant_orders(self, name: str, hook: str, take: int, kind: str) -> None:
        world = self.layers.worlds[name]
        if kind:
            world.faults.append(Fault(endpoint="*", kind=kind, rate=0.3))
        self.loop.run(self.order(name, hook, take))
        world.faults.clear()

    @rule(hook=hooks, take=takes, tool=reads, kind=faults)
    def both_are_at_it_at_once(self, hook: str, take: int, tool: str, kind: str) -> None:
        if kind:
            self.layers.worlds["acme"].faults.append(Fault(endpoint="*", kind=kind, rate=0.3))

        async def at_once() -> None:
            async with anyio.create_task_group() as group:
                for name in (*NAMES, *NAMES):
                    group.start_soon(self.order, name, hook, take)
                    group.start_soon(self.read, name, tool)

        self.loop.run(at_once())
        self.layers.worlds["acme"].faults.clear()

    @rule(name=names)
    def a_tenant_asks_for_what_the_other_ordered(self, name: str) -> None:
        [other] = set(NAMES) - {name}
        own = {container for thing in self.things[name] for container in thing["container_ids"]}
        asked = [
            container for thing in self.things[other] for container in thing["container_ids"] if container not in own
        ]

        async def ask() -> None:
            told = await self.call(name, "get_content", container_ids=asked[:5])
            if told is not None:
                assert not any(item.get("commission_id") for item in told["items"])

        if asked:
            self.loop.run(ask())

    @rule(name=names)
    def a_cooldown_of_one_keeps_the_other_waiting_for_nothing(self, name: str) -> None:
        [other] = set(NAMES) - {name}

        async def cool() -> None:
            self.layers.worlds[name].faults.append(Fault(endpoint="*", kind="status", status=429, seconds=30))
            await self.call(name, "list_projects")
            began = anyio.current_time()
            await self.call(other, "list_projects")
            assert anyio.current_time() - began < 5
            self.layers.worlds[name].faults.clear()
            await anyio.sleep(60)

        self.loop.run(cool())

    @rule()
    def nobody_calls_for_long(self) -> None:
        async def wait() -> None:
            await anyio.sleep(700)
            assert self.running.app.tenants_open == 0

        self.loop.run(wait())

    @rule()
    def the_process_is_replaced(self) -> None:
        async def replace() -> None:
            await self.running.stop()
            await self._start()

        self.loop.run(replace())

    # --- what holds

    @invariant()
    def each_is_charged_for_its_own_orders_once(self) -> None:
        for name in NAMES:
            assert len(self.charges(name)) <= len(self.orders[name])
            assert {told["job_id"] for told in self.things[name]} <= set(self.charges(name))

    def teardown(self) -> None:
        try:
            self.loop.run(self.running.stop())
            assert self.running.app.tenants_open == 0
        finally:
            for world in self.layers.worlds.values():
                world.close()
            self.loop.close()
            self.folder.cleanup()


class Tenants(Organizations):
    """A key each, in the tenants file; a call's access token names its organization."""

    def settle(self, worlds: dict[str, Sandbox]) -> None:
        self.layers = Layers(**worlds)
        self.listed = {name: world.api_key for name, world in worlds.items()}
        self.write()

    def config(self, server: ServerConfig) -> HttpConfig:
        return HttpConfig(server=server, auth="oauth", oauth_issuer=ISSUER, tenants=self.file)

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(org=name, aud=URL, exp=int(time.time()) + 3600)}"}

    def is_let_in(self, name: str) -> bool:
        return name in self.listed

    def is_known(self, name: str) -> bool:
        return self.layers.keys.get(self.listed[name]) == name

    @property
    def file(self) -> Path:
        return Path(self.folder.name) / "tenants.toml"

    def write(self) -> None:
        """The tenants file; without any tenant it holds one that nobody's token fits."""
        entries = []
        for name, key in (self.listed or {"nobody": "lp_test_nobody"}).items():
            (self.file.parent / f"{name}.key").write_text(key, encoding="utf-8")
            entries.append(f'[[tenant]]\nmatch = {{ org = "{name}" }}\napi_key_file = "{name}.key"\n')
        self.file.write_text("\n".join(entries), encoding="utf-8")

    @rule(name=names)
    def a_tenant_is_taken_out_or_in(self, name: str) -> None:
        if name in self.listed:
            del self.listed[name]
        else:
            self.listed[name] = next(key for key, owner in self.layers.keys.items() if owner == name)
        self.write()
        self.running.app.reload()

    @rule(name=names, told=st.booleans())
    def a_key_is_rotated(self, name: str, told: bool) -> None:
        """The old key is refused from now on; the file may learn of the new one later."""
        key = self.layers.new_key(name)
        if told and name in self.listed:
            self.listed[name] = key
            self.write()
            self.running.app.reload()

    @rule(name=names)
    def the_file_learns_the_key(self, name: str) -> None:
        if name in self.listed:
            self.listed[name] = next(key for key, owner in self.layers.keys.items() if owner == name)
            self.write()
            self.running.app.reload()

    @rule()
    def the_file_is_spoilt_for_a_while(self) -> None:
        self.file.write_text("[[tenant]", encoding="utf-8")
        self.running.app.reload()
        self.write()


class Children(Organizations):
    """One key of a partner; a call names the child that it is for."""

    layers: PartnerLayers

    def settle(self, worlds: dict[str, Sandbox]) -> None:
        self.layers = PartnerLayers(**worlds)
        self.key = self.layers.key

    def config(self, server: ServerConfig) -> HttpConfig:
        return HttpConfig(server=server, auth="key")

    def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "X-Layers-Organization": f"org_{name}"}

    def is_let_in(self, name: str) -> bool:
        return True

    def is_known(self, name: str) -> bool:
        return self.key == self.layers.key and name in self.layers.children

    @rule(told=st.booleans())
    def the_key_is_rotated(self, told: bool) -> None:
        """The old one is refused from now on; the callers may learn of the new one later."""
        self.layers.key = f"lp_test_partner_{int(self.layers.key.rpartition('_')[2]) + 1}"
        if told:
            self.key = self.layers.key

    @rule()
    def the_callers_learn_the_key(self) -> None:
        self.key = self.layers.key

    @rule(name=names)
    def a_child_leaves_or_comes_back(self, name: str) -> None:
        self.layers.children ^= {name}


@pytest.mark.parametrize("machine", [Tenants, Children])
def test_no_sequence_of_events_shows_an_organization_a_word_of_another_or_charges_it_twice(
    machine: type[Organizations],
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, int(10 * TIMES)),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
