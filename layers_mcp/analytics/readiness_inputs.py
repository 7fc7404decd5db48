"""What `readiness` checks: one project's data, each part as upstream reported it or `Unread`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from layers_mcp.analytics.paid import PaidResult


@dataclass(frozen=True)
class Unread:
    """A read that failed: why, and what helps."""

    why: str
    fix: str = ""


@dataclass(frozen=True)
class LinkedAccount:
    """A linked social account; `connected_at` is None where upstream does not say, `name` its handle or id."""

    platform: str
    status: str
    connected_at: datetime | None
    name: str = ""


@dataclass(frozen=True)
class Post:
    """An organic row of the 90-day ranking."""

    views: float
    engagement_rate: float | None
    watch_time_ms: float | None


@dataclass(frozen=True)
class Creative:
    """A creative of the scoring pool: its organic score (0 to 10), None before the first scoring run."""

    score: float | None
    eligible: bool | None


@dataclass(frozen=True)
class Credits:
    """What can be spent (None where upstream does not say), and the price of a piece by format, in credits."""

    spendable: int | None
    per_format: Mapping[str, int]


@dataclass(frozen=True)
class Review:
    """The project's review policy: what waits for a person before it goes live."""

    policy: str
    first_n: int | None
    waiting: int | None


@dataclass(frozen=True)
class ReadinessInputs:
    """Everything that the checks use. `post_count` covers 90 days, as do both rankings.

    `promoted` is whether anything was put into ads, None where that is not known.
    """

    now: datetime
    accounts: tuple[LinkedAccount, ...] | Unread
    post_count: int | Unread
    posts: tuple[Post, ...] | Unread
    paid: tuple[PaidResult, ...] | Unread
    creatives: tuple[Creative, ...] | Unread
    promoted: bool | None
    credits: Credits | Unread
    review: Review | Unread
