"""check_readiness: is there data to trust, and if not, which empty state is it?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from layers_mcp.analytics import readiness
from layers_mcp.analytics import readiness_inputs as inputs
from layers_mcp.analytics.metrics import FULL_RANKING, RankMetric
from layers_mcp.analytics.paid import PaidResult
from layers_mcp.analytics.readiness_inputs import ReadinessInputs, Unread
from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import (
    AdsContent,
    Credits,
    Metrics,
    Page,
    RankedRow,
    Ranking,
    ReviewPolicy,
    SocialAccount,
)
from layers_mcp.context import ToolContext
from layers_mcp.protocol import READ, Result, tool
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import stamp
from layers_mcp.tools._gather_settled import GatherSettled, Read
from layers_mcp.tools._promotion import has_spend, id_tells

T = TypeVar("T")
Fact = TypeVar("Fact")

POOL_PAGE = 200
"""Creatives looked at: one page of the scoring pool, best first."""

NO_POLICY = Unread("Layers names none for this project (404).", "Ask Layers how this project's content is reviewed.")
"""What neither vintage's endpoint knows, of a project that the other reads know."""


class CheckRow(Result):
    name: str
    status: Literal["ok", "warning", "missing"]
    detail: str
    fix: str | None = None


class Account(Result):
    social_account_id: str
    platform: str | None = None
    handle: str | None = None
    status: str | None = None
    connected_at: str | None = None


class SuggestedMetric(Result):
    metric: RankMetric
    reason: str


class Readiness(Result):
    project_id: str
    ready: bool
    checks: list[CheckRow]
    accounts: list[Account]
    suggested_metric: SuggestedMetric
    notes: list[str]


@tool(
    title="Check readiness and accounts",
    kind=READ,
    scope="metrics:read",
    example={"project_id": "prj_01HX9Y7K8M2P4RSTUV56789AB"},
)
async def check_readiness(
    context: ToolContext,
    project_id: Annotated[str, Field(description="From list_projects.")],
) -> Readiness:
    """Check whether a project is ready: is everything set up and synced, is there enough data to trust the numbers yet,
    which metric should we use?

    Use it where a ranking is empty or shows no posts: why, what is missing, the fix. Are Instagram and TikTok accounts
    still connected, or does one need to log in again? Does content wait for approval, or go live without a person? For
    posts: rank_top_performers.
    """
    api, now = context.api, context.now()
    rank = partial(api.metrics.top_performers, project_id, window="90d", include_ineligible=True)
    async with GatherSettled(context.deadline) as reads:
        accounts = reads.start(api.projects.social_accounts, project_id)
        metrics = reads.start(
            api.metrics.get,
            project_id,
            scope="project",
            id=project_id,
            metrics=["views"],
            since=now - timedelta(days=90),
            until=now,
            granularity="week",
        )
        organic = reads.start(rank, metric="engagement_rate")
        paid = reads.start(rank, metric="conversions")
        creatives = reads.start(api.ads.content, project_id, limit=POOL_PAGE)
        review = reads.start(api.projects.review_policy, project_id)
        budget = reads.start(api.credits.get)
    _refuse_if_nothing_was_read(accounts, metrics, organic, paid, creatives, review)

    seen = ReadinessInputs(
        now=now,
        accounts=_fact(accounts, _accounts),
        post_count=_fact(metrics, _post_count),
        posts=_fact(organic, _posts),
        paid=_fact(paid, _paid),
        creatives=_fact(creatives, _creatives),
        promoted=_promoted([organic, paid], creatives),
        credits=_fact(budget, _credits),
        review=NO_POLICY if isinstance(review.outcome, NotFound) else _fact(review, _review),
    )
    checks = readiness.check(seen)
    suggested = readiness.suggest_metric(seen)
    return Readiness(
        project_id=project_id,
        ready=readiness.is_ready(checks),
        checks=[CheckRow(name=one.name, status=one.status, detail=one.detail, fix=one.fix or None) for one in checks],
        accounts=[_account(one) for one in accounts.or_else(())],
        suggested_metric=SuggestedMetric(metric=suggested.metric, reason=suggested.reason),
        notes=_notes(seen),
    )


def _refuse_if_nothing_was_read(*reads: Read[Any]) -> None:
    """Raise the first error if nothing of the project could be read: an unknown id, or a key without scopes."""
    if all(isinstance(read.outcome, LayersError) for read in reads):
        raise reads[0].outcome


def _fact(read: Read[T], tell: Callable[[T], Fact]) -> Fact | Unread:
    if not isinstance(read.outcome, LayersError):
        return tell(read.outcome)
    return Unread(str(read.outcome), read.outcome.hint)


def _account(account: SocialAccount) -> Account:
    return Account(
        social_account_id=account.social_account_id,
        platform=account.platform,
        handle=clean(account.handle)[0] if account.handle else None,
        status=account.status,
        connected_at=stamp(account.connected_at) if account.connected_at else None,
    )


def _accounts(accounts: list[SocialAccount]) -> tuple[inputs.LinkedAccount, ...]:
    return tuple(
        inputs.LinkedAccount(one.platform or "unnamed", one.status or "", one.connected_at, _name(one))
        for one in accounts
    )


def _name(account: SocialAccount) -> str:
    """Return the handle where it is one as platforms allow them, and no other text; else the id."""
    handle = account.handle or ""
    return handle if re.fullmatch(r"@?[A-Za-z0-9._-]{1,40}", handle) else account.social_account_id


def _post_count(metrics: Metrics) -> int | Unread:
    count = metrics.totals.get("post_count")
    return int(count) if isinstance(count, int | float) else Unread("Layers gave no post count.")


def _posts(ranking: Ranking) -> tuple[inputs.Post, ...]:
    return tuple(
        inputs.Post(
            views=row.organic.views or 0,
            engagement_rate=row.organic.engagement_rate,
            watch_time_ms=row.organic.watch_time_ms,
        )
        for row in ranking.items
        if row.organic is not None
    )


def _paid(ranking: Ranking) -> tuple[PaidResult, ...]:
    return tuple(_paid_result(row) for row in ranking.items if row.paid)


def _paid_result(row: RankedRow) -> PaidResult:
    """Read the row's paid block, whose fields upstream does not promise; the value it was ranked by is promised."""
    result = PaidResult.of(row.paid)
    if result.conversions is not None:
        return result
    return replace(result, conversions=PaidResult.of({"conversions": row.metric_value}).conversions)


def _creatives(page: Page[AdsContent]) -> tuple[inputs.Creative, ...]:
    return tuple(inputs.Creative(one.organic_score, one.eligible) for one in page.items)


def _promoted(rankings: Sequence[Read[Ranking]], pool: Read[Page[AdsContent]]) -> bool | None:
    """Return whether anything was put into ads; None where a failed read may hide it."""
    seen = [read.outcome for read in rankings if not isinstance(read.outcome, LayersError)]
    creatives = None if isinstance(pool.outcome, LayersError) else pool.outcome.items
    rows = [row for ranking in seen for row in ranking.items]
    if any(has_spend(row) or (row.ads_content_id is not None and id_tells(rows)) for row in rows):
        return True
    if any((creative.active_promotions or 0) > 0 for creative in creatives or ()):
        return True
    return None if creatives is None or len(seen) < len(rankings) else False


def _credits(budget: Credits) -> inputs.Credits:
    return inputs.Credits(budget.spendable, budget.readable_estimates)


def _review(review: ReviewPolicy) -> inputs.Review:
    return inputs.Review(review.policy, review.first_n, review.pending_count)


def _notes(seen: ReadinessInputs) -> list[str]:
    if not isinstance(seen.posts, Unread) and len(seen.posts) >= FULL_RANKING:
        return [f"sample_size is of the top {FULL_RANKING} posts by engagement rate; the project may have more."]
    return []
