"""A line chart as SVG: a few series over a common axis, from 0. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 40, 48
COLOURS: Final = ("#2563eb", "#16a34a", "#d97706", "#9333ea", "#dc2626", "#475569")


@dataclass(frozen=True, slots=True)
class Series:
    """A named line through points."""

    name: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def plot(title: str, across: str, up: str, series: Sequence[Series]) -> str:
    """The chart; axes begin at 0."""
    points = [point for one in series for point in one.points] or [(1.0, 1.0)]
    far, high = _round_up(max(p[0] for p in points)), _round_up(max(p[1] for p in points))

    def place(x: float, y: float) -> tuple[float, float]:
        width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + width * x / far, HEIGHT - BOTTOM - height * y / high

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text {font: 12px sans-serif}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = place(far * share, high * share)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e2e8f0"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{high * share:g}</text>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f"{far * share:g}</text>"
        )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">{across}</text>')
    parts.append(f'<text x="{LEFT - 6}" y="{TOP - 8}" text-anchor="end">{up}</text>')
    for number, one in enumerate(series):
        colour = COLOURS[number // 2 % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if one.dashed else ""
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in one.points))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            for x, y in (place(*p) for p in one.points)
        ]
        parts.append(
            f'<text x="{WIDTH - RIGHT - 4}" y="{TOP + 14 * number}" text-anchor="end" '
            f'fill="{colour}">{escape(one.name)}{" (dashed)" if one.dashed else ""}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    scale = 1e-6
    while True:
        for step in (1, 2, 5):
            if value <= scale * step:
                return scale * step
        scale *= 10
