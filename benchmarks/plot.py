"""The pictures of docs/performance.md as SVG: clients side by side, and growth. Light and dark.

Both are drawn on a ground of their own, so that a reader whose page is dark and whose system is light sees
one of the two, and never one's ink on the other's paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from benchmarks import peers
from benchmarks.workload import SERIES
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.growth import Growth
    from benchmarks.measure import Spread
    from benchmarks.peers import Peers

FOLDER = REPOSITORY / "docs"
CLIENTS, GROWTH = "performance-clients.svg", "performance-growth.svg"

WIDTH = 760
_ROW, _TOP, _LEFT = 44, 64, 166
_PANEL_HEIGHT, _PANEL_TOP = 300, 92
_MARGIN = 24
_COLOURS = {  # class -> what it paints, on light paper and on dark
    "paper": ("fill", "#ffffff", "#0d1117"),
    "ink": ("fill", "#1f2328", "#e6edf3"),
    "soft": ("fill", "#59636e", "#9198a1"),
    "ours": ("fill", "#0969da", "#4493f8"),
    "theirs": ("fill", "#afb8c1", "#656c76"),
    "grid": ("stroke", "#d1d9e0", "#3d444d"),
    "ends": ("stroke", "#1f2328", "#e6edf3"),
    "line": ("stroke", "#0969da", "#4493f8"),
}


def write(found: Mapping[str, Any], folder: Path = FOLDER) -> list[Path]:
    """Draw what a run measured, by the name of the part, and give the files; others stay as they are."""
    drawn = {
        CLIENTS: clients(found["peers"]) if "peers" in found else "",
        GROWTH: growth(found["growth"]) if "growth" in found else "",
    }
    written = [folder / name for name, text in drawn.items() if text]
    for path in written:
        path.write_text(drawn[path.name], "utf-8")
    return written


def clients(result: Peers) -> str:
    """A bar for each client, the dearest first: CPU of a target-cycle, with the ends of its windows."""
    bars = sorted(result.peers, key=lambda peer: -peer.cpu_us.median)
    right = WIDTH - 150
    scale = (right - _LEFT) / max(peer.cpu_us.high for peer in bars)
    parts = []
    for number, peer in enumerate(bars):
        y = _TOP + number * _ROW
        kind = "ours" if peer.name == peers.PUSHVAR else "theirs"
        parts += [
            _text(_LEFT - 12, y + 20, peer.name, "ink", anchor="end"),
            _bar(y, peer.cpu_us.median * scale, kind),
            *_whisker(peer.cpu_us, scale, y + 14),
            _text(_LEFT + peer.cpu_us.high * scale + 10, y + 19, _spread(peer.cpu_us), "ink"),
        ]
    title = f"CPU of a target-cycle, every {result.interval_s} s, µs"
    bottom = _TOP + len(bars) * _ROW + 22
    note = (
        f"{result.targets} targets x {SERIES} series; bars are medians, lines go from the least to the"
        f" most of {result.windows} windows"
    )
    return _svg(title, bottom + 20, [*parts, _text(_MARGIN, bottom, note, "soft", size=12)])


def _bar(y: float, width: float, kind: str) -> str:
    return f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="28" rx="2" class="{kind}"/>'


def _whisker(cpu: Spread, scale: float, y: float) -> Iterator[str]:
    low, high = _LEFT + cpu.low * scale, _LEFT + cpu.high * scale
    yield (
        f'<path d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 6}v12M{high:.1f} {y - 6}v12" class="ends"'
        ' fill="none" stroke-width="1.5"/>'
    )


def _spread(cpu: Spread) -> str:
    return f"{cpu.median:,.0f} ({cpu.low:,.0f}-{cpu.high:,.0f})"


@dataclass(frozen=True, slots=True)
class _Point:
    targets: int
    value: float
    low: float
    high: float


def growth(result: Growth) -> str:
    """CPU and memory per target by the number of targets, side by side."""
    cpu = [
        _Point(size.targets, size.cpu_us.median, size.cpu_us.low, size.cpu_us.high) for size in result.sizes
    ]
    memory = [_Point(size.targets, size.rss_kb, size.rss_kb, size.rss_kb) for size in result.sizes]
    half = WIDTH / 2
    parts = [
        *_panel("CPU per target in a warm cycle, µs", cpu, _MARGIN, half - _MARGIN),
        *_panel("memory of the process per target, kB", memory, half + _MARGIN, WIDTH - _MARGIN),
    ]
    return _svg("One process, by its number of targets", _PANEL_HEIGHT + 64, parts)


def _panel(title: str, points: Sequence[_Point], left: float, right: float) -> Iterator[str]:
    """One diagram: numbers of targets on a logarithmic axis, figures on one that begins at zero."""
    top = nice(max(point.high for point in points) * 1.1)
    inner = left + 48, right - 36
    decades = [math.log10(point.targets) for point in points]
    span = max(decades) - min(decades) or 1.0

    def x(targets: int) -> float:
        return inner[0] + (math.log10(targets) - min(decades)) / span * (inner[1] - inner[0])

    def y(value: float) -> float:
        return _PANEL_HEIGHT - value / top * (_PANEL_HEIGHT - _PANEL_TOP)

    yield _text(left, _PANEL_TOP - 24, title, "ink", size=13)
    for step in range(5):
        level = top * step / 4
        yield f'<path d="M{left + 40} {y(level):.1f}H{right}" class="grid"/>'
        yield _text(left + 32, y(level) + 4, f"{level:,.4g}", "soft", size=12, anchor="end")
    places = " L".join(f"{x(point.targets):.1f} {y(point.value):.1f}" for point in points)
    yield f'<path d="M{places}" class="line" fill="none" stroke-width="2"/>'
    for point in points:
        at = x(point.targets)
        yield f'<path d="M{at:.1f} {y(point.low):.1f}V{y(point.high):.1f}" class="ends" stroke-width="1.5"/>'
        yield f'<circle cx="{at:.1f}" cy="{y(point.value):.1f}" r="4" class="ours"/>'
        yield _text(at, y(point.high) - 13, f"{point.value:,.0f}", "ink", size=13, anchor="middle")
        yield _text(at, _PANEL_HEIGHT + 20, f"{point.targets:,}", "soft", size=12, anchor="middle")
    yield _text((inner[0] + inner[1]) / 2, _PANEL_HEIGHT + 42, "targets", "soft", size=12, anchor="middle")


def nice(top: float) -> float:
    """The next number above that divides into four round steps."""
    decade = 10.0 ** math.floor(math.log10(top))
    return next(step * decade for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if step * decade >= top)


def _text(x: float, y: float, words: str, kind: str, *, size: int = 14, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" class="{kind}">'
        f"{escape(words)}</text>"
    )


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" font-family="system-ui, sans-serif"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>',
            f"<style>{_rules(0)}@media (prefers-color-scheme: dark) {{{_rules(1)}}}</style>",
            f'<rect width="{WIDTH}" height="{height:.0f}" class="paper"/>',
            _text(_MARGIN, 34, title, "ink", size=16),
            *parts,
            "</svg>",
            "",
        ]
    )


def _rules(scheme: int) -> str:
    return "".join(f".{name}{{{paints}:{colours[scheme]}}}" for name, (paints, *colours) in _COLOURS.items())
