"""Every number on the screen is one that the result holds, written in the host's locale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from layers_mcp.analytics.formatting import display
from tests.e2e.views.browser import Shown, Wire
from tests.e2e.views.samples import ALL, NAMES, PROJECT, performer, ranking, willing

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
ALWAYS = {"50", "2", "1,024"}  # the fixed ones: small samples, twice the median, the longest reason
SCALES = ("tick", "days", "axis")


def shown_numbers(shown: Shown) -> set[str]:
    """Numbers in the text that can be seen, the scales aside."""
    script = """(scales) => {
        const words = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const parent = walk.currentNode.parentElement;
            if (parent.closest("script, option, " + scales.map((name) => "." + name).join(", "))) continue;
            if (parent.checkVisibility()) words.push(walk.currentNode.data);
        }
        return words;
    }"""
    return {number for text in shown.evaluate(script, list(SCALES)) for number in NUMBER.findall(text)}


def values(facts: Any) -> Iterator[Any]:
    if isinstance(facts, dict):
        for value in facts.values():
            yield from values(value)
    elif isinstance(facts, list):
        yield str(len(facts))
        for value in facts:
            yield from values(value)
    else:
        yield facts


def spellings(value: Any) -> set[str]:
    """How one value of a result may be written: as it is, per cent, in hours, minutes and seconds."""
    if isinstance(value, str):
        return set(NUMBER.findall(value)) | {number.lstrip("0") for number in re.findall(r"\d+", value)}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return set()
    exact = Decimal(repr(value))
    scaled = (exact, exact * 100)
    texts = {f"{one.quantize(Decimal(unit), ROUND_HALF_UP):,f}" for one in scaled for unit in ("1", "0.1", "0.01")}
    texts |= {f"{float(one):.1f}" for one in scaled} | {f"{float(one):.1g}" for one in scaled}
    seconds = int(value // 1000)
    times = {seconds, seconds % 60, seconds // 60, seconds // 60 % 60, seconds // 3600}
    return texts | {f"{one:,}" for one in times} | {f"{value / 1000:,.1f}"}


def moments(facts: Any) -> set[str]:
    """The numbers of the dates and times in a result, in UTC and in New York."""
    found: set[str] = set()
    for value in values(facts):
        match = re.match(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?", value) if isinstance(value, str) else None
        if match:
            year, _, day, hour, minute = match.groups()
            found |= {year, str(int(day)), str(int(day) - 1), minute or "0"}
            found |= {str((int(hour or 0) + shift) % 12 or 12) for shift in (0, -4, -5)}
    return found


@pytest.mark.parametrize(("name", "facts"), ALL, ids=NAMES)
def test_every_number_on_the_screen_is_one_of_the_result(shown: Shown, name: str, facts: Wire) -> None:
    shown.open(name, answering=willing)
    shown.connect()
    shown.give(facts, project_id=PROJECT)
    if shown.has("more"):
        shown.press("more")
    shown.evaluate("() => document.querySelectorAll('[aria-expanded=false], summary').forEach((one) => one.click())")
    if name == "ranking":
        fields = "() => [...document.querySelector('[data-testid=sort]').options].map((one) => one.value)"
        for field in shown.evaluate(fields):
            shown.select("sort", field)
            check(shown, facts)
    check(shown, facts)


def check(shown: Shown, facts: Wire) -> None:
    held = {text for value in values(facts) for text in spellings(value)}
    counts = {str(count) for count in range(len(max((v for v in facts.values() if isinstance(v, list)), key=len)) + 1)}
    strangers = shown_numbers(shown) - held - moments(facts) - counts - ALWAYS
    assert strangers == set()


def test_values_are_written_as_the_servers_display_writes_them(shown: Shown) -> None:
    rates = [0.0835, 0.00012, 0.0004, 0.0, 1.0, 0.0005, 0.04949, 0.0049, *(step / 400 for step in range(1, 400, 6))]
    views = [1, 999, 1_000, 14_820, 1_234_567]
    times = [999, 59_999, 60_000, 3_599_999, 3_600_000, 61_382_688, 3_600_000_000]
    rows = [performer(place, f"Row {place}", 60, rate) for place, rate in enumerate(rates, start=1)]
    rows += [performer(100 + place, "Views", count, 0.01) for place, count in enumerate(views)]
    rows += [performer(200 + place, "Time", 70, 0.01, watch_time_ms=time) for place, time in enumerate(times)]
    shown.open("ranking")
    shown.connect()
    shown.give(ranking(*rows))
    shown.press("more")
    for field in ("engagement_rate", "views", "watch_time_ms"):
        shown.select("sort", field)
        cells = shown.evaluate("""() => Object.fromEntries([...document.querySelectorAll("[data-testid=row]")]
            .map((row) => [row.dataset.id, row.querySelector(".value b").innerText]))""")
        wanted = {row["platform_post_id"]: display(field, row[field]) for row in rows}
        assert {key: value.replace("\u202f", " ").replace("\xa0", " ") for key, value in cells.items()} == wanted
