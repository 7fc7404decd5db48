"""Whatever goes wrong upstream, a call ends in time, tells the truth about what changed, and can be made again.

Every fault of the sandbox meets every tool three ways: once at the tool's own endpoint, always everywhere, and
always there. The world is looked at before and after: what is said to have changed nothing has changed nothing, an
order is charged once, and a publication posted once, however often it is asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.protocol.tool import WRITE, spec_of
from layers_mcp.sandbox import Fault
from layers_mcp.sandbox.routes import ROUTES
from layers_mcp.tools import CATALOG, function_of
from tests.support import BASE_URL
from tests.support.tool_harness import NOTHING_CHANGED, ToolHarness, effect_of, open_tool_harness, text_of

pytestmark = pytest.mark.jumping

FIVE_MINUTES = 300

FAULTS: dict[str, dict[str, Any]] = {
    "an answer after 3 s": {"kind": "latency", "seconds": 3},
    "an answer after an hour": {"kind": "latency", "seconds": 3600},
    "429": {"kind": "status", "status": 429},
    "429 for five minutes": {"kind": "status", "status": 429, "seconds": FIVE_MINUTES},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "503": {"kind": "status", "status": 503},
    "504": {"kind": "status", "status": 504},
    "drop before": {"kind": "drop_before"},
    "drop after": {"kind": "drop_after"},
    "truncated": {"kind": "truncate"},
    "HTML 502": {"kind": "html_502"},
    "failed job": {"kind": "job_failed"},
}
WHAT_HAPPENED = {
    "an answer after an hour": "TIMEOUT: ",
    "429": "RATE_LIMITED (429): ",
    "429 for five minutes": "RATE_LIMITED (429): ",
    "500": "INTERNAL (500): ",
    "502": "INTERNAL (502): ",
    "503": "INTERNAL (503): ",
    "504": "INTERNAL (504): ",
    "drop before": "UNREACHABLE: ",
    "drop after": "UNREACHABLE: ",
    "truncated": "UNREACHABLE: ",
    "HTML 502": "BAD_RESPONSE (502): ",
}
RATE_LIMITED = {"429", "429 for five minutes"}

COMMISSIONS = [name for name in CATALOG if spec_of(function_of(name)).kind == WRITE]

SCOPES: dict[str, set[tuple[str, str]]] = defaultdict(set)
"""The endpoints that a scope opens, ids written as in faults."""
for route in ROUTES["preview"]:
    SCOPES[route.scope or ""].add((route.method, "/".join(":id" if s.startswith(":") else s for s in route.segments)))
_ID = re.compile(r"[a-z]+_[0-9A-Za-z]{10,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

every_fault = pytest.mark.parametrize("fault", FAULTS)
every_tool = pytest.mark.parametrize("name", CATALOG)


async def state(harness: ToolHarness) -> tuple[object, ...]:
    """What a write could have changed, read from the world itself. There must be no fault in it now."""
    async with world(harness) as http:

        async def rows(endpoint: str) -> list[dict[str, Any]]:
            reply = await http.get(f"/v1/projects/{harness.project}/{endpoint}", params={"limit": 200})
            return reply.raise_for_status().json()["items"]

        creatives, containers = await rows("ads-content"), await rows("content")
        posts = await scheduled(http, harness)
    return (
        harness.charges(),
        {row["adsContentId"] for row in creatives if row["override"] == "exclude"},
        {row["id"] for row in containers if row["approvalStatus"] == "approved"},
        {row["id"] for row in containers if row["status"] == "canceled"},
        {(post["id"], post["scheduledFor"], post["status"] == "canceled") for post in posts},
    )


async def scheduled(http: httpx2.AsyncClient, harness: ToolHarness) -> list[dict[str, Any]]:
    """The newest 100 scheduled posts of the project."""
    reply = await http.get(f"/v1/projects/{harness.project}/scheduled-posts", params={"limit": 100})
    return reply.raise_for_status().json()["items"]


def world(harness: ToolHarness) -> httpx2.AsyncClient:
    """The world itself, without a server before it."""
    headers = {"Authorization": f"Bearer {harness.sandbox.api_key}"}
    return httpx2.AsyncClient(transport=harness.sandbox.transport(), base_url=BASE_URL, headers=headers)


async def own_endpoint(harness: ToolHarness, name: str) -> str:
    """Where the tool's own question goes: the first endpoint that it asks of those that need the tool's scope."""
    arguments = await harness.ready_for(name)
    before = len(harness.sandbox.requests)
    await harness.facts(name, **arguments)
    asked = [(each.method, _ID.sub(":id", each.path)) for each in harness.sandbox.requests[before:]]
    await anyio.sleep(FIVE_MINUTES)  # what the call set going comes to rest
    scope = spec_of(function_of(name)).scope
    own = [f"{method} {path}" for method, path in asked if (method, path) in SCOPES[scope]]
    assert own, f"none of what {name} asked needs its scope, {scope}: {asked}"
    return own[0]


async def struck(harness: ToolHarness, name: str, arguments: dict[str, Any], **fault: Any) -> tuple[bool, str]:
    """Call the tool while `fault` is in the world: whether it failed, and its text, found to be true."""
    before = await state(harness)
    harness.sandbox.faults.append(Fault(**fault))
    result = await harness.call(name, arguments)
    harness.sandbox.faults.clear()
    text, after = text_of(result), await state(harness)
    if result.is_error and effect_of(text) == NOTHING_CHANGED:
        assert after == before, text
    if spec_of(function_of(name)).kind.read_only:
        assert after == before, "a read changed the world"
    return bool(result.is_error), text


async def again(harness: ToolHarness, name: str, arguments: dict[str, Any]) -> None:
    """The same call when all is well again: a success, and for an order one charge whatever was before."""
    await anyio.sleep(FIVE_MINUTES)
    answer = await harness.facts(name, **arguments)
    if name in COMMISSIONS:
        assert harness.charges().count(answer["job_id"]) == 1
        assert answer["container_ids"]
        charged = len(harness.charges())
        replayed = await harness.facts(name, **arguments)
        assert replayed["replayed"] is True
        assert all(replayed[field] == answer[field] for field in ("commission_id", "job_id", "ordered_at"))
        assert len(harness.charges()) == charged
    await anyio.sleep(FIVE_MINUTES)  # what the call set going comes to rest


SHARES = [pytest.param(share, marks=[] if share == 0 else pytest.mark.slow) for share in range(5)]
"""Every fault meets every tool; in the default run a tool meets a fifth of them, each tool others."""


@pytest.mark.parametrize("share", SHARES)
@every_tool
async def test_any_one_fault_is_passed_over(name: str, share: int, tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        endpoint, charged = await own_endpoint(harness, name), len(harness.charges())
        first = (share + list(CATALOG).index(name)) % len(SHARES)
        for orders, (fault, kind) in enumerate(list(FAULTS.items())[first :: len(SHARES)], start=1):
            arguments = await harness.ready_for(name)
            failed, text = await struck(harness, name, arguments, endpoint=endpoint, calls=(1,), **kind)
            if fault == "429 for five minutes":
                assert tells(text, fault)
                assert not failed or "Wait 300 seconds, then call again." in text
            else:
                assert not failed, f"{fault}: {text}"
            await again(harness, name, arguments)
            if name in COMMISSIONS:
                assert len(harness.charges()) == charged + orders, fault


@pytest.mark.slow
@every_fault
@every_tool
async def test_a_cause_that_stays_is_told_in_time_with_what_it_may_have_changed(
    name: str, fault: str, tmp_path: Path
) -> None:
    """First nothing works at all, then all but the tool's own endpoint."""
    async with open_tool_harness(tmp_path) as harness:
        own, charged = await own_endpoint(harness, name), len(harness.charges())
        for endpoint in ("*", own):
            arguments = await harness.ready_for(name)
            failed, text = await struck(harness, name, arguments, endpoint=endpoint, **FAULTS[fault])
            if failed:
                assert text.startswith(WHAT_HAPPENED[fault]), text
                if endpoint == own or effect_of(text) != NOTHING_CHANGED:  # else it got no further than its first read
                    assert effect_of(text) == right_effect(name, fault), text
            elif fault in WHAT_HAPPENED and spec_of(function_of(name)).kind.read_only:
                assert tells(text, fault), "a read of several answers with the rest, and says what is missing"
            await again(harness, name, arguments)
        if name in COMMISSIONS:
            assert len(harness.charges()) == charged + 2


@pytest.mark.parametrize("name", COMMISSIONS)
async def test_an_order_whose_job_fails_costs_nothing_in_the_end_and_names_the_next_take(
    name: str, tmp_path: Path
) -> None:
    async with open_tool_harness(tmp_path) as harness:
        endpoint, spent = await own_endpoint(harness, name), harness.spent()
        arguments = await harness.ready_for(name)
        await struck(harness, name, arguments, endpoint=endpoint, **FAULTS["failed job"])
        await again(harness, name, arguments)
        answer = await harness.facts(name, **arguments)
        assert answer["status"] == "failed"
        assert answer["next_take"] == arguments["take"] + 1
        waited = await harness.facts("wait_job", job_ids=[answer["job_id"]], timeout_seconds=0)
        assert waited["jobs"][0]["status"] == "failed"
        assert waited["jobs"][0]["error"]
        assert harness.spent() == spent


def tells(text: str, fault: str) -> bool:
    """Whether the answer names what happened."""
    return WHAT_HAPPENED[fault].split(" ")[0].rstrip(":") in text


def right_effect(name: str, fault: str) -> str:
    """What may be said of a call that failed so."""
    return NOTHING_CHANGED if fault in RATE_LIMITED else spec_of(function_of(name)).effect_unknown
