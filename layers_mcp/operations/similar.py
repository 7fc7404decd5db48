"""Whether an agent is about to order nearly the same thing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from layers_mcp.operations.kinds import Order
from layers_mcp.operations.models import Operation, SimilarOrder

ONE_DAY = timedelta(days=1)


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


def similar_publications(order: Order, sent: Iterable[Operation], now: datetime) -> tuple[SimilarOrder, ...]:
    """Those of `sent` that put the same content on one of the same accounts, asked for or due within a day of this."""
    ours = {**order.arguments, "take": order.take}
    due = _due(order.arguments, now)
    return tuple(
        SimilarOrder(record=row.record, differs_in=_differences(ours, {**row.arguments, "take": row.take}))
        for row in sent
        if row.identity != order.identity
        and row.status not in ("failed", "canceled")
        and row.arguments.get("container_id") == ours["container_id"]
        and set(row.arguments.get("social_account_ids") or ()) & set(cast("list[str]", ours["social_account_ids"]))
        and min(abs(_due(row.arguments, row.ordered_at) - due), abs(now - row.ordered_at)) <= ONE_DAY
    )


def _due(arguments: Mapping[str, Any], now: datetime) -> datetime:
    """When a publication goes out that was asked for `now`."""
    return datetime.fromisoformat(str(arguments["at"])) if arguments.get("at") else now


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name, value in ours.items() if (theirs.get(name) or None) != (value or None))


def _source(arguments: Mapping[str, Any]) -> str:
    hook = str(arguments.get("hook", ""))
    post = arguments.get("source_platform_post_id") or ""
    return "".join(letter for letter in hook.casefold() if letter.isalnum()) or hook or post
