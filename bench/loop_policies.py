"""Four ways to spend the same week's budget. Each sees what the tools tell it, and nothing of the world behind them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from layers_mcp.context import ToolContext
from layers_mcp.tools.clone_post import clone_post
from layers_mcp.tools.find_breakouts import find_breakouts
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.rank_top_performers import rank_top_performers
from layers_mcp.tools.review_commissions import review_commissions

ORDERS_A_WEEK = 2
VARIATIONS = 2
"""The guide's answer to a breakout; every policy makes `ORDERS_A_WEEK * VARIATIONS` pieces a week."""

ENOUGH_TO_JUDGE = 6
"""Judged orders of each mode before the review decides between them; until then they take turns."""

CloneMode = Literal["fork", "reimagine"]
MODES: tuple[CloneMode, ...] = ("fork", "reimagine")


@dataclass
class Marketer:
    """Who orders: a workspace, a project, and the memory of how often a source was ordered."""

    ws: ToolContext
    project_id: str
    chance: random.Random
    week: int = 0
    jobs: list[str] = field(default_factory=list[str])
    takes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    async def clone(self, source: str, mode: CloneMode, variations: int = VARIATIONS) -> None:
        """Order clones of a post, another take of them where that was ordered before."""
        self.takes[source, mode] += 1
        order = await clone_post(
            self.ws,
            project_id=self.project_id,
            source_platform_post_id=source,
            mode=mode,
            variations=variations,
            take=self.takes[source, mode],
        )
        self.jobs.append(order.job_id or "")

    async def new_idea(self, hook: str) -> None:
        """Order content on a hook that nobody has tried."""
        order = await generate_with_hook(
            self.ws, project_id=self.project_id, hook=hook, format="video_remix", variations=VARIATIONS
        )
        self.jobs.append(order.job_id or "")


async def no_loop(marketer: Marketer) -> None:
    """Never looks back: new ideas every week."""
    for number in range(ORDERS_A_WEEK):
        await marketer.new_idea(f"Idea {number + 1} of week {marketer.week + 1}")


async def clone_at_random(marketer: Marketer) -> None:
    """Looks at what is there, not at how it did: any post, either mode."""
    ranking = await rank_top_performers(
        marketer.ws, project_id=marketer.project_id, metric="views", window="30d", limit=100
    )
    posts = [row.platform_post_id for row in ranking.items if row.platform_post_id]
    for source in marketer.chance.sample(posts, min(ORDERS_A_WEEK, len(posts))):
        await marketer.clone(source, marketer.chance.choice(("fork", "reimagine")))


async def fork_the_top(marketer: Marketer) -> None:
    """Takes the first row of the ranking as it comes, however few have seen it, and forks it again and again."""
    ranking = await rank_top_performers(
        marketer.ws, project_id=marketer.project_id, metric="engagement_rate", window="30d", limit=100
    )
    top = min((row for row in ranking.items if row.platform_post_id), key=lambda row: row.rank)
    await marketer.clone(top.platform_post_id or "", "fork", ORDERS_A_WEEK * VARIATIONS)


async def guides_loop(marketer: Marketer) -> None:
    """The guide's loop as the tools support it: solid breakouts first, no small samples, the mode with the better lift.

    A source is ordered once. Where there are too few breakouts, the rest goes to the posts of which a clone should be
    expected to earn most, against what is usual on their platforms.
    """
    mode, answered = await _learned(marketer)
    found = await find_breakouts(marketer.ws, project_ids=(marketer.project_id,), window="30d")
    sources = [
        one.platform_post_id
        for one in found.breakouts
        if one.breakout_evidence == "solid" and not one.already_ordered and one.platform_post_id
    ]
    if len(sources) < ORDERS_A_WEEK:
        ranking = await rank_top_performers(
            marketer.ws, project_id=marketer.project_id, metric="engagement_rate", window="30d", limit=100
        )
        proven = sorted(
            (row for row in ranking.items if row.expected_rate is not None),
            key=lambda row: (row.expected_times_usual or 0, row.expected_rate or 0),
            reverse=True,
        )
        taken = answered | set(sources)
        sources += [
            row.platform_post_id for row in proven if row.platform_post_id and row.platform_post_id not in taken
        ]
    for source in sources[:ORDERS_A_WEEK]:
        await marketer.clone(source, mode)


async def _learned(marketer: Marketer) -> tuple[CloneMode, set[str]]:
    """The mode with the higher lift over its sources, once both can be judged; and the posts that were answered."""
    review = await review_commissions(marketer.ws, project_id=marketer.project_id, since="90d", limit=100)
    answered = {row.source_platform_post_id for row in review.commissions if row.source_platform_post_id}
    lifts = {row.mode: row.lift for row in review.by_mode if row.lift is not None}
    judged: dict[str, int] = {row.mode: row.judged for row in review.by_mode}
    if min(judged.get(mode, 0) for mode in MODES) < ENOUGH_TO_JUDGE:
        return MODES[marketer.week % 2], answered
    return max(MODES, key=lambda mode: lifts.get(mode, 0.0)), answered


POLICIES: dict[str, Callable[[Marketer], Awaitable[None]]] = {
    "no loop": no_loop,
    "clone at random": clone_at_random,
    "fork the top, always": fork_the_top,
    "the guide's loop": guides_loop,
}
