"""What the publishing tools share: a project and its time zone, times, accounts by key, why a post failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Project, ScheduledPost, SocialAccount
from layers_mcp.api.pagination import collect
from layers_mcp.context import ToolContext
from layers_mcp.protocol import invalid_argument
from layers_mcp.text.ids import id_key
from layers_mcp.text.times import TOLERANCE, is_local, local, parse_instant, zone


async def zone_of(context: ToolContext, project_id: str, name: str, *, at: str = "") -> ZoneInfo:
    """Return the zone that is named, else the project's, else UTC.

    Raises `ToolError` for an unknown name, and if `at` is a local time and the project's zone is not known: a guess
    could be hours off.
    """
    if name.strip():
        try:
            return zone(name.strip())
        except ValueError as error:
            raise invalid_argument(f"`timezone` is {error}.") from None
    try:
        project = await find_project(context, project_id) if project_id else None
        return zone((project and project.timezone) or "")
    except (LayersError, ValueError):
        if is_local(at):
            raise invalid_argument(
                "`at` is a local time, and the project's time zone could not be read.",
                "Name the `timezone`, or give `at` with Z or an offset.",
            ) from None
        return ZoneInfo("UTC")


async def find_project(context: ToolContext, project_id: str) -> Project | None:
    """Return a project as it is listed, None where it is not. Raises `LayersError`."""
    key = id_key(project_id)
    listed = await collect(
        lambda cursor: context.api.projects.list(limit=200, cursor=cursor),
        enough=lambda projects: any(id_key(one.id) == key for one in projects),
    )
    return next((one for one in listed.items if id_key(one.id) == key), None)


def instant(text: str, tz: ZoneInfo) -> datetime:
    """Return the instant that `at` names. Raises `ToolError` if it names none."""
    try:
        return parse_instant(text, tz)
    except ValueError as error:
        raise invalid_argument(f"`at` is {error}.") from None


def is_past(moment: datetime | None, now: datetime) -> bool:
    """Return whether a time is in the past."""
    return moment is not None and moment < now - TOLERANCE


def refuse_past(moment: datetime | None, now: datetime, tz: ZoneInfo) -> None:
    """Raise `ToolError` for a time in the past, with the present one in `tz`."""
    if is_past(moment, now):
        raise invalid_argument(f"`at` is in the past: it is {local(now, tz)} now.", "Give a later time.")


def accounts_by_key(accounts: Sequence[SocialAccount]) -> Mapping[str, SocialAccount]:
    """Return the accounts by their `id_key`."""
    return {id_key(account.social_account_id): account for account in accounts}


def why_failed(post: ScheduledPost) -> str | None:
    """Return why a post failed and what to do about it; None if it did not."""
    if post.error is None:
        return None
    if post.error.code == "CREDENTIAL_INVALID":
        return (
            "CREDENTIAL_INVALID: the account's login expired. Connect it again in Layers, then publish with a new take."
        )
    return f"{post.error.code or 'FAILED'}: the platform did not take it."
