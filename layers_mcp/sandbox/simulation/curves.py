"""What a post or an ad has gathered by a moment: whole numbers that only ever rise.

Every window is the difference of two moments, so that hours add up to days and days to weeks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from layers_mcp.sandbox.simulation.rng import binomial, generator

DAY = 86_400.0

# The order in which kinds of engagement arrive: likes, comments, shares, saves (78, 6, 6 and 10 %).
_CYCLE = "LLLLVLLLLCLLLLSLLLLVLLLLLLLLLVLLLLCLLLLSLLLLVLLLCSLV"
_PREFIX = {kind: [_CYCLE[:end].count(kind) for end in range(len(_CYCLE) + 1)] for kind in "LCSV"}


def _of_kind(kind: str, engagements: int) -> int:
    cycles, rest = divmod(engagements, len(_CYCLE))
    return cycles * _PREFIX[kind][-1] + _PREFIX[kind][rest]


class Organic(NamedTuple):
    """A post's totals; `watch_time_ms` in milliseconds."""

    views: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0
    saves: int = 0
    reach: int = 0
    impressions: int = 0
    watch_time_ms: int = 0

    @property
    def engagements(self) -> int:
        return self.likes + self.comments + self.shares + self.saves

    @property
    def engagement_rate(self) -> float:
        return self.engagements / self.views if self.views else 0.0


_NOTHING = Organic()


def total(parts: Sequence[Organic]) -> Organic:
    """Return the sum of several posts."""
    return Organic(*map(sum, zip(*parts, strict=True))) if parts else _NOTHING


class Paid(NamedTuple):
    """An ad's totals; `spend` and `revenue` in the account's major unit."""

    spend: float = 0.0
    impressions: int = 0
    reach: int = 0
    clicks: int = 0
    conversions: int = 0
    revenue: float = 0.0

    def plus(self, other: Paid, share: float = 1.0) -> Paid:
        """Return the sum with a share of another (-1: the difference); counts stay whole."""
        return Paid(
            self.spend + share * other.spend,
            self.impressions + int(share * other.impressions),
            self.reach + int(share * other.reach),
            self.clicks + int(share * other.clicks),
            self.conversions + int(share * other.conversions),
            self.revenue + share * other.revenue,
        )


@dataclass
class PostCurve:
    """Views along a saturating curve, and of each day's views the share that engages.

    `rate` is the hidden truth; what is seen of it is a sample, noisy where views are few.
    """

    published_at: float
    reach: float
    rate: float
    watch_ms: float
    saturation_days: float
    noise: str

    def __post_init__(self) -> None:
        chance = generator(self.noise)
        days = math.ceil(8 * self.saturation_days)
        views = [self._views(day * DAY) for day in range(days + 1)]
        self._day_views = views
        self._day_engagements = [0]
        for before, after in pairwise(views):
            self._day_engagements.append(self._day_engagements[-1] + binomial(chance, after - before, self.rate))
        self._final = self._organic(views[-1], self._day_engagements[-1])

    def _views(self, age: float) -> int:
        return int(self.reach * -math.expm1(-age / (self.saturation_days * DAY)))

    def at(self, moment: float) -> Organic:
        """Return the totals at `moment`, in seconds since 1970."""
        age = moment - self.published_at
        if age <= 0:
            return _NOTHING
        day = int(age / DAY)
        if day >= len(self._day_views) - 1:
            return self._final
        views, engagements = self._views(age), self._day_engagements[day]
        gained = self._day_views[day + 1] - self._day_views[day]
        if gained:
            share = (views - self._day_views[day]) / gained
            engagements += int(share * (self._day_engagements[day + 1] - engagements))
        return self._organic(views, engagements)

    def _organic(self, views: int, engagements: int) -> Organic:
        return Organic(
            views,
            *(_of_kind(kind, engagements) for kind in "LCSV"),
            reach=int(views * 0.86),
            impressions=int(views * 1.12),
            watch_time_ms=int(views * self.watch_ms),
        )


@lru_cache(maxsize=4_096)
def post_curve(
    published_at: float, reach: float, rate: float, watch_ms: float, saturation_days: float, noise: str
) -> PostCurve:
    """Return the curve of a post, drawn once for every world in which it is the same."""
    return PostCurve(published_at, reach, rate, watch_ms, saturation_days, noise)


class AdCurve:
    """A promotion's daily spend and what it brought, from `started_at` for `days`."""

    def __init__(
        self,
        *,
        started_at: float,
        days: float,
        budget: float,
        cost_per_mille: float,
        click_rate: float,
        conversion_rate: float,
        conversion_value: float,
        noise: str,
    ) -> None:
        self.started_at = started_at
        self._days = days
        self._budget = budget
        self._cost_per_mille = cost_per_mille
        self._click_rate = click_rate
        self._conversion_rate = conversion_rate
        self._value = conversion_value
        self._chance = generator(noise)
        self._days_gained: list[Paid] = []
        self._until_day = [Paid()]

    def _draw_through(self, day: int) -> None:
        chance = self._chance
        while len(self._days_gained) <= day:
            spend = self._budget * chance.uniform(0.85, 1.1)
            impressions = int(spend / self._cost_per_mille * 1000)
            clicks = binomial(chance, impressions, self._click_rate)
            conversions = binomial(chance, clicks, self._conversion_rate)
            revenue = conversions * self._value * chance.uniform(0.85, 1.15)
            gained = Paid(spend, impressions, int(impressions * 0.7), clicks, conversions, revenue)
            self._days_gained.append(gained)
            self._until_day.append(self._until_day[-1].plus(gained))

    def at(self, moment: float) -> Paid:
        """Return the totals at `moment`, in seconds since 1970."""
        age = min(max(moment - self.started_at, 0.0) / DAY, self._days)
        day = int(age)
        self._draw_through(day)
        return self._until_day[day].plus(self._days_gained[day], age - day)
