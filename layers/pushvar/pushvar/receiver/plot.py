"""Samples -> inline SVG: a small line beside a number, and a large one with axes. Pure.

A stale marker ends a line; so does a value that cannot be drawn. The drawing area is stretched to
the width of the page, so nothing that has a shape of its own (text, dots) is part of the SVG: text
stands beside it, dots are strokes with round ends, which do not scale.
"""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pushvar.receiver.markup import Markup, el, join
from pushvar.receiver.units import clock_text, exact, humanise, humanise_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pushvar.receiver.decode import Sample

Point = tuple[float, float]
"""Time in ms, value."""

WIDTH, HEIGHT = 1000, 100
MAX_POINTS = 400
MAX_SPARK_POINTS = 60
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_TICKS = 5
_LARGEST_DRAWN = 1e300
"""Above this, differences overflow."""
_NOISE = 1e-6
"""A relative height under which a line is flat: what is left is the rounding of floats."""


def segments(samples: Iterable[Sample]) -> list[list[Point]]:
    """The pieces of the line: stale markers, NaN and infinities stand between them."""
    pieces: list[list[Point]] = [[]]
    for sample in samples:
        if not sample.is_stale and abs(sample.value) < _LARGEST_DRAWN:  # false for a NaN
            pieces[-1].append((sample.time_ms, sample.value))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def rates(pieces: Iterable[Sequence[Point]]) -> list[list[Point]]:
    """The growth per second between neighbours; a counter that falls has started again from zero."""
    return [
        [
            (
                after[0],
                (after[1] - before[1] if after[1] >= before[1] else after[1]) * 1000 / (after[0] - before[0]),
            )
            for before, after in itertools.pairwise(piece)
        ]
        for piece in pieces
        if len(piece) > 1
    ]


def sparkline(pieces: list[list[Point]], span_ms: tuple[float, float], label: str) -> Markup:
    """A line without axes over the given time."""
    thinned = [thin(piece, MAX_SPARK_POINTS) for piece in pieces]
    low, high = _range(thinned)
    scale = _scale(span_ms, (low, high))
    return _drawing("spark", label, _lines(thinned, scale))


def figure(pieces: list[list[Point]], title: str, unit: str, *, rate: bool = False) -> Markup:
    """A plot with axes, and under its title the lowest, the highest and the last value."""
    if not pieces:
        return el(
            "figure", el("figcaption", title), el("p", "Nothing to draw yet.", class_="dim"), class_="plot"
        )
    shown: Callable[[float, str], str] = humanise_rate if rate else humanise
    thinned = [thin(piece, MAX_POINTS) for piece in pieces]
    values = [value for piece in pieces for _, value in piece]
    ticks = value_ticks(*_range(thinned), binary=unit == "bytes")
    span_ms = (pieces[0][0][0], pieces[-1][-1][0])
    scale = _scale(span_ms, (ticks[0], ticks[-1]))
    summary = ", ".join(
        f"{word} {shown(value, unit)}"
        for word, value in (("lowest", min(values)), ("highest", max(values)), ("last", values[-1]))
    )
    label = (
        f"{title}, {len(values)} points from {clock_text(span_ms[0])} to {clock_text(span_ms[1])}, {summary}"
    )
    drawn = join(
        _grid(ticks, scale), _lines(thinned, scale), _hover(thinned, scale, lambda value: shown(value, unit))
    )
    caption = el("figcaption", title, " ", el("span", summary, class_="dim"))
    axes = join(
        _value_axis(ticks, unit, scale, shown), _drawing("area", label, drawn), _time_axis(span_ms, scale)
    )
    return el("figure", caption, el("div", axes, class_="axes"), class_="plot")


def thin(piece: Sequence[Point], limit: int) -> list[Point]:
    """At most ``limit`` points: of each stretch the lowest and the highest, so that no spike is lost."""
    if len(piece) <= limit:
        return list(piece)
    size = math.ceil(2 * len(piece) / limit)
    kept: list[Point] = []
    for start in range(0, len(piece), size):
        stretch = piece[start : start + size]
        kept += sorted({min(stretch, key=_value), max(stretch, key=_value)})
    return kept


def value_ticks(low: float, high: float, *, binary: bool = False) -> list[float]:
    """About five round numbers from at or below ``low`` to at or above ``high``."""
    rough = (high - low) / (_TICKS - 1)
    if binary and rough >= 1:
        step = 2.0 ** math.ceil(math.log2(rough))
    else:
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def time_ticks(span_ms: tuple[float, float]) -> list[float]:
    """A handful of round times of the local day inside the span."""
    length_s = (span_ms[1] - span_ms[0]) / 1000
    step = next((step for step in _STEPS_S if length_s / step <= _TICKS + 1), _STEPS_S[-1]) * 1000
    offset = datetime.fromtimestamp(span_ms[0] / 1000, tz=UTC).astimezone().utcoffset()
    shift = offset.total_seconds() * 1000 if offset else 0.0
    first = math.ceil((span_ms[0] + shift) / step)
    last = math.floor((span_ms[1] + shift) / step)
    return [index * step - shift for index in range(first, last + 1)]


def _value(point: Point) -> float:
    return point[1]


def _range(pieces: list[list[Point]]) -> tuple[float, float]:
    """The lowest and highest value with a little room; a flat line gets room on both sides."""
    values = [value for piece in pieces for _, value in piece] or [0.0]
    low, high = min(values), max(values)
    flat = high - low <= _NOISE * max(abs(low), abs(high))
    room = (abs(high) * 0.1 or 1.0) if flat else (high - low) * 0.06
    floor = 0.0 if low >= 0 else -math.inf
    return max(floor, low - room), high + room


def _scale(span_ms: tuple[float, float], limits: tuple[float, float]) -> Callable[[Point], Point]:
    width = (span_ms[1] - span_ms[0]) or 1.0
    height = (limits[1] - limits[0]) or 1.0

    def place(point: Point) -> Point:
        return (
            WIDTH * (point[0] - span_ms[0]) / width,
            HEIGHT * (1 - (point[1] - limits[0]) / height),
        )

    return place


def _drawing(name: str, label: str, content: Markup) -> Markup:
    box = f"0 0 {WIDTH} {HEIGHT}"
    return el(
        "svg", content, class_=name, viewBox=box, preserveAspectRatio="none", role="img", aria_label=label
    )


def _lines(pieces: list[list[Point]], scale: Callable[[Point], Point]) -> Markup:
    """The line and a soft area under it, and a dot at the end (and at a point that stands alone)."""
    placed = [[scale(point) for point in piece] for piece in pieces]
    lines = " ".join(_path(piece) for piece in placed)
    areas = " ".join(f"{_path(piece)}V{HEIGHT}H{piece[0][0]:.1f}Z" for piece in placed)
    ends = [piece[0] for piece in placed if len(piece) == 1] + [piece[-1] for piece in placed[-1:]]
    dots = " ".join(f"M{x:.1f} {y:.1f}h0" for x, y in ends)
    return join(
        el("path", d=areas, class_="fill"),
        el("path", d=lines, class_="line"),
        el("path", d=dots, class_="dot"),
    )


def _path(piece: list[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in piece)


def _grid(ticks: list[float], scale: Callable[[Point], Point]) -> Markup:
    heights = [scale((0, tick))[1] for tick in ticks]
    return el("path", d=" ".join(f"M0 {y:.1f}H{WIDTH}" for y in heights), class_="grid")


def _hover(
    pieces: list[list[Point]], scale: Callable[[Point], Point], shown: Callable[[float], str]
) -> Markup:
    """One invisible band per point that tells its exact value to the pointer."""
    points = [point for piece in pieces for point in piece]
    places = [scale(point)[0] for point in points]
    edges = [
        0.0,
        *((left + right) / 2 for left, right in itertools.pairwise(places)),
        float(WIDTH),
    ]
    bands = [
        el(
            "rect",
            el("title", f"{clock_text(point[0])}  {shown(point[1])}  ({exact(point[1])})"),
            x=f"{left:.1f}",
            y=0,
            width=f"{right - left:.1f}",
            height=HEIGHT,
        )
        for point, left, right in zip(points, edges, edges[1:], strict=False)
    ]
    return el("g", *bands, class_="hover")


def _value_axis(
    ticks: list[float], unit: str, scale: Callable[[Point], Point], shown: Callable[[float, str], str]
) -> Markup:
    words = [shown(tick, unit) for tick in ticks]
    if len(set(words)) < len(words):
        words = [exact(tick) for tick in ticks]
    rows = [
        el("span", word, style=f"top:{scale((0, tick))[1] * 100 / HEIGHT:.1f}%")
        for word, tick in zip(words, ticks, strict=True)
    ]
    return el("div", *rows, class_="values", aria_hidden="true")


def _time_axis(span_ms: tuple[float, float], scale: Callable[[Point], Point]) -> Markup:
    rows = [
        el("span", clock_text(tick), style=f"left:{scale((tick, 0))[0] * 100 / WIDTH:.1f}%")
        for tick in time_ticks(span_ms)
    ]
    return el("div", *rows, class_="times", aria_hidden="true")
