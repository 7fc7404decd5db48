"""What surrounds the code agrees with it: versions, the registry's entry, the container, the workflows."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import layers_mcp
from tests.support import CONFIGURED

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SERVER: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_registry_entry_keeps_the_rules_of_the_published_schema() -> None:
    """https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json, as far as this entry goes."""
    assert SERVER["$schema"].endswith("/2025-12-11/server.schema.json")
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", SERVER["name"])
    assert 1 <= len(SERVER["description"]) <= 100
    assert 1 <= len(SERVER["title"]) <= 100
    assert SERVER["repository"].keys() == {"url", "source"}
    for package in SERVER["packages"]:
        assert package["registryType"] == "pypi"
        assert package["transport"] == {"type": "stdio"}
        for variable in package["environmentVariables"]:
            assert variable.keys() <= {"name", "description", "format", "default", "isSecret", "isRequired"}
            assert variable.get("format", "string") in {"string", "number", "boolean", "filepath"}
            assert isinstance(variable.get("default", ""), str)


def test_the_registry_entry_is_of_this_version_and_package() -> None:
    [package] = SERVER["packages"]
    assert SERVER["version"] == package["version"] == layers_mcp.__version__
    assert package["identifier"] == PROJECT["name"]
    assert SERVER["repository"]["url"] == PROJECT["urls"]["Homepage"]


def test_the_registry_can_see_that_package_and_image_are_ours() -> None:
    assert f"<!-- mcp-name: {SERVER['name']} -->" in (ROOT / "README.md").read_text("utf-8")
    label = f'io.modelcontextprotocol.server.name="{SERVER["name"]}"'
    assert label in (ROOT / "Dockerfile").read_text("utf-8")


def test_the_registry_entry_asks_for_settings_that_exist_and_hides_the_key() -> None:
    variables = {variable["name"]: variable for variable in SERVER["packages"][0]["environmentVariables"]}
    assert variables.keys() <= {f"LAYERS_{name.upper()}" for name in CONFIGURED}
    assert [name for name, variable in variables.items() if variable.get("isSecret")] == ["LAYERS_API_KEY"]


def test_the_changelog_has_this_version_and_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert layers_mcp.__version__ in headings
    for heading in headings:
        assert f"\n[{heading}]: " in text


def test_the_licence_is_the_one_that_is_named() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_the_scripts_that_people_call(path: Path) -> None:
    called = re.findall(r"\b((?:scripts|bench|\.ci)/[\w./-]+)", path.read_text("utf-8"))
    assert called
    assert [name for name in called if not (ROOT / name).exists()] == []


def test_every_supported_python_is_tested() -> None:
    matrix = re.search(r"python: \[(.+)\]", (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    assert matrix
    tested = json.loads(f"[{matrix[1]}]")
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert tested == named
    assert PROJECT["requires-python"] == f">={tested[0]}"


def test_the_sdist_holds_what_the_tests_read() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    included = set(tool["hatch"]["build"]["targets"]["sdist"]["include"])
    assert all((ROOT / name).exists() for name in included)
    assert included >= {path.name for path in ROOT.glob("*.md")} | {
        "tests",
        "docs",
        "bench",
        "scripts",
        ".github",
        ".ci",
    }


@pytest.mark.subprocess
@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
@pytest.mark.parametrize(
    ("subject", "complaint"),
    [
        ("operations: refuse to send while the journal is away", ""),
        (f"docs: {'é' * 66}", ""),
        ("Merge branch 'main' of a repository whose name is longer than any subject may be", ""),
        (f"docs: {'é' * 67}", "The subject has 73 characters; the limit is 72."),
        ("Fix it", "Begin the subject with the component"),
        ("", "Begin the subject with the component"),
    ],
)
def test_a_commit_subject_names_its_component_in_72_characters(subject: str, complaint: str, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_text(f"{subject}\n\n{'A body may have long lines. ' * 10}\n", "utf-8")
    done = subprocess.run([ROOT / "scripts" / "commit-message", message], capture_output=True, text=True)
    assert (done.returncode, complaint in done.stderr) == (int(bool(complaint)), True)
