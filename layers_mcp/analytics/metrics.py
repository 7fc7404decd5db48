"""Metrics by name, and the closed sets that the read tools share (publish-to-learn, steps 1 and 2)."""

from __future__ import annotations

from typing import Final, Literal

OrganicMetric = Literal[
    "views",
    "reach",
    "impressions",
    "likes",
    "comments",
    "shares",
    "saves",
    "watch_time_ms",
    "engagement_rate",
    "followers",
    "follower_delta",
    "posts_published",
]
"""What `/metrics` measures. `engagement_rate` is a fraction, `watch_time_ms` milliseconds, the rest are counts."""

PaidMetric = Literal[
    "spend",
    "impressions",
    "clicks",
    "conversions",
    "cpa",
    "cpc",
    "cpm",
    "ctr",
    "roas",
    "reach",
    "frequency",
]
"""What `/ads-metrics` measures. Money is in whatever unit upstream uses; `roas` is a ratio."""

RankMetric = Literal["views", "engagement_rate", "watch_time_ms", "watch_seconds_per_view", "conversions", "roas"]
"""What posts are ranked by: `/top-performers` knows all but `watch_seconds_per_view`."""

Window = Literal["7d", "30d", "90d"]
"""How far a ranking looks back."""

SourceType = Literal["content_container", "platform_post", "manual"]
"""Where a creative came from: made by Layers, posted by people, or added by hand."""

AdPlatform = Literal["meta_ads", "tiktok_ads", "apple_ads"]

Platform = Literal["instagram", "tiktok", "youtube", "meta_ads", "tiktok_ads", "apple_ads"]

KNOWN_PLATFORMS: Final = frozenset({"instagram", "tiktok", "youtube", "facebook", "threads", "snapchat", "x"})
"""Platforms that may be named in a sentence of ours; any other name is upstream's, or a stranger's."""

Granularity = Literal["hour", "day", "week"]

PAID_RANKINGS: Final = frozenset({"conversions", "roas"})
"""Rankings of what has paid results: another population than that of all posts."""

FULL_RANKING: Final = 100
"""Rows in one ranking request, the most there are; a ranking of that many may not be the whole project."""
