"""Lay out the Claude Desktop bundle in a folder, ready for `mcpb validate` and `mcpb pack`.

`python scripts/stage_bundle.py FOLDER`, in an environment in which the package and its dependencies are installed. The
project in the bundle names every dependency with its exact version, as installed here: a resolution at the first
start could outlast the host's patience. What only another system needs (pywin32) is asked of pip.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SYSTEMS = [("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt")]
TARGETS = [
    {"sys_platform": system, "platform_system": name, "os_name": os_name, "python_version": python}
    for system, name, os_name in SYSTEMS
    for python in ("3.11", "3.12", "3.13", "3.14")
]
PROJECT = """\
[project]
name = "layers-mcp"
version = "{version}"
requires-python = ">=3.11"
dependencies = [
{dependencies}
]

[tool.uv]
package = false
"""


def main(folder: Path) -> None:
    """Write the bundle's files to `folder`, which must not exist."""
    manifest = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = exact(project["dependencies"])
    shutil.copytree(ROOT / "layers_mcp", folder / "layers_mcp", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in ["manifest.json", manifest["icon"], "LICENSE", "README.md"]:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    lines = ",\n".join(f"    {json.dumps(pin)}" for pin in pins)
    (folder / "pyproject.toml").write_text(
        PROJECT.format(version=manifest["version"], dependencies=lines), encoding="utf-8"
    )


def exact(requirements: list[str]) -> list[str]:
    """Every package that `requirements` lead to on any target, each as `name==version`, sorted by name."""
    pins: dict[str, str] = {}
    todo = [Requirement(text) for text in requirements]
    seen: set[str] = set()
    while todo:
        requirement = todo.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        name = canonicalize_name(requirement.name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            pins[name] = f"{name}=={_asked_of_pip(requirement)}; {requirement.marker}"
            continue
        pins[name] = f"{name}=={found.version}"
        needed = map(Requirement, found.requires or [])
        todo.extend(child for child in needed if _applies(child, requirement.extras))
    return [pins[name] for name in sorted(pins)]


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({**target, "extra": extra}) for target in TARGETS for extra in extras | {""})


def _asked_of_pip(requirement: Requirement) -> str:
    """Return the newest version for Windows, the one target with packages of its own."""
    wanted = f"{requirement.name}{requirement.specifier}"
    with tempfile.TemporaryDirectory() as target:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--report", "-"]
        command += ["--platform", "win_amd64", "--only-binary", ":all:", "--target", target, wanted]
        found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own pip
        report = json.loads(found.stdout)
    return report["install"][0]["metadata"]["version"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
