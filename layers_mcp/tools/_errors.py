"""What a failed request or a refused operation means for the caller of a tool, in the contract's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from layers_mcp.api.errors import WAIT_AND_REPEAT, Conflict, ForbiddenScope, LayersError
from layers_mcp.operations.errors import OperationError
from layers_mcp.protocol import NOTHING_CHANGED, WRITE, ToolError
from layers_mcp.protocol.tool import ToolSpec

_MOST_LAYERS = 20


def to_tool_error(error: LayersError | OperationError, tool: ToolSpec | None = None) -> ToolError:
    """Return `error` as `tool` tells its caller: what happened, whether anything changed, and the one next step."""
    effect = NOTHING_CHANGED if error.nothing_changed or tool is None else tool.effect_unknown
    if isinstance(error, OperationError):
        return ToolError(error.code, error.reason, effect=effect, next_step=error.next_step)
    reason, next_step = error.reason, error.hint
    if tool is not None and isinstance(error, ForbiddenScope) and not error.scope:
        reason = f"The API key lacks the scope {tool.scope}."
    orders = tool is not None and tool.kind == WRITE
    if orders and (lacks := _lacks(error)):
        reason, next_step = lacks
    if orders and isinstance(error, Conflict) and (layers := content_layers(error.details)):
        reason = f"The project has several content layers: {', '.join(layers)}."
        next_step = "Choose one of them as layer_id."
    elif isinstance(error, Conflict) and not error.nothing_changed:
        next_step = WAIT_AND_REPEAT  # the conflict may be with the first attempt, which is still under way
    return ToolError(
        error.code,
        reason,
        status=error.status,
        effect=effect,
        next_step=next_step,
        request_id=error.request_id or None,
    )


def _lacks(error: LayersError) -> tuple[str, str] | None:
    """Return what an order cannot be made without, and what to do; by the code, as its status is not documented."""
    codes = {error.code, error.details.get("code")}
    if "MISSING_APP_DEMO" in codes:
        return (
            "The project has no demo of its app, which this format shows.",
            'Order a slideshow, which needs none (format="auto"), or have a person add an app demo in Layers.',
        )
    if "NOT_A_SLIDESHOW" in codes:
        return "The source is a video, not a slideshow.", "Choose a slideshow as its source, or order a video of it."
    fields = error.details.get("missingFields")
    names = [str(each) for each in cast("list[Any]", fields)] if isinstance(fields, list) else []
    known = [words for field, words in _APP_FIELDS.items() if field in names]
    if not known:
        return None
    names = " and ".join(known)
    return f"Layers knows no {names} of the project's app.", f"Have a person add {names} in Layers, then call again."


_APP_FIELDS = {"appName": "name", "appDescription": "description"}


def content_layers(details: Mapping[str, Any]) -> list[str]:
    """Return the ids of the content layers that a conflict offers for choice, from any list in its details."""
    lists = [cast("list[Any]", value) for value in details.values() if isinstance(value, list)]
    return list(dict.fromkeys(layer for items in lists for layer in _ids(items)))[:_MOST_LAYERS]


def _ids(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping):
            row = cast("Mapping[str, Any]", item)
            item = next((row[name] for name in ("projectLayerId", "layerId", "id") if name in row), None)
        if isinstance(item, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,100}", item):
            yield item
