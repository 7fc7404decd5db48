"""The views as pages: whole, small, harmless to host, and with a policy that names what they load."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import layers_mcp.views
from layers_mcp.config import DEFAULT_MEDIA_ORIGINS
from layers_mcp.protocol.tool import spec_of
from layers_mcp.tools import CATALOG, function_of
from layers_mcp.views import MIME_TYPE, VIEWS, ViewPage, pages

SOURCES = Path(layers_mcp.views.__file__).parent
PAGES = {page.view.name: page for page in pages(version="1.2.3", read_only=False, media_origins=DEFAULT_MEDIA_ORIGINS)}

FORBIDDEN = (
    r"\b(?:inner|outer)HTML\b",
    r"\binsertAdjacentHTML\b",
    r"\bdocument\.write",
    r"\bDOMParser\b",
    r"\bcreateContextualFragment\b",
    r"\bsetHTML",
    r"\bsrcdoc\b",
    r"\beval\b",
    r"\bnew Function\b",
    r"\bimport\b\s*[({\"']",
    r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b",
    r"\b(?:local|session)Storage\b",
    r"\bindexedDB\b",
    r"\bdocument\.cookie\b",
    r"\b\d+(?:\.\d+)?[sld]?v(?:h|w|min|max|b|i)\b",
    r"@import\b",
    r"\burl\(",
    r"\balert\(|\bconfirm\(|\bprompt\(",
)


class _Elements(HTMLParser):
    """Every element of a page, and its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_every_view_is_a_page_of_its_own_that_a_tool_is_shown_by() -> None:
    shown_by = {spec_of(function_of(name)).view for name in CATALOG} - {""}
    assert {page.view.uri for page in PAGES.values()} == shown_by
    assert len(PAGES) == len(VIEWS)
    assert MIME_TYPE == "text/html;profile=mcp-app"
    assert all(view.title and view.description for view in VIEWS)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_view_is_one_small_file(page: ViewPage) -> None:
    assert len(page.join().encode()) <= 60_000
    assert not re.search(r"/\*(?:CSS|JS|TITLE|CONFIG)\*/", page.join())


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_view_asks_nobody_but_its_host_and_reads_no_string_as_html(page: ViewPage) -> None:
    found = [pattern for pattern in FORBIDDEN if re.search(pattern, page.join())]
    assert found == []
    addresses = set(re.findall(r"https?://[^\s\"'`&;]+", page.join()))
    assert addresses - set(page.media_origins) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_has_no_handler_and_loads_no_file_by_itself(page: ViewPage) -> None:
    elements = _Elements(page.join()).found
    assert [tag for tag, _ in elements] == ["html", "head", "meta", "meta", "title", "style", "body", "main", "script"]
    names = {name for _, attributes in elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"src", "href", "style"}}


def test_only_the_approval_view_may_load_from_the_media_origins() -> None:
    policies = {name: page.meta["ui"]["csp"] for name, page in PAGES.items()}
    assert all(
        list(policy) == ["connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"]
        for policy in policies.values()
    )
    assert policies.pop("approval") == {
        "connectDomains": [],
        "resourceDomains": list(DEFAULT_MEDIA_ORIGINS),
        "frameDomains": [],
        "baseUriDomains": [],
    }
    assert all(origins == [] for policy in policies.values() for origins in policy.values())
    assert all(page.meta["ui"]["prefersBorder"] is True for page in PAGES.values())


def test_what_a_view_is_told_is_escaped_and_read_back_whole() -> None:
    origins = ("https://media.example.com",)
    for page in pages(version='"><script>/*JS*/</script>', read_only=True, media_origins=origins):
        (html, *_, script) = _Elements(page.join()).found
        assert script == ("script", {})
        assert json.loads(html[1]["data-config"] or "") == {
            "version": '"><script>/*JS*/</script>',
            "readOnly": True,
            "mediaOrigins": list(origins) if page.view.name == "approval" else [],
        }


def test_every_source_file_is_in_some_view() -> None:
    kept = {path for path in SOURCES.rglob("*") if path.suffix in {".js", ".css"}}
    joined = "".join(page.join() for page in PAGES.values())
    texts = {
        path.relative_to(SOURCES): re.sub(r"^ +", "", path.read_text("utf-8"), flags=re.MULTILINE) for path in kept
    }
    assert [path for path, text in texts.items() if text not in joined] == []
    assert len(kept) >= 20
