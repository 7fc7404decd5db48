"""Responses, and errors in the API's envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STATUS = {
    "UNAUTHENTICATED": 401,
    "BILLING_EXHAUSTED": 402,
    "FORBIDDEN_SCOPE": 403,
    "APPROVAL_REQUIRED": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "CONTENT_REJECTED": 409,
    "NOT_A_SLIDESHOW": 422,
    "VALIDATION": 422,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "KILL_SWITCH": 503,
}


class ApiError(Exception):
    """An answer in the error envelope; the status follows from the code."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}
        self.status = status or STATUS[code]


def invalid(path: str, message: str) -> ApiError:
    """Return a `VALIDATION` with one issue."""
    return ApiError("VALIDATION", message, details={"issues": [{"path": path, "message": message}]})


def invalid_fields(issues: Sequence[tuple[str, str]]) -> ApiError:
    """Return a `VALIDATION` of several fields, each with what is wrong; its message names the first."""
    details = {"issues": [{"path": path, "message": problem} for path, problem in issues]}
    return ApiError("VALIDATION", "{}: {}.".format(*issues[0]), details=details)


def not_found(what: str) -> ApiError:
    """Absent, or another organization's: the answer is the same."""
    return ApiError("NOT_FOUND", f"{what} not found.")


@dataclass(frozen=True)
class Response:
    """What goes back; `body` is the encoded JSON, empty for a 304."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])


def encode(value: object) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
