"""One request to Layers: what is asked, and how it may be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal
from urllib.parse import quote

from layers_mcp.api.errors import InvalidArgument
from layers_mcp.text.ids import LONGEST_ID
from layers_mcp.text.times import stamp

Bucket = Literal["read-light", "write-light", "long-running"]
"""Upstream's rate-limit buckets, as `X-RateLimit-Endpoint-Class` names them."""


class Repeat(Enum):
    """When a request may be sent again."""

    ALWAYS = "a read, a write that is idempotent by state, or one under an idempotency key"
    UNSENT = "only where it certainly had no effect"
    NEVER = "the caller does its own repeating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `subject` is what a 404 says it has not found; `seconds` bounds each attempt."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    bucket: Bucket = "read-light"
    scope: str = ""
    subject: str = ""
    repeat: Repeat = Repeat.ALWAYS
    idempotency_key: str = ""
    etag: str = ""
    seconds: float = 10.0

    @property
    def endpoint(self) -> str:
        """Method and path without ids, such as `GET /v1/projects/:id/metrics`."""
        words = (word if word in _WORDS else ":id" for word in self.path.split("/")[1:])
        return f"{self.method} /{'/'.join(words)}"

    @property
    def reads(self) -> bool:
        """Whether it can change nothing."""
        return self.method == "GET"


_WORDS = frozenset(
    [
        "v1",
        "ads-content",
        "ads-metrics",
        "approval-policy",
        "approve",
        "cancel",
        "clone-from-post",
        "content",
        "content-review-policy",
        "credits",
        "events",
        "influencers",
        "jobs",
        "metrics",
        "projects",
        "publish",
        "reject",
        "reschedule",
        "schedule",
        "scheduled-posts",
        "slideshow-builder",
        "social-accounts",
        "top-performers",
        "ugc-remix",
        "video-remix",
        "whoami",
    ]
)
"""Path segments that are no ids."""


def path(*segments: str) -> str:
    """Return `/v1/…` of literal and id segments, each encoded, so that no id can climb out of its place.

    Raises InvalidArgument for an id that is no path segment.
    """
    return "/v1/" + "/".join(_segment(segment) for segment in segments)


def _segment(segment: str) -> str:
    if segment not in ("", ".", "..") and len(segment) <= LONGEST_ID:
        try:
            return quote(segment, safe="")
        except UnicodeEncodeError:
            pass
    raise InvalidArgument("An id is empty or of a form that no Layers id has.")


def query(**params: str | int | float | bool | datetime | Iterable[str] | None) -> tuple[tuple[str, str], ...]:
    """Return query parameters: lists as repeated keys, times in full UTC with `Z`; None and "" are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None or value == "":
            continue
        if isinstance(value, str | int | float | datetime):
            pairs.append((name, _text(value)))
        else:
            pairs.extend((name, item) for item in value)
    return tuple(pairs)


def _text(value: str | float | datetime) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return stamp(value) if isinstance(value, datetime) else str(value)
