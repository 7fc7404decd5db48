"""Ranking rows as tools show them, judged by the rules of `analytics`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from layers_mcp.analytics.breakouts import BreakoutScore, judge
from layers_mcp.analytics.formatting import percent
from layers_mcp.analytics.metrics import KNOWN_PLATFORMS
from layers_mcp.analytics.paid import PaidEstimate, PaidResult, estimate_paid
from layers_mcp.api.models import Organic, RankedRow, Ranking
from layers_mcp.context import ToolContext
from layers_mcp.text.ids import container_key, container_keys
from layers_mcp.text.sanitize import clean

AGE_NOTE = "Asking again within minutes shows nothing new."

WORTH_A_TRY_CHANCE, WORTH_A_TRY_TIMES = 0.3, 1.5
"""A thin breakout of at least this chance, and this many times the usual expected, is worth a cheap try."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row and how it compares."""

    row: RankedRow
    score: BreakoutScore
    paid: PaidResult
    paid_estimate: PaidEstimate | None

    @property
    def organic(self) -> Organic:
        """The organic block; an empty one where there is none."""
        return self.row.organic or Organic()

    @property
    def low_sample(self) -> bool | None:
        """Whether the row has under 50 views; None without an organic block."""
        return self.score.low_sample

    @property
    def likelihood(self) -> tuple[float, float, float]:
        """What breakouts are sorted by, likeliest first: chance, expectation over the usual, times the median."""
        one = self.score
        return one.chance_real or 0, one.times_usual or 0, one.times_median or 0


class ScoredRanking(NamedTuple):
    """A ranking's median engagement rate, the rows behind it, all rows in upstream's order, usual rates by platform."""

    median: float | None
    sampled: int
    rows: Sequence[ScoredRow]
    usual: Mapping[str, float]


def score_rows(rows: Sequence[RankedRow], ordered: Collection[str] = ()) -> ScoredRanking:
    """Judge every row of a ranking; `ordered` are the containers that orders made, which do not shape the usual."""
    made = container_keys(ordered)
    scores = judge(
        (row.organic for row in rows),
        [bool(row.source_id) and container_key(row.source_id or "") in made for row in rows],
    )
    paid = [PaidResult.of(row.paid) for row in rows]
    parts = zip(rows, scores.rows, paid, estimate_paid(paid), strict=True)
    return ScoredRanking(scores.median, scores.sampled, [ScoredRow(*part) for part in parts], scores.usual)


async def ordered_containers(context: ToolContext, rankings: Sequence[Ranking]) -> Collection[str]:
    """Return the containers in these rankings that the journal ordered."""
    sources = {row.source_id for ranking in rankings for row in ranking.items if row.source_id}
    return (await context.operations.history.commission_ids(sources)).value if sources else ()


def shown_title(title: str | None) -> tuple[str | None, bool | None]:
    """Return a row's title made safe to show, and True where it is not the whole original (None where it is)."""
    if title is None:
        return None, None
    text, cut = clean(title)
    return text or None, cut or None


def short_rate(rate: float | None) -> float | None:
    """Return a rate that we worked out, without the noise of its last digits."""
    return None if rate is None else round(rate, 6)


def short_times(score: BreakoutScore) -> float | None:
    """Return how many times the median, to three decimals."""
    return None if score.times_median is None else round(score.times_median, 3)


def platforms_of(organic: Organic) -> list[str]:
    """Return the platforms a row's numbers come from."""
    return [clean(platform, 40)[0] for platform in organic.platforms]


def passed_through(paid: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the paid block as upstream gave it (its fields are nobody's promise), with every text in it cleaned."""
    return cast("dict[str, Any]", _cleaned(paid, 4)) if paid else None


def _cleaned(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return clean(value)[0]
    if isinstance(value, list) and depth:
        return [_cleaned(item, depth - 1) for item in cast("list[Any]", value)]
    if isinstance(value, Mapping) and depth:
        fields = cast("Mapping[str, Any]", value)
        return {clean(key, 40)[0]: _cleaned(item, depth - 1) for key, item in fields.items() if item is not None}
    return value if isinstance(value, int | float) else None


def usual_rates(usual: Mapping[str, float]) -> str:
    """Return usual rates in words: "tiktok 6.0 %, instagram 2.7 %"; a platform that is not known by name is "other"."""
    rates: dict[str, float] = {}
    for group, rate in usual.items():
        rates.setdefault(group if set(group.split("+")) <= KNOWN_PLATFORMS else "other", rate)
    return ", ".join(f"{name} {percent(rate)}" for name, rate in rates.items())


def chance(score: BreakoutScore) -> str:
    """Return a chance in words: "82 %"."""
    return f"{round((score.chance_real or 0) * 100)} %"


def expectation(row: ScoredRow) -> str:
    """Return what a solid breakout is worth in words: its chance, and what a clone should be expected to earn."""
    seen, expected = row.organic.engagement_rate or 0, row.score.expected_rate or 0
    return (
        f"is {chance(row.score)} likely a real breakout; expect about {percent(expected)} of a clone, "
        f"not the {percent(seen)} seen."
    )


def why_thin(score: BreakoutScore) -> str:
    """Return why a breakout is not to be ordered from yet, and whether a cheap try is worth it all the same."""
    if score.chance_real is None:
        return "real with an unknown chance, as fewer than 5 posts have 50 views: more posts tell quality from luck."
    text = f"real with a chance of {chance(score)}: more views tell quality from luck."
    times = score.times_usual or 0
    if score.chance_real < WORTH_A_TRY_CHANCE or times < WORTH_A_TRY_TIMES:
        return text
    return f"{text} A clone should still earn about {times:.1f}x the usual, so one cheap try can be worth it."


READ_ONLY = "This server is read-only, so ordering more of it is left to another."


def how_to_order(winner: ScoredRow, *, read_only: bool, clones_posts: bool) -> str:
    """Return how more of a solid breakout is ordered (publish-to-learn, running the loop: on breakout detection).

    Where the API clones no posts, it is the hook that is kept.
    """
    if read_only:
        return READ_ONLY
    row = winner.row
    if row.platform_post_id and not clones_posts:
        how = "generate_with_hook with this post and variations=2 orders more with its hook"
    elif row.platform_post_id:
        how = "clone_post with variations=2 orders close variants"
    elif row.title and not shown_title(row.title)[1]:
        how = "It names no post to clone; generate_with_hook with its title as hook orders more of it"
    else:
        return "It names neither a post nor a whole hook, so nothing can be ordered from it."
    return f"{how}; dry_run shows the cost."
