"""Real titles that come through whole, and attacks that do not: the two tables that every path of text is held to."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent

TITLES: dict[str, list[str]] = {}
"""Titles as people write them, by script."""
for _row in json.loads((HERE / "titles.json").read_text("utf-8")):
    TITLES.setdefault(_row["script"], []).append(_row["text"])

ALL_TITLES = [title for of_script in TITLES.values() for title in of_script]

ATTACKS: dict[str, tuple[str, str]] = {
    row["attack"]: (row["text"], row["shown"]) for row in json.loads((HERE / "attacks.json").read_text("utf-8"))
}
"""Texts that hide something, and what is left of them, by what they try."""
