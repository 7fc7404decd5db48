"""Between an operation and its row: moments as text that sorts, structures as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast, get_args

from layers_mcp.operations.models import Operation, Status, ToolName


class DamagedRowError(ValueError):
    """A row that was edited by hand, or is damaged where the database does not notice."""


def moment_text(moment: datetime) -> str:
    """Return UTC in ISO 8601 with six decimals, so that moments sort as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_row(operation: Operation) -> dict[str, Any]:
    """Return the values of its columns."""
    return {name: _write(getattr(operation, name)) for name in _NAMES}


def from_row(row: Mapping[Any, Any]) -> Operation:
    """Read back what `to_row` gave. Raises `DamagedRowError`."""
    try:
        values = {name: _READ.get(name, _same)(row[name]) for name in _NAMES}
        typed = all(isinstance(values[name], kind) for name, kind in _TYPES.items())
        if not typed or any(values[name] not in known for name, known in _KNOWN.items()):
            raise TypeError
        return Operation(**values)
    except (ValueError, TypeError, KeyError):
        raise DamagedRowError from None


def json_text(value: object) -> str:
    """Return `value` as it is in a column."""
    return json.dumps(value, ensure_ascii=False, default=_write)


def read_json(value: str) -> dict[str, Any]:
    """Return a JSON object as it was written; what is damaged is empty."""
    try:
        read = json.loads(value)
    except (ValueError, TypeError):
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


def _write(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, Mapping | tuple):
        return json_text(cast("object", value))
    return value


def _same(value: Any) -> Any:
    return value


def _ids(text: str) -> tuple[str, ...]:
    ids = json.loads(text)
    if not isinstance(ids, list):
        raise TypeError
    return tuple(map(str, cast("list[object]", ids)))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


_NAMES = tuple(field.name for field in fields(Operation))
_READ: dict[str, Callable[[Any], Any]] = {
    "arguments": json.loads,
    "body": json.loads,
    "answer": json.loads,
    "container_ids": _ids,
    "price_keys": _ids,
    "ordered_at": _moment,
    "updated_at": _moment,
    "sent_at": lambda text: None if text is None else _moment(text),
}
_TYPES = {
    "arguments": dict,
    "body": dict,
    "answer": dict,
    "take": int,
    "variations": int,
    "unanswered": int,
    "path": str,
}
_KNOWN = {"status": get_args(Status), "tool": get_args(ToolName)}
"""What a row must hold for the program to go on with it."""
