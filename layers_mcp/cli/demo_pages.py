"""How the demo shows each tool's result: one function a page, from the result's fields to lines on paper."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast

from layers_mcp.cli.paint import Paper, cut

Facts = Mapping[str, Any]
"""A tool's structured result, as the client received it."""

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "missing": ("✗", "red")}


def step(paper: Paper, number: int, title: str) -> None:
    """A heading for the next part of the story."""
    paper.line()
    paper.lines([paper.style(line, "bold") for line in textwrap.wrap(f"{number}. {title}", paper.width)])


def call(paper: Paper, tool: str, arguments: Facts) -> None:
    """A tool call as it leaves, its arguments cut to a readable length."""
    shown = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
    lines = textwrap.wrap(f"{tool}({shown})", paper.width, initial_indent="  → ", subsequent_indent="    ")
    paper.lines([paper.style(line, "cyan") for line in lines])


def say(paper: Paper, text: str) -> None:
    """A remark, wrapped."""
    paper.lines(textwrap.wrap(text, paper.width, initial_indent="  ", subsequent_indent="  "))


def notes(paper: Paper, result: Facts) -> None:
    """What the tool says beside its numbers."""
    for note in result.get("notes", ()):
        say(paper, note)


def projects(paper: Paper, result: Facts) -> None:
    """The organization's projects and its credits."""
    paper.table([[row["name"], row["status"], row["project_id"]] for row in result["projects"]])
    say(paper, f"{result['credits']['available']:,} credits available.")


def readiness(paper: Paper, result: Facts) -> None:
    """Each check with its mark."""
    rows: list[list[str]] = []
    for check in result["checks"]:
        mark, colour = _MARKS[check["status"]]
        rows.append([paper.style(mark, colour), check["name"], cut(check["detail"], paper.width - 24)])
    paper.table(rows)


def week(paper: Paper, result: Facts) -> None:
    """The series as a bar a day, and the totals."""
    series: Sequence[Facts] = result["series"]
    most = max((row.get("views", 0) for row in series), default=0) or 1
    width = min(40, paper.width - 36)
    rows = [
        [row["bucket"], f"{row.get('views', 0):,}", paper.bar(row.get("views", 0) / most, width), _rate(row)]
        for row in series
    ]
    paper.table(rows, header=["day", "views", "", "engagement"], right=[1, 3])
    totals = result["totals"]
    views, rate = f"{totals['views']:,}", _percent(totals["engagement_rate"])
    say(paper, f"{views} views on {totals['post_count']} posts, engagement rate {rate}.")
    notes(paper, result)


def ranking(paper: Paper, result: Facts) -> None:
    """The ranked posts: value, how far above the median, and how much to believe it."""
    best = max((row["metric_value"] for row in result["items"]), default=0) or 1
    room = paper.width - 50  # what the other columns leave for hook and bar
    bar = min(12, room // 4)
    rows = [
        [
            f"{row['rank']}",
            cut(row["title"], room - bar),
            row["display"],
            paper.bar(row["metric_value"] / best, bar),
            f"{row['views']:,}",
            _times(row.get("engagement_times_median")),
            _evidence(row),
        ]
        for row in result["items"]
    ]
    header = ["#", "hook", "rate", "", "views", "x median", ""]
    paper.table(rows, header=header, right=[0, 2, 4, 5])
    if result["items"] and result["items"][0]["rank"] > 1:
        say(paper, "What Layers ranks above these has under 50 views: it stands last here, so that no fluke is cloned.")
    median = result["median_engagement_rate"]
    say(
        paper,
        f"Median engagement rate {_percent(median)} over {result['rows_considered']} posts. {result['next_step']}",
    )


def commission(paper: Paper, result: Facts) -> None:
    """What was ordered and what it may cost."""
    held = "its content waits for approval" if result.get("held_for_approval") else "its content may go live by itself"
    say(paper, f"{result['commission_id']} · {result['status']} · up to {result['estimated_credits']} credits · {held}")


def progress(paper: Paper, share: float, message: str) -> None:
    """How far the jobs are, 0 to 1, and what they say."""
    bar = max(10, min(30, paper.width - 60))
    paper.progress(f"  {paper.bar(share, bar, track=True)} {share:4.0%}  {cut(message, paper.width - bar - 12)}")


def jobs(paper: Paper, result: Facts) -> None:
    """How each job ended."""
    paper.table([[job["kind"], job["status"], _count(len(job["container_ids"]), "piece")] for job in result["jobs"]])


def override(paper: Paper, result: Facts) -> None:
    """Where the creative stands in the scoring pool now."""
    score = result.get("organic_score")
    shown = "not scored yet" if score is None else f"organic score {score:.2f}"
    eligible = "eligible" if result.get("eligible") else "not eligible"
    say(paper, f"override {result['override']} · {shown} · {eligible}")


def content(paper: Paper, result: Facts) -> None:
    """The pieces that wait for a person."""
    rows = [
        [row["format"], cut(row["hook"], min(54, paper.width - 25)), row["approval_status"]] for row in result["items"]
    ]
    paper.table(rows, header=["format", "hook", "approval"])


def publication(paper: Paper, result: Facts) -> None:
    """Where a piece goes out, and when."""
    names = {"tiktok": "TikTok", "instagram": "Instagram"}
    platforms = " and ".join(names[str(row["platform"])] for row in result["scheduled_posts"])
    when = f"at {result['at_local']}" if result.get("at_local") else "in half a minute"
    say(paper, f"{result['status']} · on {platforms} · {when}")


def schedule(paper: Paper, result: Facts) -> None:
    """What is to go out and what went, the latest first."""
    room = paper.width - 45  # what the other columns leave for the hook
    rows = [
        [row["status"], row["platform"], row["scheduled_for_local"][:16].replace("T", " "), cut(row["hook"], room)]
        for row in result["items"]
    ]
    paper.table(rows, header=["status", "platform", "local time", "hook"])


def review(paper: Paper, result: Facts) -> None:
    """Each order against its source and the median."""
    rows = [
        [
            row["mode"],
            row["status"],
            _percent(row.get("metric_value")),
            _percent(row.get("source_value")),
            _times(row.get("versus_source")),
            _times(row.get("versus_median")),
            "small sample" if row.get("low_sample") else "",
        ]
        for row in result["commissions"]
    ]
    header = ["mode", "status", "rate", "source", "x source", "x median", ""]
    paper.table(rows, header=header, right=[2, 3, 4, 5])
    notes(paper, result)


def closing(paper: Paper, review: Facts, *, approved: int, estimate: int, spent: int) -> None:
    """What was ordered, what it cost, how it did, and what to look at next. Credits."""
    orders = review["commissions"]
    pieces = sum(len(row["container_ids"]) for row in orders)
    live = [row for row in orders if "versus_source" in row and not row["low_sample"]]
    beat = {name: sum(row.get(name, 0) > 1 for row in live) for name in ("versus_source", "versus_median")}
    paper.line()
    paper.line(paper.style("What happened", "bold"))
    told = {
        "ordered": f"{_count(len(orders), 'commission')}, {_count(pieces, 'piece')}; {approved} approved",
        "cost": f"{spent} credits (the estimates said at most {estimate})",
        "result": f"of {_count(len(live), 'live order')}, {beat['versus_source']} beat the source and "
        f"{beat['versus_median']} the project's median",
        "next": "`layers-mcp --sandbox` in your own client (see README.md), or the real API with your key",
    }
    shown: list[list[str]] = []
    for name, text in told.items():
        first, *rest = textwrap.wrap(text, paper.width - 11)
        shown += [[paper.style(name, "dim"), first], *(["", line] for line in rest)]
    paper.table(shown)


def _literal(value: object) -> str:
    if isinstance(value, str):
        return f'"{cut(value, 24)}"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, cast("list[object]", value))) + "]"
    return str(value)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _rate(row: Facts) -> str:
    return _percent(row.get("engagement_rate"))


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}x"


def _evidence(row: Facts) -> str:
    if row.get("breakout"):
        return f"breakout ({row['breakout_evidence']})"
    return "under 50 views" if row.get("low_sample") else ""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
