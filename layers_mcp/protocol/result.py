"""What a tool returns, and how it is written down: small, and the same in both forms a host may read."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ConfigDict

LONGEST_RESULT = 50_000
"""Characters of a result's text (about 18,000 tokens); some hosts refuse more."""


class Result(BaseModel):
    """Base of every result model, and of the rows in it.

    An optional field is declared `x: int | None = None` and left out where it is None; rows lose their empty lists,
    a list at the top stays, so that an empty answer says that it is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    narrow: ClassVar[str] = "Ask for less: a lower limit, a shorter window or fewer ids."
    """How to get an answer that is short enough, told when rows had to be cut."""

    newest_last: ClassVar[bool] = False
    """Whether rows stand in the order of time, so that the first ones are cut and not the last."""


def render(result: Result) -> tuple[dict[str, Any], str]:
    """A result as structured content and as the text of the same: compact JSON."""
    content = cast("dict[str, Any]", _pruned(result.model_dump(mode="json", exclude_none=True)))
    text = _compact(content)
    if len(text) > LONGEST_RESULT:
        content = _cut(content, len(text), result)
        text = _compact(content)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON may carry and UTF-8 can not
        text = text.encode(errors="replace").decode()
        content = json.loads(text)
    return content, text


def _compact(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _pruned(value: object, *, in_row: bool = False) -> object:
    """Without the empty lists inside rows."""
    if isinstance(value, list):
        return [_pruned(item, in_row=True) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {key: _pruned(item, in_row=in_row) for key, item in fields.items() if not (in_row and item == [])}
    return value


def _cut(content: dict[str, Any], length: int, result: Result) -> dict[str, Any]:
    """Cut the longest list until the whole fits, and say so; a page that was cut has no next page. Notes stay."""
    longest = _longest_list(content)
    if longest is None:
        return content
    rows: list[Any] = content[longest][::-1] if result.newest_last else content[longest]
    excess = length - LONGEST_RESULT + 500  # the note takes room too
    kept = len(rows)
    while kept > 1 and excess > 0:
        kept -= 1
        excess -= len(_compact(rows[kept])) + 1
    end, shown = ("last", rows[:kept][::-1]) if result.newest_last else ("first", rows[:kept])
    told = f"Only the {end} {kept} of {len(rows)} {longest} are shown"
    if excess > 0:  # a single row is too long
        shown, told = [], f"None of {len(rows)} {longest} is shown"
        inside = _cut_inside(cast("dict[str, Any]", rows[0]), excess) if isinstance(rows[0], dict) else None
        if inside:
            row, within = inside
            shown, told = [row], f"Only one of {len(rows)} {longest}, with {within}, is shown"
    note = f"{told}, to keep the answer short. {result.narrow}"
    return {
        **{key: value for key, value in content.items() if key != "next_cursor"},
        longest: shown,
        "notes": [*content.get("notes", []), note],
    }


def _cut_inside(row: dict[str, Any], excess: int) -> tuple[dict[str, Any], str] | None:
    """The row with its longest list cut, and what is left of that; None where it does not get short enough."""
    longest = _longest_list(row)
    items: list[Any] = row[longest] if longest else []
    kept = len(items)
    while kept > 1 and excess > 0:
        kept -= 1
        excess -= len(_compact(items[kept])) + 1
    if longest is None or excess > 0:
        return None
    return {**row, longest: items[:kept]}, f"the first {kept} of its {len(items)} {longest}"


def _longest_list(fields: dict[str, Any]) -> str | None:
    lists = {
        key: cast("list[Any]", value)
        for key, value in fields.items()
        if isinstance(value, list) and value and key != "notes"
    }
    return max(lists, key=lambda key: len(_compact(lists[key])), default=None)
