"""The committed snapshot of what clients see is the live server's, and a change to it is told for what it is."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.contract_diff import changes

ROOT = Path(__file__).parents[2]
SNAPSHOT: dict[str, Any] = json.loads((ROOT / "docs" / "contract.json").read_text("utf-8"))


def generator() -> ModuleType:
    """`docs/generate.py`, which is a script and no part of the package."""
    spec = spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_live_server_keeps_the_committed_contract() -> None:
    live = await generator().seen_by_a_client()
    told = "\n".join(map(str, changes(SNAPSHOT, live)))
    assert live == SNAPSHOT, f"\n{told}\nIf this is meant: python docs/generate.py"


@pytest.mark.subprocess
def test_every_generated_file_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}\nrun: python docs/generate.py"


RANK = "rank_top_performers"
Edit = Callable[[dict[str, Any]], object]


def schema(snapshot: dict[str, Any], which: str = "inputSchema") -> dict[str, Any]:
    return snapshot["tools"][RANK][which]


BREAKING: dict[str, Edit] = {
    "tool rank_top_performers is gone": lambda new: new["tools"].pop(RANK),
    "prompt daily_review is gone": lambda new: new["prompts"].pop("daily_review"),
    "resource layers://guide/loop is gone": lambda new: new["resources"].pop("layers://guide/loop"),
    "takes limit: gone": lambda new: schema(new)["properties"].pop("limit"),
    "takes shoes: new, and required": lambda new: (
        schema(new)["properties"].update(shoes={"type": "string"}),
        schema(new)["required"].append("shoes"),
    ),
    "takes limit: now required": lambda new: schema(new)["required"].append("limit"),
    "takes metric: the value roas is gone": lambda new: schema(new)["properties"]["metric"]["enum"].remove("roas"),
    "takes limit: maximum 100 became 50": lambda new: schema(new)["properties"]["limit"].update(maximum=50),
    "takes limit: minimum 1 became 2": lambda new: schema(new)["properties"]["limit"].update(minimum=2),
    "takes limit: default 5 became 10": lambda new: schema(new)["properties"]["limit"].update(default=10),
    "takes project_id: closed to ['a']": lambda new: schema(new)["properties"]["project_id"].update(enum=["a"]),
    "returns items[] title: gone": lambda new: schema(new, "outputSchema")["properties"]["items"]["items"][
        "properties"
    ].pop("title"),
    "returns notes: no longer always there": lambda new: schema(new, "outputSchema")["required"].remove("notes"),
    "returns as_of: type 'string' became 'integer'": lambda new: schema(new, "outputSchema")["properties"][
        "as_of"
    ].update(type="integer"),
    "other hints": lambda new: new["tools"][RANK]["annotations"].update(readOnlyHint=False),
    "prompt daily_review metric: now required": lambda new: new["prompts"]["daily_review"]["arguments"][1].update(
        required=True
    ),
    "another mimeType": lambda new: new["resources"]["layers://guide/loop"].update(mimeType="text/plain"),
}

COMPATIBLE: dict[str, Edit] = {
    "tool rank_again is new": lambda new: new["tools"].update(rank_again=new["tools"][RANK]),
    "takes shoes: new": lambda new: schema(new)["properties"].update(shoes={"type": "string", "default": ""}),
    "takes metric: no longer required": lambda new: schema(new)["required"].remove("metric"),
    "takes metric: the value likes is new": lambda new: schema(new)["properties"]["metric"]["enum"].append("likes"),
    "takes metric: opened from": lambda new: schema(new)["properties"]["metric"].pop("enum"),
    "takes limit: maximum 100 became 200": lambda new: schema(new)["properties"]["limit"].update(maximum=200),
    "returns shoes: new": lambda new: schema(new, "outputSchema")["properties"].update(shoes={"type": "string"}),
    "another description": lambda new: new["tools"][RANK].update(description="Better words."),
    "another instructions": lambda new: new.update(instructions="Better words."),
    "the order of tools changed": lambda new: new["tools"].update(list_projects=new["tools"].pop("list_projects")),
}


def told_after(edit: Edit) -> list[str]:
    new = copy.deepcopy(SNAPSHOT)
    edit(new)
    return [str(change) for change in changes(SNAPSHOT, new)]


def test_without_a_change_nothing_is_told() -> None:
    assert changes(SNAPSHOT, copy.deepcopy(SNAPSHOT)) == []


@pytest.mark.parametrize("what", BREAKING)
def test_a_change_that_would_break_a_client_is_told_as_breaking(what: str) -> None:
    [told] = told_after(BREAKING[what])
    assert told.startswith("BREAKING: ")
    assert what in told


@pytest.mark.parametrize("what", COMPATIBLE)
def test_a_change_that_breaks_nobody_is_told_as_compatible(what: str) -> None:
    [told] = told_after(COMPATIBLE[what])
    assert told.startswith("compatible: ")
    assert what in told
