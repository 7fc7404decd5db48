"""How much of a high rate is luck: every post of a ranking, drawn towards what is usual on its platforms.

A rate that was seen mixes what the content earns with luck, and the highest of many rates is often the luckiest. So
every rate is pulled towards what is usual on its platforms, by as much as the spread of the ranking and the number of
viewers say. On a log scale "twice the usual" is a shift; the prior is a Student t, since breakouts are outliers; the
spread between posts is a grid of values, each weighted by how well it explains the ranking, so that a ranking of five
posts needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, log, log1p, sqrt

from layers_mcp.analytics.statistics import BREAKOUT_TIMES_MEDIAN, Reach, smoothed_rate, usable

FEWEST_ROWS = 5
"""Fewer usable rows say nothing about what is usual (publish-to-learn: "at least 5-10 posts live")."""

MOST_VIEWS = 10**15
"""More views than people could give: a count above it is cut, so that no answer can overflow a float."""

_CLUSTERING = 2.0
"""Viewers come in clusters: engagements vary twice as much as independent ones would."""
_LUCK = 0.10
"""What a post owes to its moment whatever its reach: a standard deviation on the log scale."""
_PLATFORM_SPREAD = 0.6
"""How far platforms' usual rates lie apart: a standard deviation on the log scale."""
_DEGREES = 4.0
"""Degrees of freedom of the Student t between posts."""
_SPREADS = (0.08, 0.12, 0.18, 0.27, 0.4, 0.6, 0.9, 1.3)
"""How far posts of one platform may lie apart: standard deviations on the log scale."""
_LIKELY_SPREAD, _LIKELY_FACTOR = 0.45, 0.5
"""The prior of that spread: log-normal about 0.45."""
_ROUNDS = 3
"""Rounds of reweighting outliers: a fourth changes nothing that is shown."""
_BREAKOUT = log(BREAKOUT_TIMES_MEDIAN)
"""How far above the usual a breakout begins, on the log scale."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one row is likely worth. Rates are fractions."""

    chance_real: float
    """The probability (0 to 1) that its true rate is above twice what is usual on its platforms."""
    expected_rate: float
    """The rate that another piece as good as this one should be expected to earn."""
    usual_rate: float
    """The usual rate of its platforms."""

    @property
    def times_usual(self) -> float:
        """`expected_rate` over `usual_rate`: what compares posts of different platforms."""
        return self.expected_rate / self.usual_rate


@dataclass(frozen=True, slots=True)
class Estimates:
    """Every row's estimate in their order (None where a row says too little), and what is usual where."""

    rows: tuple[Estimate | None, ...]
    usual: Mapping[str, float]
    """The usual rate by platform (several joined by "+"), most rows first."""
    platforms: frozenset[str]
    """The platforms that the usable rows name."""


def estimate(rows: Sequence[Reach | None], ordered: Sequence[bool] = ()) -> Estimates:
    """Estimate every row of one ranking.

    `ordered` marks, in the rows' order, those that orders from this journal made: they are judged like the others,
    but do not shape what is usual, or success would raise its own bar. Where fewer than five rows remain without
    them, all count. Under five usable rows nothing is told.
    """
    posts = {place: _Post.of(row) for place, row in enumerate(rows) if row is not None and usable(row)}
    if len(posts) < FEWEST_ROWS:
        return Estimates((None,) * len(rows), {}, frozenset())
    others = [post for place, post in posts.items() if not (place < len(ordered) and ordered[place])]
    sample = _by_group(sorted(others if len(others) >= FEWEST_ROWS else posts.values()))  # their order must not matter
    fits = [_fit(sample, spread) for spread in _SPREADS]
    weights = _softmax([fit.score + log(width) for fit, width in zip(fits, _WIDTHS, strict=True)])
    mixtures = {group: _Mixture.of(group, weights, fits) for group in _by_group(posts.values())}
    return Estimates(
        rows=tuple(
            mixtures[posts[place].group].estimate(posts[place]) if place in posts else None
            for place in range(len(rows))
        ),
        usual={group: mixture.usual_rate for group, mixture in mixtures.items()},
        platforms=frozenset(platform for post in posts.values() for platform in post.group.split("+") if platform),
    )


@dataclass(frozen=True, slots=True, order=True)
class _Post:
    """A row on the log scale: its rate, how far chance may have moved it (a variance), and its platforms."""

    rate: float
    variance: float
    group: str

    @classmethod
    def of(cls, reach: Reach) -> _Post:
        views, rate = min(reach.views or 0, MOST_VIEWS), reach.engagement_rate or 0.0
        engagements = rate * views + 0.5
        return cls(
            rate=log(smoothed_rate(views, rate)),
            variance=_CLUSTERING / engagements + _LUCK**2,
            group="+".join(sorted({platform.casefold() for platform in reach.platforms})),
        )


_Groups = Mapping[str, Sequence[_Post]]
"""Posts by their platforms."""


@dataclass(frozen=True, slots=True)
class _Levels:
    """What is usual on each platform and over all, on the log scale, as these weights have it."""

    totals: Mapping[str, float]
    means: Mapping[str, float]
    precisions: Mapping[str, float]
    """How much each platform says about what is usual over all."""
    precision: float
    middle: float

    @classmethod
    def of(cls, groups: _Groups, weights: Mapping[str, Sequence[float]]) -> _Levels:
        totals = {group: sum(each) for group, each in weights.items()}
        means = {
            group: sum([weight * post.rate for weight, post in zip(weights[group], posts, strict=True)]) / totals[group]
            for group, posts in groups.items()
        }
        precisions = {group: 1 / (1 / total + _PLATFORM_SPREAD**2) for group, total in totals.items()}
        precision = sum(precisions.values())
        middle = sum([precisions[group] * mean for group, mean in means.items()]) / precision
        return cls(totals, means, precisions, precision, middle)

    def bases(self) -> dict[str, float]:
        """Return each platform's usual rate, the closer to the middle the less data it has (partial pooling)."""
        return {group: self.middle + self.kept(group) * (mean - self.middle) for group, mean in self.means.items()}

    def kept(self, group: str) -> float:
        """Return how much of its distance from the middle a platform keeps."""
        return _PLATFORM_SPREAD**2 * self.precisions[group]

    def variance(self, group: str) -> float:
        """Return how uncertain a platform's usual rate is."""
        kept = self.kept(group)
        return kept / self.totals[group] + (1 - kept) ** 2 / self.precision

    def score(self) -> float:
        """Return what the platforms' levels add to how well a fit explains the ranking, a logarithm."""
        return -log(self.precision) / 2 + sum(
            (log(precision / self.totals[group]) - precision * (self.means[group] - self.middle) ** 2) / 2
            for group, precision in self.precisions.items()
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """What is usual if posts lie `spread` apart, and how well that explains the ranking (`score`, a logarithm)."""

    spread: float
    middle: float
    bases: Mapping[str, float]
    variances: Mapping[str, float]
    unseen_variance: float
    score: float


def _fit(groups: _Groups, spread: float) -> _Fit:
    """Find what is usual by reweighting: posts far out of line shape it less."""
    variances = {group: [post.variance + spread**2 for post in posts] for group, posts in groups.items()}
    levels = _Levels.of(groups, {group: [1 / variance for variance in each] for group, each in variances.items()})
    for _ in range(_ROUNDS - 1):
        levels = _Levels.of(groups, _reweighted(groups, variances, levels.bases()))
    bases = levels.bases()
    prior = -((log(spread / _LIKELY_SPREAD) / _LIKELY_FACTOR) ** 2) / 2
    likelihood = sum(
        [
            log(variance) + (_DEGREES + 1) * log1p((post.rate - bases[group]) ** 2 / (variance * _DEGREES))
            for group, posts in groups.items()
            for post, variance in zip(posts, variances[group], strict=True)
        ]
    )
    return _Fit(
        spread=spread,
        middle=levels.middle,
        bases=bases,
        variances={group: levels.variance(group) for group in groups},
        unseen_variance=_PLATFORM_SPREAD**2 + 1 / levels.precision,
        score=prior - likelihood / 2 + levels.score(),
    )


def _reweighted(
    groups: _Groups, variances: Mapping[str, Sequence[float]], bases: Mapping[str, float]
) -> dict[str, list[float]]:
    """Return how much each post counts under a Student t: 1.25 over its variance in the middle, towards 0 far out."""
    return {
        group: [
            (_DEGREES + 1) / (_DEGREES * variance + (post.rate - bases[group]) ** 2)
            for post, variance in zip(posts, variances[group], strict=True)
        ]
        for group, posts in groups.items()
    }


@dataclass(frozen=True, slots=True)
class _Mixture:
    """What all fits say of one group of platforms: for each its weight, spread², the usual rate, and its variance."""

    parts: Sequence[tuple[float, float, float, float]]
    usual_rate: float

    @classmethod
    def of(cls, group: str, weights: Sequence[float], fits: Sequence[_Fit]) -> _Mixture:
        """For a group that shaped nothing, the overall level."""
        parts = [
            (
                weight,
                fit.spread**2,
                fit.bases.get(group, fit.middle),
                fit.variances.get(group, fit.unseen_variance),
            )
            for weight, fit in zip(weights, fits, strict=True)
        ]
        return cls(parts, exp(sum([weight * base for weight, _, base, _ in parts])))

    def estimate(self, post: _Post) -> Estimate:
        """Return a post's true rate, each fit drawing it towards the base by its trust (0 to 1).

        An outlier is trusted more: under a Student t it is likelier to lie far out than the spread alone says.
        """
        chance = expected = 0.0
        for weight, spread, base, base_variance in self.parts:
            excess = post.rate - base
            belief = (_DEGREES + 1) / (_DEGREES + excess**2 / (post.variance + spread))
            trust = spread / belief / (spread / belief + post.variance)
            doubt = sqrt(trust * post.variance + trust**2 * base_variance)
            chance += weight * _normal_below((trust * excess - _BREAKOUT) / doubt)
            expected += weight * (base + trust * excess)
        return Estimate(chance, exp(expected), self.usual_rate)


def _by_group(posts: Iterable[_Post]) -> _Groups:
    """Return the posts by platforms, the largest group first."""
    groups: dict[str, list[_Post]] = {}
    for post in posts:
        groups.setdefault(post.group, []).append(post)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))


def _softmax(scores: Sequence[float]) -> list[float]:
    highest = max(scores)
    shares = [exp(score - highest) for score in scores]
    return [share / sum(shares) for share in shares]


def _normal_below(z: float) -> float:
    """Return the standard normal's distribution function."""
    return erfc(-z / sqrt(2)) / 2


_WIDTHS = [
    log(_SPREADS[min(place + 1, len(_SPREADS) - 1)] / _SPREADS[max(place - 1, 0)]) for place in range(len(_SPREADS))
]
"""How much of the prior each value of the grid stands for: from neighbour to neighbour, on the log scale."""
