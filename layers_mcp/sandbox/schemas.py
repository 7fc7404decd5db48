"""The strict shapes of queries and bodies: camelCase, unknown fields refused, times in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from layers_mcp.sandbox.responses import ApiError, invalid

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z")


def _timestamp(value: object) -> float:
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        raise ValueError("must be an ISO-8601 datetime in UTC, such as 2026-04-10T00:00:00Z")
    return datetime.fromisoformat(value).timestamp()


Timestamp = Annotated[float, BeforeValidator(_timestamp)]
"""Seconds since 1970, from a full UTC datetime ending in `Z`."""


def iso(moment: float | None) -> str | None:
    """Return `2026-04-10T00:00:00Z`, with milliseconds where there are any."""
    if moment is None:
        return None
    milliseconds = round(moment * 1000)
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec=precision)
    return text.replace("+00:00", "Z")


def iso_offset(moment: float) -> str:
    """As project records show it: microseconds and a numeric offset."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


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
        return validate(cls, {name: values if name in cls.lists else values[0] for name, values in given.items()})


class NoQuery(Query):
    """A read without parameters."""


class NoBody(Body):
    """A write without parameters."""


F = TypeVar("F", bound=Form)


def validate(form: type[F], values: object) -> F:
    """Return the form filled in, or `VALIDATION` with everything that is wrong with it."""
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
        first = issues[0]
        message = f"{first['path'] or 'The request'}: {first['message']}."
        raise ApiError("VALIDATION", message, details=details) from None
