"""What the outside sees, to the byte: error texts, results, requests and journal rows of runs that repeat exactly.

A change here is either meant (a fixed fault, a new field) or a mistake. If it is meant, write the snapshots again and
let the review see the difference:

    UPDATE_SNAPSHOTS=1 python -m pytest tests/integration/test_snapshots.py
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools import CATALOG
from tests.integration.test_fault_matrix import FAULTS, FIVE_MINUTES, own_endpoint
from tests.support.tool_harness import open_tool_harness, text_of

pytestmark = pytest.mark.jumping

SNAPSHOTS = Path(__file__).parent / "snapshots"

UPDATE = "UPDATE_SNAPSHOTS=1 python -m pytest tests/integration/test_snapshots.py"

ANY_REQUEST_ID = re.compile(r"(requestId: )[\w-]+")
"""It counts the requests before it, which is not what these snapshots hold."""

UNSEEN_HEADERS = {"authorization", "accept-encoding", "user-agent"}
"""The key; what the machine's libraries can unpack; the version."""


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pause have its mean length."""
    monkeypatch.setattr(random.SystemRandom, "random", lambda _: 0.5)


def compare(name: str, seen: object) -> None:
    """Hold what was seen to its snapshot, or write that anew where UPDATE_SNAPSHOTS is set."""
    path = SNAPSHOTS / f"{name}.json"
    text = json.dumps(seen, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, "utf-8", newline="\n")
    snapshot = path.read_text("utf-8")
    assert seen == json.loads(snapshot), f"if this is meant: {UPDATE}"
    assert text == snapshot


class Recorder(httpx2.AsyncBaseTransport):
    """Passes requests on to the sandbox and keeps them as they were sent, but for the key."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._transport = sandbox.transport()
        self.requests: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in UNSEEN_HEADERS}
        sent = {"method": request.method, "target": request.url.raw_path.decode(), "headers": headers}
        body = request.content.decode()
        self.requests.append(sent | ({"body": body} if body else {}))
        return await self._transport.handle_async_request(request)

    def taken(self) -> list[dict[str, Any]]:
        """The requests since the last time, in an order that does not depend on how reads side by side took turns."""
        requests, self.requests = self.requests, []
        return sorted(requests, key=lambda request: (request["method"] != "GET", request["target"]))


def journal_rows(state_dir: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of the journal, without the rows' own random ids."""
    [path] = state_dir.glob("*.db")
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {table: [_without_random_id(row) for row in db.execute(f'SELECT * FROM "{table}"')] for table in tables}


RANDOM = {"entry", "lease", "detail"}
"""An order's row and the attempts at it have ids of their own."""


def _without_random_id(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name not in RANDOM}  # noqa: SIM118 - a row's keys are no dict's


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG)
async def test_every_error_reads_as_it_did(name: str, tmp_path: Path) -> None:
    """Each fault at the first request of the tool's own endpoint, then everywhere, then always at that endpoint."""
    texts: dict[str, dict[str, str]] = {}
    async with open_tool_harness(tmp_path) as harness:
        endpoint = await own_endpoint(harness, name)
        for fault, kind in FAULTS.items():
            texts[fault] = {}
            for where, limits in {
                "once": {"endpoint": endpoint, "calls": (1,)},
                "everywhere": {"endpoint": "*"},
                "always": {"endpoint": endpoint},
            }.items():
                arguments = await harness.ready_for(name)
                harness.sandbox.faults.append(Fault(**limits, **kind))
                result = await harness.call(name, arguments)
                harness.sandbox.faults.clear()
                if result.is_error:
                    texts[fault][where] = ANY_REQUEST_ID.sub(r"\1…", text_of(result))
                await anyio.sleep(FIVE_MINUTES)
    compare(f"errors/{name}", {fault: told for fault, told in texts.items() if told})


async def test_one_turn_of_the_loop_reads_sends_and_writes_what_it_did(tmp_path: Path) -> None:
    recorders: list[Recorder] = []

    def recorded(sandbox: Sandbox) -> Recorder:
        recorders.append(Recorder(sandbox))
        return recorders[0]

    results: list[dict[str, Any]] = []
    requests: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []

    async with open_tool_harness(tmp_path, transport=recorded) as harness:

        async def call(name: str, **arguments: Any) -> dict[str, Any]:
            harness.clock.move(seconds=1)  # no two orders at one moment: their order in a list would be random
            answer = await harness.facts(name, **arguments)
            results.append({"tool": name, "arguments": arguments, "result": answer})
            requests.append({"tool": name, "requests": recorders[0].taken()})
            if name in ("clone_post", "generate_with_hook", "wait_job", "cancel_job"):
                rows.append({"after": name, "tables": journal_rows(tmp_path)})
            return answer

        project = {"project_id": harness.project}
        await call("list_projects")
        await call("check_readiness", **project)
        await call("get_metrics", **project, since="7d")
        await call("get_ads_metrics", **project)
        ranking = await call("rank_top_performers", **project, metric="engagement_rate", limit=5)
        await call("find_breakouts")
        creatives = await call("list_ads_content", **project, limit=5)
        winner = ranking["items"][0]
        clone = {**project, "source_platform_post_id": winner["platform_post_id"], "variations": 2}
        await call("clone_post", **clone, dry_run=True)
        cloned = await call("clone_post", **clone)
        generated = await call("generate_with_hook", **project, hook=winner["title"])
        await call("clone_post", **clone)
        dropped = await call("generate_with_hook", **project, hook="Plan less.", take=2)
        await call("cancel_job", job_id=dropped["job_id"])
        await call("wait_job", job_ids=[cloned["job_id"], generated["job_id"]], timeout_seconds=45)
        made = await call("get_content", **project, awaiting_approval=True)
        first, second, *_ = [item["container_id"] for item in made["items"]]
        await call("decide_content", container_id=first, decision="approve")
        await call("decide_content", container_id=second, decision="reject", note="Too loud.")
        linked = await harness.facts("check_readiness", **project)
        accounts = [linked["accounts"][0]["social_account_id"]]
        later = await call("publish_content", container_id=first, social_account_ids=accounts, at="2026-11-28T09:00Z")
        await call("list_schedule", **project)
        post = later["scheduled_posts"][0]["scheduled_post_id"]
        await call("change_schedule", scheduled_post_id=post, action="cancel")
        creative = creatives["items"][0]["ads_content_id"]
        await call("set_override", **project, ads_content_id=creative, override="include", note="It won.")
        harness.sandbox.publish_finished("acme-todo")
        harness.clock.move(days=14)
        await call("review_commissions")

    assert {entry["tool"] for entry in results} == set(CATALOG)
    compare("loop_results", results)
    compare("loop_requests", requests)
    compare("loop_journal", rows)
