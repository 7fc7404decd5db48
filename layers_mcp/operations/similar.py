"""Whether an agent is about to order nearly the same thing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from layers_mcp.operations.kinds import Order
from layers_mcp.operations.models import Operation, SimilarOrder


def similar_orders(order: Order, recent: Iterable[Operation]) -> tuple[SimilarOrder, ...]:
    """Those of `recent` that come from the same post or hook and are another order, with what they differ in.

    Hooks are compared as a reader would: without case, punctuation and spacing, unless there is nothing else in them.
    """
    ours = {**order.arguments, "take": order.take}
    return tuple(
        SimilarOrder(record=row.record, differs_in=_differences(ours, {**row.arguments, "take": row.take}))
        for row in recent
        if row.identity != order.identity
        and row.tool == order.tool
        and _source(row.arguments) == _source(order.arguments)
    )


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in ours.items() if (theirs.get(name) or None) != (value or None))


def _source(arguments: Mapping[str, Any]) -> str:
    hook = str(arguments.get("hook", ""))
    post = arguments.get("source_platform_post_id") or arguments.get("container_id") or ""
    return "".join(letter for letter in hook.casefold() if letter.isalnum()) or hook or post
