"""Writes what is made from the tools' signatures and the live server, so that no list is kept twice.

    python docs/generate.py           # write
    python docs/generate.py --check   # tell what is stale; exit code 1 if anything is

* `layers_mcp/tools/definitions.json`: what a server lists, made from the functions
* `docs/contract.json`: tools, prompts, resources and instructions as a client of the live server sees them
* `docs/tools.md`: the same for people
* `manifest.json`: the tools and prompts of the bundle (the rest of it is written by hand)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from mcp import Client
from pydantic import BaseModel

from layers_mcp.app import create_server
from layers_mcp.config import ServerConfig
from layers_mcp.protocol.schema import describe
from layers_mcp.protocol.tool import spec_of
from layers_mcp.tools import CATALOG, DEFINITIONS, function_of

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT / "docs" / "contract.json"
TOOLS_PAGE = ROOT / "docs" / "tools.md"
MANIFEST = ROOT / "manifest.json"


def definitions() -> str:
    """The definitions of all tools, one a line."""
    lines = (json.dumps(describe(function_of(name)), ensure_ascii=False) for name in CATALOG)
    return "[\n" + ",\n".join(lines) + "\n]\n"


async def seen_by_a_client() -> dict[str, Any]:
    """What a client of a live server sees: by name, so that a difference reads well."""
    with TemporaryDirectory() as state_dir:
        async with Client(create_server(ServerConfig(sandbox=True, state_dir=Path(state_dir)))) as client:
            return {
                "instructions": client.instructions,
                "tools": {tool.name: _entry(tool) for tool in (await client.list_tools()).tools},
                "prompts": {prompt.name: _entry(prompt) for prompt in (await client.list_prompts()).prompts},
                "resources": {resource.uri: _entry(resource) for resource in (await client.list_resources()).resources},
            }


def _entry(listed: BaseModel) -> dict[str, Any]:
    """One entry without what names it, and without the size of a text, which is no part of the contract."""
    wire = listed.model_dump(by_alias=True, mode="json", exclude_none=True)
    return {key: value for key, value in wire.items() if key not in {"name", "uri", "size"}}


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def tools_page(seen: Mapping[str, Any]) -> str:
    """The tools for people: what each does, its parameters, the fields of its result."""
    return "\n".join(_page(seen)) + "\n"


def _page(seen: Mapping[str, Any]) -> Iterator[str]:
    yield "# Tools"
    yield ""
    yield "Made by `python docs/generate.py` from the functions in `layers_mcp/tools/`; edit those."
    for name, tool in seen["tools"].items():
        yield f"\n## {name}\n"
        spec = spec_of(function_of(name))
        yield f"{_kind(tool['annotations'])}. Needs the scope `{spec.scope}`. {tool['description']}\n"
        schema = tool["inputSchema"]
        if schema["properties"]:
            yield "| parameter | takes | default | |\n|---|---|---|---|"
        for parameter, rule in schema["properties"].items():
            default = "required" if parameter in schema.get("required", ()) else f"`{json.dumps(rule['default'])}`"
            yield f"| `{parameter}` | {_takes(rule)} | {default} | {rule['description']} |"
        yield f"\nReturns {', '.join(_fields(tool['outputSchema']))}."
        yield f"\nExample: `{json.dumps(dict(spec.example), ensure_ascii=False)}`"


def _kind(hints: Mapping[str, bool]) -> str:
    if hints["readOnlyHint"]:
        return "**Reads**"
    return "**Writes, for good**" if hints["destructiveHint"] else "**Writes**"


def _takes(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return ", ".join(f"`{choice}`" for choice in rule["enum"])
    if rule["type"] == "array":
        return f"list of {_takes(rule['items'])}"
    low, high = rule.get("minimum"), rule.get("maximum")
    return rule["type"] if low is None and high is None else f"{rule['type']} {low} to {high}"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, rule in schema.get("properties", {}).items():
        inner = rule.get("items", rule)
        below = ", ".join(_fields(inner)) if inner.get("type") == "object" else ""
        brackets = "[]" if rule.get("type") == "array" else ""
        yield f"`{name}{brackets}`" + (f" ({below})" if below else "")


def manifest(seen: Mapping[str, Any]) -> str:
    """The bundle's manifest with the tools and prompts of the live server."""
    written = json.loads(MANIFEST.read_text("utf-8"))
    written["tools"] = [
        {"name": name, "description": _first_sentence(tool["description"])} for name, tool in seen["tools"].items()
    ]
    written["prompts"] = [
        {
            "name": name,
            "description": prompt["description"],
            "arguments": [argument["name"] for argument in prompt["arguments"]],
            "text": _prompt_text(name),
        }
        for name, prompt in seen["prompts"].items()
    ]
    return as_json(written)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0]


def _prompt_text(name: str) -> str:
    """The manifest's own spelling of a prompt that the server writes: its arguments as placeholders."""
    from layers_mcp.app import read_prompts

    prompt = next(prompt for prompt in read_prompts() if prompt.name == name)
    text = prompt.text
    for argument in prompt.arguments:
        text = text.replace(f"{{{argument.name}}}", f"${{arguments.{argument.name}}}")
    return text


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file with its text. The live server reads the first, so that comes first."""
    yield DEFINITIONS, definitions()
    seen = anyio.run(seen_by_a_client)
    yield CONTRACT, as_json(seen)
    yield TOOLS_PAGE, tools_page(seen)
    yield MANIFEST, manifest(seen)


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = False
    for path, text in generated():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale = True
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text, "utf-8", newline="\n")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
