"""A metric's value as a person writes it."""

from __future__ import annotations

from layers_mcp.analytics.metrics import RankMetric


def display(metric: RankMetric, value: float) -> str:
    """`value` in words: "8.2%", "5.2x", "14,820", "17h 3m".

    Takes engagement rates as fractions, watch time in milliseconds, ROAS as a ratio (publish-to-learn, step 2).
    """
    if metric == "engagement_rate":
        return f"{_short(value * 100)}%"
    if metric == "roas":
        return f"{_short(value)}x"
    if metric == "watch_time_ms":
        return _duration(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _short(value: float) -> str:
    """One decimal, and more only where that would round a real value to nothing."""
    if value and abs(value) < 0.05:
        return f"{value:.1g}" if abs(value) >= 0.0001 else "0.0"
    return f"{value:,.1f}"


def _duration(milliseconds: float) -> str:
    """Hours and minutes, minutes and seconds, or seconds: the two largest units, rounded down."""
    seconds = int(milliseconds // 1000)
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f"{hours:,}h {minutes % 60}m"
    if minutes:
        return f"{minutes}m {seconds % 60}s"
    return f"{seconds}s"
