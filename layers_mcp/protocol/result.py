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

    truncation_hint: ClassVar[str] = "Ask for less: a lower limit, a shorter window or fewer ids."
    """How to get an answer that is short enough, told when rows had to be cut."""

    keep_tail: ClassVar[bool] = False
    """Whether rows are in the order of time, so that the first ones are cut and not the last."""


def render(result: Result) -> tuple[dict[str, Any], str]:
    """Return a result as structured content and as the text of the same: compact JSON."""
    content = cast("dict[str, Any]", _pruned(result.model_dump(mode="json", exclude_none=True)))
    text = _compact(content)
    if len(text) > LONGEST_RESULT:
        content = _cut(content, result)
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


_ROOM_FOR_NOTES = 500


def _cut(content: dict[str, Any], result: Result) -> dict[str, Any]:
    """Cut the lists so that the whole fits, and say so; a page that was cut has no next page. Notes stay.

    Every list may take an equal share of the room; what a short one leaves is for the longer ones.
    """
    lists = _lists(content)
    if not lists:
        return content
    cut = {key: value for key, value in content.items() if key != "next_cursor"}
    cuts: list[str] = []
    room = LONGEST_RESULT - _ROOM_FOR_NOTES - len(_compact({key: cut[key] for key in cut if key not in lists}))
    for place, name in enumerate(lists):
        share = room // (len(lists) - place)
        if len(_compact(lists[name])) > share:
            cut[name], what = _shortened(name, lists[name], share, keep_tail=result.keep_tail)
            cuts.append(f"{what}, to keep the answer short. {result.truncation_hint}")
        room -= len(_compact(cut[name])) + len(name) + 4  # its name in quotes, a colon and a comma
    return {**cut, "notes": [*content.get("notes", []), *cuts]}


def _shortened(name: str, rows: list[Any], room: int, *, keep_tail: bool) -> tuple[list[Any], str]:
    """Return the rows that fit in `room`, or the part of a single too long one that does; and what is shown."""
    kept = _fitting(rows[::-1] if keep_tail else rows, room)
    if not kept and isinstance(rows[0], dict):
        row = cast("dict[str, Any]", rows[0])
        for inner, items in list(_lists(row).items())[-1:]:  # the longest
            within = _fitting(items, room - len(_compact({**row, inner: []})) - 2)
            if within:
                shown = f"Only one of {len(rows)} {name}, with the first {within} of its {len(items)} {inner}, is shown"
                return [{**row, inner: items[:within]}], shown
    if not kept:
        return [], f"None of {len(rows)} {name} is shown"
    if keep_tail:
        return rows[-kept:], f"Only the last {kept} of {len(rows)} {name} are shown"
    return rows[:kept], f"Only the first {kept} of {len(rows)} {name} are shown"


def _fitting(items: list[Any], room: int) -> int:
    """Return how many of the first items fit in `room` characters, as a list."""
    used = 2
    for count, item in enumerate(items):
        used += len(_compact(item)) + 1
        if used > room:
            return count
    return len(items)


def _lists(fields: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the lists in it that may be cut, the longest last."""
    lists = {
        key: cast("list[Any]", value)
        for key, value in fields.items()
        if isinstance(value, list) and value and key != "notes"
    }
    return dict(sorted(lists.items(), key=lambda item: len(_compact(item[1]))))
