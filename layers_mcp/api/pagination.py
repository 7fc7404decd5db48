"""Read a list page by page, within bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from layers_mcp.api.models import Page

T = TypeVar("T")

MOST_PAGES = 20
"""Pages that one call reads of a list."""

LOOP_NOTE = "Layers repeated a cursor, which leads back: it was left out, so the list ends here."

TOO_MANY_ROWS = "Layers gave more rows than were asked for: the others were left out."

UNUSABLE_CURSOR = "Layers gave a cursor that cannot be sent: it was left out, so the list ends here."


def _at_the_end_only(_: Sequence[object]) -> bool:
    return False


async def collect(
    read: Callable[[str], Awaitable[Page[T]]],
    *,
    cursor: str = "",
    enough: Callable[[Sequence[T]], bool] = _at_the_end_only,
    most_pages: int = MOST_PAGES,
) -> Page[T]:
    """Read a list on from `cursor` until it ends, `enough(items)` is true, or `most_pages` were read.

    `read(cursor)` reads one page. The result is one page with all items; its `next_cursor` goes on after them, and its
    `notes` say where a cursor was left out.
    """
    items: list[T] = []
    notes: dict[str, None] = {}
    visited = {cursor}
    while True:
        page = without_loop(await read(cursor), visited)
        items += page.items
        notes |= dict.fromkeys(page.notes)
        cursor = page.next_cursor or ""
        if not cursor or enough(items) or len(visited) == most_pages:
            return Page(items, cursor or None, page.answered_at, tuple(notes))
        visited.add(cursor)


def without_loop(page: Page[T], visited: set[str]) -> Page[T]:
    """Return the page without a cursor that leads back to one of `visited`, and with a note where it had one."""
    if page.next_cursor is None or page.next_cursor not in visited:
        return page
    return Page(page.items, None, page.answered_at, (*page.notes, LOOP_NOTE))
