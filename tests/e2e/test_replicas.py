"""Two replicas, one PostgreSQL journal, HAProxy in front: one order is one charge, whatever stops in between."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import headers_for, message
from tests.support.replicas import MISSING, Fleet, fleet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.subprocess,
    pytest.mark.xdist_group("replicas"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}"),
]


SOAK = int(200 * float(os.environ.get("LAYERS_TEST_STEPS", "1")))
"""Orders of the soak; `LAYERS_TEST_STEPS=50` makes them ten thousand."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as started:
        yield started


def call(running: Fleet, tool: str, url: str = "", **arguments: Any) -> dict[str, Any]:
    """Call a tool as a client does that comes again after a lost connection or a 503; no call takes over its time."""
    body = message("tools/call", {"name": tool, "arguments": arguments})
    for _ in range(60):
        try:
            answer = httpx2.post(
                url or running.url, json=body, headers=headers_for(body) | running.headers(), timeout=50
            )
        except httpx2.TransportError:
            time.sleep(0.3)
            continue
        events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
        if answer.status_code == 200 and events:
            return events[-1]["result"]
        time.sleep(0.3)
    raise AssertionError("no answer in many tries")


def project(running: Fleet) -> str:
    return call(running, "list_projects")["structuredContent"]["projects"][0]["project_id"]


def charges(running: Fleet) -> int:
    with Sandbox(path=running.world) as world:
        return sum(event.type == "usage" for event in world.ledger())


def test_one_order_at_both_replicas_at_once_is_one_charge(running: Fleet) -> None:
    before, where = charges(running), project(running)
    urls = [f"http://127.0.0.1:{replica.port}/mcp" for replica in running.replicas]
    with ThreadPoolExecutor(8) as pool:
        order = {"project_id": where, "hook": "At both at once."}
        answers = list(pool.map(lambda url: call(running, "generate_with_hook", url, **order), urls * 4))
    jobs = {answer["structuredContent"]["job_id"] for answer in answers}
    assert len(jobs) == 1
    assert charges(running) == before + 1


def test_an_order_whose_replica_is_killed_is_one_charge_at_the_other(running: Fleet) -> None:
    before, where = charges(running), project(running)
    for number in range(5):
        order = {"project_id": where, "hook": f"Killed amid it, {number}."}
        victim, other = running.replicas[number % 2], running.replicas[1 - number % 2]
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(call, running, "generate_with_hook", f"http://127.0.0.1:{victim.port}/mcp", **order)
            time.sleep(0.02 * number)
            victim.kill()
            second = call(running, "generate_with_hook", f"http://127.0.0.1:{other.port}/mcp", **order)
            assert not second["isError"], second
            assert victim.process is not None
            victim.process.communicate()
            victim.start()
            assert first.result()["structuredContent"]["job_id"] == second["structuredContent"]["job_id"]
    assert charges(running) == before + 5


def test_a_rolling_restart_under_load_loses_no_order_and_charges_none_twice(running: Fleet) -> None:
    before, where = charges(running), project(running)
    stop, placed = threading.Event(), []

    def order_on(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            answer = call(running, "generate_with_hook", project_id=where, hook=f"Rolling {worker}, {number}.")
            assert not answer["isError"], answer
            placed.append(answer["structuredContent"]["job_id"])

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(order_on, worker) for worker in range(4)]
        for replica in running.replicas:
            assert replica.stop() == 0
            replica.start()
            time.sleep(1)
        stop.set()
        for worker in workers:
            worker.result()
    assert len(placed) == len(set(placed)) > 4
    assert charges(running) == before + len(placed)


def test_a_database_that_is_away_for_ten_seconds_loses_no_order_and_holds_no_call_up(running: Fleet) -> None:
    before, where = charges(running), project(running)
    stop, placed, refused = threading.Event(), list[str](), list[str]()

    def order_on(worker: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            order = {"project_id": where, "hook": f"Away {worker}, {number}."}
            while (answer := call(running, "generate_with_hook", urls[worker], **order))["isError"]:
                refused.append(answer["content"][0]["text"])
                assert time.monotonic() < deadline, refused[-1]
                time.sleep(0.5)
            placed.append(answer["structuredContent"]["job_id"])

    # half of them past the balancer, which sends nothing to a replica that is not ready
    urls = ["", "", *(f"http://127.0.0.1:{replica.port}/mcp" for replica in running.replicas)]
    deadline = time.monotonic() + 120
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(order_on, worker) for worker in range(4)]
        time.sleep(2)
        running.postgres.stop()
        time.sleep(5)
        ready = [httpx2.get(f"http://127.0.0.1:{each.port}/health/ready", timeout=60) for each in running.replicas]
        assert [answer.status_code for answer in ready] == [503, 503]
        time.sleep(5)
        running.postgres.start()
        healed = len(placed)
        while len(placed) < healed + 8 and time.monotonic() < deadline:
            time.sleep(0.5)
        stop.set()
        for worker in workers:
            worker.result()
    assert refused
    assert all(text.startswith("JOURNAL_UNAVAILABLE: ") for text in refused), set(refused)
    assert len(placed) == len(set(placed)) >= healed + 8
    assert charges(running) == before + len(placed)


def test_a_process_holds_at_most_fifteen_connections_to_its_database(running: Fleet) -> None:
    where = project(running)
    url = f"http://127.0.0.1:{running.replicas[0].port}/mcp"
    with ThreadPoolExecutor(40) as pool:
        orders = [
            pool.submit(call, running, "generate_with_hook", url, project_id=where, hook=f"Wide {number}.")
            for number in range(40)
        ]
        most = 0
        while not all(order.done() for order in orders):
            most = max(most, running.postgres.connections())
            time.sleep(0.1)
        assert not any(order.result()["isError"] for order in orders)
    assert 0 < most <= 2 * 15


def test_a_soak_of_orders_is_charged_once_each_while_replicas_are_killed(running: Fleet) -> None:
    before = charges(running)
    projects = [each["project_id"] for each in call(running, "list_projects")["structuredContent"]["projects"]]
    numbers, jobs = iter(range(SOAK)), dict[int, str]()
    taking, turns, fifth = threading.Lock(), threading.Semaphore(0), SOAK // 5

    def order_on() -> None:
        while True:
            turns.acquire()
            with taking:
                number = next(numbers, None)
            if number is None:
                return
            order = {"project_id": projects[number % len(projects)], "hook": f"Soak {number}."}
            answer = call(running, "generate_with_hook", **order)
            assert not answer["isError"], answer
            jobs[number] = answer["structuredContent"]["job_id"]
            if number % 10 == 0:
                again = call(running, "generate_with_hook", **order)["structuredContent"]
                assert (again["replayed"], again["job_id"]) == (True, jobs[number])

    with ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(order_on) for _ in range(8)]
        for kills in range(4):  # each amid a fifth of the orders
            turns.release(fifth)
            while len(jobs) <= kills * fifth and not all(worker.done() for worker in workers):
                time.sleep(0.05)
            victim = running.replicas[kills % 2]
            victim.kill()
            assert victim.process is not None
            victim.process.communicate()
            victim.start()
        turns.release(SOAK - 4 * fifth + len(workers))
        for worker in workers:
            worker.result()
    assert len(set(jobs.values())) == SOAK
    assert charges(running) == before + SOAK
