"""The real program over stdio, the sandbox over HTTP: killed, or told to leave, with an order on its way."""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.sandbox.http import HOST, http_server, listen
from tests.e2e.program import Program, call_of, environment
from tests.support import PATIENCE

pytestmark = pytest.mark.subprocess


@contextmanager
def served(sandbox: Sandbox) -> Iterator[str]:
    """The sandbox on a free port of this machine; gives its base URL."""
    with listen(0) as listening:
        server = http_server(sandbox)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_for_charge(sandbox: Sandbox, number: int = 1):
    """The last of so many charges, as soon as upstream has accepted what is charged."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if len(charges := [event for event in sandbox.ledger() if event.type == "usage"]) >= number:
            return charges[-1]
        time.sleep(0.02)
    raise AssertionError("the order did not arrive")


def wait_for_post(sandbox: Sandbox, container_id: str) -> str:
    """The id of the one scheduled post of a container, as soon as upstream has it."""
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    address = f"/v1/projects/{sandbox.project_id('globex-fit')}/scheduled-posts"

    async def posts() -> list[dict[str, Any]]:
        async with httpx2.AsyncClient(transport=sandbox.transport(), base_url="https://api.layers.test") as http:
            return (await http.get(address, headers=headers)).json()["items"]

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := [post["id"] for post in anyio.run(posts) if post["containerId"] == container_id]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("the publication did not arrive")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(path=tmp_path / "world.db") as sandbox:
        yield sandbox


def order_of(sandbox: Sandbox, tool: str) -> dict[str, object]:
    project = sandbox.project_id("acme-todo")
    if tool == "generate_with_hook":
        return {"project_id": project, "hook": "Plan less, do more.", "variations": 2}
    return {"project_id": project, "source_platform_post_id": sandbox.truth("acme-todo")[0].platform_post_id}


def slow(seconds: float) -> list[Fault]:
    return [
        Fault(endpoint=endpoint, kind="latency", seconds=seconds, calls=(1,))
        for endpoint in ("POST /v1/content/:id/clone-from-post", "POST /v1/projects/:id/content")
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("tool", ["clone_post", "generate_with_hook"])
def test_an_order_survives_a_kill_between_its_acceptance_and_its_answer(
    tool: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    order = order_of(sandbox, tool)
    sandbox.faults += slow(3)
    with served(sandbox) as base_url:
        env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            program.send(call_of(1, tool, **order))
            charge = wait_for_charge(sandbox)
            program.signal(signal.SIGKILL)
            assert program.end(close=False)[:2] == (-signal.SIGKILL, [])
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            preview = program.call(1, tool, dry_run=True, **order)["structuredContent"]
            again = program.call(2, tool, **order)["structuredContent"]
    assert (preview["status"], preview["replayed"]) == ("unknown", True)
    assert again["replayed"]
    assert again["commission_id"] == preview["commission_id"]
    assert again["job_id"] == charge.job_id
    assert set(again["container_ids"]) <= set(charge.container_ids)
    assert [event.job_id for event in sandbox.ledger() if event.type == "usage"] == [charge.job_id]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("at", ["", "2099-01-01T09:00Z"])
def test_a_publication_survives_a_kill_between_its_acceptance_and_its_answer(
    at: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults += [
        Fault(endpoint=f"POST /v1/content/:id/{route}", kind="latency", seconds=3, calls=(1,))
        for route in ("publish", "schedule")
    ]
    project = sandbox.project_id("globex-fit")
    with served(sandbox) as base_url:
        env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            order = program.call(1, "generate_with_hook", project_id=project, hook="Plan less.")["structuredContent"]
            sandbox.advance(timedelta(minutes=5))
            linked = program.call(2, "check_readiness", project_id=project)["structuredContent"]["accounts"]
            publication = {
                "container_id": order["container_ids"][0],
                "social_account_ids": [linked[0]["social_account_id"]],
                "at": at,
            }
            program.send(call_of(3, "publish_content", **publication))
            accepted = wait_for_post(sandbox, publication["container_id"])
            program.signal(signal.SIGKILL)
            assert program.end(close=False)[:2] == (-signal.SIGKILL, [])
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            preview = program.call(1, "publish_content", dry_run=True, **publication)["structuredContent"]
            again = program.call(2, "publish_content", **publication)["structuredContent"]
            listed = program.call(3, "list_schedule", project_id=project)["structuredContent"]["items"]
    assert (preview["status"], preview["replayed"]) == ("unknown", True)
    assert (again["replayed"], again["publication_id"]) == (True, preview["publication_id"])
    assert [post["scheduled_post_id"] for post in again["scheduled_posts"]] == [accepted]
    ours = [post["scheduled_post_id"] for post in listed if post["container_id"] == publication["container_id"]]
    assert ours == [accepted]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("piece", [1, 2, 3])
def test_an_order_in_pieces_survives_a_kill_at_any_of_them(piece: int, tmp_path: Path) -> None:
    with Sandbox(path=tmp_path / "world.db", vintage="current") as sandbox:
        order = {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less, do more.", "variations": 3}
        endpoint = "POST /v1/projects/:id/content/slideshow-builder"
        sandbox.faults.append(Fault(endpoint=endpoint, kind="latency", seconds=3, calls=(piece,)))
        with served(sandbox) as base_url:
            env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
            with Program("--base-url", base_url, env=env) as program:
                program.handshake()
                program.send(call_of(1, "generate_with_hook", **order))
                wait_for_charge(sandbox, piece)
                program.signal(signal.SIGKILL)
                assert program.end(close=False)[:2] == (-signal.SIGKILL, [])
            with Program("--base-url", base_url, env=env) as program:
                program.handshake()
                first = program.call(1, "generate_with_hook", **order)["structuredContent"]
                again = program.call(2, "generate_with_hook", **order)["structuredContent"]
        charged = [event.job_id for event in sandbox.ledger() if event.type == "usage"]
    assert first["replayed"]
    assert first["job_ids"] == again["job_ids"] == charged
    assert len(set(charged)) == 3


def test_an_order_on_its_way_is_written_down_before_the_program_leaves(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults += slow(1.5)
    with served(sandbox) as base_url:
        env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            program.send(call_of(1, "clone_post", **order_of(sandbox, "clone_post")))
            charge = wait_for_charge(sandbox)
            code, _, _ = program.end()
    with closing(sqlite3.connect(tmp_path / "state" / "orders.db")) as journal:
        assert journal.execute("SELECT status, job_id FROM orders").fetchall() == [("running", charge.job_id)]
    assert code == 0


def test_a_client_that_reads_nothing_does_not_keep_the_program_nor_its_order_from_the_journal(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults += slow(1.5)
    with served(sandbox) as base_url:
        env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            for number in range(20):  # far more than a pipe holds
                program.send({"jsonrpc": "2.0", "id": number, "method": "tools/list"})
            program.send(call_of(21, "clone_post", **order_of(sandbox, "clone_post")))
            charge = wait_for_charge(sandbox)
            assert program.close_input() == 0
    with closing(sqlite3.connect(tmp_path / "state" / "orders.db")) as journal:
        assert journal.execute("SELECT status, job_id FROM orders").fetchall() == [("running", charge.job_id)]


def test_a_locked_journal_does_not_keep_the_program_at_end_of_input(sandbox: Sandbox, tmp_path: Path) -> None:
    with served(sandbox) as base_url:
        env = environment(tmp_path / "state", LAYERS_API_KEY=sandbox.api_key)
        with Program("--base-url", base_url, env=env) as program:
            program.handshake()
            order = order_of(sandbox, "clone_post")
            program.call(1, "clone_post", **order)
            with closing(sqlite3.connect(tmp_path / "state" / "orders.db", isolation_level=None)) as holder:
                holder.execute("BEGIN IMMEDIATE")
                program.send(call_of(2, "clone_post", take=2, **order))
                time.sleep(1)  # it waits for the lock by now
                code, _, _ = program.end()  # while the lock is held
    assert code == 0
