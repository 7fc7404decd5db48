"""How often `solid` is right: rankings drawn with known truth, judged by the real tool.

    pip install --editable '.[calibration]'
    python bench/calibration.py                  # the table of docs/calibration.md, about two minutes
    python bench/calibration.py --rankings 200   # a quick look

Each ranking is drawn from a world whose truth is known: a post's true rate, the usual rate of its platform, how many
have seen it. The tool gets what Layers would answer and nothing of the truth. A post is a real breakout where its true
rate is above twice what is usual on its platform. Two figures say how good an evidence is: of the posts called `solid`,
the share that are none (false discovery rate), and of the real breakouts, the share called `solid` (power).
The first version's rule stands beside it: the low end of a 95 % Wilson interval above twice the overall median.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt
from pathlib import Path
from typing import Any

import anyio
import httpx2
import numpy as np

from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tools.rank_top_performers import rank_top_performers

PROJECT = "prj_1"
PLATFORMS = ("tiktok", "instagram", "youtube")

USUAL_RATE = 0.035
PLATFORM_SPREAD = 0.6
"""How far platforms' usual rates lie apart, a standard deviation on the log scale: most are within a factor of two."""
POST_SPREAD, POST_TAIL = 0.40, 4
"""How far posts of one platform lie apart, on the log scale: a Student t, whose tail are the breakouts."""
VIEWS_MEDIAN, VIEWS_SPREAD = 1_500, 1.2
"""Reach is log-normal: one post in six has under 500 views, one in six over 5,000."""
LUCK = 0.10
"""Realistic worlds: what a post owes to its moment, on the log scale."""
CLUSTER = 2
"""Realistic worlds: viewers come in groups that behave alike."""


@dataclass(frozen=True)
class World:
    """A kind of ranking, and what `solid` has to reach in it (None: told, and not held to)."""

    name: str
    posts: int
    platforms: int = 1
    realistic: bool = False
    outliers: bool = True
    most_false: float | None = None
    least_power: float | None = None


WORLDS = (
    World("binomial, 10 posts", 10, most_false=0.10, least_power=0.25),
    World("realistic, 30 posts", 30, realistic=True, most_false=0.16, least_power=0.45),
    World("three platforms, 10 posts", 10, platforms=3, most_false=0.20, least_power=0.12),
    World("three platforms, realistic, 30 posts", 30, platforms=3, realistic=True, most_false=0.22, least_power=0.28),
    World("binomial, 10 posts, no outliers", 10, outliers=False),
    World("three platforms, realistic, 30 posts, no outliers", 30, platforms=3, realistic=True, outliers=False),
)


@dataclass(frozen=True)
class Post:
    """What Layers would show of a post, and whether it is a real breakout."""

    views: int
    rate: float
    platform: str
    real: bool


def draw(world: World, chance: np.random.Generator) -> list[Post]:
    """One ranking of a world."""
    names = PLATFORMS[: world.platforms]
    usual = {name: USUAL_RATE * exp(PLATFORM_SPREAD * chance.standard_normal()) for name in names}
    return [_post(world, str(chance.choice(names)), usual, chance) for _ in range(world.posts)]


def _post(world: World, platform: str, usual: dict[str, float], chance: np.random.Generator) -> Post:
    worth = chance.standard_t(POST_TAIL) if world.outliers else chance.standard_normal()
    true_rate = min(usual[platform] * exp(POST_SPREAD * worth), 0.9)
    views = max(1, round(VIEWS_MEDIAN * exp(VIEWS_SPREAD * chance.standard_normal())))
    if world.realistic:
        shown = min(true_rate * exp(LUCK * chance.standard_normal()), 0.95)
        groups = max(1, views // CLUSTER)
        rate = float(chance.binomial(groups, shown)) / groups
    else:
        rate = float(chance.binomial(views, true_rate)) / views
    return Post(views, rate, platform, true_rate > 2 * usual[platform])


@dataclass
class Score:
    """How a rule did: posts it called solid, those of them that were real, and all real breakouts."""

    called: int = 0
    right: int = 0
    real: int = 0

    def add(self, called: Sequence[bool], posts: Sequence[Post]) -> None:
        self.called += sum(called)
        self.right += sum(one and post.real for one, post in zip(called, posts, strict=True))
        self.real += sum(post.real for post in posts)

    @property
    def false_share(self) -> float:
        return 1 - self.right / self.called if self.called else 0.0

    @property
    def power(self) -> float:
        return self.right / self.real if self.real else 0.0


class Layers(httpx2.AsyncBaseTransport):
    """Answers every ranking with the posts at hand."""

    def __init__(self) -> None:
        self.posts: list[Post] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        rows = [_row(rank, post) for rank, post in enumerate(self.posts, start=1)]
        return httpx2.Response(200, json={"items": rows})


def _row(rank: int, post: Post) -> dict[str, Any]:
    organic = {"views": post.views, "engagementRate": post.rate, "platforms": [post.platform]}
    return {"rank": rank, "platformPostId": f"pp_{rank}", "metricValue": post.rate, "organic": organic}


def wilson_low(rate: float, views: int) -> float:
    """The low end of the 95 % Wilson interval: what the first version went by."""
    z = 1.96
    spread = z * z / views
    return (rate + spread / 2 - z * sqrt(rate * (1 - rate) / views + spread / (4 * views))) / (1 + spread)


async def scored(world: World, rankings: int) -> tuple[Score, Score]:
    """How the tool did in a world, and how the first version's rule would have done on the same rankings."""
    chance, layers, new, old = np.random.default_rng(1), Layers(), Score(), Score()
    with tempfile.TemporaryDirectory() as folder:
        config = ServerConfig(base_url="https://api.layers.test", state_dir=Path(folder))
        async with open_context(config, Credentials(api_key="lp_test_x"), transport=layers) as context:
            for _ in range(rankings):
                layers.posts = draw(world, chance)
                result = await rank_top_performers(context, project_id=PROJECT, metric="engagement_rate", limit=100)
                rows = {row.platform_post_id: row for row in result.items}
                shown = [rows[f"pp_{rank}"] for rank in range(1, len(layers.posts) + 1)]
                line = 2 * (result.median_engagement_rate or 1)
                new.add([row.breakout_evidence == "solid" for row in shown], layers.posts)
                old.add(
                    [
                        bool(row.breakout) and wilson_low(post.rate, post.views) > line
                        for row, post in zip(shown, layers.posts, strict=True)
                    ],
                    layers.posts,
                )
    return new, old


def main() -> int:
    """Print the table; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rankings", type=int, default=1_000, help="rankings drawn of each world (default 1000)")
    rankings = parser.parse_args().rankings
    missed = False
    print("| world | false among solid | target | power | target | first version: false | power |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for world in WORLDS:
        new, old = anyio.run(scored, world, rankings)
        false, power = world.most_false, world.least_power
        missed |= (false is not None and new.false_share > false) or (power is not None and new.power < power)
        targets = ["" if target is None else f"{target:.2f}" for target in (false, power)]
        print(
            f"| {world.name} | {new.false_share:.2f} | {targets[0]} | {new.power:.2f} | {targets[1]} "
            f"| {old.false_share:.2f} | {old.power:.2f} |",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
