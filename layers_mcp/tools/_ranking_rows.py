"""A ranking row as tools show it, held against the median by the rules of `loop.breakouts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from layers_mcp.analytics.breakouts import Standing, judge
from layers_mcp.api.models import Organic, RankedRow, Ranking
from layers_mcp.text.sanitize import clean

AGE_NOTE = "Asking again within minutes shows nothing new."


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """A row and how it stands."""

    row: RankedRow
    standing: Standing

    @property
    def organic(self) -> Organic:
        """The organic block; an empty one where there is none."""
        return self.row.organic or Organic()

    @property
    def low_sample(self) -> bool | None:
        """Whether the row has under 50 views; None without an organic block."""
        return self.standing.low_sample


class ScoredRanking(NamedTuple):
    """A ranking's median engagement rate, the number of rows behind it, and its rows in upstream's order."""

    median: float | None
    sampled: int
    rows: Sequence[ScoredRow]


def score(ranking: Ranking) -> ScoredRanking:
    """Hold every row of a ranking against the median of its rows with at least 50 views."""
    standings = judge(row.organic for row in ranking.items)
    rows = [ScoredRow(row, standing) for row, standing in zip(ranking.items, standings.rows, strict=True)]
    return ScoredRanking(standings.median, standings.sampled, rows)


def shown_title(title: str | None) -> tuple[str | None, bool | None]:
    """A row's title made safe to show, and True where it was cut (None where it was not)."""
    if title is None:
        return None, None
    text, cut = clean(title)
    return text or None, cut or None


def short_rate(rate: float | None) -> float | None:
    """A rate that we worked out, without the noise of its last digits."""
    return None if rate is None else round(rate, 6)


def short_range(standing: Standing) -> tuple[float, float] | None:
    """The interval of a row's engagement rate, without the noise of its last digits."""
    return None if standing.range is None else (round(standing.range[0], 6), round(standing.range[1], 6))


def short_times(standing: Standing) -> float | None:
    """How many times the median, to three decimals."""
    return None if standing.times_median is None else round(standing.times_median, 3)


def platforms_of(organic: Organic) -> list[str]:
    """The platforms a row's numbers come from."""
    return [clean(platform, 40)[0] for platform in organic.platforms]


def passed_through(paid: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The paid block as upstream gave it (its fields are nobody's promise), with every text in it cleaned."""
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


READ_ONLY = "This server is read-only, so ordering more of it is left to another."


def how_to_order(winner: ScoredRow, read_only: bool) -> str:
    """How more of a solid breakout is ordered (publish-to-learn, running the loop: on breakout detection)."""
    if read_only:
        return READ_ONLY
    row = winner.row
    if row.platform_post_id:
        how = "clone_post with its platform_post_id and variations=2 orders close variants"
    elif row.title and not shown_title(row.title)[1]:
        how = "It names no post to clone; generate_with_hook with its title as hook orders more of it"
    else:
        return "It names neither a post nor a whole hook, so nothing can be ordered from it."
    return f"{how} (dry_run=true first shows the cost)."
