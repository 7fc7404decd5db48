"""The README's promises: its commands stand alone, its snippets parse, and what it names exists."""

import ast
import json
import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers_mcp.api.errors import LayersError
from layers_mcp.cli import COMMANDS
from layers_mcp.cli.serve import add_settings_flags
from layers_mcp.config import ServerConfig
from layers_mcp.operations.errors import OrderError
from layers_mcp.tools import CATALOG, DEFINITIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
SHORT_TIMEOUTS = ["OpenAI Agents SDK", "Pydantic AI", "LlamaIndex", "Google ADK", "Agno", "Haystack"]
"""Frameworks whose default read timeout is shorter than `wait_job` may take."""


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    """The text below a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)
    assert match, f"the README has no heading {heading!r}"
    return match[1]


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the first table below a heading, header and rule left out."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_the_two_commands_stand_alone_each_on_one_line_of_its_own_block():
    demo, tests = blocks("sh")
    for command in (demo, tests):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert demo.endswith("&& .venv/bin/layers-mcp demo\n")
    assert "'.[test]'" in tests
    assert tests.endswith("&& .venv/bin/python -m pytest\n")


def test_the_shown_demo_is_a_whole_run():
    (shown,) = re.findall(r"<!-- demo -->\n```text\n(.*?)```\n<!-- /demo -->", README, re.DOTALL)
    called = set(re.findall(r"^  → (\w+)\(", shown, re.MULTILINE))
    assert called >= {"rank_top_performers", "clone_post", "wait_job", "review_commissions"}
    assert "What happened" in shown


@pytest.mark.parametrize("snippet", blocks("json"))
def test_every_json_snippet_starts_the_sandbox(snippet: str):
    configuration = json.loads(snippet)
    (servers,) = (configuration[name] for name in ("mcpServers", "servers") if name in configuration)
    assert servers["layers"]["command"] == "layers-mcp"
    assert servers["layers"]["args"] == ["--sandbox"]


@pytest.mark.parametrize("snippet", blocks("python"))
def test_every_python_snippet_parses_and_names_the_server(snippet: str):
    names = {node.id for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Name)}
    assert "layers" in names
    assert "layers-mcp" in snippet


@pytest.mark.parametrize("framework", SHORT_TIMEOUTS)
def test_frameworks_with_a_short_read_timeout_are_given_sixty_seconds(framework: str):
    assert re.search(r"timeout(_seconds)?=60\b", section(framework))


def test_the_tool_table_is_the_catalog_and_marks_what_writes():
    table = {cells[0].strip("`"): cells[2] for cells in rows("The tools")}
    assert list(table) == list(CATALOG)
    for definition in json.loads(DEFINITIONS.read_text("utf-8")):
        assert bool(table[definition["name"]]) is not definition["annotations"]["readOnlyHint"], definition["name"]


def test_the_configuration_table_names_every_flag_and_variable():
    parser = ArgumentParser()
    add_settings_flags(parser)
    flags = {option for option in parser.format_usage().replace("[", " ").split() if option.startswith("--")}
    named = {cells[0].strip("`").split()[0] for cells in rows("Configuration")}
    assert named == {flag.rstrip("]") for flag in flags}
    variables = {f"LAYERS_{name.upper()}" for name in ServerConfig.__dataclass_fields__ if name != "sources"}
    assert {cells[1].strip("`") for cells in rows("Configuration")} == variables
    assert set(re.findall(r"LAYERS_[A-Z_]+", README)) <= variables | {"LAYERS_TEST_POSTGRES_URL", "LAYERS_TEST_STEPS"}


def test_the_error_table_names_every_code():
    codes = {kind.default_code for kind in subclasses(LayersError)} | {kind.code for kind in subclasses(OrderError)}
    named = [cells[0].strip("`") for cells in rows("When something fails")]
    assert len(named) == len(set(named))
    assert set(named) == codes


def test_every_command_line_names_a_command_that_exists():
    lines = [line[2:] for block in blocks("console") for line in block.splitlines()]
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        program = words[words.index("--") + 1 :] if "--" in words else words
        assert program[0] == "layers-mcp"
        assert all(word.startswith("--") or word in COMMANDS for word in program[1:2])


def test_every_file_that_the_page_names_exists():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)|src=\"([^\"]+)\"", README)
    paths = [path for pair in links for path in pair if path]
    paths += re.findall(r"`((?:tests|docs|bench|assets|\.ci)/[\w./]+\.\w+)`", README)
    paths += re.findall(r"(?:python|bash) ((?:bench|docs|\.ci)/[\w./]+)", README)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
