"""Whether an agent is about to order nearly the same thing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from layers_mcp.analytics.status import WITHOUT_RESULT
from layers_mcp.operations.kinds import Order
from layers_mcp.operations.kinds.publish import same_posts
from layers_mcp.operations.models import Operation, SimilarOrder, by_order, order_record
from layers_mcp.text.ids import id_key

ONE_DAY = timedelta(days=1)


def similar_orders(order: Order, recent: Iterable[Operation]) -> tuple[SimilarOrder, ...]:
    """Return those of `recent` that come from the same post or hook and are another order, with what they differ in.

    A clone and a hook order are similar where they come from the same post.

    Hooks are compared as a reader would: without case, punctuation and spacing, unless there is nothing else in them.
    """
    return _compared(
        order,
        [
            row
            for row in recent
            if row.identity != order.identity and not _sources(row.arguments).isdisjoint(_sources(order.arguments))
        ],
    )


def similar_publications(order: Order, sent: Iterable[Operation], now: datetime) -> tuple[SimilarOrder, ...]:
    """Return those of `sent` that put the same content on one of the same accounts, asked for or due within a day."""
    due = _due(order.arguments, now)
    return _compared(
        order,
        [
            row
            for row in sent
            if row.identity != order.identity
            and row.status not in WITHOUT_RESULT
            and same_posts(row.arguments, order.arguments)
            and min(abs(_due(row.arguments, row.ordered_at) - due), abs(now - row.ordered_at)) <= ONE_DAY
        ],
    )


def _compared(order: Order, rows: Iterable[Operation]) -> tuple[SimilarOrder, ...]:
    """Return what `order` differs in from those of `rows`, each told once however many pieces it has."""
    ours = {"tool": order.tool, **order.arguments, "take": order.take}
    return tuple(
        SimilarOrder(
            record=order_record(pieces),
            differs_in=_differences(ours, {"tool": pieces[0].tool, **pieces[0].arguments, "take": pieces[0].take}),
        )
        for pieces in by_order(rows)
    )


def _due(arguments: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a publication goes out that was asked for `now`."""
    return datetime.fromisoformat(str(arguments["at"])) if arguments.get("at") else now


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what both have and is not the same."""
    return tuple(name for name, value in ours.items() if name in theirs and (theirs[name] or None) != (value or None))


def _sources(arguments: Mapping[str, Any]) -> set[str]:
    """Return what an order comes from, comparably: its post, its hook, or both."""
    hook = str(arguments.get("hook", ""))
    letters = "".join(letter for letter in hook.casefold() if letter.isalnum()) or hook
    post = id_key(str(arguments.get("source_platform_post_id") or ""))
    return {f"{kind} {each}" for kind, each in (("hook", letters), ("post", post)) if each}
