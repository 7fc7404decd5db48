"""Faults: what was asked for goes wrong, where and when it was asked for, in process and over a real socket."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx2
import pytest

from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.sandbox.faults import load_faults
from layers_mcp.sandbox.http import HOST, http_server, listen
from tests.integration.sandbox.conftest import Api, HandClock, charges, open_api
from tests.support.http_server import plain_client

CLONE = "POST /v1/content/:id/clone-from-post"


@pytest.fixture
def over_http(sandbox: Sandbox) -> Iterator[str]:
    """The sandbox on a port of this machine: its base URL."""
    server = http_server(sandbox)
    with listen(0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://{HOST}:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(params=["in process", "over http"])
async def either(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Api]:
    """The same requests both ways."""
    if request.param == "in process":
        async with open_api(sandbox) as api:
            yield api
        return
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with plain_client(request.getfixturevalue("over_http"), headers=headers) as client:
        yield Api(sandbox, client)


async def test_a_reply_lost_after_the_work_leaves_the_charge_and_can_be_asked_for_again(
    either: Api, sandbox: Sandbox
) -> None:
    source = (await either.best())["platformPostId"]
    path_id = "8a4e0d5c-0000-4000-8000-000000000000"
    sandbox.faults.append(Fault(endpoint=CLONE, kind="drop_after", calls=(1,)))
    with pytest.raises(httpx2.RemoteProtocolError):
        await either.clone(path_id=path_id, sourcePlatformPostId=source)
    assert charges(sandbox) == [-120]
    assert (await either.clone(path_id=path_id, sourcePlatformPostId=source)).status_code == 202
    assert charges(sandbox) == [-120]


async def test_a_connection_lost_before_the_work_leaves_nothing(either: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:projectId/content", kind="drop_before"))
    with pytest.raises(httpx2.RemoteProtocolError):
        await either.generate()
    assert charges(sandbox) == []
    assert sandbox.requests[-1].status == 0


async def test_a_request_that_breaks_off_does_nothing(over_http: str, sandbox: Sandbox) -> None:
    """As when its client is killed between the head and the body, which could pass for an order with no arguments."""
    url = httpx2.URL(over_http)
    head = (
        f"POST /v1/projects/{sandbox.project_id('acme-todo')}/content HTTP/1.1\r\nHost: {url.host}\r\n"
        f"Authorization: Bearer {sandbox.api_key}\r\nIdempotency-Key: key-1\r\n"
        "Content-Type: application/json\r\nContent-Length: 40\r\n\r\n"
    )
    async with await anyio.connect_tcp(url.host, url.port or 80) as stream:
        await stream.send(head.encode())
    async with plain_client(over_http, headers={"Authorization": f"Bearer {sandbox.api_key}"}) as client:
        api = Api(sandbox, client)
        assert (await api.generate(key="key-1", format="video_remix")).status_code == 202
    assert len(charges(sandbox)) == 1


async def test_a_truncated_answer_breaks_off_after_the_work_was_done(either: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:projectId/content", kind="truncate", calls=(1,)))
    with pytest.raises(httpx2.RemoteProtocolError):
        await either.generate(format="video_remix")
    assert charges(sandbox) == [-120]
    assert (await either.generate()).status_code == 202


async def test_a_proxys_error_page_is_no_envelope_and_no_work(either: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(kind="html_502"))
    reply = await either.client.get("/v1/whoami")
    assert reply.status_code == 502
    assert reply.headers["content-type"] == "text/html"
    assert reply.text.startswith("<html>")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "INTERNAL"),
        (503, "INTERNAL"),
        (504, "INTERNAL"),
        (400, "VALIDATION"),
        (402, "BILLING_EXHAUSTED"),
        (404, "NOT_FOUND"),
    ],
)
async def test_a_status_is_answered_instead_of_the_work(api: Api, sandbox: Sandbox, status: int, code: str) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:projectId/content", kind="status", status=status))
    assert await api.error("POST", api.path("content"), json={}) == (status, code)
    assert charges(sandbox) == []


async def test_a_limit_that_was_asked_for_says_how_long_to_wait(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(kind="status", status=429, seconds=3))
    reply = await api.client.get("/v1/whoami")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "3")
    assert reply.headers["x-ratelimit-endpoint-class"] == "read-light"
    assert reply.json()["error"]["details"] == {"endpointClass": "read-light"}


@pytest.mark.jumping
async def test_a_late_answer_comes_after_the_work_or_not_at_all_for_the_impatient(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:projectId/content", kind="latency", seconds=30))
    api.client.timeout = httpx2.Timeout(60)
    began = anyio.current_time()
    assert (await api.generate(format="video_remix")).status_code == 202
    assert anyio.current_time() - began == pytest.approx(30, abs=5)
    api.client.timeout = httpx2.Timeout(10)
    with pytest.raises(httpx2.ReadTimeout):
        await api.generate(format="video_remix")
    assert charges(sandbox) == [-120, -120]


@pytest.mark.jumping
async def test_latency_without_a_length_is_a_second(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(kind="latency"))
    began = anyio.current_time()
    await api.json("GET", "/v1/whoami")
    assert anyio.current_time() - began == pytest.approx(1, abs=0.5)


async def test_calls_are_counted_for_the_faults_own_endpoint(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(endpoint="GET /v1/credits", kind="status", status=500, calls=(2, 4)))
    statuses: list[int] = []
    for _ in range(5):
        await api.client.get("/v1/whoami")
        statuses.append((await api.client.get("/v1/credits")).status_code)
    assert statuses == [200, 500, 200, 500, 200]


async def test_a_rate_strikes_the_same_calls_for_the_same_seed() -> None:
    runs: list[list[int]] = []
    for _ in range(2):
        with Sandbox(clock=HandClock(), faults=[Fault(kind="status", status=500, rate=0.3)]) as sandbox:
            async with open_api(sandbox) as api:
                runs.append([(await api.client.get("/v1/whoami")).status_code for _ in range(200)])
    assert runs[0] == runs[1]
    assert 40 < runs[0].count(500) < 80


async def test_a_fault_can_be_taken_away_again(api: Api, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(kind="status", status=500))
    assert (await api.client.get("/v1/whoami")).status_code == 500
    sandbox.faults.clear()
    assert (await api.client.get("/v1/whoami")).status_code == 200


def test_a_faults_file_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"endpoint": CLONE, "kind": "drop_after", "calls": [1]}]))
    assert load_faults(path) == [Fault(endpoint=CLONE, kind="drop_after", calls=(1,))]
    for wrong in (
        [{"kind": "explode"}],
        [{"endpoint": CLONE}],
        {"kind": "latency"},
        [{"kind": "latency", "x": 1}],
        [{"kind": "latency", "endpoint": "/v1/whoami"}],
        [{"kind": "latency", "endpoint": "get /v1/whoami"}],
        [{"kind": "latency", "calls": [0]}],
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match=r"\w+: "):
            load_faults(path)


async def test_two_orders_at_once_under_one_key_are_one_order(over_http: str, sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient(
        base_url=over_http, headers={"Authorization": f"Bearer {sandbox.api_key}", "Idempotency-Key": "k1"}
    ) as client:
        bodies: list[bytes] = []

        async def order() -> None:
            reply = await client.post(f"/v1/projects/{sandbox.project_id('acme-todo')}/content", json={})
            bodies.append(reply.content)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(order)
    assert len(bodies) == 5
    assert len(set(bodies)) == 1
    assert len(charges(sandbox)) == 1


def test_over_http_a_client_that_polls_every_ten_seconds_keeps_its_connection(sandbox: Sandbox) -> None:
    assert http_server(sandbox).config.timeout_keep_alive > 30


async def test_over_http_the_date_is_the_worlds(over_http: str, sandbox: Sandbox) -> None:
    async with plain_client(over_http) as client:
        reply = await client.get("/v1/whoami", headers={"Authorization": f"Bearer {sandbox.api_key}"})
    assert reply.headers.get_list("date") == ["Fri, 17 Apr 2026 09:10:00 GMT"]
