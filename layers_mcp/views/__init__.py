"""The views: pages that hosts with MCP Apps show beside a tool's answer (`io.modelcontextprotocol/ui`, 2026-01-26).

`pages(...)` returns them; `ViewPage.join()` makes one file from the sources in this folder, without a network. They are
plain modules: `shared/` is in every view. A tool names its view by `View.uri` in `@tool(view=…)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any, Final

MIME_TYPE: Final = "text/html;profile=mcp-app"

_SHARED: Final = ("dom", "formats", "theme", "host", "page", "question")


@dataclass(frozen=True)
class View:
    """One view: what it is called, and the modules it is joined from, in this order."""

    name: str
    title: str
    description: str
    modules: tuple[str, ...]
    shows_media: bool = False

    @property
    def uri(self) -> str:
        return f"ui://layers/{self.name}.html"


VIEWS: Final = (
    View(
        "ranking",
        "Ranking",
        "Posts as bars, with what to expect of each and how likely a breakout is real; more can be ordered from a row.",
        ("ranking/scale", "ranking/row", "ranking/order", "ranking/ranking"),
    ),
    View(
        "series",
        "Metrics over time",
        "Metrics as lines, with totals, changes beside their usual swing, and accounts side by side.",
        ("series/readings", "series/chart", "series/series"),
    ),
    View(
        "approval",
        "Approval",
        "Finished content to look at, approve or reject, and publish: the place where a person decides.",
        ("approval/media", "approval/decide", "approval/publish", "approval/approval"),
        shows_media=True,
    ),
    View(
        "results",
        "Results of orders",
        "Each order against what its source should be expected to earn, and each way of ordering by its lift.",
        ("results/results",),
    ),
)


@dataclass(frozen=True)
class ViewPage:
    """A view as one server hands it out. `media_origins` are those it may load from, none for most views."""

    view: View
    version: str
    read_only: bool
    media_origins: tuple[str, ...]

    @property
    def meta(self) -> dict[str, Any]:
        """Its `_meta`, equal in `resources/list` and `resources/read`: hosts read one or the other."""
        csp = {
            "connectDomains": [],
            "resourceDomains": list(self.media_origins),
            "frameDomains": [],
            "baseUriDomains": [],
        }
        return {"ui": {"csp": csp, "prefersBorder": True}}

    def join(self) -> str:
        """Join the whole page from its sources."""
        config = {"version": self.version, "readOnly": self.read_only, "mediaOrigins": self.media_origins}
        parts = {
            "CONFIG": escape(json.dumps(config, separators=(",", ":"))),
            "TITLE": escape(self.view.title),
            "CSS": _joined("shared/base.css", f"{self.view.name}/{self.view.name}.css"),
            "JS": _joined(*(f"{module}.js" for module in _modules(self.view))),
        }
        return re.sub(r"/\*(CONFIG|TITLE|CSS|JS)\*/", lambda mark: parts[mark[1]], _source("page.html"))


def pages(*, version: str, read_only: bool, media_origins: Sequence[str]) -> list[ViewPage]:
    """Return the pages of a server. `media_origins` are the only ones whose pictures and videos are loaded."""
    origins = tuple(media_origins)
    return [ViewPage(view, version, read_only, origins if view.shows_media else ()) for view in VIEWS]


def _modules(view: View) -> Iterator[str]:
    yield from (f"shared/{name}" for name in _SHARED)
    yield from view.modules


def _joined(*paths: str) -> str:
    """Return sources one after another, without their indentation, which is a sixth of them."""
    return re.sub(r"^ +", "", "".join(map(_source, paths)), flags=re.MULTILINE)


def _source(path: str) -> str:
    return files(__name__).joinpath(path).read_text("utf-8")
