"""Which package may import which."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import layers_mcp

PACKAGE = Path(layers_mcp.__file__).parent

PACKAGES = {
    "analytics",
    "api",
    "cli",
    "operations",
    "protocol",
    "sandbox",
    "tenancy",
    "text",
    "tools",
    "transports",
    "views",
}

MAY_IMPORT: dict[str, set[str]] = {
    "protocol": {"deadlines", "lifecycle"},
    "transports": {"telemetry", "text", "protocol", "deadlines", "lifecycle"},
    "api": {"deadlines", "lifecycle", "text"},
    "analytics": {"text"},
    "text": set(),
    "operations": {"analytics", "text", "api", "deadlines", "lifecycle"},
    "tools": {"analytics", "text", "api", "operations", "context", "deadlines", "lifecycle", "protocol"},
    "views": set(),
    "tenancy": {"api", "operations", "config", "lifecycle", "text"},
    "sandbox": set(),
}
"""Our own packages and top modules. `app` and `cli` may import all."""

FOREIGN: dict[str, set[str]] = {
    "transports": {"mcp", "anyio", "starlette", "uvicorn", "h11", "opentelemetry"},
    "tenancy": {"anyio", "httpx2", "jwt"},
    "protocol": {"mcp", "mcp_types", "pydantic", "pydantic_core", "anyio"},
    "api": {"httpx2", "httpcore2", "h11", "pydantic", "pydantic_core", "anyio"},
    "analytics": {"pydantic"},
    "text": set(),
    "operations": {"sqlalchemy", "anyio", "pydantic"},
    "tools": {"pydantic", "anyio"},
    "views": set(),
    "sandbox": {"uvicorn", "anyio", "pydantic", "httpx2"},
}
"""Libraries beside the standard one that a package may import."""


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in PACKAGE.rglob("*.py")}


def _modules(package: str) -> Iterator[Path]:
    return (PACKAGE / package).rglob("*.py")


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Dotted names that a module imports, at any depth of the code, relative imports resolved."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            named = {f"{module}.{alias.name}" for alias in node.names}
            yield from (submodules := named & MODULES.keys())
            if named - submodules:
                yield module


def _ours(name: str) -> str:
    return name.split(".")[1] if name.startswith("layers_mcp.") else ""


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_the_packages_it_may(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package, "", "__version__"}
    forbidden = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in _modules(package)
        for name in _imports(path)
        if _ours(name) not in allowed
    }
    assert not forbidden


@pytest.mark.parametrize("package", sorted(FOREIGN))
def test_a_package_imports_only_the_libraries_it_may(package: str) -> None:
    import sys

    allowed = FOREIGN[package] | sys.stdlib_module_names | {"layers_mcp"}
    forbidden = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in _modules(package)
        for name in _imports(path)
        if name.split(".")[0] not in allowed
    }
    assert not forbidden


def test_only_the_sandbox_transport_knows_an_http_client() -> None:
    knowing = {path.name for path in _modules("sandbox") if any(n.startswith("httpx2") for n in _imports(path))}
    assert knowing <= {"transport.py"}


def test_no_module_imports_itself_by_a_detour() -> None:
    known = {
        name: {other for other in _imports(path) if other in MODULES and other != "layers_mcp"}
        for name, path in MODULES.items()
    }
    TopologicalSorter(known).prepare()  # raises CycleError, which names the circle


def test_the_packages_named_here_are_all_there_are() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == PACKAGES


def test_the_architecture_page_shows_these_tables() -> None:
    page = (PACKAGE.parent / "docs" / "contributing" / "architecture.md").read_text("utf-8")
    shown = {name: [set(re.findall(r"`(\w+)`", cell)) for cell in cells] for name, *cells in _ROW.findall(page)}
    assert shown == {name: [MAY_IMPORT[name], FOREIGN[name]] for name in MAY_IMPORT}


_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_the_public_surface_is_exactly_what_is_named() -> None:
    assert layers_mcp.__all__ == sorted(layers_mcp.__all__)
    for name in layers_mcp.__all__:
        assert getattr(layers_mcp, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = layers_mcp.nothing  # type: ignore[attr-defined]
