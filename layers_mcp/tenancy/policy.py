"""What a tenant's calls may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Policy:
    """`read_only`: nothing that writes; `daily_credit_limit`: credits that may be ordered in a UTC day."""

    read_only: bool = False
    daily_credit_limit: int | None = None
