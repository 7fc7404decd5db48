"""What the publishing tools share: the clock of a project, and how a scheduled post is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import ScheduledPost, SocialAccount
from layers_mcp.context import ToolContext
from layers_mcp.protocol import invalid_argument
from layers_mcp.text.local_time import TOLERANCE, parse_instant, zone


async def zone_of(context: ToolContext, project_id: str, name: str) -> ZoneInfo:
    """The zone that is named, else the project's, else UTC. Raises `ToolError` for a name that is none."""
    if name.strip():
        try:
            return zone(name.strip())
        except ValueError as error:
            raise invalid_argument(f"`timezone` is {error}.") from None
    try:
        page = await context.api.projects.list(limit=200)
        named = next((one.timezone for one in page.items if one.id == project_id), None)
        return zone(named or "UTC")
    except (LayersError, ValueError):
        return ZoneInfo("UTC")


def instant(text: str, wall: ZoneInfo) -> datetime:
    """The instant of `at`. Raises `ToolError` for one that is none."""
    try:
        return parse_instant(text, wall)
    except ValueError as error:
        raise invalid_argument(f"`at` is {error}.") from None


def refuse_past(moment: datetime | None, now: datetime) -> None:
    """Raise `ToolError` for a time that is over."""
    if moment is not None and moment < now - TOLERANCE:
        raise invalid_argument("`at` is in the past.", "Give a later time.")


def handles(accounts: Sequence[SocialAccount]) -> Mapping[str, SocialAccount]:
    """Accounts by their id."""
    return {account.social_account_id: account for account in accounts}


def failure_of(post: ScheduledPost) -> str | None:
    """Why a post failed, and what to do about it; None where it did not."""
    if post.error is None:
        return None
    if post.error.code == "CREDENTIAL_INVALID":
        return (
            "CREDENTIAL_INVALID: the account's login expired. Connect it again in Layers, then publish with a new take."
        )
    return f"{post.error.code or 'FAILED'}: the platform did not take it."
