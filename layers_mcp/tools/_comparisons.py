"""What `get_metrics` adds on request: the last week against the one before, and each account for itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from layers_mcp.analytics.formatting import times
from layers_mcp.analytics.periods import RATES, WEEK, WEEKS_BEFORE, DayRow, compare, weekly
from layers_mcp.analytics.plausibility import before_connection
from layers_mcp.api.models import Metrics, SocialAccount
from layers_mcp.protocol import Result
from layers_mcp.text.times import utc_moment

MOST_ACCOUNTS = 20
"""Accounts read one by one: a sixth of what the standard tier may read in a minute."""

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": WEEK}


class Change(Result):
    """The last 7 whole days over the 7 before, and the range in which that ratio usually lies here."""

    metric: str
    ratio: float
    usual_low: float
    usual_high: float
    unusual: bool


def history_start(end: datetime) -> datetime:
    """Return how far back a series has to go for `changes`."""
    return end - (WEEKS_BEFORE + 1) * WEEK


def changes(history: Metrics, metrics: Sequence[str], end: datetime) -> list[Change]:
    """Return every metric's last week against the one before; without those that had nothing in one of them."""
    days = [(day, row) for row in history.series if (day := utc_moment(str(row.get("bucket", "")))) is not None]
    found: list[Change] = []
    for metric in metrics:
        change = compare(weekly(days, metric, end), rate=metric in RATES)
        if change is not None:
            found.append(
                Change(
                    metric=metric,
                    ratio=round(change.ratio, 3),
                    usual_low=round(change.usual_low, 3),
                    usual_high=round(change.usual_high, 3),
                    unusual=change.unusual,
                )
            )
    return found


def change_note(found: Sequence[Change]) -> str:
    """Return the changes in one sentence, each with what is usual here."""
    if not found:
        return "The last 7 whole days cannot be compared: they, or the 7 before, hold nothing to compare."
    parts: list[str] = []
    for change in found:
        swing = f"{times(change.usual_low)} to {times(change.usual_high)}"
        verdict = ": unusual" if change.unusual else "" if parts else ": no change to speak of"
        parts.append(f"{change.metric} x{times(change.ratio)} ({'' if parts else 'usual swing '}{swing}{verdict})")
    return f"Last 7 whole days against the 7 before: {', '.join(parts)}."


def connection_note(reply: Metrics, metrics: Sequence[str], accounts: Sequence[SocialAccount]) -> str:
    """Return a note on numbers from before the first account was connected; "" if there are none, or none known."""
    length = _LENGTHS.get(reply.window.granularity)
    moments = [account.connected_at for account in accounts]
    if length is None or not moments or None in moments:
        return ""
    first = min(moment for moment in moments if moment is not None)
    buckets: list[tuple[datetime, DayRow]] = []
    for row in reply.series:
        start = utc_moment(str(row.get("bucket", "")))
        if start is not None:
            buckets.append((start + length, row))
    early = before_connection(buckets, metrics, first)
    if not early:
        return ""
    return f"Buckets from before the first account was connected ({first:%Y-%m-%d}) hold numbers: {early}."
