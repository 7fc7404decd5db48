"""What changed between two snapshots of the contract, and whether a client written for the first would break.

Breaking: a tool, parameter, field, enum value, prompt or resource that is gone (renamed is gone, and another new); an
argument newly required or taken within narrower limits; a field no longer always there; another type, default or hint.

    git show v0.1.0:docs/contract.json | python -m tests.support.contract_diff docs/contract.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Snapshot = Mapping[str, Any]
LOWER_LIMITS = ("minimum", "minLength", "minItems")
UPPER_LIMITS = ("maximum", "maxLength", "maxItems")


class Change(NamedTuple):
    breaking: bool
    what: str

    def __str__(self) -> str:
        return f"{'BREAKING' if self.breaking else 'compatible'}: {self.what}"


def changes(old: Snapshot, new: Snapshot) -> list[Change]:
    """Every change from `old` to `new`, breaking ones first."""
    found = [
        *_texts(old, new, "the server", ("instructions",)),
        *_members(old["tools"], new["tools"], "tool", _tool),
        *_members(old["prompts"], new["prompts"], "prompt", _prompt),
        *_members(old["resources"], new["resources"], "resource", _resource),
    ]
    return sorted(found, key=lambda change: not change.breaking)


def _members(old: Snapshot, new: Snapshot, kind: str, inside: Any) -> Iterator[Change]:
    for name in old:
        if name not in new:
            yield Change(True, f"{kind} {name} is gone")
        else:
            yield from inside(f"{kind} {name}", old[name], new[name])
    for name in new:
        if name not in old:
            yield Change(False, f"{kind} {name} is new")
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield Change(False, f"the order of {kind}s changed")


def _texts(old: Snapshot, new: Snapshot, where: str, names: tuple[str, ...]) -> Iterator[Change]:
    for name in names:
        if old.get(name) != new.get(name):
            yield Change(False, f"{where}: another {name}")


def _tool(where: str, old: Snapshot, new: Snapshot) -> Iterator[Change]:
    yield from _texts(old, new, where, ("title", "description"))
    if old["annotations"] != new["annotations"]:
        yield Change(True, f"{where}: other hints")
    yield from _schema(f"{where} takes", old["inputSchema"], new["inputSchema"], takes=True)
    yield from _schema(f"{where} returns", old["outputSchema"], new["outputSchema"], takes=False)


def _prompt(where: str, old: Snapshot, new: Snapshot) -> Iterator[Change]:
    yield from _texts(old, new, where, ("title", "description"))
    before, after = _arguments(old), _arguments(new)
    yield from _schema(where, before, after, takes=True)


def _arguments(prompt: Snapshot) -> Snapshot:
    """A prompt's arguments as a schema: the same rules hold."""
    arguments = prompt.get("arguments", [])
    return {
        "type": "object",
        "properties": {one["name"]: {"type": "string", "description": one["description"]} for one in arguments},
        "required": [one["name"] for one in arguments if one["required"]],
    }


def _resource(where: str, old: Snapshot, new: Snapshot) -> Iterator[Change]:
    yield from _texts(old, new, where, ("title", "description"))
    if old.get("mimeType") != new.get("mimeType"):
        yield Change(True, f"{where}: another mimeType")


def _schema(where: str, old: Any, new: Any, *, takes: bool) -> Iterator[Change]:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        if old != new:
            yield Change(True, f"{where}: {old} became {new}")
        return
    yield from _texts(old, new, where, ("description",))
    for keyword in ("type", "default", "format", "pattern"):
        if old.get(keyword) != new.get(keyword):
            yield Change(True, f"{where}: {keyword} {old.get(keyword)!r} became {new.get(keyword)!r}")
    yield from _limits(where, old, new, takes=takes)
    yield from _choices(where, old.get("enum"), new.get("enum"), takes=takes)
    yield from _properties(where, old, new, takes=takes)
    for keyword in ("items", "additionalProperties"):
        if keyword in old or keyword in new:
            yield from _schema(f"{where}[]", old.get(keyword), new.get(keyword), takes=takes)


def _limits(where: str, old: Snapshot, new: Snapshot, *, takes: bool) -> Iterator[Change]:
    for keyword in (*LOWER_LIMITS, *UPPER_LIMITS):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        narrower = before is None or (after is not None and (after > before) == (keyword in LOWER_LIMITS))
        yield Change(takes and narrower, f"{where}: {keyword} {before} became {after}")


def _choices(where: str, old: list[str] | None, new: list[str] | None, *, takes: bool) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield Change((new is not None) == takes, f"{where}: {'closed to' if new else 'opened from'} {new or old}")
        return
    for value in old:
        if value not in new:
            yield Change(True, f"{where}: the value {value} is gone")
    for value in new:
        if value not in old:
            yield Change(False, f"{where}: the value {value} is new")


def _properties(where: str, old: Snapshot, new: Snapshot, *, takes: bool) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        if name not in after:
            yield Change(True, f"{where} {name}: gone")
            continue
        yield from _schema(f"{where} {name}", before[name], after[name], takes=takes)
        if (name in needed) != (name in needs):
            more = name in needs
            yield Change(
                more == takes,
                f"{where} {name}: {'now' if more else 'no longer'} {'required' if takes else 'always there'}",
            )
    for name in after:
        if name not in before:
            yield Change(
                takes and name in needs, f"{where} {name}: new{', and required' if takes and name in needs else ''}"
            )


def main() -> int:
    """Compare the snapshot on stdin with the named file; exit code 1 if a client would break."""
    found = changes(json.load(sys.stdin), json.loads(Path(sys.argv[1]).read_text("utf-8")))
    for change in found:
        print(change)  # noqa: T201 - it is a program
    return int(any(change.breaking for change in found))


if __name__ == "__main__":
    sys.exit(main())
