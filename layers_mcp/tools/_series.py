"""What `get_metrics` and `get_ads_metrics` share: the window that was asked for, and the series that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from layers_mcp.analytics.metrics import Granularity
from layers_mcp.analytics.plausibility import unmoving, wrong_totals
from layers_mcp.analytics.windows import inspect
from layers_mcp.api.models import Metrics
from layers_mcp.protocol import Result, invalid_argument
from layers_mcp.text.times import stamp, utc_moment
from layers_mcp.tools._arguments import moment

ProjectId = Annotated[str, Field(description="From list_projects.")]
ScopedId = Annotated[str, Field(description="Empty = the project.")]
Since = Annotated[str, Field(description="Date or age (7d).")]
Until = Annotated[str, Field(description="Exclusive; empty = now.")]


class Span(Result):
    """The window as upstream answered it; `until` is exclusive."""

    since: str
    until: str
    granularity: str


class Series(Result):
    """Metrics over time, with their totals."""

    truncation_hint = "Ask for a shorter window, a coarser granularity or fewer metrics."
    keep_tail = True

    scope: str
    id: str
    window: Span
    series: list[dict[str, float | int | str]]
    totals: dict[str, float | int | str]
    as_of: str
    notes: list[str]


class Asked(NamedTuple):
    """A window in UTC, from `since` up to and without `until`."""

    since: datetime
    until: datetime
    granularity: Granularity


def asked_window(since: str, until: str, granularity: Granularity, now: datetime) -> Asked:
    """Return the window in UTC. Raises ToolError for a moment in no known form, and for a window without length."""
    start = moment("since", since, now)
    end = moment("until", until, now) if until.strip() else now.replace(microsecond=0)
    if start >= end:
        raise invalid_argument(
            "`since` must be before `until` (empty = now).", "Swap them, or ask for an earlier `since`."
        )
    return Asked(start, end, granularity)


def scoped_id(scope: str, id: str, project_id: str) -> str:  # noqa: A002 - the tools' parameter
    """Return the id that `scope` needs. Raises ToolError where it is missing."""
    if id.strip():
        return id
    if scope == "project":
        return project_id
    raise invalid_argument(
        "`id` is needed with every scope but project.",
        "Pass the id of what `scope` names (list_projects has organization_id), or leave `scope` out.",
    )


def series_of(
    reply: Metrics, metrics: Sequence[str], asked: Asked, now: datetime, *, explains: str, notes: Sequence[str] = ()
) -> Series:
    """Return the answer, reduced to what was asked for, with notes on what would mislead its reader.

    `explains` is the sentence on what tells why there is no data.
    """
    own_notes = _notes(reply, metrics, asked, now) if reply.series else [f"No data in this window. {explains}"]
    return Series(
        scope=reply.scope,
        id=reply.id,
        window=Span(since=reply.window.since, until=reply.window.until, granularity=reply.window.granularity),
        series=[picked(bucket, ("bucket", *metrics)) for bucket in reply.series],
        totals=picked(reply.totals, (*metrics, "post_count")),
        as_of=stamp(reply.answered_at),
        notes=[*own_notes, *notes],
    )


def picked(values: Mapping[str, float | int | str], names: Sequence[str]) -> dict[str, float | int | str]:
    """Only these values, in this order; no rate of nothing, which would read as nobody having cared."""
    unseen = {"engagement_rate"} if values.get("views") == 0 else ()
    return {name: values[name] for name in names if name in values and name not in unseen}


def _notes(reply: Metrics, metrics: Sequence[str], asked: Asked, now: datetime) -> list[str]:
    notes = _notes_on_buckets(reply, asked, now)
    notes += _notes_on_values(reply, metrics, asked, now)
    rows = (reply.totals, *reply.series)
    if missing := [name for name in metrics if not any(name in row for row in rows)]:
        notes.append(f"Nothing was reported for {', '.join(missing)}.")
    return notes


def _notes_on_values(reply: Metrics, metrics: Sequence[str], asked: Asked, now: datetime) -> list[str]:
    """Return what cannot be right about the numbers."""
    starts = [str(row.get("bucket", "")) for row in reply.series]
    seen = inspect(starts, reply.window.granularity, asked.since, asked.until, now)
    whole = not seen.cut and not seen.outside and seen.running_until is None
    notes: list[str] = []
    if wrong := wrong_totals(reply.series, reply.totals, metrics, whole=whole):
        notes.append(f"The total of {', '.join(wrong)} is not what its buckets give: one of the two is wrong.")
    if still := unmoving(reply.series, metrics):
        notes.append(f"{', '.join(still)} have the same value in every bucket, which real posts do not.")
    return notes


def _notes_on_buckets(reply: Metrics, asked: Asked, now: datetime) -> list[str]:
    notes: list[str] = []
    granularity, since = reply.window.granularity, asked.since
    if granularity != asked.granularity:
        notes.append(f"Upstream answered in buckets of another size than the {asked.granularity} that was asked for.")
    answered_since = utc_moment(reply.window.since)
    if answered_since is not None and answered_since > since:
        since = answered_since
        notes.append(f"Upstream answered from {stamp(since)} on, later than was asked for.")
    seen = inspect([str(row.get("bucket", "")) for row in reply.series], granularity, since, asked.until, now)
    if seen.running_until is not None:
        ends = stamp(seen.running_until)
        notes.append(f"The last bucket is still running (until {ends}): lower values there are no drop.")
    if seen.cut:
        notes.append(f"The window cuts the {' and the '.join(seen.cut)} bucket short of a whole {granularity}.")
    if seen.outside:
        notes.append(f"Upstream answered with {seen.outside} buckets outside the window that was asked for.")
    return notes
