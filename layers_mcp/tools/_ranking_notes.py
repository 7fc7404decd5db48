"""What a ranking's reader needs beside its rows: how far they can be trusted, and the one next step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layers_mcp.analytics.formatting import counted, times
from layers_mcp.analytics.metrics import FULL_RANKING, PAID_RANKINGS, RankMetric, Window
from layers_mcp.tools._ranking_rows import (
    ScoredRanking,
    ScoredRow,
    expectation,
    how_to_order,
    usual_rates,
    why_thin,
)


@dataclass(frozen=True, slots=True)
class RankingNotes:
    """A ranking as it is about to be shown: `rows` in the order shown, of which the first `limit` are."""

    metric: RankMetric
    window: Window
    ranking: ScoredRanking
    rows: Sequence[ScoredRow]
    limit: int
    worst: bool
    filtered: bool
    full: bool
    """Whether upstream gave as many rows as it ever does, so that there may be more."""
    read_only: bool
    clones_posts: bool
    """Whether the API can clone any post, as far as is known."""

    def notes(self) -> list[str]:
        """Return what limits the numbers."""
        if not self.rows:
            return []
        return list(self._paid_notes() if self.metric in PAID_RANKINGS else self._organic_notes())

    def next_step(self) -> str:
        """Return the one thing to do about it."""
        if not self.rows:
            return self._explain_empty()
        if self.worst:
            return self._next_after_worst()
        return self._next_paid_step() if self.metric in PAID_RANKINGS else self._next_organic_step()

    def _organic_notes(self) -> Iterator[str]:
        every = self.ranking.rows
        small = sum(row.low_sample is True for row in every)
        last = f"; {small} with fewer come last" if small else ""
        rows = counted(len(every), "row")
        sample = (
            f"Median over {self.ranking.sampled} of {rows} (50 views or more)"
            if self.ranking.sampled
            else f"No median: none of {rows} has 50 views and a rate"
        )
        yield f"{sample} in {self.window}{last}."
        if len(self.rows) < len(every):
            yield f"Only eligible rows are shown, {len(self.rows)} of {len(every)}; the median is of all."
        if any(row.score.expected_times_usual is not None for row in every):
            yield f"Usual rates: {usual_rates(self.ranking.usual)}."
        if below := [row.row.rank for row in every if row.score.likely and not row.score.breakout]:
            ranks = ", ".join(map(str, sorted(below)[:10]))
            yield f"Likely real breakouts for their platform, though not above 2x the overall median: rank {ranks}."
        if self.filtered:
            yield "With source_types or platforms set, the median is of these rows only."
        if self.metric == "watch_seconds_per_view":
            yield f"Layers has no such ranking: these are the {len(every)} posts with most watch time, sorted here."
        if self.full:
            yield f"The median is of the top {len(every)} by {self._upstream_metric}; the project may have more posts."
        if odd := sum(row.score.no_share for row in every):
            yield f"An engagement_rate above 1 is no share of views: {counted(odd, 'row')} with one took no part."
        if not self.worst and (below_shown := sum(row.score.breakout for row in self.rows[self.limit :])):
            yield f"Breakouts below the rows shown: {below_shown}. A higher limit shows them."

    @property
    def _upstream_metric(self) -> str:
        return "watch_time_ms" if self.metric == "watch_seconds_per_view" else self.metric

    def _paid_notes(self) -> Iterator[str]:
        yield f"A ranking by {self.metric} holds only what has paid results, so median and breakouts are left out."
        if unknown := sum(row.paid_estimate is None for row in self.rows):
            yield f"Luck cannot be judged where spend, conversions or roas are missing, in {unknown} of the rows."
        if self.metric == "conversions":
            yield "Conversions follow the budget more than the worth of a creative; expected_roas does not."

    def _next_organic_step(self) -> str:
        breakouts = sorted(
            (row for row in self.rows if row.score.breakout), key=lambda row: row.likelihood, reverse=True
        )
        if not breakouts:
            return self._nothing_stands_out()
        likeliest = breakouts[0]
        if likeliest.score.evidence == "thin":
            return f"Rank {likeliest.row.rank} is above 2x the median, {why_thin(likeliest.score)}"
        place = self.rows.index(likeliest) + 1
        shown = f" (limit={place} shows it)" if place > self.limit else ""
        return f"Rank {likeliest.row.rank}{shown} {expectation(likeliest)} {self._how_to_order(likeliest)}"

    def _nothing_stands_out(self) -> str:
        median = self.ranking.median
        if any(row.low_sample for row in self.rows) and not any(row.low_sample is False for row in self.rows):
            return "Every post has under 50 views, which is noise: rank again in a couple of days."
        if median is None:
            return "There is no median, so no breakout can be found; check_readiness says what data is missing."
        if median <= 0:
            return "The median engagement rate is 0, so nothing can be compared with it; get_metrics shows the trend."
        what = "No eligible row" if len(self.rows) < len(self.ranking.rows) else "Nothing"
        return (
            f"{what} with 50 views is above 2x the median: there is nothing to clone yet; get_metrics shows the trend."
        )

    def _next_after_worst(self) -> str:
        luck = (
            "few conversions say little (low_sample)"
            if self.metric in PAID_RANKINGS
            else "an expected_rate near the usual says unlucky rather than bad"
        )
        reach = f", and of the top {FULL_RANKING} only" if self.full else ""
        then = "" if self.read_only else " set_override with exclude keeps a creative out of ads."
        return f"This is the lower end of the list{reach}; {luck}.{then}"

    def _next_paid_step(self) -> str:
        if not any((row.row.metric_value or 0) > 0 for row in self.rows):
            return f"Nothing here has brought {self.metric} yet: rank by engagement_rate until results arrive."
        known = [(row, row.paid_estimate) for row in self.rows if row.paid_estimate is not None]
        if not known:
            return (
                f"Rank {self.rows[0].row.rank} leads by {self.metric}: look at the spend and conversions behind it "
                f"first, since few are luck too. {self._how_to_order(self.rows[0])}"
            )
        row, estimate = max(known, key=lambda pair: pair[1].roas_low)
        text = (
            f"Rank {row.row.rank} is the safest: a return of {times(estimate.roas_low)} to "
            f"{times(estimate.roas_high)} is likely, {times(estimate.expected_roas)} expected."
        )
        if estimate.expected_roas < 1:
            return f"{text} It is not expected to bring back what is spent, so nothing asks for more of it."
        return f"{text} {self._how_to_order(row)}"

    def _how_to_order(self, row: ScoredRow) -> str:
        return how_to_order(row, read_only=self.read_only, clones_posts=self.clones_posts)

    def _explain_empty(self) -> str:
        if self.ranking.rows:
            ranked = counted(len(self.ranking.rows), "ranked row")
            return f"None of {ranked} is eligible for ads: include_ineligible=true shows them."
        wider = "Without source_types and platforms more may be ranked. " if self.filtered else ""
        if self.metric in PAID_RANKINGS:
            return (
                f"{wider}Nothing has paid results in {self.window}: check_readiness (paid_ranking) says why; "
                f"engagement_rate ranks what there is until then."
            )
        longer = "" if self.window == "90d" else "; where it says ready, a longer window holds older posts"
        return (
            f"{wider}check_readiness says why a ranking is empty, and how long the next sync or scoring run can "
            f"take{longer}."
        )
