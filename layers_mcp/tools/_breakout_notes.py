"""The notes of `find_breakouts`: why a project is quiet, and the one next step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from layers_mcp.analytics.empty_states import Cause, why_no_posts
from layers_mcp.analytics.formatting import counted, times
from layers_mcp.analytics.metrics import Window
from layers_mcp.analytics.shrinkage import FEWEST_ROWS
from layers_mcp.api.models import SocialAccount
from layers_mcp.tools._ranking_rows import ScoredRanking, ScoredRow, expectation, how_to_order, why_thin

Reason = Literal[Cause, "too_few_posts", "no_breakout", "unreadable"]


def why_quiet(ranking: ScoredRanking, window: Window) -> tuple[Reason, str]:
    """Return why a project whose ranking is not empty has no breakout."""
    if ranking.sampled < FEWEST_ROWS:
        posts = counted(ranking.sampled, "ranked post")
        return "too_few_posts", f"{posts} with 50 views and a rate in {window}; {FEWEST_ROWS} are needed to tell."
    if not ranking.median:
        return "no_breakout", "The median engagement rate is 0, so nothing can be compared with it."
    rows = [row.score for row in ranking.rows if row.low_sample is False and not row.score.no_share]
    best = max(score.times_median or 0 for score in rows)
    text = f"The best is {times(best)}x the median of {counted(ranking.sampled, 'post')}."
    if likely := sum(score.likely for score in rows):
        text += f" Likely real for its platform all the same: {counted(likely, 'post')} (rank_top_performers shows it)."
    return "no_breakout", text


def why_empty(accounts: Sequence[SocialAccount], window: Window, now: datetime) -> tuple[Reason, str]:
    """Return why nothing is ranked in a project, judged by its accounts."""
    state = why_no_posts(accounts, now)
    if state.cause != "no_posts":
        return state.cause, f"{state.detail} {state.fix}"
    longer = "" if window == "90d" else "; a longer window may hold older posts"
    return "no_posts", f"An account is connected, and nothing is ranked in {window}; check_readiness says why{longer}."


class Found(NamedTuple):
    """A breakout, and whether its post was cloned, or its hook ordered, before."""

    row: ScoredRow
    already_ordered: bool

    @property
    def asks_for_order(self) -> bool:
        """Whether it is solid, and nothing was ordered of it yet."""
        return self.row.score.evidence == "solid" and not self.already_ordered


def first_fresh(found: Sequence[Found], *, read_only: bool, clones_posts: bool) -> str:
    """Return what to do about the likeliest solid breakout that was not cloned yet; "" where there is none."""
    for place, one in enumerate(found, start=1):
        if one.asks_for_order:
            how = how_to_order(one.row, read_only=read_only, clones_posts=clones_posts)
            return f"Breakout {place}, not cloned yet, {expectation(one.row)} {how}"
    return ""


def nothing_fresh(found: Sequence[Found], short_of_posts: int, *, asked: int, read: int) -> str:
    """Return what to do where no solid breakout waits for an answer; projects `asked` about, `read`, and
    `short_of_posts`.
    """
    if any(one.row.score.evidence == "solid" for one in found):
        return "Every solid breakout here was cloned before: review_commissions shows how those orders do."
    if found:
        return f"All breakouts rest on thin evidence; the likeliest is {why_thin(found[0].row.score)}"
    if not asked:
        return "There is no active project to look at: list_projects with include_archived=true shows the others."
    if not read:
        return "No project could be read, so nothing is known of breakouts; quiet says why, list_projects has the ids."
    scope = "" if read == asked else f" in the {read} of {counted(asked, 'project')} that could be read"
    more = counted(short_of_posts, "project")
    longer = f"; a longer window may hold enough posts in {more}" if short_of_posts else ""
    return f"No breakout{scope}, so there is nothing to clone{longer}; check_readiness explains a project without data."
