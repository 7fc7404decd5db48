"""What the loop is worth: half a year of a small customer, worked in four ways, in many worlds.

    python bench/loop_simulation.py                 # a table, and bench/loop_simulation.svg
    python bench/loop_simulation.py --sensitivity   # and again with each rule of the world halved and doubled

Each policy gets the same sandbox (`acme-todo`, its seed, its opening posts) and the same number of pieces a week. It
calls the tool functions and sees their results; a person approves and publishes whatever is finished. The score is the
hidden true engagement rate of what was published: the policy never sees it, and luck in small samples does not count.

Read the order of the policies, and not the size of the gap: in this world what is made from a post inherits the post's
worth, so choosing well compounds up to `WorldParameters.rate_ceiling`. The sensitivity run shows what that hangs on.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
from loop_plot import Series, plot
from loop_policies import POLICIES, Marketer

from layers_mcp.app import open_context
from layers_mcp.config import ServerConfig
from layers_mcp.sandbox import Sandbox, WorldParameters
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tools.decide_content import decide_content
from layers_mcp.tools.get_content import get_content
from layers_mcp.tools.publish_content import publish_content
from layers_mcp.tools.wait_job import wait_job

PROJECT = "acme-todo"
WEEKS = 26
START = datetime(2026, 1, 5, 9, 10, tzinfo=UTC)
GUIDE = "the guide's loop"

UNUSED = {
    # paid results and ads scoring: acme-todo has no ad account, and no policy reads the scoring pool
    *("score_start", "score_end", "score_days", "spend_per_point", "boost_most", "eligible_score", "ugc_views"),
    *("promotion_times_median", "promotion_views", "promotion_days", "budget_per_day", "cost_per_mille", "click_rate"),
    *("conversion_rate", "conversion_value", "conversion_spread", "follow_rate"),
    # what a viewer watches: no policy ranks by it
    *("watch_seconds_median", "watch_spread"),
    # how long a job runs, within the minute that the simulation waits for it
    *("job_seconds_least", "job_seconds_most"),
    # a budget that no policy reaches
    "opening_credits",
}


@dataclass(frozen=True)
class Run:
    """One policy in one world: the median true rate of each week's posts, of all of them, and what they cost."""

    policy: str
    seed: int
    weekly: tuple[float | None, ...]
    median: float
    late_median: float
    posts: int
    credits: int


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def move(self, **step: float) -> None:
        self.time += timedelta(**step)


def run(policy: str, seed: int, world: WorldParameters, weeks: int = WEEKS) -> Run:
    """Work half a year; everything in memory but the journal."""
    return anyio.run(_work, policy, seed, world, weeks)


async def _work(policy: str, seed: int, world: WorldParameters, weeks: int) -> Run:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, Sandbox(clock=clock, seed=seed, world=world) as sandbox:
        config = ServerConfig(base_url="https://api.layers.test", state_dir=Path(folder))
        credentials = Credentials(api_key=sandbox.api_key)
        async with open_context(config, credentials, transport=sandbox.transport(), clock=sandbox.now) as ws:
            marketer = Marketer(ws, sandbox.project_id(PROJECT), random.Random(f"{policy}/{seed}"))
            for week in range(weeks):
                marketer.week, marketer.jobs = week, []
                await POLICIES[policy](marketer)
                clock.move(minutes=1)
                await _finish(marketer)
                clock.move(days=7, minutes=-1)
        return _score(policy, seed, sandbox, weeks)


async def _finish(marketer: Marketer) -> None:
    """See the jobs end, and let a person approve what they made and publish each piece on one of the accounts."""
    await wait_job(marketer.ws, tuple(marketer.jobs), timeout_seconds=0)
    waiting = await get_content(marketer.ws, project_id=marketer.project_id, awaiting_approval=True, limit=50)
    linked = await marketer.ws.api.projects.social_accounts(marketer.project_id)
    accounts = sorted(account.social_account_id for account in linked if account.status == "connected")
    for item in waiting.items:
        await decide_content(marketer.ws, item.container_id, "approve")
        await publish_content(
            marketer.ws, container_id=item.container_id, social_account_ids=(marketer.chance.choice(accounts),)
        )


def _score(policy: str, seed: int, sandbox: Sandbox, weeks: int) -> Run:
    by_week: defaultdict[int, list[float]] = defaultdict(list)
    for post in sandbox.truth(PROJECT):
        if post.published_at >= START:
            by_week[min((post.published_at - START).days // 7, weeks - 1)].append(post.engagement_rate)
    rates = [rate for week in by_week.values() for rate in week]
    late = [rate for week, of_week in by_week.items() if week >= weeks - 13 for rate in of_week]
    return Run(
        policy=policy,
        seed=seed,
        weekly=tuple(statistics.median(by_week[week]) if by_week[week] else None for week in range(weeks)),
        median=statistics.median(rates),
        late_median=statistics.median(late),
        posts=len(rates),
        credits=-sum(event.credits for event in sandbox.ledger() if event.type in ("usage", "refund")),
    )


def simulate(seeds: Iterable[int], world: WorldParameters, pool: ProcessPoolExecutor) -> dict[str, list[Run]]:
    """Every policy in every world."""
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    seeds = list(seeds)
    names = [name for name in POLICIES for _ in seeds]
    for one in pool.map(partial(run, world=world), names, seeds * len(POLICIES)):
        runs[one.policy].append(one)
    return runs


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and the ends of its 95 % bootstrap interval over seeds."""
    chance = random.Random(1)
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(2_000))
    return statistics.fmean(values), means[49], means[1949]


def table(runs: dict[str, list[Run]]) -> str:
    """A row for each policy: rates in percent with their intervals, the gap to the guide's loop, posts and credits."""
    lines = [
        "| policy | median engagement rate | in the last 13 weeks | the guide's loop against it | posts | credits |",
        "|---|---|---|---|---|---|",
    ]
    for name, of_policy in runs.items():
        pairs = zip(runs[GUIDE], of_policy, strict=True)
        ratios = [guide.late_median / one.late_median for guide, one in pairs]
        gap = "" if name == GUIDE else "{:.2f}x [{:.2f}, {:.2f}]".format(*interval(ratios))
        posts = statistics.fmean(one.posts for one in of_policy)
        spent = statistics.fmean(one.credits for one in of_policy)
        rates = [_percent([one.median for one in of_policy]), _percent([one.late_median for one in of_policy])]
        lines.append(f"| {name} | {rates[0]} | {rates[1]} | {gap} | {posts:,.0f} | {spent:,.0f} |")
    return "\n".join(lines)


def _percent(values: Sequence[float]) -> str:
    mean, low, high = (100 * value for value in interval(values))
    return f"{mean:.2f}% [{low:.2f}, {high:.2f}]"


def sensitivity(seeds: Sequence[int], pool: ProcessPoolExecutor) -> Iterable[str]:
    """Each rule of the world halved and doubled: what the guide's loop is worth against each other policy then."""
    others = [name for name in POLICIES if name != GUIDE]
    yield "| rule | value | " + " | ".join(f"against {name}" for name in others) + " |"
    yield "|---" * (2 + len(others)) + "|"
    default = WorldParameters()
    for rule in fields(default):
        if rule.name in UNUSED:
            continue
        for factor in (0.5, 2.0):
            value = getattr(default, rule.name) * factor
            runs = simulate(seeds, replace(default, **{rule.name: value}), pool)
            cells = []
            for name in others:
                pairs = zip(runs[GUIDE], runs[name], strict=True)
                cells.append(
                    "{:.2f}x [{:.2f}, {:.2f}]".format(*interval([a.late_median / b.late_median for a, b in pairs]))
                )
            yield f"| {rule.name} | {value:g} | " + " | ".join(cells) + " |"


def _series(runs: dict[str, list[Run]]) -> list[Series]:
    """For each policy and week: the mean over seeds of the week's median rate, and its interval, in percent."""
    series: list[Series] = []
    for name, of_policy in runs.items():
        weeks = [[one.weekly[week] for one in of_policy] for week in range(WEEKS)]
        points = [interval([100 * rate for rate in rates if rate is not None]) for rates in weeks]
        series.append(Series(name, points))
    return series


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=16, help="worlds to work in (default 16)")
    parser.add_argument("--sensitivity", action="store_true", help="halve and double each rule of the world, too")
    parser.add_argument("--sensitivity-seeds", type=int, default=4, help="worlds for each changed rule (default 4)")
    parser.add_argument("--svg", type=Path, default=Path(__file__).with_suffix(".svg"), help="where the plot goes")
    options = parser.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = simulate(range(1, options.seeds + 1), WorldParameters(), pool)
        print(table(runs))
        options.svg.write_text(plot(_series(runs), "Median engagement rate of each week's posts, in percent"), "utf-8")
        took = time.monotonic() - began
        print(f"\n{WEEKS} weeks, {options.seeds} worlds, 95 % intervals over worlds; {took:.0f} s; {options.svg.name}")
        if options.sensitivity:
            print(f"\nThe guide's loop in the last 13 weeks, {options.sensitivity_seeds} worlds each:\n")
            for line in sensitivity(range(1, options.sensitivity_seeds + 1), pool):
                print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
