"""The wire: errors in the API's envelope, replies, moments, pages, and the strict forms of queries and bodies."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

T = TypeVar("T")

STATUS = {
    "UNAUTHENTICATED": 401,
    "BILLING_EXHAUSTED": 402,
    "FORBIDDEN_SCOPE": 403,
    "APPROVAL_REQUIRED": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "CONTENT_REJECTED": 409,
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
    """A `VALIDATION` with one issue."""
    return ApiError("VALIDATION", message, details={"issues": [{"path": path, "message": message}]})


def not_found(what: str) -> ApiError:
    """Absent, or another organization's: the answer is the same."""
    return ApiError("NOT_FOUND", f"{what} not found.")


@dataclass(frozen=True)
class Reply:
    """What goes back; `body` is the encoded JSON, empty for a 304."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])


def encode(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# --- moments ---------------------------------------------------------------------------------------------------------

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z")


def _moment(value: object) -> float:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("must be an ISO-8601 datetime in UTC, such as 2026-04-10T00:00:00Z")
    return datetime.fromisoformat(value).timestamp()


Moment = Annotated[float, BeforeValidator(_moment)]
"""Seconds since 1970, from a full UTC datetime ending in `Z`."""


def iso(moment: float | None) -> str | None:
    """`2026-04-10T00:00:00Z`, with milliseconds where there are any."""
    if moment is None:
        return None
    milliseconds = round(moment * 1000)
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec=precision)
    return text.replace("+00:00", "Z")


def iso_offset(moment: float) -> str:
    """As project records show it: microseconds and a numeric offset."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


# --- forms -----------------------------------------------------------------------------------------------------------


class Form(BaseModel):
    """The strict shape of a query or a body: camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, frozen=True, defer_build=True)


class Body(Form):
    """A JSON body: types as they are, nothing coerced."""

    model_config = ConfigDict(strict=True)


class Query(Form):
    """Query parameters; a list is a repeated key, and nothing else may be repeated."""

    lists: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.lists = frozenset(
            to_camel(name) if cls.model_config.get("alias_generator") else name
            for name, info in cls.model_fields.items()
            if get_origin(info.annotation) is tuple
        )

    @classmethod
    def parse(cls, pairs: Sequence[tuple[str, str]]) -> Self:
        """From the pairs of a query string."""
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            given.setdefault(name, []).append(value)
        for name, values in given.items():
            if len(values) > 1 and name not in cls.lists:
                raise invalid(name, f"{name} may be given once.")
        return checked(cls, {name: values if name in cls.lists else values[0] for name, values in given.items()})


F = TypeVar("F", bound=Form)


def checked(form: type[F], values: object) -> F:
    """The form filled in, or `VALIDATION` with everything that is wrong with it."""
    try:
        return form.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        issues = [
            {"path": ".".join(map(str, issue["loc"])), "code": issue["type"], "message": issue["msg"]}
            for issue in found
        ]
        missing = [issue["path"] for issue in issues if issue["code"] == "missing"]
        details: dict[str, object] = {"issues": issues}
        if missing:
            details["missingFields"] = missing
        raise ApiError("VALIDATION", "The request is not valid.", details=details) from None


# --- pages -----------------------------------------------------------------------------------------------------------


def page(
    rows: Sequence[T],
    *,
    limit: int,
    cursor: str | None,
    key: Callable[[T], str],
    render: Callable[[T], object],
    restarts: bool = False,
) -> dict[str, object]:
    """`{items, nextCursor}`. A cursor names the last row seen; a bad one is refused, or starts again (`restarts`)."""
    start = 0
    if cursor:
        try:
            last = base64.urlsafe_b64decode(cursor.encode()).decode()
        except ValueError:
            last = ""
        start = next((place for place, row in enumerate(rows, 1) if key(row) == last), 0)
        if not start and not restarts:
            raise invalid("cursor", "The cursor is not valid.")
    shown = rows[start : start + limit]
    more = len(rows) > start + limit
    return {
        "items": [render(row) for row in shown],
        "nextCursor": base64.urlsafe_b64encode(key(shown[-1]).encode()).decode() if more else None,
    }
