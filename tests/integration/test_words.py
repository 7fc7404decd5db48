"""A plain text search over the tools' texts finds the tool that a marketer's request asks for.

The requests were written from the tools' names and one line each, without sight of the descriptions. A third of them
is held out: descriptions are worded by the others alone, and `requests_held_out.json` is for this test, not for eyes.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.tools import DEFINITIONS

SUPPORT = Path(__file__).parent.parent / "support"
TOOLS: dict[str, dict[str, Any]] = {tool["name"]: tool for tool in json.loads(DEFINITIONS.read_text("utf-8"))}


def requests(name: str) -> list[tuple[str, str]]:
    """Requests and the tools they ask for, of the tools that there are."""
    rows = json.loads((SUPPORT / name).read_text("utf-8"))
    return [(row["request"], row["tool"]) for row in rows if row["tool"] in TOOLS]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.casefold())


class Search:
    """BM25 (k1 = 1.2, b = 0.75) over name, title, description and parameter names."""

    def __init__(self, tools: dict[str, dict[str, Any]]) -> None:
        self._counts = {name: Counter(words(self._text(tool))) for name, tool in tools.items()}
        self._lengths = {name: counts.total() for name, counts in self._counts.items()}
        self._mean = sum(self._lengths.values()) / len(tools)
        holders = Counter(word for counts in self._counts.values() for word in counts)
        self._weights = {word: math.log(1 + (len(tools) - n + 0.5) / (n + 0.5)) for word, n in holders.items()}

    @staticmethod
    def _text(tool: dict[str, Any]) -> str:
        return " ".join([tool["name"], tool["title"], tool["description"], *tool["inputSchema"]["properties"]])

    def ranked(self, request: str) -> list[str]:
        """The tools, best match first."""
        return sorted(self._counts, key=lambda name: (-self._score(name, request), name))

    def _score(self, name: str, request: str) -> float:
        counts, share = self._counts[name], self._lengths[name] / self._mean
        return sum(
            self._weights[word] * counts[word] * 2.2 / (counts[word] + 1.2 * (0.25 + 0.75 * share))
            for word in set(words(request))
            if word in counts
        )


def test_there_are_requests_enough_and_a_third_is_held_out() -> None:
    seen, held_out = (json.loads((SUPPORT / name).read_text("utf-8")) for name in (SEEN, HELD_OUT))
    assert len(seen) + len(held_out) >= 120
    assert len(held_out) * 3 == len(seen) + len(held_out)
    assert not {row["request"] for row in seen} & {row["request"] for row in held_out}


SEEN, HELD_OUT = "requests.json", "requests_held_out.json"


@pytest.mark.parametrize("name", [SEEN, HELD_OUT])
def test_the_right_tool_is_found_first_in_80_percent_and_among_three_in_95(name: str) -> None:
    search = Search(TOOLS)
    places = [search.ranked(request).index(tool) for request, tool in requests(name)]
    first, three = (sum(place < most for place in places) / len(places) for most in (1, 3))
    assert first >= 0.80, f"first: {first:.0%}, among three: {three:.0%}"
    assert three >= 0.95, f"first: {first:.0%}, among three: {three:.0%}"
