"""Is there data to trust? The guide's "Requires top-performer data" as eight checks of what the API returns.

Every part of `ReadinessInputs` may be `Unread` instead: what could not be read is a warning, and does not affect
the other checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from layers_mcp.analytics.empty_states import LINK, why_no_posts
from layers_mcp.analytics.formatting import counted
from layers_mcp.analytics.metrics import FULL_RANKING, RankMetric
from layers_mcp.analytics.paid import FEW_CONVERSIONS
from layers_mcp.analytics.readiness_inputs import Creative, ReadinessInputs, Unread
from layers_mcp.analytics.statistics import SMALL_SAMPLE_VIEWS, median

SCORING_HOURS = 6
"""Layers scores creatives this often (publish-to-learn, step 4)."""

ENOUGH_POSTS = 5
"""Fewer live posts rank luck (publish-to-learn, prerequisite: "at least 5-10 posts live")."""

ENOUGH_CONVERSIONS, PROVEN_CREATIVES = 30, 2
"""From so many conversions in all, and creatives with ten each, paid results can carry a ranking."""

ELIGIBLE_SCORE = 4.0
"""A creative at or above this organic score (0 to 10) may be promoted."""

_MOST_NAMED = 5
"""Accounts named in one check."""

Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Check:
    """One answer: what was found, in words a customer understands, and what would fix it."""

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Suggestion:
    """The ranking metric that suits this customer's stage, and why."""

    metric: RankMetric
    reason: str


DECISIVE = frozenset({"posts_synced", "sample_size", "organic_ranking"})
"""The checks that make a project ready: the others do not hold the organic loop back."""


def check(inputs: ReadinessInputs) -> list[Check]:
    """Return the eight checks, in the order in which the loop needs them."""
    return [
        _social_accounts(inputs),
        _posts_synced(inputs),
        _sample_size(inputs),
        _creatives_scored(inputs),
        _organic_ranking(inputs),
        _paid_ranking(inputs),
        _credits(inputs),
        _review_policy(inputs),
    ]


def is_ready(checks: Iterable[Check]) -> bool:
    """Return whether an organic ranking of this project can be trusted."""
    return all(one.status == "ok" for one in checks if one.name in DECISIVE)


def suggest_metric(inputs: ReadinessInputs) -> Suggestion:
    """Return the guide's stage advice (publish-to-learn, step 2), applied to what the data can carry."""
    if isinstance(inputs.paid, Unread):
        return _early_metric(inputs, "Paid results could not be read, so the early-stage advice is used")
    converting = [result for result in inputs.paid if (result.conversions or 0) > 0]
    if not converting:
        stage = "Paid results hold no conversions yet" if inputs.paid else "There are no paid results yet"
        return _early_metric(inputs, f"{stage}, which is early stage")
    total = sum(result.conversions or 0 for result in converting)
    proven = sum((result.conversions or 0) >= FEW_CONVERSIONS for result in converting)
    proof = f"{counted(len(converting), 'creative')} brought {total:,.0f} conversions in 90 days"
    if total < ENOUGH_CONVERSIONS or proven < PROVEN_CREATIVES:
        enough = f"{ENOUGH_CONVERSIONS} in all and {PROVEN_CREATIVES} creatives with {FEW_CONVERSIONS} are enough"
        return _early_metric(inputs, f"{proof}, {FEW_CONVERSIONS} or more on {proven} of them, and {enough}")
    with_roas = [result for result in converting if (result.roas or 0) > 0]
    if 2 * len(with_roas) >= len(converting):
        known = "which is later stage, and their return on ad spend is known"
        return Suggestion("roas", f"{proof}, {known}: rank by what earns its keep.")
    unknown = "which is later stage; their return on ad spend is not known, so rank by conversions"
    return Suggestion("conversions", f"{proof}, {unknown}, which follow the budget more than the worth of a creative.")


def _early_metric(inputs: ReadinessInputs, stage: str) -> Suggestion:
    posts = () if isinstance(inputs.posts, Unread) else inputs.posts
    engaged = any((post.engagement_rate or 0) > 0 for post in posts)
    if not engaged and any((post.watch_time_ms or 0) > 0 for post in posts):
        return Suggestion("watch_time_ms", f"{stage}; posts show watch time but no engagement, and views reward luck.")
    return Suggestion("engagement_rate", f"{stage}: engagement shows what lands, where absolute views reward luck.")


def _social_accounts(inputs: ReadinessInputs) -> Check:
    name = "social_accounts"
    if isinstance(inputs.accounts, Unread):
        return _unread(name, "The social accounts", inputs.accounts)
    if not inputs.accounts:
        return Check(name, "missing", "No social account is linked to this project.", LINK)
    connected = [account for account in inputs.accounts if account.status == "connected"]
    expired = [account for account in inputs.accounts if account.status == "reauth_required"]
    other = len(inputs.accounts) - len(connected) - len(expired)
    if len(connected) == len(inputs.accounts):
        platforms = ", ".join(sorted({account.platform for account in connected}))
        return Check(name, "ok", f"{counted(len(connected), 'account')} connected: {platforms}.")
    parts = [f"{len(connected)} of {counted(len(inputs.accounts), 'linked account')} connected"]
    if expired:
        named = ", ".join(f"{each.platform} {each.name}".rstrip() for each in expired[:_MOST_NAMED])
        it = "it" if len(expired) == 1 else "them"
        parts.append(
            f"{counted(len(expired), 'account')} signed out by the platform and waiting for a new sign-in ({named}), "
            f"so nothing can be published on {it}"
        )
    if other:
        parts.append(f"{counted(other, 'account')} disconnected")
    fix = "Sign in again to these accounts in Layers; until then their new posts and numbers do not arrive."
    return Check(name, "warning" if connected else "missing", "; ".join(parts) + ".", fix)


def _posts_synced(inputs: ReadinessInputs) -> Check:
    name = "posts_synced"
    if isinstance(inputs.post_count, Unread):
        return _unread(name, "The number of live posts", inputs.post_count)
    if inputs.post_count >= ENOUGH_POSTS:
        return Check(name, "ok", f"{counted(inputs.post_count, 'live post')} in the last 90 days.")
    return Check(name, "warning" if inputs.post_count else "missing", *_why_empty(inputs))


def _sample_size(inputs: ReadinessInputs) -> Check:
    name = "sample_size"
    if isinstance(inputs.posts, Unread):
        return _unread(name, "The ranking", inputs.posts)
    middle = median(post.views for post in inputs.posts)
    if middle is None:
        return Check(name, "missing", f"No post to measure yet. {_why_empty(inputs)[0]}", _why_empty(inputs)[1])
    seen = f"The median of {counted(len(inputs.posts), 'ranked post')} has {middle:,.0f} views"
    if middle >= SMALL_SAMPLE_VIEWS:
        return Check(name, "ok", f"{seen}, enough to compare posts.")
    return Check(
        name,
        "warning",
        f"{seen}; under {SMALL_SAMPLE_VIEWS} a post's numbers are noise.",
        "Wait a couple of days for more views before trusting the ranking.",
    )


def _creatives_scored(inputs: ReadinessInputs) -> Check:
    name = "creatives_scored"
    if isinstance(inputs.creatives, Unread):
        return _unread(name, "The creatives", inputs.creatives)
    if not inputs.creatives:
        fix = f"Creatives enter the pool once there are posts or generated content; scoring runs {_SCORING}."
        return Check(name, "missing", "No creative is in the scoring pool yet.", fix)
    scored = [creative for creative in inputs.creatives if _scored(creative)]
    of_all = f"{len(scored)} of {counted(len(inputs.creatives), 'creative')} scored"
    if not scored:
        return Check(name, "warning", f"{of_all}.", f"Wait for the next scoring run: it comes {_SCORING}.")
    eligible = [creative for creative in inputs.creatives if _eligible(creative)]
    if not eligible:
        fix = "Scores fade with age; fresh content, or a breakout, brings them back."
        return Check(name, "warning", f"{of_all}, none reaching {ELIGIBLE_SCORE:g}, the bar for promotion.", fix)
    return Check(name, "ok", f"{of_all}, {len(eligible)} of them eligible for promotion.")


def _organic_ranking(inputs: ReadinessInputs) -> Check:
    name = "organic_ranking"
    if isinstance(inputs.posts, Unread):
        return _unread(name, "The organic ranking", inputs.posts)
    if not inputs.posts:
        return Check(name, "missing", f"The ranking is empty. {_why_empty(inputs)[0]}", _why_empty(inputs)[1])
    ranked = f"{counted(len(inputs.posts), 'post')} ranked over 90 days"
    if isinstance(inputs.post_count, int) and len(inputs.posts) < min(inputs.post_count, FULL_RANKING):
        return Check(
            name, "ok", f"{ranked} of {inputs.post_count} live; the rest may still wait for scoring ({_SCORING})."
        )
    return Check(name, "ok", f"{ranked}.")


def _paid_ranking(inputs: ReadinessInputs) -> Check:
    name = "paid_ranking"
    if isinstance(inputs.paid, Unread):
        return _unread(name, "The paid ranking", inputs.paid)
    if any((result.conversions or 0) > 0 for result in inputs.paid):
        total = sum(result.conversions or 0 for result in inputs.paid)
        paid = counted(len(inputs.paid), "creative")
        return Check(name, "ok", f"{paid} with paid results: {total:,.0f} conversions in 90 days.")
    if inputs.paid:
        detail = f"{counted(len(inputs.paid), 'creative')} with ad spend, and no conversions in 90 days."
        return Check(name, "warning", detail, "Rank by engagement_rate until conversions arrive.")
    if inputs.promoted:
        detail = "Creatives have been put into ads, but no paid results have come in over 90 days."
        return Check(name, "warning", detail, "Wait for results, or ask Layers whether the ad account reports them.")
    if inputs.promoted is None:
        return Check(name, "missing", "There are no paid results in 90 days.", _PROMOTE)
    return Check(name, "missing", "No creative has been put into ads yet, so there are no paid results.", _PROMOTE)


def _credits(inputs: ReadinessInputs) -> Check:
    name = "credits"
    if isinstance(inputs.credits, Unread):
        return _unread(name, "The credit balance", inputs.credits)
    balance, prices = inputs.credits.spendable, inputs.credits.per_format.values()
    if balance is None:
        return Check(name, "warning", "Layers does not say how many credits are left.", "Look in Layers' billing page.")
    dearest, cheapest = max(prices, default=1), min(prices, default=1)
    detail = (
        f"{balance:,} credits available; a piece costs up to {dearest:,}."
        if prices
        else f"{balance:,} credits available."
    )
    if balance >= dearest:
        return Check(name, "ok", detail)
    return Check(
        name, "warning" if balance >= cheapest else "missing", detail, "Top up credits before ordering content."
    )


def _review_policy(inputs: ReadinessInputs) -> Check:
    name = "review_policy"
    if isinstance(inputs.review, Unread):
        unread = _unread(name, "The review policy", inputs.review)
        return Check(name, "warning", f"{unread.detail} Finished content may go live without a person.", unread.fix)
    policy, waiting = inputs.review.policy, inputs.review.waiting
    queue = "" if waiting is None else f" {waiting} waiting now."
    if policy == "review_all":
        return Check(name, "ok", f"Finished content waits for a person's decision.{queue}")
    fix = "Where results should be held for approval, set the project's review policy in Layers to review everything."
    if policy == "review_first_n":
        first = "first pieces" if inputs.review.first_n is None else f"first {counted(inputs.review.first_n, 'piece')}"
        detail = f"Only the {first} wait for a person; what comes after can go live without one."
    elif policy == "review_until_timeout":
        detail = "Finished content waits for a person only for a while, then can go live without one."
    elif policy == "auto_approve":
        detail, queue = "Finished content can go live without a person's approval: nothing is held.", ""
    else:
        detail = "The review policy is of a kind not known here, so finished content may go live without a person."
    return Check(name, "warning", detail + queue, fix)


_PROMOTE = "Nothing to fix for the organic loop; paid rankings fill once promoted creatives bring results."
_SCORING = f"every {SCORING_HOURS} hours"


def _why_empty(inputs: ReadinessInputs) -> tuple[str, str]:
    """Return which of the guide's empty states applies to the organic side: its words, and its fix."""
    accounts = None if isinstance(inputs.accounts, Unread) else inputs.accounts
    count = 0 if isinstance(inputs.post_count, Unread) else inputs.post_count
    if count >= ENOUGH_POSTS:
        return _why_unranked(inputs, count)
    if count:
        return (
            f"{counted(count, 'live post')} in 90 days; {ENOUGH_POSTS} are needed before a ranking says anything.",
            "Publish more, and wait a couple of days for views.",
        )
    if isinstance(inputs.post_count, Unread) or accounts is None:
        return "No posts are there to rank.", "Link an account and publish; syncing runs every 30 minutes."
    state = why_no_posts(accounts, inputs.now)
    return state.detail, state.fix


def _why_unranked(inputs: ReadinessInputs, count: int) -> tuple[str, str]:
    """Enough posts, and none in the ranking: scoring explains it only where nothing is known to be scored."""
    live = f"{counted(count, 'post')} live"
    if not isinstance(inputs.creatives, Unread) and not any(map(_scored, inputs.creatives)):
        return f"{live}, and none is scored yet.", f"Scoring runs {_SCORING}; look again after the next run."
    return (
        f"{live}, and none of them is ranked yet.",
        f"Syncing runs every 30 minutes and scoring {_SCORING}; look again after the next run of both.",
    )


def _scored(creative: Creative) -> bool:
    return (creative.score or 0) > 0


def _eligible(creative: Creative) -> bool:
    return (creative.score or 0) >= ELIGIBLE_SCORE if creative.eligible is None else creative.eligible


def _unread(name: str, what: str, failure: Unread) -> Check:
    return Check(name, "warning", f"{what} could not be read: {failure.why}", failure.fix)
