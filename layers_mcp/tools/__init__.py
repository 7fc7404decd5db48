"""The tools, one module each, and the order in which they are listed: find, read, judge, commission, follow, review.

`definitions.json` beside this file is made from the functions by `python docs/generate.py`; a server lists it
unchanged and imports a tool's module when the tool is first called.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from layers_mcp.protocol.catalog import Catalog, Tool
from layers_mcp.protocol.tool import ToolFunction

CATALOG = (
    "list_projects",
    "check_readiness",
    "get_metrics",
    "get_ads_metrics",
    "rank_top_performers",
    "find_breakouts",
    "clone_post",
    "generate_with_hook",
    "set_override",
    "list_ads_content",
    "wait_job",
    "cancel_job",
    "get_content",
    "decide_content",
    "publish_content",
    "list_schedule",
    "change_schedule",
    "review_commissions",
)

DEFINITIONS = Path(__file__).with_name("definitions.json")


def function_of(name: str) -> ToolFunction:
    """Import a tool's module and hand out its function."""
    function: Callable[..., object] = getattr(import_module(f"{__name__}.{name}"), name)
    return function  # pyright: ignore[reportReturnType] - the catalog test holds it to be a tool


def load_catalog(*, read_only: bool = False) -> Catalog:
    """Return the tools of a server; with `read_only`, those that change nothing."""
    tools = [
        Tool(definition, partial(function_of, definition["name"]))
        for definition in json.loads(DEFINITIONS.read_text("utf-8"))
    ]
    return Catalog(tool for tool in tools if tool.read_only or not read_only)
