"""Who may pass: keys, organizations, the kill switch, rate limits, scopes."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from layers_mcp.sandbox.call import Caller
from layers_mcp.sandbox.wire import ApiError, not_found

Bucket = Literal["read-light", "write-light", "long-running"]

STANDARD_PER_MINUTE: dict[Bucket, int] = {"read-light": 120, "write-light": 60, "long-running": 20}


def identify(db: sqlite3.Connection, headers: Mapping[str, str]) -> Caller:
    """The caller behind the request's key and organization header."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    key = db.execute("SELECT * FROM api_keys WHERE secret = ?", (secret.strip(),)).fetchone()
    if scheme.lower() != "bearer" or key is None:
        raise ApiError("UNAUTHENTICATED", "The API key is missing or not valid.")
    organization_id: str = key["organization_id"]
    wanted = headers.get("x-layers-organization", organization_id)
    organization = db.execute("SELECT * FROM organizations WHERE id = ?", (wanted,)).fetchone()
    if organization is None or organization_id not in (organization["id"], organization["parent_id"]):
        raise not_found("Organization")
    own = db.execute("SELECT suspended FROM organizations WHERE id = ?", (organization_id,)).fetchone()
    if own["suspended"] or organization["suspended"]:
        raise ApiError("KILL_SWITCH", "API access of this organization is suspended.")
    return Caller(key["id"], wanted, organization["name"], tuple(json.loads(key["scopes"])))


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


def allow(caller: Caller, scope: str | None) -> None:
    """Refuse a key without the endpoint's scope."""
    if scope is not None and scope not in caller.scopes:
        raise ApiError("FORBIDDEN_SCOPE", f"The API key lacks the scope {scope}.", details={"requiredScope": scope})
