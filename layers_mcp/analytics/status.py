"""How work ends, and the one status of work that has several parts."""

from __future__ import annotations

from collections.abc import Iterable

ENDED = ("completed", "failed", "canceled")
"""The statuses of work that has ended, in the order in which they count: what came of one part came of the whole."""

WITHOUT_RESULT = ("failed", "canceled")
"""Those of work that nothing came of."""


def status_of_all(parts: Iterable[str | None]) -> str:
    """Return the status of work whose parts have these: "running" until all have ended, "completed" where one is."""
    known = set(parts)
    if not known or not known.issubset(ENDED):
        return "running"
    return next(status for status in ENDED if status in known)
