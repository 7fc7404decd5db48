"""The demo is the first thing a new user meets: it closes the loop, or says why not and fails."""

import io
import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.server.lowlevel import Server
from mcp.types import CallToolRequestParams, CallToolResult, TextContent

from layers_mcp.cli import demo, demo_views
from layers_mcp.cli.console import Console, columns
from tests.integration.cli.test_console import TERM, Terminal

LOOP = [
    "list_projects",
    "check_readiness",
    "get_metrics",
    "rank_top_performers",
    "clone_post",
    "generate_with_hook",
    "wait_job",
    "set_override",
    "set_override",
    "get_content",
    "decide_content",
    "decide_content",
    "decide_content",
    "publish_content",
    "publish_content",
    "list_schedule",
    "review_commissions",
    "list_projects",
]


@pytest.fixture(scope="module")
def told() -> tuple[int, str]:
    """One real run: its exit code and what it wrote."""
    stream = io.StringIO()
    code = demo.show(stream)
    return code, stream.getvalue()


@pytest.mark.subprocess
def test_the_demo_closes_the_loop_through_the_real_server(told: tuple[int, str]):
    code, text = told
    assert code == 0, text
    assert re.findall(r"^  → (\w+)\(", text, re.MULTILINE) == LOOP


@pytest.mark.subprocess
def test_the_demo_shows_the_jobs_pass_through_at_least_two_running_stages(told: tuple[int, str]):
    stages = re.findall(r"queued|generating_visuals|finalizing", told[1])
    assert len(set(stages)) >= 2, told[1]


@pytest.mark.subprocess
def test_the_demo_ends_with_what_was_ordered_and_what_it_cost(told: tuple[int, str]):
    ending = told[1].split("What happened", 1)[1]
    assert "2 commissions, 3 pieces; 3 approved" in ending
    assert "of 2 live orders" in ending
    cost = re.search(r"cost +(\d+) credits \(the estimates said at most (\d+)\)", ending)
    assert cost is not None, ending
    assert 0 < int(cost[1]) <= int(cost[2])


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_demo_closes_the_loop_on_todays_api_too():
    stream = io.StringIO()
    assert demo.show(stream, "current") == 0, stream.getvalue()
    called = re.findall(r"^  → (\w+)\(", stream.getvalue(), re.MULTILINE)
    assert called == ["generate_with_hook" if tool == "clone_post" else tool for tool in LOOP]
    assert "2 commissions, 3 pieces; 3 approved" in stream.getvalue()


@pytest.mark.subprocess
def test_the_demo_in_a_pipe_is_plain_and_fits_a_terminal(told: tuple[int, str]):
    assert "\x1b" not in told[1]
    assert max(map(columns, told[1].splitlines())) <= 100


class Clock:
    """A world's clock that only remembers how far it was moved."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def advance(self, span: timedelta) -> None:
        self.moved += span


def server_that_answers(answer: Callable[[str], CallToolResult]) -> Server[Any]:
    async def call_tool(context: object, params: CallToolRequestParams) -> CallToolResult:
        return answer(params.name)

    return Server("scripted", on_call_tool=call_tool)


async def test_a_tool_error_stops_the_demo_with_its_words():
    refused = CallToolResult(is_error=True, content=[TextContent(text="KILL_SWITCH (503): suspended.")])
    stream, clock = io.StringIO(), Clock()
    closed = await demo.tell(Console(stream, {}), server_that_answers(lambda tool: refused), clock.advance)
    assert not closed
    assert "The demo stopped: list_projects: KILL_SWITCH (503): suspended." in stream.getvalue()
    assert clock.moved == timedelta()


async def test_a_server_that_cannot_start_stops_the_demo_with_the_reason():
    stream = io.StringIO()
    server = StdioServerParameters(command=sys.executable, args=["-c", "raise SystemExit(3)"])
    assert not await demo.tell(Console(stream, {}), server, Clock().advance)
    assert "The demo stopped: " in stream.getvalue()


async def test_a_missing_program_stops_the_demo_with_the_reason():
    stream = io.StringIO()
    server = StdioServerParameters(command="/nowhere/layers-mcp")
    assert not await demo.tell(Console(stream, {}), server, Clock().advance)
    assert "The demo stopped: " in stream.getvalue()


def test_the_command_fails_when_the_demo_stops(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no child of this process can start Python now
    parser = ArgumentParser()
    demo.add_parser(parser.add_subparsers())
    options = parser.parse_args(["demo"])
    assert options.run(options) == 1
    assert "The demo stopped: " in capfd.readouterr().out


def test_the_page_of_a_call_cuts_long_arguments_and_shows_lists():
    stream = io.StringIO()
    demo_views.call(Console(stream, {}), "wait_job", {"job_ids": ["j" * 60, "b"], "timeout_seconds": 40})
    assert stream.getvalue() == f'  → wait_job(job_ids=["{"j" * 23}…", "b"], timeout_seconds=40)\n'


def test_the_page_of_an_override_says_what_is_not_known_yet():
    stream = io.StringIO()
    demo_views.override(Console(stream, {}), {"override": "none", "eligible": False})
    assert stream.getvalue() == "  override none · not scored yet · not eligible\n"


def test_the_page_of_a_ranking_marks_breakouts_and_small_samples():
    stream = io.StringIO()
    row = {"rank": 1, "title": "A hook", "metric_value": 0.08, "display": "8.0%", "views": 900}
    result = {
        "items": [
            {
                **row,
                "engagement_times_median": 2.5,
                "breakout": True,
                "breakout_evidence": "solid",
                "low_sample": False,
            },
            {**row, "rank": 2, "breakout": False, "low_sample": True, "views": 12},
            {**row, "rank": 3, "breakout": False, "low_sample": False},
        ],
        "median_engagement_rate": 0.032,
        "rows_considered": 23,
        "next_step": "Clone it.",
    }
    demo_views.ranking(Console(stream, {}), result)
    text = stream.getvalue()
    assert "breakout (solid)" in text
    assert "under 50 views" in text
    assert "Median engagement rate 3.2% over 23 posts. Clone it." in text
    assert "under 50 views: it is listed last" not in text


def test_the_page_of_a_ranking_says_why_it_does_not_begin_with_rank_one():
    stream = io.StringIO()
    row = {"rank": 2, "title": "A hook", "metric_value": 0.08, "display": "8.0%", "views": 900}
    result = {"items": [row], "median_engagement_rate": 0.03, "rows_considered": 9, "next_step": ""}
    demo_views.ranking(Console(stream, {}), result)
    assert "under 50 views: it is listed last" in " ".join(stream.getvalue().split())


LONG = "a sentence that goes on for much longer than a narrow terminal is wide, " * 3
WINNER = {"rank": 2, "title": LONG, "metric_value": 0.08, "display": "8.0%", "views": 14_816, "breakout": True}
JUDGED = {"engagement_times_median": 2.6, "breakout_evidence": "solid", "low_sample": False}
PUBLICATION = {
    "status": "scheduled",
    "scheduled_posts": [{"platform": "tiktok"}, {"platform": "instagram"}],
    "at_local": "2026-11-28T09:00-05:00 America/New_York",
}
PAGES: dict[str, Callable[[Console], None]] = {
    "step": lambda console: demo_views.step(console, 1, LONG),
    "call": lambda console: demo_views.call(
        console, "get_content", {"project_id": LONG, "note": LONG, "job_ids": [LONG]}
    ),
    "readiness": lambda console: demo_views.readiness(
        console, {"checks": [{"status": "ok", "name": "creatives_scored", "detail": LONG}]}
    ),
    "week": lambda console: demo_views.week(
        console,
        {
            "series": [{"bucket": "2026-11-17", "views": 114_816, "engagement_rate": 0.031}],
            "totals": {"views": 114_816, "engagement_rate": 0.031, "post_count": 23},
            "notes": [LONG],
        },
    ),
    "ranking": lambda console: demo_views.ranking(
        console,
        {"items": [WINNER | JUDGED], "median_engagement_rate": 0.03, "rows_considered": 9, "next_step": LONG},
    ),
    "progress": lambda console: demo_views.progress(console, 0.5, LONG),
    "content": lambda console: demo_views.content(
        console, {"items": [{"format": "video_remix", "hook": LONG, "approval_status": "pending"}]}
    ),
    "publication": lambda console: demo_views.publication(console, PUBLICATION),
    "schedule": lambda console: demo_views.schedule(
        console,
        {
            "items": [
                {
                    "status": "publishing",
                    "platform": "instagram",
                    "scheduled_for_local": "2026-11-28T09:00-05:00 America/New_York",
                    "hook": LONG,
                }
            ]
        },
    ),
    "closing": lambda console: demo_views.closing(console, {"commissions": []}, approved=3, estimate=360, spent=360),
}


def test_the_page_of_a_publication_says_where_and_when():
    said: list[str] = []
    for result in (PUBLICATION, {**PUBLICATION, "at_local": None}):
        stream = io.StringIO()
        demo_views.publication(Console(stream, {}), result)
        said.append(stream.getvalue().strip())
    assert said == [
        "scheduled · on TikTok and Instagram · at 2026-11-28T09:00-05:00 America/New_York",
        "scheduled · on TikTok and Instagram · in half a minute",
    ]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_a_narrow_terminal(page: str, width: int):
    stream = Terminal()
    PAGES[page](Console(stream, {**TERM, "COLUMNS": str(width)}))
    lines = stream.shown().replace("\r\x1b[K", "").splitlines()
    assert width * 0.4 < max(map(columns, lines)) <= width
