"""From the bytes of an answer to a model, tolerating what tools do not rely on."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeVar, cast

import anyio
from anyio import to_thread
from pydantic import BaseModel, ValidationError

from layers_mcp.text.labels import label

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_MOST_ROUNDS = 5
_LARGEST = 1e40
"""What no count, rate or sum comes near; sums and products of what is below it stay finite."""

LARGE_BODY = 64 * 1024
"""Bytes beyond which an answer is decoded beside the event loop, and its lists are cut."""
_MOST_VALUES = 250_000
"""Values in an answer: a full page has a tenth of them, and ten times as many take seconds to decode."""
_MOST_ROWS = 5_000
"""Rows of an answer's own list: 90 days have 2,160 hours."""
_MOST_MEMBERS = 200
"""Entries of any list or object inside of it."""
_MOST_CHARACTERS = 20_000
"""Of any text: captions have 4,000."""


class Decoder:
    """Decodes large answers beside the event loop, one at a time.

    A thread that computes holds the loop up at every switch, and several do so for seconds.
    """

    def __init__(self) -> None:
        self._turn = anyio.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread, when its turn has come, and return what it returns."""
        async with self._turn:
            return await to_thread.run_sync(work, abandon_on_cancel=True)


def parse(body: bytes, redact: Callable[[str], str] | None = None) -> Any:
    """Return the JSON value of a body, without numbers that no measurement has and without halves of surrogate pairs.

    `redact` is applied to every text, names included. Of a large body, lists and texts are cut to what any answer has.
    Raises ValueError for anything else (truncated, too deep, too many values, not UTF-8).
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise ValueError("too many values")
    try:
        text = body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_number, parse_float=_measure, parse_int=_count)
        if len(body) > LARGE_BODY:
            value = _cut(value, _MOST_ROWS)
        if b"\\ud" in body.lower():
            value = _with_each_text(value, _whole_characters)
        return value if redact is None else _with_each_text(value, redact)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _cut(value: Any, most: int = _MOST_MEMBERS) -> Any:
    """Return a value with its texts, lists and objects cut; `most` is for the lists of the value itself."""
    if isinstance(value, str):
        return value[:_MOST_CHARACTERS]
    if isinstance(value, list):
        return [_cut(item) for item in cast("list[Any]", value)[:most]]
    if isinstance(value, dict):
        items = islice(cast("dict[str, Any]", value).items(), _MOST_MEMBERS)
        return {name: _cut(item, most if isinstance(item, list) else _MOST_MEMBERS) for name, item in items}
    return value


def _no_number(_: str) -> None:
    return None


def _measure(text: str) -> float | None:
    number = float(text)
    return number if abs(number) <= _LARGEST else None


def _count(text: str) -> int | None:
    return int(text) if abs(float(text)) <= _LARGEST else None


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _with_each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_with_each_text(item, change) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {change(key): _with_each_text(item, change) for key, item in items}
    return value


def validated(model: type[M], data: Any) -> M:
    """Return `data` as a `model`; an optional field of an unexpected form counts as absent.

    Raises ValueError where a required field is missing or unreadable.
    """
    for round_ in range(_MOST_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            if round_ == 0:
                data = copy.deepcopy(data)
            dropped = [
                _drop(data, issue["loc"])
                for issue in error.errors(include_url=False, include_context=False, include_input=False)
            ]
            if not all(dropped):
                break
    raise ValueError(f"no {model.__name__}")


def _drop(data: Any, place: tuple[str | int, ...]) -> bool:
    """Remove the innermost named field at `place`; False where there is none, so nothing can be repaired."""
    while place and isinstance(place[-1], int):
        place = place[:-1]
    if not place:
        return False
    holder = data
    for step in place[:-1]:
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(holder, dict) and cast("dict[Any, Any]", holder).pop(place[-1], _ABSENT) is not _ABSENT


_ABSENT = object()


# Values of fields


def members(value: Any) -> Mapping[str, Any]:
    """Return a JSON object's members; of anything else, none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def flat_row(value: Any) -> Any:
    """Only the numbers and texts of a row, texts as labels; what is null, nested or not finite is left out."""
    if not isinstance(value, Mapping):
        return value
    row = cast("Mapping[str, Any]", value)
    return {key: label(item) if isinstance(item, str) else item for key, item in row.items() if _is_plain(item)}


def _is_plain(item: object) -> bool:
    if isinstance(item, bool):
        return False
    return isinstance(item, str | int) or (isinstance(item, float) and math.isfinite(item))


def text_or_none(value: Any) -> Any:
    """Return a text as it is; None for an empty one."""
    return None if value == "" else value


def without_nulls(listed: Any) -> Any:
    """Return a list without its nulls."""
    return [item for item in cast("list[Any]", listed) if item is not None] if isinstance(listed, list) else listed


def with_ranks(ranked: Any) -> Any:
    """Ranked rows, nulls apart, with their place as `rank` where upstream gave none."""
    ranked = without_nulls(ranked)
    if not isinstance(ranked, list):
        return ranked
    places = enumerate(cast("list[Any]", ranked), start=1)
    return [
        {**row, "rank": place} if isinstance(row, Mapping) and not isinstance(members(row).get("rank"), int) else row
        for place, row in places
    ]


def eligibility(value: Any) -> Any:
    """Return whether a creative is eligible, from `eligible` (a bool) or `eligibility` (a bool, a word, an object)."""
    if isinstance(value, Mapping):
        value = members(value).get("eligible")
    if isinstance(value, str):
        value = {"eligible": True, "ineligible": False}.get(value)
    return value if isinstance(value, bool) else None


def prices(value: Any) -> dict[str, int | None]:
    """Return credits by format, fractions rounded up; None for a price that is negative or no number."""
    return {str(name): _price(price) for name, price in members(value).items()}


def _price(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**_MOST_DIGITS:
        return None
    return math.ceil(value)


_MOST_DIGITS = 9


def count(value: Any) -> Any:
    """Return the number of rows of a list, or a number as it is."""
    return len(cast("list[Any]", value)) if isinstance(value, list) else value


# Forms of answers


def unchanged(data: Any) -> Any:
    """Return an answer that has one form in every vintage."""
    return data


def row_count(data: Any) -> int:
    """Return the number of rows in a page."""
    items = members(data).get("items")
    return len(cast("list[Any]", items)) if isinstance(items, list) else 0


def first_rows(data: Any, most: int) -> Any:
    """Return a page without the rows beyond what was asked for."""
    return {**data, "items": data["items"][:most]} if row_count(data) > most else data


def each_row(data: Any, of: Callable[[Any], Any]) -> Any:
    """Return a page with each of its rows brought to one form."""
    if not isinstance(data, Mapping):
        return data
    page = cast("Mapping[str, Any]", data)
    items = page.get("items")
    return {**page, "items": [of(row) for row in cast("list[Any]", items)]} if isinstance(items, list) else page
