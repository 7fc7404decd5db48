"""The rules of the sandbox's world, in one table: every number a post, an order or a score depends on.

Nothing here is fitted to make one way of working look good. Numbers that the API's pages state are marked (docs); the
rest are plain choices whose size is what public benchmarks of short video report, and a study may halve or double each
of them: `Sandbox(world=replace(WorldParameters(), fork_penalty=0.16))`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorldParameters:
    """Rates are fractions of views, spreads the standard deviation of a logarithm, times in the unit they name."""

    # What a hook is worth. A new hook's true engagement rate is drawn around a typical one of short video; the spread
    # makes one hook in eight or so twice as good as the median.
    hook_rate_median: float = 0.034
    hook_rate_spread: float = 0.40

    # What an order makes of its source. Each draw has the mean 1, so no mode is better on average (guide: a fork
    # is a near-duplicate, a reimagine has more variance; a pinned hook lies between).
    fork_spread: float = 0.08
    hook_spread: float = 0.20
    reimagine_spread: float = 0.40
    # An audience tires of a pattern: each further fork order of one original loses this share of its rate.
    fork_penalty: float = 0.08
    # However good an idea, most who see it only watch: no order is worth more than this, or winners of winners would
    # grow without end.
    rate_ceiling: float = 0.20

    # How far a post gets: mostly luck, whatever its hook is worth (guide: "absolute views rewards luck").
    reach_median: float = 1_800.0
    reach_spread: float = 0.9
    # Some posts are never picked up; these make the small samples that look like winners.
    flop_share: float = 0.10
    flop_views: float = 40.0
    # Where and when it is posted matters a little: more on TikTok than on Instagram (plus or minus this share), most in
    # the evening of the project's zone, least twelve hours from then.
    platform_tilt: float = 0.12
    best_hour: float = 19.0
    hour_swing: float = 0.25
    # A post has 63 % of its views after this time, 95 % after three times as long.
    saturation_days: float = 2.5
    # What a viewer watches, before the platform moves on.
    watch_seconds_median: float = 9.0
    watch_spread: float = 0.35
    # New followers per view.
    follow_rate: float = 0.002

    # Waiting times: sync and scoring cadence (docs).
    sync_minutes: float = 30.0
    scoring_hours: float = 6.0
    # A real job takes minutes: the one place where the world is quicker than life.
    job_seconds_least: float = 6.0
    job_seconds_most: float = 12.0

    # Scoring (docs): from 7.0 down to 2.0 in 30 days, plus up to 3 for spend; eligible from 4.0. Posts that Layers did
    # not make score 0 until they have been seen often enough; that threshold is a choice.
    score_start: float = 7.0
    score_end: float = 2.0
    score_days: float = 30.0
    spend_per_point: float = 33.3
    boost_most: float = 3.0
    eligible_score: float = 4.0
    ugc_views: float = 500.0

    # Paid, where a project has an ad account: an eligible creative is promoted at a scoring run once its engagement
    # rate stands out. Money in the account's major unit, at everyday prices of app-install campaigns.
    promotion_times_median: float = 1.5
    promotion_views: float = 1_000.0
    promotion_days: float = 45.0
    budget_per_day: float = 24.0
    cost_per_mille: float = 7.5
    click_rate: float = 0.011
    conversion_rate: float = 0.065
    conversion_value: float = 21.0
    # Creatives differ in what their clicks are worth, and not in step with engagement.
    conversion_spread: float = 0.55

    # Credits at the start: enough for half a year of a weekly order, and then some.
    opening_credits: int = 20_000


FORMAT_CREDITS = {
    "video_remix": 120,
    "slideshow_remix": 50,
    "ugc_remix": 120,
    "auto": 120,
    "slideshow_builder": 50,
}
"""Credits for each piece (docs)."""
