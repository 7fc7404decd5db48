"""Map answers other than a success to errors whose text is safe to pass on.

Where a code says enough, the text is ours; upstream's own is used where it helps to correct a request, shortened,
without invisible characters and without any value that the request carried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from layers_mcp.api import errors
from layers_mcp.api.errors import LayersError
from layers_mcp.api.request import Request
from layers_mcp.text.labels import printable

_LONGEST_MESSAGE = 200
_LONGEST_PART = 1_000
_MOST_ISSUES = 5
_LONGEST_DATE = 64
_SHORTEST_ECHO = 3
"""Sent values shorter than this are not searched for in messages: every sentence holds them."""
_SHORTEST_PIECE = 12
"""Characters in a row that a message does not share with a longer value by chance."""

_BY_CODE: dict[str, type[LayersError]] = {
    kind.default_code: kind
    for kind in (
        errors.Unauthenticated,
        errors.ForbiddenScope,
        errors.ValidationFailed,
        errors.NotFound,
        errors.Conflict,
        errors.IdempotencyConflict,
        errors.ApprovalRequired,
        errors.ContentRejected,
        errors.RateLimited,
        errors.KillSwitch,
        errors.BillingExhausted,
        errors.PlatformError,
        errors.ServerFault,
    )
}
_BY_STATUS: dict[int, type[LayersError]] = {
    400: errors.ValidationFailed,
    401: errors.Unauthenticated,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
    422: errors.ValidationFailed,
    429: errors.RateLimited,
}
_WORDS: dict[type[LayersError], str] = {
    errors.Unauthenticated: "Layers does not accept the API key.",
    errors.IdempotencyConflict: "These ids were used before for a different order.",
    errors.ApprovalRequired: "The container waits for approval.",
    errors.ContentRejected: "The container was rejected, and that is final.",
    errors.RateLimited: "Layers' rate limit is used up, or too many jobs are running.",
    errors.KillSwitch: "Layers has suspended this key or organization.",
    errors.BillingExhausted: "The organization is out of credits.",
    errors.ServerFault: "Layers failed to handle the request.",
}
_AGAIN = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed, where no code of Layers says more."""


def error_from_response(
    request: Request, status: int, headers: Mapping[str, str], data: object, *, now: datetime
) -> LayersError:
    """Return the error that an answer with this `status` and JSON `data` means; names in `headers` are lower-case."""
    envelope = _envelope(data)
    wait = retry_after(headers, now)
    if envelope is None:
        return errors.BadResponse(
            _unreadable(request, status),
            status=status,
            request_id=request_id(headers),
            retry_after=wait,
            retryable=status in _AGAIN,
            nothing_changed=_turned_down(status),
            scope=request.scope,
        )
    code = _code(envelope.get("code"))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (errors.ServerFault if status >= 500 else errors.Refused)
    details = envelope.get("details")
    known = cast("Mapping[str, Any]", details) if isinstance(details, Mapping) else errors.NO_DETAILS
    message = envelope.get("message")
    said = _said(message if isinstance(message, str) else "", known, request)
    return kind(
        _reason(kind, request, known, said),
        code=code,
        status=status,
        details=known,
        request_id=request_id(headers, envelope.get("requestId")),
        retry_after=wait,
        retryable=kind.can_be_retried or (kind is errors.PlatformError and status in _AGAIN),
        nothing_changed=kind.had_no_effect if kind in _CERTAIN else _turned_down(status),
        hint=_hint(kind, request, status, wait),
        scope=request.scope,
    )


_CERTAIN = frozenset({errors.RateLimited, errors.KillSwitch, errors.BillingExhausted, errors.Unauthenticated})
"""Refused before anything was done, whatever the status."""


def _envelope(data: object) -> Mapping[str, Any] | None:
    if not isinstance(data, Mapping):
        return None
    error = cast("Mapping[str, Any]", data).get("error")
    if not isinstance(error, Mapping):
        return None
    inner = cast("Mapping[str, Any]", error)
    return inner if isinstance(inner.get("code"), str) else None


def _turned_down(status: int) -> bool:
    """Return whether a status says that the request had no effect; 408 may come after it had."""
    return 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT


def _reason(kind: type[LayersError], request: Request, details: Mapping[str, Any], said: str) -> str:
    if kind is errors.ForbiddenScope:
        return f"The API key lacks the scope {request.scope}." if request.scope else "The API key lacks a scope."
    if kind is errors.NotFound:
        if request.bucket == "long-running":
            return _NO_ORDER
        if not request.subject:
            return "Layers has no such endpoint, or knows no such organization."
        return f"There is no {request.subject} with this id, or it belongs to another organization."
    if kind in _WORDS:
        return _WORDS[kind]
    if kind is errors.Conflict:
        said = _conflict_state(details) or said
    return f"Layers refused the request: {said}" if said else "Layers refused the request."


_NO_ORDER = (
    "Layers found nothing here: either an id in the order is unknown or another organization's, "
    "or this API no longer has the endpoint."
)


def _conflict_state(details: Mapping[str, Any]) -> str:
    """Return the present state, where a conflict's details name a known one."""
    if details.get("subcode") == "JOB_CANCEL_UNAVAILABLE":
        return "the job cannot be cancelled at its present stage"
    status = details.get("approvalStatus")
    if status == "not_required":
        return "the container needs no decision"
    return f"the container is {status}" if status in ("approved", "rejected", "pending") else ""


def _hint(kind: type[LayersError], request: Request, status: int, wait: float | None) -> str:
    """Return the next step where the circumstances give a better one than the kind of error does."""
    if kind is errors.RateLimited and wait:
        return f"Wait {wait:.0f} seconds, then call again."
    if kind is errors.Refused and status == HTTPStatus.FORBIDDEN and request.scope:
        return f"Check that the API key has the scope {request.scope}."
    if kind is errors.NotFound and not request.subject and request.reads:
        return "Check the base URL and the organization."
    if kind is errors.NotFound:
        return _FOUND_BY.get("order" if request.bucket == "long-running" else request.subject, "")
    return ""


_FOUND_BY = {
    "project": "Check project_id: list_projects gives it.",
    "project or entity": "Check the ids: list_projects gives a project's, check_readiness an account's, and "
    "rank_top_performers a post's.",
    "project or creative": "Check the ids: list_projects gives a project's, and list_ads_content a creative's.",
    "container": "Check container_id: get_content with its project_id gives it.",
    "scheduled post": "Check scheduled_post_id: list_schedule gives it.",
    "job": "Check job_id: the order's answer, called again, or review_commissions gives it.",
    "order": "Check the ids: list_projects gives a project's, and rank_top_performers a post's.",
}
"""Where an id that Layers does not know can be found, by what it is of."""


def _said(message: str, details: Mapping[str, Any], request: Request) -> str:
    """Upstream's message with its issues, without what was sent; one line."""
    parts = dict.fromkeys(part[:_LONGEST_PART].rstrip(". ") for part in (message, *_issues(details)) if part)
    once = [part for part in parts if not any(part in other for other in parts if other != part)]
    text = printable("; ".join(once))
    for value in sorted(_sent(request), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", text)
        text = _without_pieces(text, value)
    if len(text) > _LONGEST_MESSAGE:
        text = text[: _LONGEST_MESSAGE - 1].rstrip() + "…"
    return text


def _without_pieces(text: str, value: str) -> str:
    """Return `text` without any longer piece of `value`, which may be quoted cut, escaped or inside of a word."""
    kept: list[str] = []
    place = 0
    while place < len(text):
        end = place + _SHORTEST_PIECE
        if end > len(text) or text[place:end] not in value:
            kept.append(text[place])
            place += 1
            continue
        while end < len(text) and text[place : end + 1] in value:
            end += 1
        kept.append("…")
        place = end
    return "".join(kept)


def _issues(details: Mapping[str, Any]) -> Iterator[str]:
    issues = details.get("issues")
    for issue in cast("list[Any]", issues)[:_MOST_ISSUES] if isinstance(issues, list) else ():
        if isinstance(issue, str):
            yield issue
        elif isinstance(issue, Mapping):
            row = cast("Mapping[str, Any]", issue)
            place, message = row.get("path"), row.get("message")
            name = ".".join(map(str, cast("list[Any]", place))) if isinstance(place, list) else str(place or "")
            yield f"{name}: {message}" if name else str(message)
    missing = details.get("missingFields")
    if isinstance(missing, list) and missing:
        yield "missing: " + ", ".join(map(str, cast("list[Any]", missing)[:_MOST_ISSUES]))


def _sent(request: Request) -> set[str]:
    """Return every text value that the request carried; its parameter names and enum-like words are no secret, but
    short.
    """
    values = {value for _, value in request.params} | set(map(unquote, request.path.split("/")[2:]))
    values |= set(_texts(request.body))
    return {printable(value) for value in values if len(value) >= _SHORTEST_ECHO} - _OWN_WORDS


_OWN_WORDS = frozenset({"projects", "content", "jobs", "metrics", "ads-metrics", "top-performers", "ads-content"})
"""Path segments that are ours, not a caller's."""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _texts(item)


def _unreadable(request: Request, status: int) -> str:
    if status == HTTPStatus.NOT_FOUND and request.bucket == "long-running":
        return _NO_ORDER
    if 300 <= status < 400 and status != HTTPStatus.NOT_MODIFIED:
        return "Layers answered with a redirection, which is not followed with the API key."
    return "Layers, or something on the way to it, answered without an error that can be read."


def _code(value: object) -> str:
    code = str(value).upper()
    return code if re.fullmatch(r"[A-Z0-9_]{1,40}", code) else ""


def request_id(headers: Mapping[str, str], stated: object = None) -> str:
    """Return the id under which upstream knows a request, or "" where it has the form of none."""
    for found in (stated, headers.get("x-request-id")):
        if isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", found):
            return found
    return ""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return seconds to wait, from `Retry-After` as a number or as an HTTP date (told by the server's own clock)."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value, re.ASCII):
        return float(value)
    moment = http_date(value)
    if moment is None:
        return None
    return max(0.0, (moment - (http_date(headers.get("date", "")) or now)).total_seconds())


def http_date(value: str) -> datetime | None:
    """Return the moment that an HTTP date names, in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(value[:_LONGEST_DATE])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
