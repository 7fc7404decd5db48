"""What models are made of: tolerant fields, and pages of a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from layers_mcp.api.decoding import flat_row, text_or_none, without_nulls
from layers_mcp.text.labels import label

T = TypeVar("T")


def _utc(moment: datetime) -> datetime:
    if not 1970 <= moment.year < 3000:  # such as the year 1, which stands for "never"
        raise ValueError("no moment in the life of a post")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A point in time, in UTC whatever form it came in."""

Label = Annotated[str, AfterValidator(label)]
"""An open enum's value: printable, short."""

Given = Annotated[str | None, BeforeValidator(text_or_none)]
"""An id or a cursor that may be missing; an empty text names nothing."""

FlatRow = Annotated[dict[str, float | int | str], BeforeValidator(flat_row)]
"""Numbers and texts by name; nulls and nested values left out."""


class Wire(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )


class Reply(Wire):
    """An answer that results date: `answered_at` is when upstream gave it."""

    answered_at: datetime


class PageReply(Reply, Generic[T]):
    """A page of a list as upstream gives it; `next_cursor` is None at its end."""

    items: Annotated[list[T], BeforeValidator(without_nulls)]
    next_cursor: Given = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Rows of a list; `next_cursor` goes on after them (None at its end), `notes` say what was left out, and why."""

    items: list[T]
    next_cursor: str | None
    answered_at: datetime
    notes: tuple[str, ...] = ()
