"""What models are made of: tolerant fields, and pages of a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from layers_mcp.api.decoding import flat_row, text_or_none, without_nulls
from layers_mcp.text.ids import LONGEST_ID, is_id
from layers_mcp.text.labels import label

T = TypeVar("T")

LONGEST_CURSOR = 2_000
"""Characters; a longer one fits no request, and no result."""


def _utc(moment: datetime) -> datetime:
    if not 1970 <= moment.year < 3000:  # such as the year 1, which stands for "never"
        raise ValueError("no moment in the life of a post")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A point in time, in UTC whatever form it came in."""

Label = Annotated[str, AfterValidator(label)]
"""An open enum's value: printable, short."""


def _short(text: str) -> str:
    if len(text) > LONGEST_ID:
        raise ValueError("longer than any id")
    return text


Id = Annotated[str, AfterValidator(_short)]
"""An id, of any form that is short enough to be one."""

Given = Annotated[Id | None, BeforeValidator(text_or_none)]
"""An id that may be missing; an empty text names nothing."""

SafeId = Annotated[
    str | None, BeforeValidator(lambda value: value if isinstance(value, str) and is_id(value) else None)
]
"""An id that is certainly one, and so fit for a sentence; else None."""

FlatRow = Annotated[dict[str, float | int | str], BeforeValidator(flat_row)]
"""Numbers and texts by name; nulls and nested values left out."""


Cursor = Annotated[str, Field(max_length=LONGEST_CURSOR)]
"""What goes on with a list, of any form that fits a request."""


class ApiModel(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )


class Reply(ApiModel):
    """An answer that results date: `answered_at` is when upstream gave it."""

    answered_at: datetime


class PageReply(Reply, Generic[T]):
    """A page of a list as upstream gives it; `next_cursor` is None at its end."""

    items: Annotated[list[T], BeforeValidator(without_nulls)]
    next_cursor: Annotated[Cursor | None, BeforeValidator(text_or_none)] = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of a list; `next_cursor` goes on after them (None at its end), `notes` say what was left out, and why."""

    items: list[T]
    next_cursor: str | None
    answered_at: datetime
    notes: tuple[str, ...] = ()
