"""Pages of a list: `{items, nextCursor}`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

from layers_mcp.sandbox.responses import invalid

T = TypeVar("T")


def page(
    rows: Sequence[T],
    *,
    limit: int,
    cursor: str | None,
    key: Callable[[T], str],
    render: Callable[[T], object],
    restarts: bool = False,
) -> dict[str, object]:
    """Return `{items, nextCursor}`.

    A cursor names the last row seen; a bad one is refused, or starts again (`restarts`).
    """
    start = 0
    if cursor:
        try:
            last = base64.urlsafe_b64decode(cursor.encode()).decode()
        except ValueError:
            last = ""
        start = next((place for place, row in enumerate(rows, 1) if key(row) == last), 0)
        if not start and not restarts:
            raise invalid("cursor", "The cursor is not valid.")
    shown = rows[start : start + limit]
    more = len(rows) > start + limit
    return {
        "items": [render(row) for row in shown],
        "nextCursor": base64.urlsafe_b64encode(key(shown[-1]).encode()).decode() if more else None,
    }
