"""Rate limits of the standard tier: three token buckets for each key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from layers_mcp.sandbox.responses import ApiError

Bucket = Literal["read-light", "write-light", "long-running"]

STANDARD_PER_MINUTE: dict[Bucket, int] = {"read-light": 120, "write-light": 60, "long-running": 20}


@dataclass
class RateLimits:
    """Token buckets of the standard tier, one set for each key."""

    _levels: dict[tuple[str, Bucket], tuple[float, float]] = field(
        default_factory=dict[tuple[str, Bucket], tuple[float, float]]
    )

    def take(self, key_id: str, bucket: Bucket, now: float) -> None:
        """One request's token, or `RATE_LIMITED` with the seconds until there is one."""
        capacity = STANDARD_PER_MINUTE[bucket]
        level, since = self._levels.get((key_id, bucket), (float(capacity), now))
        level = min(capacity, level + max(0.0, now - since) * capacity / 60)
        if level < 1:
            self._levels[key_id, bucket] = (level, now)
            wait = math.ceil((1 - level) * 60 / capacity)
            raise ApiError(
                "RATE_LIMITED",
                "Too many requests.",
                details={"endpointClass": bucket},
                headers={"Retry-After": str(wait)},
            )
        self._levels[key_id, bucket] = (level - 1, now)
