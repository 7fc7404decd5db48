"""From the bytes of an answer to a model, tolerating what tools do not rely on."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

_MOST_ROUNDS = 5
_LARGEST = 1e40
"""What no count, rate or sum comes near; sums and products of what is below it stay finite."""


def parse(body: bytes, hide: Callable[[str], str] | None = None) -> Any:
    """The JSON value of a body, without numbers that no measurement has and without halves of surrogate pairs.

    `hide` is applied to every text, names included. Raises ValueError for anything else (truncated, too deep, not
    UTF-8).
    """
    try:
        value = json.loads(body, parse_constant=_no_number, parse_float=_measure, parse_int=_count)
        if b"\\ud" in body.lower():
            value = _with_each_text(value, _whole_characters)
        return value if hide is None else _with_each_text(value, hide)
    except RecursionError:
        raise ValueError("nested too deeply") from None


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


def read(model: type[M], data: Any) -> M:
    """`data` as a `model`; an optional field of an unexpected form counts as absent.

    Raises ValueError where a required field is missing or unreadable.
    """
    for round_ in range(_MOST_ROUNDS):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            if round_ == 0:
                data = copy.deepcopy(data)
            dropped = [_drop(data, issue["loc"]) for issue in error.errors()]
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
