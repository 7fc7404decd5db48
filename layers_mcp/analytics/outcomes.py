"""Did what was commissioned beat its source? The journal's orders, compared with one ranking of their project.

An order is live once a container of its own is in the ranking; its live containers count as one post, weighted
by their views. Engagement rates are compared, since views grow with age. Wins over the source or the median do not say
whether an order was worth it: a source is picked for being high, partly by luck. `lift` holds orders against what
their sources should be expected to earn again.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, get_args

from layers_mcp.analytics import breakouts
from layers_mcp.analytics.breakouts import BreakoutScore
from layers_mcp.analytics.lift import Lift, estimate_lift
from layers_mcp.analytics.metrics import FULL_RANKING, Window
from layers_mcp.analytics.statistics import SMALL_SAMPLE_VIEWS, Reach, median, ratio, smoothed_rate
from layers_mcp.analytics.status import ENDED, WITHOUT_RESULT, status_of_all
from layers_mcp.text.ids import container_key, container_keys
from layers_mcp.text.sanitize import clean

Mode = Literal["fork", "reimagine", "hook"]
"""A close clone, a free clone, or new content with a pinned hook."""


class Row(Protocol):
    """A ranking row, as far as it is needed to find an order's posts and its source."""

    @property
    def source_id(self) -> str | None: ...
    @property
    def platform_post_id(self) -> str | None: ...
    @property
    def title(self) -> str | None: ...
    @property
    def organic(self) -> Reach | None: ...


class JudgedOrder(Protocol):
    """An order as the journal holds it."""

    @property
    def mode(self) -> Mode: ...
    @property
    def status(self) -> str: ...
    @property
    def source_platform_post_id(self) -> str | None: ...
    @property
    def hook(self) -> str | None: ...
    @property
    def container_ids(self) -> Sequence[str]: ...


class Piece(Protocol):
    """A container as the project's content shows it."""

    @property
    def status(self) -> str | None: ...
    @property
    def approval_status(self) -> str | None: ...


@dataclass(frozen=True)
class Outcome:
    """How one order did. Rates are fractions, `versus_*` ratios of rates; None where it cannot be said."""

    status: str
    approval_status: str | None = None
    live: bool | None = False
    """Whether it is in the ranking; None where that could not be read, and it may be."""
    low_sample: bool | None = None
    metric_value: float | None = None
    source_value: float | None = None
    versus_source: float | None = None
    versus_median: float | None = None
    versus_expected: float | None = None
    """Its rate over what its source should be expected to earn again; only where enough people have seen it."""
    source_times_usual: float | None = None
    """What its source should be expected to earn, over the usual of its platforms."""
    source_title: str | None = None

    @property
    def judged(self) -> bool:
        """Whether enough people have seen it for its rate to count."""
        return self.metric_value is not None and self.low_sample is False

    @property
    def without_result(self) -> bool:
        """Whether it ended without anything that may go live."""
        return self.status in WITHOUT_RESULT or (self.status == "completed" and self.approval_status == "rejected")


@dataclass(frozen=True)
class ModeSummary:
    """One mode over all its orders, as far as rankings could be read; None where nothing tells.

    `beat_source` and `beat_median` are of judged orders that have such a ratio.
    """

    mode: Mode
    commissions: int
    live: int | None
    judged: int | None
    beat_source: int | None
    beat_median: int | None
    median_versus_source: float | None
    lift: Lift | None = None
    """Against what the sources should be expected to earn; None under three judged orders."""
    times_usual: float | None = None
    """How many times the usual a piece of this mode earns."""


class RankingIndex:
    """One project's ranking by engagement rate, indexed by what orders are found by.

    `made` are the containers that any order made, since a hook's source is a post that no order did.
    """

    def __init__(self, rows: Sequence[Row], made: Collection[str]) -> None:
        self._by_container: defaultdict[str, list[Row]] = defaultdict(list)
        self._by_post: defaultdict[str, list[Row]] = defaultdict(list)
        self._by_hook: defaultdict[str, list[Row]] = defaultdict(list)
        made = container_keys(made)
        for row in rows:
            if row.source_id:
                self._by_container[container_key(row.source_id)].append(row)
            if row.platform_post_id:
                self._by_post[row.platform_post_id].append(row)
            if row.title and (not row.source_id or container_key(row.source_id) not in made):
                self._by_hook[_plain(row.title)].append(row)
        self.full = len(rows) >= FULL_RANKING
        scores = breakouts.judge(
            (row.organic for row in rows),
            [bool(row.source_id) and container_key(row.source_id or "") in made for row in rows],
        )
        self.median = scores.median
        self._scores = {id(row): score for row, score in zip(rows, scores.rows, strict=True)}

    def rows(self, order: JudgedOrder) -> list[Row]:
        """Return the rows of the order's containers, one for each post that is ranked."""
        return [row for key in map(container_key, order.container_ids) for row in self._by_container.get(key, ())]

    def score(self, row: Row) -> BreakoutScore:
        """Return how a row compares with its ranking."""
        return self._scores[id(row)]

    def source(self, order: JudgedOrder) -> Row | None:
        """Return the post that the order was made from; for a hook the most viewed post that carries it."""
        if order.source_platform_post_id:
            rows = self._by_post.get(order.source_platform_post_id, [])
        else:
            rows = self._by_hook.get(_plain(order.hook or ""), [])
        seen = [(row.organic.views or 0, row) for row in rows if row.organic]
        return max(seen, key=lambda pair: pair[0])[1] if seen else None


def judge(order: JudgedOrder, index: RankingIndex | None, content: Mapping[str, Piece]) -> Outcome:
    """Judge `order`: against its source and the median where `index` ranks it, and what `content` says of it.

    `content` is keyed by `container_key`. Without an index (it could not be read) nothing is said about results.
    """
    pieces = [content[key] for key in map(container_key, order.container_ids) if key in content]
    approval = _approval(pieces)
    rows = index.rows(order) if index else []
    source = index.source(order) if index else None
    title = source.title if source else None
    if index is None or not rows:
        status = _status(order, pieces)
        if index and index.full and status == "completed" and approval not in {"pending", "rejected"}:
            status = "unranked"
        may_be_live = index is None and order.status not in WITHOUT_RESULT
        return Outcome(status, approval, live=None if may_be_live else False, source_title=title)
    posts = [row.organic for row in rows if row.organic is not None]
    value = _pooled(posts)
    source_value = source.organic.engagement_rate if source and source.organic else None
    score = index.score(source) if source else None
    views = sum(post.views or 0 for post in posts)
    expected = score.expected_rate if score else None
    judged = value is not None and 0 <= value <= 1 and views >= SMALL_SAMPLE_VIEWS
    return Outcome(
        status=order.status if order.status in ENDED else "completed",
        approval_status=approval,
        live=True,
        low_sample=views < SMALL_SAMPLE_VIEWS if posts else None,
        metric_value=value,
        source_value=source_value,
        versus_source=ratio(value, source_value),
        versus_median=ratio(value, index.median),
        versus_expected=ratio(smoothed_rate(views, value), expected) if judged and value is not None else None,
        source_times_usual=score.times_usual if score else None,
        source_title=title,
    )


def by_mode(outcomes: Iterable[tuple[Mode, Outcome]]) -> list[ModeSummary]:
    """Return how often each mode won, over (mode, outcome) of every order; a small sample counts in no win."""
    groups: defaultdict[Mode, list[Outcome]] = defaultdict(list)
    for mode, outcome in outcomes:
        groups[mode].append(outcome)
    return [_summary(mode, groups[mode]) for mode in get_args(Mode) if mode in groups]


def covering_window(since: datetime, now: datetime) -> tuple[Window, bool]:
    """Return the smallest ranking window that reaches back to `since` (whole seconds), and whether the largest does."""
    age = now.replace(microsecond=0) - since
    windows: tuple[tuple[Window, int], ...] = (("7d", 7), ("30d", 30), ("90d", 90))
    for window, days in windows:
        if age <= timedelta(days=days):
            return window, True
    return "90d", False


def _plain(text: str) -> str:
    """Return a hook as it was ordered: NFC, trimmed, without what cannot be seen."""
    return unicodedata.normalize("NFC", clean(text, limit=2000)[0])


def _approval(pieces: Sequence[Piece]) -> str | None:
    states = {piece.approval_status for piece in pieces if piece.approval_status}
    return states.pop() if len(states) == 1 else "mixed" if states else None


def _status(order: JudgedOrder, pieces: Sequence[Piece]) -> str:
    """Return the journal's status, or what the order's containers show where the journal does not have its end yet."""
    if order.status in ENDED or not pieces:
        return order.status
    return status_of_all(piece.status for piece in pieces)


def _pooled(posts: Iterable[Reach]) -> float | None:
    """Return the engagement rate of several posts as one, weighted by views; without those that lack views or rate."""
    rated = [(post.views, post.engagement_rate) for post in posts if post.views and post.engagement_rate is not None]
    return sum(views * rate for views, rate in rated) / sum(views for views, _ in rated) if rated else None


def _summary(mode: Mode, outcomes: Sequence[Outcome]) -> ModeSummary:
    live = [outcome for outcome in outcomes if outcome.live]
    judged = [outcome for outcome in live if outcome.judged]
    versus_source = [outcome.versus_source for outcome in judged if outcome.versus_source is not None]
    versus_median = [outcome.versus_median for outcome in judged if outcome.versus_median is not None]
    lift = estimate_lift([outcome.versus_expected for outcome in judged if outcome.versus_expected is not None])
    unread = all(outcome.live is None for outcome in outcomes)
    return ModeSummary(
        mode=mode,
        commissions=len(outcomes),
        live=None if unread else len(live),
        judged=None if unread else len(judged),
        beat_source=_wins(versus_source),
        beat_median=_wins(versus_median),
        median_versus_source=median(versus_source),
        lift=lift,
        times_usual=_times_usual(lift, judged),
    )


def _times_usual(lift: Lift | None, judged: Sequence[Outcome]) -> float | None:
    """Return how many times the usual a piece earns: the lift over what the sources were expected to earn of it."""
    usual = [one.source_times_usual for one in judged if one.versus_expected is not None and one.source_times_usual]
    return lift.value * sum(usual) / len(usual) if lift and usual else None


def _wins(ratios: Sequence[float]) -> int | None:
    return sum(ratio > 1 for ratio in ratios) if ratios else None
