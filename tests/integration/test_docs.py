"""The promises of the README and of docs/: commands stand alone, snippets parse, links and tables are whole."""

import ast
import json
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.cli import COMMANDS, http
from layers_mcp.cli.serve import add_config_flags
from layers_mcp.operations.errors import OperationError
from layers_mcp.tools import CATALOG, DEFINITIONS
from tests.support import CONFIGURED

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CLIENTS = sorted(DOCS.glob("clients/*.md"))
PAGES = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md"))}
README = PAGES["README.md"]

SOURCE = "\n".join(path.read_text("utf-8") for path in (ROOT / "layers_mcp").rglob("*.py"))

README_BYTES = 8_000
SHORT_TIMEOUTS = ["openai-agents", "pydantic-ai", "llama-index", "google-adk", "agno", "haystack"]
"""Frameworks whose default read timeout is shorter than `wait_job` may take."""

DEFINED = (
    *("project", "creative", "container", "hook", "breakout", "fork", "reimagine", "take", "order", "commission"),
    *("scoring pool", "override", "vintage", "preview", "current"),
)
"""What the glossary has to define, at least."""

TEST_VARIABLES = {
    *("LAYERS_TEST_POSTGRES_URL", "LAYERS_TEST_STEPS", "LAYERS_TEST_SEED", "LAYERS_TEST_NODE_MODULES"),
}

every_page = pytest.mark.parametrize("page", PAGES)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, those inside of list items too."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def rows(page: str, heading: str = "") -> Iterator[list[str]]:
    """The cells of the first table below a heading, or of the page; header and rule left out."""
    lines = PAGES[page].splitlines()
    start = next(n for n, line in enumerate(lines) if not heading or re.fullmatch(f"#+ {re.escape(heading)}", line))
    table = [n for n, line in enumerate(lines) if n >= start and line.startswith("|")]
    for n in range(table[0] + 2, len(lines)):
        if not lines[n].startswith("|"):
            break
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", lines[n].strip("|"))]


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_the_readme_fits_on_two_screens() -> None:
    assert len(README.encode()) <= README_BYTES


def test_the_two_commands_stand_alone_each_on_one_line_of_its_own_block() -> None:
    demo, tests = blocks(README, "sh")
    for command in (demo, tests):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert demo.endswith("&& .venv/bin/layers-mcp demo\n")
    assert "'.[test]'" in tests
    assert tests.endswith("&& .venv/bin/python -m pytest\n")


def test_the_readme_shows_how_the_loop_is_closed() -> None:
    (shown,) = re.findall(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", README, re.DOTALL)
    called = re.findall(r"^  → (\w+)\(", shown, re.MULTILINE)
    assert called == ["rank_top_performers", "clone_post", "publish_content", "publish_content", "review_commissions"]


@pytest.mark.parametrize("page", ["README.md", "docs/quickstart.md", "docs/clients/README.md"])
def test_every_json_snippet_for_a_client_starts_the_sandbox(page: str) -> None:
    snippets = blocks(PAGES[page], "json")
    assert snippets
    for snippet in snippets:
        configuration = json.loads(snippet)
        (servers,) = (configuration[name] for name in ("mcpServers", "servers") if name in configuration)
        assert servers["layers"]["command"] == "layers-mcp"
        assert servers["layers"]["args"] == ["--sandbox"]


@pytest.mark.parametrize("path", [path for path in CLIENTS if path.stem != "README"], ids=lambda path: path.stem)
def test_every_client_has_a_page_with_one_snippet_that_names_the_server(path: Path) -> None:
    text = path.read_text("utf-8")
    python, javascript = blocks(text, "python"), blocks(text, "js")
    [snippet] = python + javascript
    assert "layers-mcp" in snippet
    if python:
        assert "layers" in {node.id for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Name)}
    program = "with_" + path.stem.removesuffix("-python-sdk").removesuffix("-typescript-sdk").replace("-", "_")
    assert (ROOT / "bench" / "clients" / f"{program}.{'py' if python else 'mjs'}").exists()


def test_the_table_of_clients_names_every_page() -> None:
    named = [re.findall(r"\((\S+)\.md\)", cells[0])[0] for cells in rows("docs/clients/README.md", "Agents in code")]
    assert sorted([*named, "README"]) == [path.stem for path in CLIENTS]


@pytest.mark.parametrize("name", SHORT_TIMEOUTS)
def test_frameworks_with_a_short_read_timeout_are_given_sixty_seconds(name: str) -> None:
    assert re.search(r"timeout(_seconds)?=60\b", PAGES[f"docs/clients/{name}.md"])


def test_the_tool_table_is_the_catalog_and_marks_what_writes() -> None:
    table = {cells[0].strip("`"): cells[2] for cells in rows("README.md", "The tools")}
    assert list(table) == list(CATALOG)
    for definition in json.loads(DEFINITIONS.read_text("utf-8")):
        assert bool(table[definition["name"]]) is not definition["annotations"]["readOnlyHint"], definition["name"]


def test_the_configuration_table_names_every_flag_and_variable() -> None:
    parser = ArgumentParser()
    add_config_flags(parser)
    flags = {option for option in parser.format_usage().replace("[", " ").split() if option.startswith("--")}
    table = list(rows("docs/configuration.md"))
    assert {cells[0].strip("`").split()[0] for cells in table} == {flag.rstrip("]") for flag in flags}
    variables = {f"LAYERS_{name.upper()}" for name in CONFIGURED}
    assert {cells[1].strip("`") for cells in table} == variables
    over_http = set(http_variables().values())
    for page, text in PAGES.items():
        printed = {"LAYERS_MCP", "LAYERS_MCP_URL", "LAYERS_BASE_URL"}
        assert set(re.findall(r"LAYERS_[A-Z_]+", text)) <= variables | over_http | TEST_VARIABLES | printed, page


def http_variables() -> dict[str, str]:
    """The variable of each flag that `layers-mcp http` has of its own."""
    common = ArgumentParser()
    add_config_flags(common)
    commands = ArgumentParser().add_subparsers()
    http.add_parser(commands)
    shared, own = ({*re.findall(r"--[a-z-]+", parser.format_usage())} for parser in (common, commands.choices["http"]))
    return {flag: f"LAYERS_HTTP_{flag.removeprefix('--').replace('-', '_').upper()}" for flag in own - shared}


def test_the_table_of_the_http_server_names_every_flag_and_variable() -> None:
    listed = rows("docs/configuration.md", "Over HTTP")
    table = {cells[0].strip("`").split()[0]: cells[1].strip("`") for cells in listed}
    assert table == http_variables()


def test_the_error_table_names_every_code() -> None:
    codes = {kind.default_code for kind in subclasses(LayersError)} | {kind.code for kind in subclasses(OperationError)}
    codes |= set(re.findall(r'ToolError\(\s*"([A-Z_]+)"', SOURCE))
    named = [cells[0].strip("`") for cells in rows("docs/errors.md")]
    assert len(named) == len(set(named))
    assert set(named) >= codes
    assert [code for code in named if not re.search(rf"\b{code}\b", SOURCE)] == []


def test_the_scopes_named_are_those_that_requests_need() -> None:
    needed = set(re.findall(r"scope=\"([a-z]+:[a-z]+)\"", SOURCE))
    named = {scope for cells in rows("docs/quickstart.md") for scope in re.findall(r"`([a-z]+:[a-z]+)`", cells[1])}
    assert named == needed


def test_the_glossary_defines_what_a_reader_meets() -> None:
    words = [cells[0].strip("*") for cells in rows("docs/glossary.md")]
    assert words == sorted(words, key=str.casefold)
    text = PAGES["docs/glossary.md"]
    for word in DEFINED:
        assert re.search(rf"\*+{word}\*+", text), word


def test_every_line_of_a_console_names_a_command_that_exists() -> None:
    programs = {path.name for path in (ROOT / "scripts").iterdir()}
    for page, text in PAGES.items():
        for line in (line.strip() for block in blocks(text, "console") for line in block.splitlines()):
            words = shlex.split(line.removeprefix("$ "), comments=True)
            server = words[words.index("--") + 1 :] if "--" in words else words
            if server[:1] == ["layers-mcp"]:
                assert all(word.startswith("--") or word in COMMANDS for word in server[1:2]), (page, line)
            if any(word.startswith("scripts/") for word in words):
                assert {word.removeprefix("scripts/") for word in words if word.startswith("scripts/")} <= programs


@every_page
def test_every_link_leads_to_a_file_or_heading(page: str) -> None:
    base = (ROOT / page).parent
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", PAGES[page]):
        path = (base / target).resolve() if target else ROOT / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for source in re.findall(r"src=\"(?!https?:)([^\"]+)\"", PAGES[page]):
        assert (base / source).exists(), source


@every_page
def test_every_path_that_is_named_exists(page: str) -> None:
    """But for those of a toy, which a walk-through makes and removes."""
    paths = re.findall(r"`((?:tests|docs|bench|assets|scripts|layers_mcp|\.ci)/[\w./-]+)`", PAGES[page])
    paths += re.findall(r"(?:python|bash) ((?:bench|docs|scripts|\.ci)/[\w./-]+)", PAGES[page])
    assert [path for path in paths if "toy" not in path and not (ROOT / path).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set[str](), ["README.md"]
    while todo:
        page = todo.pop()
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        base = (ROOT / page).parent
        targets = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", PAGES[page])
        todo.extend(str((base / target).resolve().relative_to(ROOT)) for target in targets)
    assert reached == set(PAGES)
