"""Whatever goes wrong upstream, a call ends in time, tells the truth about what changed, and can be made again.

Every fault of the sandbox meets every tool three ways: once at the tool's own endpoint, always everywhere, and
always there. The world is looked at before and after: what is said to have changed nothing has changed nothing, and an
order is charged once, however often it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.sandbox import Fault
from layers_mcp.tools import CATALOG
from tests.support import BASE_URL
from tests.support.harness import NOTHING_CHANGED, Stage, effect_of, open_stage, text_of

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
REFUSED_AT_THE_DOOR = {"429", "429 for five minutes"}
WORK_IS_DONE = {"an answer after an hour", "drop after", "truncated"}

OWN_ENDPOINT = {
    "list_projects": "GET /v1/projects",
    "check_readiness": "GET /v1/projects/:id/top-performers",
    "get_metrics": "GET /v1/projects/:id/metrics",
    "get_ads_metrics": "GET /v1/projects/:id/ads-metrics",
    "rank_top_performers": "GET /v1/projects/:id/top-performers",
    "find_breakouts": "GET /v1/projects/:id/top-performers",
    "clone_post": "POST /v1/content/:id/clone-from-post",
    "generate_with_hook": "POST /v1/projects/:id/content",
    "set_override": "PATCH /v1/projects/:id/ads-content/:id",
    "list_ads_content": "GET /v1/projects/:id/ads-content",
    "wait_job": "GET /v1/jobs/:id",
    "cancel_job": "POST /v1/jobs/:id/cancel",
    "get_content": "GET /v1/content/:id",
    "decide_content": "POST /v1/content/:id/approve",
    "review_commissions": "GET /v1/projects/:id/top-performers",
}
EFFECT_UNKNOWN = {
    "clone_post": "Unknown whether the order was placed: ",
    "generate_with_hook": "Unknown whether the order was placed: ",
    "set_override": "Unknown whether the override was set: ",
    "cancel_job": "Unknown whether the job was told to stop: ",
    "decide_content": "Unknown whether the decision was taken: ",
}
COMMISSIONS = ("clone_post", "generate_with_hook")
SAY_WHAT_IS_MISSING = {"check_readiness", "find_breakouts", "review_commissions"}
"""Reads that are made of several, and answer with the rest."""

every_fault = pytest.mark.parametrize("fault", FAULTS)
every_tool = pytest.mark.parametrize("name", CATALOG)


async def state(stage: Stage) -> tuple[object, ...]:
    """What a write could have changed, read from the world itself. There must be no fault in it now."""
    headers = {"Authorization": f"Bearer {stage.sandbox.api_key}"}
    async with httpx2.AsyncClient(transport=stage.sandbox.transport(), base_url=BASE_URL, headers=headers) as http:

        async def rows(endpoint: str) -> list[dict[str, Any]]:
            reply = await http.get(f"/v1/projects/{stage.project}/{endpoint}", params={"limit": 200})
            return reply.raise_for_status().json()["items"]

        creatives, containers = await rows("ads-content"), await rows("content")
    return (
        stage.charges(),
        {row["adsContentId"] for row in creatives if row["override"] == "exclude"},
        {row["id"] for row in containers if row["approvalStatus"] == "approved"},
        {row["id"] for row in containers if row["status"] == "canceled"},
    )


async def struck(stage: Stage, name: str, arguments: dict[str, Any], **fault: Any) -> tuple[bool, str]:
    """Call the tool while `fault` is in the world: whether it failed, and its text, found to be true."""
    before = await state(stage)
    stage.sandbox.faults.append(Fault(**fault))
    result = await stage.call(name, arguments)
    stage.sandbox.faults.clear()
    text, after = text_of(result), await state(stage)
    if result.is_error and effect_of(text) == NOTHING_CHANGED:
        assert after == before, text
    if name not in EFFECT_UNKNOWN:
        assert after == before, "a read changed the world"
    return bool(result.is_error), text


async def again(stage: Stage, name: str, arguments: dict[str, Any]) -> None:
    """The same call when all is well again: a success, and for an order one charge whatever was before."""
    await anyio.sleep(FIVE_MINUTES)
    answer = await stage.facts(name, **arguments)
    if name in COMMISSIONS:
        assert stage.charges().count(answer["job_id"]) == 1
        assert answer["container_ids"]
        charged = len(stage.charges())
        replayed = await stage.facts(name, **arguments)
        assert replayed["replayed"] is True
        assert all(replayed[field] == answer[field] for field in ("commission_id", "job_id", "ordered_at"))
        assert len(stage.charges()) == charged


@every_tool
async def test_any_one_fault_is_passed_over(name: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for orders, (fault, kind) in enumerate(FAULTS.items(), start=1):
            arguments = await stage.ready_for(name)
            failed, text = await struck(stage, name, arguments, endpoint=OWN_ENDPOINT[name], calls=(1,), **kind)
            if fault == "429 for five minutes" and name not in SAY_WHAT_IS_MISSING:
                assert failed, text
                assert text.startswith("RATE_LIMITED (429): ")
                assert "Wait 300 seconds, then call again." in text
            else:
                assert not failed, f"{fault}: {text}"
            await again(stage, name, arguments)
            if name in COMMISSIONS:
                assert len(stage.charges()) == orders, fault


@pytest.mark.slow
@every_fault
@every_tool
async def test_a_cause_that_stays_is_told_in_time_with_what_it_may_have_changed(
    name: str, fault: str, tmp_path: Path
) -> None:
    """First nothing works at all, then all but the tool's own endpoint."""
    async with open_stage(tmp_path) as stage:
        for endpoint in ("*", OWN_ENDPOINT[name]):
            arguments = await stage.ready_for(name)
            failed, text = await struck(stage, name, arguments, endpoint=endpoint, **FAULTS[fault])
            if fault not in WHAT_HAPPENED or survives(name, fault, everywhere=endpoint == "*"):
                assert not failed, text
            else:
                assert failed, text
                assert text.startswith(WHAT_HAPPENED[fault]), text
                assert effect_of(text).startswith(right_effect(name, fault)), text
            if fault in WHAT_HAPPENED and name in SAY_WHAT_IS_MISSING and not failed:
                assert WHAT_HAPPENED[fault].split(" ")[0].rstrip(":") in text
            await again(stage, name, arguments)
        if name in COMMISSIONS:
            assert len(stage.charges()) == 2


@pytest.mark.parametrize("name", COMMISSIONS)
async def test_an_order_whose_job_fails_costs_nothing_in_the_end_and_names_the_next_take(
    name: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        arguments = await stage.ready_for(name)
        await struck(stage, name, arguments, endpoint=OWN_ENDPOINT[name], **FAULTS["failed job"])
        await again(stage, name, arguments)
        answer = await stage.facts(name, **arguments)
        assert answer["status"] == "failed"
        assert answer["next_take"] == arguments["take"] + 1
        waited = await stage.facts("wait_job", job_ids=[answer["job_id"]], timeout_seconds=0)
        assert waited["jobs"][0]["status"] == "failed"
        assert waited["jobs"][0]["error"]
        assert sum(event.credits for event in stage.sandbox.ledger() if event.type != "grant") == 0


def survives(name: str, fault: str, *, everywhere: bool) -> bool:
    """Whether the call can answer all the same."""
    if name == "decide_content" and not everywhere:
        return fault in WORK_IS_DONE  # the container itself tells what was decided
    return name == "review_commissions" or (name in SAY_WHAT_IS_MISSING and not everywhere)


def right_effect(name: str, fault: str) -> str:
    return NOTHING_CHANGED if fault in REFUSED_AT_THE_DOOR else EFFECT_UNKNOWN.get(name, NOTHING_CHANGED)
