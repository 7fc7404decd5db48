"""The series view: a line a metric, told by mouse, touch and keyboard, honest about what is missing or not whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.views.browser import Shown, Wire, part
from tests.e2e.views.samples import PROJECT, SERIES


def show(shown: Shown, facts: Wire = SERIES, **context: Any) -> None:
    shown.open("series")
    shown.connect(**context)
    shown.give(facts, project_id=PROJECT)


def pressed(shown: Shown) -> list[str]:
    return shown.evaluate("""() => [...document.querySelectorAll('[data-testid=metric][aria-pressed=true]')]
        .map((metric) => metric.dataset.id)""")


def paths(shown: Shown, kind: str) -> str:
    return shown.evaluate("(kind) => document.querySelector(`.chart .${kind}`)?.getAttribute('d') ?? ''", kind)


def test_every_metric_has_its_total_and_the_first_is_chosen(shown: Shown) -> None:
    show(shown)
    assert pressed(shown) == ["views"]
    tiles = dict(zip(("views", "engagement_rate", "watch_time_ms"), shown.texts("metric"), strict=True))
    assert "30,403" in tiles["views"]
    assert "5.0%" in tiles["engagement_rate"]
    assert "88h 44m" in tiles["watch_time_ms"]
    assert "x0.60" in tiles["views"]
    assert "0.35 to 2.90" in tiles["views"]
    assert "No change to speak of" in tiles["views"]
    assert "x1.55" in tiles["engagement_rate"]
    assert "Unusual rise" in tiles["engagement_rate"]


def test_a_metric_is_chosen_by_a_press(shown: Shown) -> None:
    show(shown)
    before = paths(shown, "whole")
    shown.browser.do("click", selector='[data-testid=metric][data-id="engagement_rate"]')
    assert pressed(shown) == ["engagement_rate"]
    assert paths(shown, "whole") != before
    assert "5.6%" in shown.page_text, "accounts follow the metric"


def test_arrows_home_and_end_tell_single_values(shown: Shown) -> None:
    show(shown)
    shown.browser.do("focus", selector=part("chart"))
    chart = '[data-testid="chart"]'
    assert shown.attribute(chart, "role") == "slider"
    assert shown.evaluate("() => document.querySelector('[data-testid=chart]').namespaceURI").endswith("/svg")
    shown.key("Home")
    assert shown.attribute(chart, "aria-valuetext") == "Tue, Nov 17: 354, not a whole bucket"
    assert "Tue, Nov 17" in shown.text("tooltip")
    assert "354" in shown.text("tooltip")
    shown.key("ArrowRight")
    assert shown.attribute(chart, "aria-valuetext") == "Wed, Nov 18: 3,500"
    shown.key("End")
    assert "1,370" in shown.text("tooltip")
    assert "not a whole day" in shown.text("tooltip")
    shown.key("ArrowRight")
    assert shown.attribute(chart, "aria-valuenow") == str(len(SERIES["series"]))
    shown.key("ArrowLeft")
    assert "480" in shown.text("tooltip")


def test_mouse_and_touch_tell_the_bucket_under_them(shown: Shown) -> None:
    show(shown)
    box = shown.browser.do("box", selector=part("chart"))
    y = box["y"] + box["height"] / 2
    shown.browser.do("at", what="move", x=box["x"] + box["width"] / 2, y=y)
    shown.settle()
    assert "Wed, Dec 2" in shown.text("tooltip")
    assert "880" in shown.text("tooltip")
    shown.browser.do("at", what="move", x=box["x"] + box["width"] / 2, y=5)
    shown.settle()
    assert not shown.has("tooltip")
    shown.tap("chart")
    assert shown.has("tooltip")


def test_an_unfinished_bucket_is_dashed_and_a_missing_value_breaks_the_line(shown: Shown) -> None:
    rows = [{"bucket": f"2026-12-{day:02d}", "views": day * 10} for day in range(11, 18)]
    del rows[2]["views"]
    window = {"since": "2026-12-11T00:00:00Z", "until": "2026-12-17T10:00:00Z", "granularity": "day"}
    show(shown, {**SERIES, "series": rows, "window": window, "accounts": [], "changes": []})
    assert paths(shown, "whole").count("M") == 3  # 11-12, 14-15, 15-16; nothing over the 13th
    assert paths(shown, "partial").count("M") == 1  # 16-17
    shown.browser.do("focus", selector=part("chart"))
    shown.key("Home", "ArrowRight", "ArrowRight")
    assert shown.attribute(part("chart"), "aria-valuetext") == "Sun, Dec 13: no value"
    assert "\u2013" in shown.text("tooltip")


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "UTC"])
def test_days_and_weeks_are_those_of_utc_wherever_one_looks_from(shown: Shown, zone: str) -> None:
    rows = [{"bucket": day, "views": 5} for day in ("2026-03-01", "2026-03-08")]
    window = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-15T00:00:00Z", "granularity": "week"}
    show(shown, {**SERIES, "series": rows, "window": window, "as_of": "2026-03-15T00:00:00Z"}, timeZone=zone)
    shown.browser.do("focus", selector=part("chart"))
    shown.key("Home")
    assert "Week of Mar 1" in shown.text("tooltip")
    assert paths(shown, "partial") == ""


def test_hours_are_told_in_the_hosts_zone(shown: Shown) -> None:
    rows = [{"bucket": f"2026-12-17T{hour:02d}:00:00Z", "views": 5 + hour} for hour in range(6, 11)]
    window = {"since": "2026-12-17T06:00:00Z", "until": "2026-12-17T10:30:00Z", "granularity": "hour"}
    show(shown, {**SERIES, "series": rows, "window": window, "as_of": "2026-12-17T10:30:00Z"})
    shown.browser.do("focus", selector=part("chart"))
    shown.key("End")
    assert "Dec 17, 5:00" in shown.text("tooltip")
    assert "not a whole hour" in shown.text("tooltip")


def test_one_bucket_and_one_metric_are_enough(shown: Shown) -> None:
    rows = [{"bucket": "2026-12-16", "spend": 12.5}]
    window = {"since": "2026-12-16T00:00:00Z", "until": "2026-12-17T00:00:00Z", "granularity": "day"}
    facts = {**SERIES, "series": rows, "window": window, "totals": {"spend": 12.5}, "accounts": [], "changes": []}
    show(shown, facts)
    assert pressed(shown) == ["spend"]
    assert "12.50" in shown.text("metric")
    assert paths(shown, "dot") != ""


def test_accounts_stand_side_by_side_and_all_numbers_are_in_a_table(shown: Shown) -> None:
    show(shown)
    text = shown.page_text
    assert "@acme.tiktok · tiktok" in text
    assert "21,000" in text
    assert "9,403" in text
    shown.evaluate("() => document.querySelector('.numbers summary').click()")
    rows = shown.evaluate("() => [...document.querySelectorAll('tbody tr')].map((row) => row.innerText)")
    assert len(rows) == len(SERIES["series"])
    assert rows[1].split("\t") == ["Wed, Nov 18", "3,500", "4.8%", "8h 50m"]


def test_the_chart_that_a_choice_replaced_stays_silent(shown: Shown) -> None:
    show(shown)
    shown.browser.do("focus", selector=part("chart"))
    shown.key("Home")
    shown.browser.do("click", selector='[data-testid=metric][data-id="watch_time_ms"]')
    shown.settle()
    assert not shown.has("tooltip")
    assert shown.focused == "metric"
