"""A tool's definition, made from its signature: flat schemas that every host reads.

Pydantic writes correct schemas with references, unions and a title on every node, which break some hosts and cost
tokens in all. Here they are folded flat. This runs when definitions are generated, not when a server starts.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, cast

from pydantic import TypeAdapter

from layers_mcp.protocol.arguments import ENFORCED
from layers_mcp.protocol.result import Result
from layers_mcp.protocol.tool import spec_of

Schema = dict[str, Any]
Definition = dict[str, Any]
"""A tool as `tools/list` shows it: name, title, description, both schemas, annotations, and the view it names."""


def describe(function: Callable[..., Any]) -> Definition:
    """Return the definition of a function marked with `@tool`. TypeError if its signature has no flat schema."""
    spec = spec_of(function)
    return {
        "name": spec.name,
        "title": spec.title,
        "description": _description(function),
        "inputSchema": _input_schema(function),
        "outputSchema": _output_schema(function),
        "annotations": spec.kind.annotations,
        **({"_meta": _view_meta(spec.view)} if spec.view else {}),
    }


def _view_meta(uri: str) -> dict[str, Any]:
    """Name a tool's view (MCP Apps 2026-01-26), and again under the flat key that older hosts read."""
    return {"ui": {"resourceUri": uri}, "ui/resourceUri": uri}


def _description(function: Callable[..., Any]) -> str:
    """Return the docstring with its lines unwrapped: a line break costs a token and says nothing."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _input_schema(function: Callable[..., Any]) -> Schema:
    hints = typing.get_type_hints(function, include_extras=True)
    _, *parameters = inspect.signature(function).parameters.values()
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for parameter in parameters:
        schema = _flat(TypeAdapter(hints[parameter.name]).json_schema(), function.__name__)
        if loose := {*schema, *schema.get("items", ())} - ENFORCED:
            raise TypeError(f"{function.__name__}: {', '.join(sorted(loose))} would be shown and not enforced")
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            default: object = parameter.default
            schema["default"] = list(cast("tuple[object, ...]", default)) if isinstance(default, tuple) else default
        properties[parameter.name] = schema
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema  # without additionalProperties, on which a big client library crashes; unknown names are refused


def _output_schema(function: Callable[..., Any]) -> Schema:
    model = typing.get_type_hints(function).get("return")
    if not (isinstance(model, type) and issubclass(model, Result)):
        raise TypeError(f"{function.__name__} must return a Result model")
    return _flat(model.model_json_schema(mode="serialization"), function.__name__, top=True)


def _flat(schema: Schema, owner: str, *, top: bool = False) -> Schema:
    return _Folding(schema.get("$defs", {}), owner).fold(schema, top=top)


class _Folding:
    """Folds one schema flat: references inlined, unions with null reduced, titles and model texts dropped."""

    _KEPT = ("description", "enum", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    _SIZES = ("minLength", "maxLength", "minItems", "maxItems", "uniqueItems")

    def __init__(self, definitions: dict[str, Schema], owner: str) -> None:
        self._definitions = definitions
        self._owner = owner

    def fold(self, schema: Schema, *, top: bool = False) -> Schema:
        schema = self._resolved(schema)
        if "const" in schema:
            schema = {**schema, "enum": [schema["const"]]}
        if "" in schema.get("enum", ()):
            raise TypeError(f"{self._owner}: an empty choice of an enum makes Gemini refuse every tool")
        if not isinstance(schema.get("type"), str):
            raise TypeError(f"{self._owner}: a schema without one plain type cannot be told flat")
        kept = {key: schema[key] for key in ("type", *self._KEPT, *self._SIZES) if key in schema}
        if schema["type"] == "array":
            kept["items"] = self._items(schema)
        elif schema["type"] == "object":
            kept.update(self._object(schema, top=top))
            if top:
                kept.pop("description", None)
        return kept

    def _resolved(self, schema: Schema) -> Schema:
        """Follow references and leave null out of unions; a field's own words win over its model's."""
        if "$ref" in schema:
            target = self._definitions[schema["$ref"].rpartition("/")[2]]
            target = {key: value for key, value in target.items() if key != "description" or "enum" in target}
            return self._resolved({**target, **{key: value for key, value in schema.items() if key != "$ref"}})
        if "anyOf" in schema:
            arms = [arm for arm in cast("list[Schema]", schema["anyOf"]) if arm.get("type") != "null"]
            if {arm.get("type") for arm in arms} == {"integer", "number"}:
                arms = [{"type": "number"}]
            if len(arms) != 1:
                raise TypeError(f"{self._owner}: a union cannot be told flat")
            return self._resolved({**arms[0], **{key: value for key, value in schema.items() if key != "anyOf"}})
        return schema

    def _items(self, schema: Schema) -> Schema:
        """Return the items of a list; a tuple becomes a list, as some validators do not know `prefixItems`."""
        items = schema.get("items") or schema["prefixItems"][0]
        return self.fold(items)

    def _object(self, schema: Schema, *, top: bool) -> Schema:
        if "properties" not in schema:
            return {"additionalProperties": self._values(schema.get("additionalProperties", True))}
        properties = cast("dict[str, Schema]", schema["properties"])
        folded = {name: self.fold(value) for name, value in properties.items()}
        present = [
            name
            for name, value in properties.items()
            if not _nullable(value) and (top or folded[name]["type"] != "array")
        ]
        required = {"required": present} if present else {}
        return {"properties": folded, **required, "additionalProperties": False}

    def _values(self, values: Schema | bool) -> Schema | bool:  # noqa: FBT001 - a schema may be a boolean
        """Return the values of a mapping; a mix of plain types becomes "anything"."""
        if isinstance(values, bool) or not values:
            return True
        try:
            return self.fold(values)
        except TypeError:
            return True


def _nullable(schema: Schema) -> bool:
    return any(arm.get("type") == "null" for arm in schema.get("anyOf", ()))
