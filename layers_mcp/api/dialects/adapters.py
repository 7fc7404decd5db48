"""What the vintages of the API have in common, and where they say the same thing in different places.

Every answer is understood in either form, whatever vintage is known: an API may hold both for a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from layers_mcp.api.decoding import members
from layers_mcp.text.ids import LONGEST_ID


def all_containers(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every container id that an answer names anywhere, in order, each once; a source's are not among them."""
    return tuple(dict.fromkeys(_containers(data)))


def _containers(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _containers(item)
    if not isinstance(value, Mapping):
        return
    for key, item in cast("Mapping[str, Any]", value).items():
        if key in ("containerId", "container"):
            yield from _ids([item])
        elif key in ("containerIds", "containers") and isinstance(item, list):
            yield from _ids(cast("list[Any]", item))
        elif not key.startswith("source"):
            yield from _containers(item)


def _ids(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping):
            item = members(item).get("containerId", members(item).get("id"))
        if isinstance(item, str) and 0 < len(item) <= LONGEST_ID:
            yield item


def asset_rows(data: Any) -> list[Any]:
    """Return the files of a job's result or a container: K's `assets`, else L's `preview`."""
    holder = members(data)
    assets, shown = holder.get("assets"), members(holder.get("preview"))
    if isinstance(assets, list) and assets:
        return [row for row in cast("list[Any]", assets) if isinstance(row, Mapping)]
    url = shown.get("primaryUrl") or shown.get("videoUrl")
    if not url:
        return []
    return [
        {
            "mediaId": holder.get("mediaId"),
            "kind": shown.get("kind"),
            "url": url,
            "durationMs": shown.get("durationMs"),
        }
    ]


def failure(data: Mapping[str, Any]) -> Any:
    """Return the error inside a failed job or container: `error` or `lastError`, an object or a string."""
    for found in (data.get("error"), data.get("lastError"), members(data.get("result")).get("error")):
        if isinstance(found, str) and found:
            return {"message": found}
        if isinstance(found, Mapping) and found:
            return cast("Mapping[str, Any]", found)
    return None


def job(data: Any) -> Any:
    """Return a job with its containers, files and error where the model looks for them."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    return {
        **row,
        "status": _respelled(row.get("status")),
        "containerIds": all_containers(row),
        "assets": asset_rows(row.get("result")) or asset_rows(row),
        "error": failure(row),
    }


def order(data: Any) -> Any:
    """Return the answer to an order with every container that it names."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    return {**row, "containerIds": all_containers(row)}


def container(data: Any) -> Any:
    """Return a container of either vintage."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    return {
        **row,
        "status": _respelled(row.get("status")),
        "hook": _of_brief(row, "hook"),
        "cta": _of_brief(row, "cta"),
        "assets": asset_rows(row),
        "error": failure(row),
    }


def publication(data: Any) -> Any:
    """Return the answer to a publication, with every scheduled post that it names."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    listed = row.get("scheduledPostIds") or row.get("scheduledPosts") or row.get("items")
    named = [row.get("scheduledPostId"), *(cast("list[Any]", listed) if isinstance(listed, list) else [])]
    ids = [members(one).get("scheduledPostId", members(one).get("id")) or one for one in named]
    return {**row, "scheduledPostIds": list(dict.fromkeys(one for one in ids if isinstance(one, str) and one))}


def scheduled_post(data: Any) -> Any:
    """Return a scheduled post of either vintage."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    status, mode = row.get("status"), row.get("mode")
    return {
        **row,
        "status": "draft" if status == "draft_in_inbox" else _respelled(status),
        "mode": _MODES.get(mode, mode) if isinstance(mode, str) else None,
        "error": failure(row),
    }


_MODES = {"direct_publish": "publish", "reels": "publish", "feed": "publish", "draft_to_device": "draft"}
"""How an earlier API says that a post goes out, or waits on the phone."""


def policy(data: Any) -> Any:
    """P's approval policy in L's words; L's as it is."""
    if not isinstance(data, Mapping):
        return data
    row = cast("Mapping[str, Any]", data)
    if "policy" in row or "requiresApproval" not in row:
        return row
    first_n = row.get("firstNPostsBlocked")
    if isinstance(first_n, int) and first_n > 0:
        return {**row, "policy": "review_first_n", "firstN": first_n}
    if row["requiresApproval"] is not True:
        return {**row, "policy": "auto_approve"}
    return {**row, "policy": "review_until_timeout" if row.get("autoApproveAfter") else "review_all"}


def _respelled(status: Any) -> Any:
    """Return a status in lower case and in one of its spellings; an unknown one as it is."""
    return _STATUSES.get(status.lower(), status.lower()) if isinstance(status, str) else None


_STATUSES = {
    "processing": "generating",
    "cancelled": "canceled",
    **dict.fromkeys(("succeeded", "success", "complete", "done"), "completed"),
    **dict.fromkeys(("error", "errored", "failure"), "failed"),
}


def _of_brief(row: Mapping[str, Any], name: str) -> Any:
    """Return a text that L has at the top and earlier pages in the brief."""
    return row.get(name) or members(row.get("brief")).get(name)
