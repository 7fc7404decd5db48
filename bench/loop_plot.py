"""A line chart with bands, written as SVG by hand: no library, readable on light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 52, 40, 44, 76
COLOURS = ("#8a8f98", "#c98a1b", "#b4483f", "#1f7a5c")


@dataclass(frozen=True)
class Series:
    """A named line: (value, low, high) for each step."""

    name: str
    points: Sequence[tuple[float, float, float]]


def plot(series: Sequence[Series], title: str) -> str:
    """The chart, from zero up."""
    steps = max(len(one.points) for one in series)
    most = max(high for one in series for _, _, high in one.points) * 1.05

    def x(step: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, steps - 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif"'
        ' font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="14" fill="#222">{escape(title)}</text>',
    ]
    parts += [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e3e5e8"/>'
        f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#555">{tick:g}%</text>'
        for tick in _ticks(most)
    ]
    foot = HEIGHT - BOTTOM + 18
    parts += [
        f'<text x="{x(step):.1f}" y="{foot}" text-anchor="middle" fill="#555">week {step + 1}</text>'
        for step in range(0, steps, 5)
    ]
    for number, (one, colour) in enumerate(zip(series, COLOURS, strict=False)):
        upper = [f"{x(step):.1f},{y(high):.1f}" for step, (_, _, high) in enumerate(one.points)]
        lower = [f"{x(step):.1f},{y(low):.1f}" for step, (_, low, _) in enumerate(one.points)]
        line = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, (value, _, _) in enumerate(one.points))
        at = LEFT + number * (WIDTH - LEFT - RIGHT) / len(series)
        parts += [
            f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{colour}" opacity="0.15"/>',
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<line x1="{at:.0f}" x2="{at + 22:.0f}" y1="{HEIGHT - 24}" y2="{HEIGHT - 24}" stroke="{colour}"'
            ' stroke-width="3"/>',
            f'<text x="{at + 28:.0f}" y="{HEIGHT - 20}" fill="#222">{escape(one.name)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _ticks(most: float) -> list[float]:
    """Round values from zero to `most`, six at most."""
    step = next(step for step in (0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100) if most / step <= 6)
    return [step * number for number in range(int(most / step) + 1)]
