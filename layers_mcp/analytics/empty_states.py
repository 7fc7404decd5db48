"""Why there are no posts to rank (publish-to-learn, "Requires top-performer data"): one cause, its words, its fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

SYNC_EVERY = timedelta(minutes=30)
"""How soon a newly linked account's posts are there (publish-to-learn, "Requires top-performer data")."""

Cause = Literal["not_connected", "reauth_required", "not_synced", "no_posts"]

LINK = f"Link an Instagram or TikTok account in Layers; its posts arrive within {SYNC_EVERY.seconds // 60} minutes."


class LinkedAccount(Protocol):
    """A social account as its link stands; `connected_at` is None where upstream does not say."""

    @property
    def status(self) -> str | None: ...
    @property
    def connected_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class EmptyState:
    """Why nothing is there, in words a customer understands, and what would change it."""

    cause: Cause
    detail: str
    fix: str


def why_no_posts(accounts: Iterable[LinkedAccount], now: datetime) -> EmptyState:
    """Return the empty state of a project without posts, judged by its accounts."""
    accounts = tuple(accounts)
    if not accounts:
        return EmptyState("not_connected", "Nothing is linked, so there are no posts to read.", LINK)
    connected = [account for account in accounts if account.status == "connected"]
    if not connected:
        expired = any(account.status == "reauth_required" for account in accounts)
        return EmptyState(
            "reauth_required" if expired else "not_connected",
            "No linked account is connected, so no posts arrive.",
            "Sign in again to the accounts in Layers.",
        )
    due = max((one.connected_at + SYNC_EVERY for one in connected if one.connected_at), default=None)
    if due is None:
        return EmptyState(
            "no_posts",
            "No post of the linked accounts is live, or none has arrived yet.",
            "Publish the first posts; a first sync takes up to 30 minutes.",
        )
    if due > now:
        return EmptyState(
            "not_synced",
            f"The accounts were linked minutes ago; their first sync (30 minutes) is due by {due:%H:%M} UTC.",
            f"Look again after {due:%H:%M} UTC.",
        )
    return EmptyState(
        "no_posts",
        "The linked accounts have been synced, and no post of theirs is live in the last 90 days.",
        "Publish the first posts; each arrives within 30 minutes of going live.",
    )
