"""A plot with logarithmic axes as SVG: lines of a few series, a level, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 40, 20, 110
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name and its points, none of them zero or below."""

    name: str
    points: tuple[tuple[float, float], ...]


def plot(title: str, x_name: str, y_name: str, lines: Sequence[Line], level: tuple[float, str]) -> str:
    """The plot as the text of an SVG file; ``level`` is a horizontal line with its name."""
    points = [point for line in lines for point in line.points]
    x_span = _decades([x for x, _ in points])
    y_span = _decades([*(y for _, y in points), level[0]])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        f' role="img" font-family="sans-serif" font-size="12"><title>{title}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_grid(x_span, y_span),
        *_level(level, x_span, y_span),
    ]
    for number, line in enumerate(lines):
        parts += _drawn(line, number, x_span, y_span)
    middle = _LEFT + (WIDTH - _LEFT - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - _BOTTOM + 36}" text-anchor="middle">{x_name}</text>')
    parts.append(
        f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{y_name}</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def _decades(values: Sequence[float]) -> tuple[int, int]:
    return math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)


def _x(value: float, span: tuple[int, int]) -> float:
    return _LEFT + (math.log10(value) - span[0]) / (span[1] - span[0]) * (WIDTH - _LEFT - _RIGHT)


def _y(value: float, span: tuple[int, int]) -> float:
    return _TOP + (span[1] - math.log10(value)) / (span[1] - span[0]) * (HEIGHT - _TOP - _BOTTOM)


def _grid(x_span: tuple[int, int], y_span: tuple[int, int]) -> Iterator[str]:
    for power in range(x_span[0], x_span[1] + 1):
        x = _x(10.0**power, x_span)
        yield f'<path d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{10.0**power:,.0f}</text>'
    for power in range(y_span[0], y_span[1] + 1):
        y = _y(10.0**power, y_span)
        yield f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'


def _level(level: tuple[float, str], x_span: tuple[int, int], y_span: tuple[int, int]) -> Iterator[str]:
    y = _y(level[0], y_span)
    yield f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#555" stroke-dasharray="6 4"/>'
    yield f'<text x="{_x(10.0 ** x_span[0], x_span) + 6:.1f}" y="{y - 5:.1f}" fill="#555">{level[1]}</text>'


def _drawn(line: Line, number: int, x_span: tuple[int, int], y_span: tuple[int, int]) -> Iterator[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    places = [f"{_x(x, x_span):.1f} {_y(y, y_span):.1f}" for x, y in line.points]
    yield f'<path d="M{"L".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    x, y = _LEFT + number % 2 * 340, HEIGHT - _BOTTOM + 60 + number // 2 * 20
    yield f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="2"/>'
    yield f'<text x="{x + 30}" y="{y}">{escape(line.name)}</text>'
