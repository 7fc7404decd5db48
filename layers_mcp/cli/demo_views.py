"""How the demo shows each tool's result: one function a view, from the result's fields to lines on the console."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast

from layers_mcp.cli.console import Console, cut

Facts = Mapping[str, Any]
"""A tool's structured result, as the client received it."""

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "missing": ("✗", "red")}


def step(console: Console, number: int, title: str) -> None:
    """Show a heading for the next step."""
    console.line()
    console.lines([console.style(line, "bold") for line in textwrap.wrap(f"{number}. {title}", console.width)])


def call(console: Console, tool: str, arguments: Facts) -> None:
    """Show a tool call, its arguments cut to a readable length."""
    shown = ", ".join(f"{name}={_literal(value)}" for name, value in arguments.items())
    lines = textwrap.wrap(f"{tool}({shown})", console.width, initial_indent="  → ", subsequent_indent="    ")
    console.lines([console.style(line, "cyan") for line in lines])


def say(console: Console, text: str) -> None:
    """Show a remark, wrapped."""
    console.lines(textwrap.wrap(text, console.width, initial_indent="  ", subsequent_indent="  "))


def notes(console: Console, result: Facts) -> None:
    """Show a result's notes and next step."""
    for note in result.get("notes", ()):
        say(console, note)


def projects(console: Console, result: Facts) -> None:
    """Show the organization's projects and its credits."""
    console.table([[row["name"], row["status"], row["project_id"]] for row in result["projects"]])
    say(console, f"{result['credits']['available']:,} credits available.")


def readiness(console: Console, result: Facts) -> None:
    """Show each check with its mark."""
    rows: list[list[str]] = []
    for check in result["checks"]:
        mark, colour = _MARKS[check["status"]]
        rows.append([console.style(mark, colour), check["name"], cut(check["detail"], console.width - 24)])
    console.table(rows)


def week(console: Console, result: Facts) -> None:
    """Show the series as a bar per day, and the totals."""
    series: Sequence[Facts] = result["series"]
    most = max((row.get("views", 0) for row in series), default=0) or 1
    width = min(40, console.width - 36)
    rows = [
        [row["bucket"], f"{row.get('views', 0):,}", console.bar(row.get("views", 0) / most, width), _rate(row)]
        for row in series
    ]
    console.table(rows, header=["day", "views", "", "engagement"], right=[1, 3])
    totals = result["totals"]
    views, rate = f"{totals['views']:,}", _percent(totals["engagement_rate"])
    say(console, f"{views} views on {totals['post_count']} posts, engagement rate {rate}.")
    notes(console, result)


def ranking(console: Console, result: Facts) -> None:
    """Show the ranked posts: value, how far above the median, and how far to trust it."""
    best = max((row["metric_value"] for row in result["items"]), default=0) or 1
    room = console.width - 50  # what the other columns leave for hook and bar
    bar = min(12, room // 4)
    rows = [
        [
            f"{row['rank']}",
            cut(row["title"], room - bar),
            row["display"],
            console.bar(row["metric_value"] / best, bar),
            f"{row['views']:,}",
            _times(row.get("engagement_times_median")),
            _evidence(row),
        ]
        for row in result["items"]
    ]
    header = ["#", "hook", "rate", "", "views", "x median", ""]
    console.table(rows, header=header, right=[0, 2, 4, 5])
    if result["items"] and result["items"][0]["rank"] > 1:
        say(
            console,
            "What Layers ranks above these has under 50 views: it is listed last here, so that no fluke is cloned.",
        )
    median = result["median_engagement_rate"]
    say(
        console,
        f"Median engagement rate {_percent(median)} over {result['rows_considered']} posts. {result['next_step']}",
    )


def commission(console: Console, result: Facts) -> None:
    """Show what was ordered and what it may cost."""
    held = "its content waits for approval" if result.get("held_for_approval") else "its content needs no approval"
    say(
        console,
        f"{result['commission_id']} · {result['status']} · up to {result['estimated_credits']} credits · {held}",
    )


def progress(console: Console, share: float, message: str) -> None:
    """Show how far the jobs are, 0 to 1, and their message."""
    bar = max(10, min(30, console.width - 60))
    console.progress(f"  {console.bar(share, bar, track=True)} {share:4.0%}  {cut(message, console.width - bar - 12)}")


def jobs(console: Console, result: Facts) -> None:
    """Show how each job ended."""
    console.table([[job["kind"], job["status"], _count(len(job["container_ids"]), "piece")] for job in result["jobs"]])


def override(console: Console, result: Facts) -> None:
    """Show the creative's place in the scoring pool now."""
    score = result.get("organic_score")
    shown = "not scored yet" if score is None else f"organic score {score:.2f}"
    eligible = "eligible" if result.get("eligible") else "not eligible"
    say(console, f"override {result['override']} · {shown} · {eligible}")


def content(console: Console, result: Facts) -> None:
    """Show the pieces that wait for a person."""
    rows = [
        [row["format"], cut(row["hook"], min(54, console.width - 25)), row["approval_status"]]
        for row in result["items"]
    ]
    console.table(rows, header=["format", "hook", "approval"])


def publication(console: Console, result: Facts) -> None:
    """Show where a piece goes out, and when."""
    names = {"tiktok": "TikTok", "instagram": "Instagram"}
    platforms = " and ".join(names[str(row["platform"])] for row in result["scheduled_posts"])
    when = f"at {result['at_local']}" if result.get("at_local") else "in half a minute"
    say(console, f"{result['status']} · on {platforms} · {when}")


def schedule(console: Console, result: Facts) -> None:
    """Show what is scheduled and what went out, the latest first."""
    room = console.width - 45  # what the other columns leave for the hook
    rows = [
        [row["status"], row["platform"], row["scheduled_for_local"][:16].replace("T", " "), cut(row["hook"], room)]
        for row in result["items"]
    ]
    console.table(rows, header=["status", "platform", "local time", "hook"])


def review(console: Console, result: Facts) -> None:
    """Show each order against its source and the median."""
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
    console.table(rows, header=header, right=[2, 3, 4, 5])
    notes(console, result)


def closing(console: Console, review: Facts, *, approved: int, estimate: int, spent: int) -> None:
    """Show what was ordered, what it cost (credits), how it did, and what to look at next."""
    orders = review["commissions"]
    pieces = sum(len(row["container_ids"]) for row in orders)
    live = [row for row in orders if "versus_source" in row and not row["low_sample"]]
    beat = {name: sum(row.get(name, 0) > 1 for row in live) for name in ("versus_source", "versus_median")}
    console.line()
    console.line(console.style("What happened", "bold"))
    lines = {
        "ordered": f"{_count(len(orders), 'commission')}, {_count(pieces, 'piece')}; {approved} approved",
        "cost": f"{spent} credits (the estimates said at most {estimate})",
        "result": f"of {_count(len(live), 'live order')}, {beat['versus_source']} beat the source and "
        f"{beat['versus_median']} the project's median",
        "next": "`layers-mcp --sandbox` in your own client (see README.md), or the real API with your key",
    }
    shown: list[list[str]] = []
    for name, text in lines.items():
        first, *rest = textwrap.wrap(text, console.width - 11)
        shown += [[console.style(name, "dim"), first], *(["", line] for line in rest)]
    console.table(shown)


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
