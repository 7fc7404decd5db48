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
    """Cut the longest list until the whole fits, and say so; a page that was cut has no next page."""
    lists = {key: cast("list[Any]", value) for key, value in content.items() if isinstance(value, list)}
    longest = max(lists, key=lambda key: len(_compact(lists[key])), default=None)
    if longest is None:
        return content
    rows = lists[longest][::-1] if result.newest_last else lists[longest]
    excess = length - LONGEST_RESULT + 500  # the note takes room too
    kept = len(rows)
    while kept and excess > 0:
        kept -= 1
        excess -= len(_compact(rows[kept])) + 1
    end, shown = ("last", rows[:kept][::-1]) if result.newest_last else ("first", rows[:kept])
    note = f"Only the {end} {kept} of {len(rows)} {longest} are shown, to keep the answer short. {result.narrow}"
    return {
        **{key: value for key, value in content.items() if key != "next_cursor"},
        longest: shown,
        "notes": [*content.get("notes", []), note],
    }
