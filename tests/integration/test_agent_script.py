"""An agent without a model: it follows prompts and `next_step` to the letter, and nothing else.

What it can do without an error, and without spending where nothing is known, a model can do too: the texts carry the
loop. It reads a prompt sentence by sentence, fills in blanks (`POST`, `JOB`, …) from what it has been told, heeds
"Where `x` is …", and of what `next_step` names it calls what only reads.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent

from layers_mcp.app import create_server
from layers_mcp.sandbox import Sandbox
from tests.support import BASE_URL, LoopClock, configured
from tests.support.prompt_calls import Blank, SpelledCall, calls_in, steps_of

pytestmark = pytest.mark.jumping

SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
CONDITION = re.compile(r"Where `(\w+)` is (not )?(`?\w+`?)")
REFERENCE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


class Agent:
    """One conversation about one project."""

    def __init__(self, client: Client, tools: Mapping[str, Any], project_id: str) -> None:
        self._client = client
        self._tools = tools
        self._known: dict[str, Any] = {"project_id": project_id}
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[str] = []

    async def follow(self, prompt: str) -> None:
        """Work through a prompt's steps until it says to end, or its text is at its end."""
        answer = await self._client.get_prompt(prompt, {"project_id": self._known["project_id"]})
        block = answer.messages[0].content
        assert isinstance(block, TextContent)
        steps = steps_of(block.text)
        at = 0
        while at < len(steps):
            go_to = await self._take(steps[at])
            at = at + 1 if go_to is None else go_to

    async def _take(self, step: str) -> int | None:
        """Do one step; the number of the step to go on with where it says so."""
        for sentence in SENTENCE.split(step):
            condition = CONDITION.search(sentence)
            if condition and not self._holds(condition):
                continue
            if "end here" in sentence and (condition or self._without_one(sentence)):
                return 99
            if condition and (jump := re.search(r"go on with step (\d)", sentence)):
                return int(jump[1]) - 1
            for spelled in calls_in(sentence):
                until = re.search(r"again until `(\w+)`", sentence)
                await self._spelled(spelled)
                while until and self._known.get(until[1]) is False:
                    await self._spelled(spelled)
        return None

    def _holds(self, condition: re.Match[str]) -> bool:
        wanted = {"true": True, "false": False}.get(condition[3], condition[3].strip("`"))
        return (self._known.get(condition[1]) == wanted) is not bool(condition[2])

    def _without_one(self, sentence: str) -> bool:
        return sentence.startswith("Without one") and "POST" not in self._known

    async def _spelled(self, spelled: SpelledCall) -> None:
        """Make a call of the prompt, if all its blanks can be filled in."""
        try:
            arguments = {name: self._filled(value) for name, value in spelled.arguments.items()}
        except KeyError:
            return
        await self.call(spelled.tool, arguments)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, Blank):
            return self._known[value.name]
        return [self._filled(item) for item in value] if isinstance(value, list) else value

    async def call(self, tool: str, arguments: dict[str, Any]) -> None:
        """Call a tool, remember what it told, heed its next step."""
        self.done.append((tool, arguments))
        result = await self._client.call_tool(tool, arguments)
        if result.is_error:
            self.errors.append(f"{tool}: {result.content}")
            return
        told = result.structured_content or {}
        self._learn(tool, told)
        await self._heed(told.get("next_step", ""))

    def _learn(self, tool: str, told: Mapping[str, Any]) -> None:
        self._known |= {name: value for name, value in told.items() if isinstance(value, bool)}
        if tool == "check_readiness":
            self._known |= {check["name"]: check["status"] for check in told["checks"]}
            self._known["METRIC"] = told["suggested_metric"]["metric"]
        if tool == "find_breakouts":
            open_ones = [row for row in told["breakouts"] if not row["already_ordered"]]
            solid = [row["platform_post_id"] for row in open_ones if row["breakout_evidence"] == "solid"]
            self._known |= {"POST": solid[0]} if solid else {}
        if "job_id" in told:
            self._known["JOB"] = told["job_id"]
        if tool == "wait_job":
            self._known["CONTAINERS"] = [one for job in told["jobs"] for one in job.get("container_ids", [])]

    async def _heed(self, next_step: str) -> None:
        """Call what the sentence names, where that only reads, its arguments are known, and it was not called yet."""
        for name in REFERENCE.findall(next_step):
            tool = self._tools.get(name)
            if tool is None or not tool.annotations.read_only_hint:
                continue
            needed = tool.input_schema.get("required", [])
            arguments = {key: self._known[key] for key in needed if key in self._known}
            if len(arguments) == len(needed) and needed and all(done != name for done, _ in self.done):
                await self.call(name, arguments)


@asynccontextmanager
async def agency(sandbox: Sandbox, state_dir: Path) -> AsyncIterator[tuple[Client, dict[str, Any]]]:
    settings = configured(api_key=sandbox.api_key, base_url=BASE_URL, state_dir=state_dir)
    async with Client(create_server(**settings, transport=sandbox.transport(), clock=sandbox.now)) as client:
        yield client, {tool.name: tool for tool in (await client.list_tools()).tools}


def orders(sandbox: Sandbox) -> list[tuple[str, ...]]:
    """The containers of each order that was charged."""
    return [event.container_ids for event in sandbox.ledger() if event.type == "usage"]


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.mark.slow
async def test_a_daily_and_a_weekly_cycle_run_on_every_project_without_an_error(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            for project_id in sandbox.projects.values():
                for prompt in ("daily_review", "breakout_response", "weekly_review"):
                    agent = Agent(client, tools, project_id)
                    await agent.follow(prompt)
                    assert agent.errors == []
                    assert agent.done[0][0] == "check_readiness"
        refused = [request for request in sandbox.requests if request.status >= 400]
        assert all(request.path.endswith("/content-review-policy") for request in refused)  # one look for the vintage
        assert len(refused) <= len(sandbox.projects)


async def test_it_orders_only_where_a_breakout_is_solid_and_results_are_held(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            ordered: dict[str, int] = {}
            for name, project_id in sandbox.projects.items():
                before = len(orders(sandbox))
                agent = Agent(client, tools, project_id)
                await agent.follow("breakout_response")
                ordered[name] = len(orders(sandbox)) - before
                clones = [arguments for tool, arguments in agent.done if tool == "clone_post"]
                assert [bool(one.get("dry_run")) for one in clones][:1] in ([], [True])
        charged = orders(sandbox)
    assert ordered == {"acme-todo": 1, "globex-fit": 0, "initech-notes": 0, "hooli-new": 0}
    assert [len(containers) for containers in charged] == [2]


async def test_reviews_spend_nothing(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            for project_id in sandbox.projects.values():
                for prompt in ("daily_review", "weekly_review"):
                    await Agent(client, tools, project_id).follow(prompt)
        assert orders(sandbox) == []
        assert [request for request in sandbox.requests if request.method != "GET"] == []


@pytest.mark.slow
async def test_a_week_of_daily_cycles_answers_each_breakout_once_and_decides_nothing(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        project_id = sandbox.project_id("acme-todo")
        async with agency(sandbox, tmp_path) as (client, tools):
            sources: list[str] = []
            for _ in range(7):
                agent = Agent(client, tools, project_id)
                await agent.follow("breakout_response")
                assert agent.errors == []
                sources += [
                    arguments["source_platform_post_id"]
                    for tool, arguments in agent.done
                    if tool == "clone_post" and not arguments.get("dry_run")
                ]
                clock.move(days=1)
            weekly = Agent(client, tools, project_id)
            await weekly.follow("weekly_review")
        assert weekly.errors == []
        assert len(sources) == len(set(sources)) == len(orders(sandbox)) >= 1
        assert [one for one in sandbox.requests if one.path.endswith(("/approve", "/reject"))] == []


async def test_an_empty_project_ends_with_the_check_and_its_reason(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            for name in ("initech-notes", "hooli-new"):
                agent = Agent(client, tools, sandbox.project_id(name))
                await agent.follow("daily_review")
                assert [tool for tool, _ in agent.done] == ["check_readiness"]


async def test_an_empty_ranking_leads_to_the_check_that_explains_it(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            agent = Agent(client, tools, sandbox.project_id("hooli-new"))
            await agent.call("rank_top_performers", {"project_id": sandbox.project_id("hooli-new"), "metric": "views"})
    assert [tool for tool, _ in agent.done] == ["rank_top_performers", "check_readiness"]


async def test_the_agent_reads_what_was_made_and_leaves_the_decision_open(tmp_path, clock):
    with Sandbox(clock=clock) as sandbox:
        async with agency(sandbox, tmp_path) as (client, tools):
            agent = Agent(client, tools, sandbox.project_id("acme-todo"))
            await agent.follow("breakout_response")
    called = [tool for tool, _ in agent.done]
    assert called.index("clone_post") < called.index("wait_job") < called.index("get_content")
    assert "decide_content" not in called
