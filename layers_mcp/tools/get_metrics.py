"""get_metrics: organic results over time (publish-to-learn, step 1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from layers_mcp.analytics.metrics import Granularity, OrganicMetric
from layers_mcp.analytics.periods import RATES, last_whole_day
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Metrics, SocialAccount
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, invalid_argument, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._comparisons import MOST_ACCOUNTS, Change, change_note, changes, connection_note, history_start
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._series import (
    Asked,
    ProjectId,
    ScopedId,
    Series,
    Since,
    Until,
    asked_window,
    picked,
    scoped_id,
    series_of,
)

EXPLAINS = "check_readiness says whether this project's posts are synced."

Scope = Literal["platform_post", "social_account", "project", "project_layer", "organization"]


class AccountTotals(Result):
    """What one account brought in the window."""

    social_account_id: str
    platform: str | None = None
    handle: str | None = None
    totals: dict[str, float | int | str]


class OrganicSeries(Series):
    """Organic metrics over time, and on request the accounts side by side and what changed."""

    accounts: list[AccountTotals] | None = None
    changes: list[Change] | None = None


@tool(
    title="Get organic numbers over time",
    kind=READ,
    scope="metrics:read",
    view="ui://layers/series.html",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB", "since": "7d"},
)
async def get_metrics(
    context: ToolContext,
    project_id: ProjectId,
    scope: Annotated[Scope, Field(description="Of what.")] = "project",
    id: ScopedId = "",  # noqa: A002 - the contract's name
    metrics: Annotated[
        tuple[OrganicMetric, ...],
        Field(description="Paid: get_ads_metrics.", min_length=1),
    ] = ("views", "engagement_rate", "watch_time_ms"),
    since: Since = "30d",
    until: Until = "",
    granularity: Annotated[Granularity, Field(description="Bucket.")] = "day",
    compare_previous: Annotated[bool, Field(description="Last week against before.")] = False,
    by_account: Annotated[bool, Field(description="Totals of each.")] = False,
) -> OrganicSeries:
    """Get organic numbers over time: how many views, reach, likes, comments, shares, follower growth, followers gained,
    engagement, watch time, posts published, per hour, daily or weekly.

    Use it for the trend of a project, account or post: how did we perform this month? compare_previous: did last week
    drop? by_account: TikTok against Instagram. Rates are fractions. To rank posts: rank_top_performers.
    """
    if by_account and scope != "project":
        raise invalid_argument("`by_account` goes with scope project only.", "Leave `scope` out.")
    now = context.now()
    asked = asked_window(since, until, granularity, now)
    wanted = tuple(dict.fromkeys(metrics))
    measure = partial(context.api.metrics.get, project_id, scope=scope, id=scoped_id(scope, id, project_id))
    end = last_whole_day(asked.until, now)
    async with GatherSettled(context.deadline) as reads:
        asked_for = reads.start(
            measure, metrics=wanted, since=asked.since, until=asked.until, granularity=asked.granularity
        )
        past = reads.start(_history, measure, wanted, end) if compare_previous else None
        linked = reads.start(_accounts, context, project_id) if compare_previous or by_account else None
    series = series_of(asked_for.value, wanted, asked, now, explains=EXPLAINS)
    notes = list(series.notes)
    accounts = linked.outcome if linked else ()
    by_each = None
    if by_account:
        if isinstance(accounts, LayersError):
            raise accounts
        by_each, failed = await _by_account(context, project_id, accounts, wanted, asked)
        notes += failed
    if not isinstance(accounts, LayersError) and (note := connection_note(asked_for.value, wanted, accounts)):
        notes.append(note)
    changed = None if past is None else changes(past.value, wanted, end)
    if changed is not None:
        notes.append(change_note(changed))
    return OrganicSeries(
        scope=series.scope,
        id=series.id,
        window=series.window,
        series=series.series,
        totals=series.totals,
        as_of=series.as_of,
        accounts=by_each,
        changes=changed,
        notes=notes,
    )


async def _history(measure: Callable[..., Awaitable[Metrics]], metrics: Sequence[str], end: datetime) -> Metrics:
    """Return the weeks before `end`, by day; rates come with the views that weigh them."""
    if RATES & {*metrics} and "views" not in metrics:
        metrics = (*metrics, "views")
    return await measure(metrics=metrics, since=history_start(end), until=end, granularity="day")


async def _accounts(context: ToolContext, project_id: str) -> Sequence[SocialAccount]:
    return await context.api.projects.social_accounts(project_id)


async def _by_account(
    context: ToolContext, project_id: str, accounts: Sequence[SocialAccount], metrics: Sequence[str], asked: Asked
) -> tuple[list[AccountTotals], list[str]]:
    """Return each account's totals over the window, one read an account, and notes on those that are missing."""
    async with GatherSettled(context.deadline) as reads:
        started = [
            (
                account,
                reads.start(
                    context.api.metrics.get,
                    project_id,
                    scope="social_account",
                    id=account.social_account_id,
                    metrics=metrics,
                    since=asked.since,
                    until=asked.until,
                    granularity=asked.granularity,
                ),
            )
            for account in accounts[:MOST_ACCOUNTS]
        ]
    totals: list[AccountTotals] = []
    notes: list[str] = []
    for account, read in started:
        if isinstance(read.outcome, LayersError):
            notes.append(f"The account {account.social_account_id} could not be read. {read.outcome}")
            continue
        totals.append(
            AccountTotals(
                social_account_id=account.social_account_id,
                platform=account.platform,
                handle=clean(account.handle)[0] if account.handle else None,
                totals=picked(read.outcome.totals, (*metrics, "post_count")),
            )
        )
    if len(accounts) > MOST_ACCOUNTS:
        notes.append(f"Read for {MOST_ACCOUNTS} of {len(accounts)} accounts; scope social_account reads the others.")
    return totals, notes
