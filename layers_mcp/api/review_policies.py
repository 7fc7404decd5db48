"""Review policies as they were answered last: the same read is evidence for a vintage and an answer to callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from layers_mcp.api.transport import Response

_MOST_KEPT = 100


class ReviewPolicyCache:
    """The last answer of each review policy's address."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[float, Response]] = {}

    def keep(self, response: Response) -> None:
        """Remember what a review policy's address answered just now."""
        while len(self._answers) >= _MOST_KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[response.request.path] = (anyio.current_time(), response)

    def recent(self, address: str, seconds: float) -> Response | None:
        """Return what this address answered at most `seconds` ago, if anything."""
        at, response = self._answers.get(address, (0.0, None))
        return response if anyio.current_time() - at < seconds else None
