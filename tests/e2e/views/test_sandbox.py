"""The real program on its sandbox behind the views: what it serves is shown, and what is pressed goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.program import Program, environment
from tests.e2e.test_http import http_program
from tests.e2e.views.browser import Shown, Wire
from tests.support.http_server import headers_for, messages


class Server:
    """`layers-mcp` on its sandbox; `answer` is how a view's host reaches it."""

    def __init__(self, ask: Callable[[Wire], Wire]) -> None:
        """`ask` sends a request and returns the message that answers it."""
        self._ask = ask
        self._last = 0

    def ask(self, method: str, **params: Any) -> Wire:
        self._last += 1
        answer = self._ask({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params})
        assert answer["id"] == self._last
        assert "result" in answer, (method, params, answer)
        return answer["result"]

    def answer(self, name: str, arguments: Wire) -> Wire:
        return self.ask("tools/call", name=name, arguments=arguments)

    def facts(self, name: str, **arguments: Any) -> Wire:
        result = self.answer(name, arguments)
        assert result["isError"] is False, result
        return result["structuredContent"]

    def project(self, name: str = "acme-todo") -> str:
        return self.facts("list_projects", search=name)["projects"][0]["project_id"]

    def schedule(self, project: str, container: str) -> list[Wire]:
        """What is to go out, or went out, of one piece."""
        items = self.facts("list_schedule", project_id=project, limit=100)["items"]
        return [item for item in items if item["container_id"] == container]

    def show(self, shown: Shown, tool: str, **arguments: Any) -> Wire:
        """Call a tool as a model does, and show its result in the view that the server names for it."""
        [definition] = [one for one in self.ask("tools/list")["tools"] if one["name"] == tool]
        [page] = self.ask("resources/read", uri=definition["_meta"]["ui"]["resourceUri"])["contents"]
        assert page["mimeType"] == "text/html;profile=mcp-app"
        shown.open_page(page["text"], page["_meta"]["ui"]["csp"], self.answer)
        shown.connect()
        result = self.answer(tool, arguments)
        shown.browser.do("input", args=arguments)
        shown.result(result)
        return result.get("structuredContent", {})


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path


@contextmanager
def over_stdio(state_dir: Path, *flags: str) -> Iterator[Server]:
    with Program("--sandbox", *flags, env=environment(state_dir)) as program:

        def ask(request: Wire) -> Wire:
            program.send(request)
            while (message := program.receive()).get("id") != request["id"]:
                pass  # a progress notification
            return message

        program.handshake()
        yield Server(ask)


@contextmanager
def over_http(state_dir: Path) -> Iterator[Server]:
    with http_program(state_dir, "--sandbox") as served, httpx2.Client(verify=False, timeout=60) as http:
        yield Server(lambda body: messages(http.post(served.url, json=body, headers=headers_for(body)))[-1])


@pytest.fixture(params=[over_stdio, pytest.param(over_http, marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest, state_dir: Path) -> Iterator[Server]:
    with request.param(state_dir) as server:
        yield server


def test_a_winner_is_ordered_looked_at_approved_and_reviewed(shown: Shown, server: Server) -> None:
    project = server.project()
    ranking = server.show(shown, "rank_top_performers", project_id=project, metric="engagement_rate", limit=25)
    assert shown.ids == [row["platform_post_id"] for row in ranking["items"][:8]]
    first = shown.ids[0]
    shown.press("toggle", first)
    shown.press("order", first)
    shown.wait_for("confirm-order", first)
    before = server.facts("list_projects")["credits"]["available"]
    shown.press("confirm-order", first)
    shown.wait_for("follow", first)
    [order] = server.facts("review_commissions")["commissions"]
    assert order["source_platform_post_id"] == first
    assert server.facts("list_projects")["credits"]["available"] == before - 240
    assert order["commission_id"] in shown.wait_for_contexts()[-1]

    job = {"job_ids": [order["job_id"]], "timeout_seconds": 30}
    assert server.facts("wait_job", **job)["all_done"]
    content = server.show(shown, "get_content", project_id=project, awaiting_approval=True)
    made = [item["container_id"] for item in content["items"] if item.get("commission_id") == order["commission_id"]]
    assert len(made) == 2
    assert set(made) <= set(shown.ids)
    shown.press("approve", made[0])
    shown.press("confirm-approve", made[0])
    shown.wait_for_text("Decided by you, here")
    shown.press("reject", made[1])
    shown.type("Too close to the first.")
    shown.press("confirm-reject", made[1])
    shown.wait_for_text("It will not be published")
    decided = {item["container_id"]: item for item in server.facts("get_content", container_ids=made)["items"]}
    assert [decided[one]["approval_status"] for one in made] == ["approved", "rejected"]
    shown.press("publish", made[0])
    shown.wait_for("confirm-publish", made[0])
    assert server.schedule(project, made[0]) == []
    shown.press("confirm-publish", made[0])
    while len(shown.contexts) < 3:
        shown.settle()
    [post] = server.schedule(project, made[0])
    assert post["publication_id"] in shown.wait_for_contexts()[-1]

    server.show(shown, "review_commissions")
    assert shown.ids == [order["commission_id"]]
    assert "Too early" in shown.texts("row")[0]


def test_the_course_of_things_and_the_round_over_all_projects_are_shown(shown: Shown, server: Server) -> None:
    metrics = server.show(shown, "get_metrics", project_id=server.project(), since="30d")
    assert len(shown.texts("metric")) == 3
    shown.browser.do("focus", selector='[data-testid="chart"]')
    shown.key("End")
    assert f"{metrics['series'][-1]['views']:,}" in shown.text("tooltip")
    assert "not a whole day" in shown.text("tooltip")
    paid = server.show(shown, "get_ads_metrics", project_id=server.project("globex"), since="30d")
    assert "spend" in paid["totals"]
    assert "Spend" in shown.texts("metric")[0]
    found = server.show(shown, "find_breakouts")
    assert shown.ids == [row["platform_post_id"] for row in found["breakouts"]]


def test_a_read_only_server_shows_and_says_why_nothing_can_be_done(shown: Shown, state_dir: Path) -> None:
    with over_stdio(state_dir, "--read-only") as server:
        server.show(shown, "rank_top_performers", project_id=server.project(), metric="engagement_rate")
        shown.press("toggle", shown.ids[0])
        assert not shown.has("order")
        assert "read-only" in shown.texts("row")[0]


def test_a_failed_call_is_shown_in_the_servers_words(shown: Shown, server: Server) -> None:
    server.show(shown, "rank_top_performers", project_id="prj_nowhere", metric="views")
    assert shown.state == "error"
    assert "NOT_FOUND (404)" in shown.text("empty")
    server.show(shown, "rank_top_performers", project_id=server.project("hooli"), metric="views")
    assert shown.state == "empty"
    assert "check_readiness" in shown.text("empty")
