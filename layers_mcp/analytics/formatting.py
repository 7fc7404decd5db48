"""Format values for people to read."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from layers_mcp.analytics.metrics import RankMetric

_HALF_A_TENTH = Decimal("0.05")
_ANY_SIZE = Context(prec=80)
"""Enough digits for whatever an answer may hold."""


def display(metric: RankMetric, value: float) -> str:
    """Return `value` in words: "8.2%", "5.2x", "14,820", "17h 3m", "4.1s".

    Takes engagement rates as fractions, watch time in milliseconds, ROAS as a ratio (publish-to-learn, step 2).
    """
    if metric == "engagement_rate":
        return f"{_short(value, tens=2)}%"
    if metric == "roas":
        return f"{_short(value)}x"
    if metric == "watch_seconds_per_view":
        return f"{_short(value)}s"
    if metric == "watch_time_ms":
        return _duration(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{half_up(value, 1):,}"


def percent(rate: float) -> str:
    """Return a fraction in a sentence: "8.2 %"."""
    return f"{_short(rate, tens=2)} %"


def times(ratio: float) -> str:
    """Return a ratio in a sentence: "1.27", and two digits where it is small."""
    return f"{half_up(ratio, 2):,}" if abs(ratio) >= 0.1 else f"{ratio:.2g}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number of things: "1 row", "1,200 rows"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def half_up(value: float, digits: int, *, tens: int = 0) -> Decimal:
    """Return `value` times 10 to the power of `tens`, rounded as people do.

    A half goes up, by the number as it is written in decimals and not as a machine keeps it.
    """
    return Decimal(repr(float(value))).scaleb(tens).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _ANY_SIZE)


def _short(value: float, *, tens: int = 0) -> str:
    """Return one decimal, and more only where that would round a real value to nothing."""
    exact = Decimal(repr(float(value))).scaleb(tens)
    if exact and abs(exact) < _HALF_A_TENTH:
        first = -exact.adjusted()
        return f"{half_up(value, first, tens=tens).normalize():f}" if first <= 4 else "0.0"
    return f"{half_up(value, 1, tens=tens):,}"


def _duration(milliseconds: float) -> str:
    """Hours and minutes, minutes and seconds, or seconds: the two largest units, rounded down."""
    seconds = int(milliseconds // 1000)
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f"{hours:,}h {minutes % 60}m"
    if minutes:
        return f"{minutes}m {seconds % 60}s"
    return f"{seconds}s"
