"""Tenants of one process are apart, whatever fails in between."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.sandbox import Fault, Sandbox
from tests.support.team_server import TeamServer, team_server

pytestmark = pytest.mark.anyio


class Side:
    """One organization as its callers see it, and the words that nobody else may see."""

    def __init__(self, key: str, organization: str) -> None:
        self.headers = {"X_Layers_Api_Key": key}
        self.organization = organization
        self.projects: list[str] = []
        self.marks: set[str] = {organization, key}

    async def learn(self, server: TeamServer) -> None:
        listed = await server.facts("list_projects", **self.headers)
        assert listed["organization"]["organization_id"] == self.organization
        self.projects = [project["project_id"] for project in listed["projects"]]
        self.marks |= {listed["organization"]["name"], *self.projects, *(each["name"] for each in listed["projects"])}

    def call(self, dice: random.Random) -> tuple[str, dict[str, Any]]:
        """A call of its own, or one with the other side's ids, which has to find nothing."""
        project = dice.choice(self.projects)
        return dice.choice(
            [
                ("list_projects", {}),
                ("rank_top_performers", {"project_id": project, "metric": "views"}),
                ("get_metrics", {"project_id": project}),
                ("review_commissions", {}),
                ("generate_with_hook", {"project_id": project, "hook": f"hook of {self.organization}"}),
                ("get_content", {"project_id": project}),
            ]
        )


@pytest.mark.slow
async def test_in_500_interleaved_calls_with_faults_no_word_of_one_is_in_an_answer_to_the_other(tmp_path: Path) -> None:
    faults = [Fault(endpoint="*", kind=kind, rate=0.03) for kind in ("status", "truncate", "drop_before", "html_502")]
    with Sandbox() as sandbox:
        agency = Side(sandbox.api_key, sandbox.agency)
        stranger = Side(sandbox.issue_key(organization=sandbox.stranger), sandbox.stranger)
        async with team_server(sandbox, tmp_path, auth="key") as server:
            for side in (agency, stranger):
                await side.learn(server)
            assert not agency.marks & stranger.marks
            sandbox.faults.extend(faults)
            answers = 0

            async def work(side: Side, other: Side, seed: int) -> None:
                nonlocal answers
                dice = random.Random(seed)
                for _ in range(25):
                    tool, arguments = side.call(dice)
                    told = json.dumps(await server.call(tool, arguments, **side.headers))
                    answers += 1
                    leaked = [mark for mark in other.marks | {f"hook of {other.organization}"} if mark in told]
                    assert not leaked, (tool, arguments, told)

            async with anyio.create_task_group() as group:
                for number in range(20):
                    sides = (agency, stranger) if number % 2 else (stranger, agency)
                    group.start_soon(work, *sides, number)
            assert answers == 500


async def test_an_order_is_refused_while_layers_cannot_say_whose_the_key_is(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        project = sandbox.project_id("acme-todo")
        sandbox.faults.append(Fault(endpoint="GET /v1/whoami", kind="status", status=500))
        async with team_server(sandbox, tmp_path, auth="key") as server:
            order = {"project_id": project, "hook": "Plan less."}
            told = await server.error("generate_with_hook", order, X_Layers_Api_Key=sandbox.api_key)
            assert "Nothing was changed." in told
            assert not [event for event in sandbox.ledger() if event.type == "usage"]
            sandbox.faults.clear()
            placed = await server.facts("generate_with_hook", order, X_Layers_Api_Key=sandbox.api_key)
            assert placed["replayed"] is False


async def test_a_server_whose_journal_is_away_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        nowhere = "postgresql+psycopg://nobody@127.0.0.1:9/none"
        async with team_server(sandbox, tmp_path, auth="key", journal_url=nowhere) as server:
            ready = await server.http.get("/health/ready")
            assert ready.status_code == 503
            assert ready.text in ("journal", "late")
            assert (await server.http.get("/health/live")).status_code == 200
        async with team_server(sandbox, tmp_path, auth="key") as server:
            assert (await server.http.get("/health/ready")).status_code == 200
