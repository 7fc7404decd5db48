"""Arguments are validated against the definition that the client was shown.

The schemas are flat, so this is short; and since the served definition is the one enforced, the two cannot drift
apart. What goes without saying costs no tokens in a definition: a required text and the texts of a list are never
blank, and nothing is endless. A message is made from the schema alone: it tells what is expected and never repeats
what was sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from layers_mcp.protocol.errors import invalid_argument

LONGEST_TEXT = 1_000
"""Characters of a text whose schema names no limit of its own, as an id's or a cursor's does not."""

LONGEST_LIST = 100
"""Items of a list whose schema names no limit of its own."""

LARGEST_NUMBER = 10**12
"""The size of a number whose schema names no limit of its own: credits and counts stay far below."""

ENFORCED = frozenset(
    {"type", "description", "enum", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "items"}
)
"""The keywords of a parameter's schema that are understood here; a definition uses no others."""

_SHOWABLE_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")

_SOURCE = re.compile(r"From |[A-Z][a-z]+: ")
"""How a description begins that helps after an error: "From list_projects." or "Paid: get_ads_metrics."."""

_DECIMAL = re.compile(r"(?P<whole>-?[0-9]{1,20})(?P<fraction>\.[0-9]{1,20})?")
"""A number as text, which some clients send: no blanks, exponents, signs of its own or digits of other scripts."""

Schema = Mapping[str, Any]


def validate(schema: Schema, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the arguments as a tool function takes them: lists as tuples, without what was left out or null.

    Raises ToolError `INVALID_ARGUMENT` that names everything wrong at once.
    """
    properties: Mapping[str, Schema] = schema["properties"]
    required = schema.get("required", ())
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    problems = _unknown(given, properties)
    values: dict[str, Any] = {}
    for name, rule in properties.items():
        if name in required:
            rule = {"minLength": 1, **rule}
        if name not in given:
            if name in required:
                problems.append(f"`{name}` is required: {expectation(rule)}.")
            continue
        try:
            values[name] = _value(rule, given[name])
        except _UnfitError as unfit:
            problems.append(f"`{name}` must be {unfit}.{_advice(rule)}")
    if problems:
        raise invalid_argument(" ".join(problems))
    return values


def expectation(rule: Schema) -> str:
    """Return what a parameter takes, in words that complete "must be …"."""
    if "enum" in rule:
        return "one of " + ", ".join(rule["enum"])
    match rule["type"]:
        case "string":
            return "text" + _between(rule.get("minLength", 0), rule.get("maxLength", LONGEST_TEXT), "characters")
        case "integer":
            return "an integer" + _range(rule)
        case "number":
            return "a number" + _range(rule)
        case "boolean":
            return "true or false"
        case _:
            size = _between(rule.get("minItems", 0), rule.get("maxItems", LONGEST_LIST), "items")
            return f"a list{size}, each {expectation(_item(rule))}"


def _item(rule: Schema) -> Schema:
    return {"minLength": 1, **rule["items"]}


class _UnfitError(Exception):
    """Carries what was expected instead."""


def _advice(rule: Schema) -> str:
    """Return the parameter's own description where it tells what the value comes from, or what takes it instead."""
    description: str = rule.get("description", "")
    return f" {description}" if _SOURCE.match(description) else ""


def _unknown(given: Mapping[str, Any], properties: Mapping[str, Schema]) -> list[str]:
    unknown = [name for name in given if name not in properties]
    if not unknown:
        return []
    shown = [f"`{name}`" for name in unknown[:5] if _SHOWABLE_NAME.fullmatch(name)]
    named = f"Unknown argument {', '.join(shown)}." if shown else "Unknown argument."
    valid = ", ".join(f"`{name}`" for name in properties)
    return [f"{named} Valid arguments: {valid}." if valid else f"{named} This tool takes no arguments."]


def _value(rule: Schema, value: Any) -> Any:
    match rule["type"]:
        case "string":
            return _text(rule, value)
        case "integer" | "number":
            return _number(rule, value)
        case "boolean":
            return _boolean(rule, value)
        case _:
            return _list(rule, value)


def _text(rule: Schema, value: Any) -> str:
    if not isinstance(value, str):
        raise _UnfitError(expectation(rule))
    if "enum" in rule:
        if value not in rule["enum"]:
            raise _UnfitError(expectation(rule))
        return value
    low, high = rule.get("minLength", 0), rule.get("maxLength", LONGEST_TEXT)
    if not low <= len(value) <= high:
        raise _UnfitError(expectation(rule))
    if low and not value.strip():
        raise _UnfitError("text that is not blank")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _UnfitError("text without NUL characters and without halves of surrogate pairs")
    return value


def _number(rule: Schema, value: Any) -> int | float:
    """Return a number, or its decimal text."""
    if isinstance(value, str) and (decimal := _DECIMAL.fullmatch(value)):
        if not (decimal["fraction"] or "").strip(".0"):
            value = int(decimal["whole"])
        elif rule["type"] == "number":
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnfitError(expectation(rule))
    if isinstance(value, float) and not math.isfinite(value):
        raise _UnfitError(expectation(rule))
    if rule["type"] == "integer":
        if value != int(value):
            raise _UnfitError(expectation(rule))
        value = int(value)
    low, high = rule.get("minimum", -LARGEST_NUMBER), rule.get("maximum", LARGEST_NUMBER)
    if not low <= value <= high:
        endless = abs(value) > LARGEST_NUMBER and "maximum" not in rule
        raise _UnfitError("a number closer to 0" if endless else expectation(rule))
    return value


def _boolean(rule: Schema, value: Any) -> bool:
    """Return a boolean, or its name as text in any case."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _UnfitError(expectation(rule))
    return value


def _list(rule: Schema, value: Any) -> tuple[Any, ...]:
    """Return a list, a list written as JSON text, or its single item bare."""
    items = _unwrapped(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise _UnfitError(expectation(rule))
    items = cast("list[Any]", items)
    if not rule.get("minItems", 0) <= len(items) <= rule.get("maxItems", LONGEST_LIST):
        raise _UnfitError(expectation(rule))
    try:
        return tuple(_value(_item(rule), item) for item in items)
    except _UnfitError:
        raise _UnfitError(expectation(rule)) from None


def _unwrapped(text: str) -> list[Any]:
    if not text.strip():
        return []
    if text.lstrip().startswith("["):
        try:
            return list(json.loads(text))
        except (ValueError, RecursionError):
            pass
    return [text]


def _between(low: int, high: int, unit: str) -> str:
    return f" of {low} to {high} {unit}" if low else f" of at most {high} {unit}"


def _range(rule: Schema) -> str:
    low, high = rule.get("minimum"), rule.get("maximum")
    if low is not None:
        return f" of at least {low}" if high is None else f" from {low} to {high}"
    return f" of at most {high}" if high is not None else ""
