"""What a soak says of a figure: how it was at some moments, and whether it grows.

The second half of a run is cut into blocks, of which the median counts: an outage or a collection is in few
of a block's cycles. A straight line through the medians has a slope, and the scatter around it bounds that.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = 10
PER = 1_000
"""Slopes are told per so many cycles."""

NOTICED = 0.01
"""The share of a figure that a rise in ``PER`` cycles may be at most where "no growth" is said."""

_STUDENT = 2.306
"""Of 95 % on both sides together, for the 8 degrees of freedom that a line leaves to 10 points."""

_WINDOW = 20  # a moment is the median of a twentieth of the run before it


@dataclass(frozen=True, slots=True)
class Slope:
    """By how much a figure rises in ``PER`` cycles, and how far off that may be, at 95 %; ``level`` is it."""

    rise: float
    bound: float
    level: float

    @property
    def verdict(self) -> str:
        """Whether it grows, as far as the bound allows to say."""
        if self.rise - self.bound > 0:
            return "grows"
        if self.rise + self.bound <= NOTICED * abs(self.level):
            return "no growth"
        return "cannot be told"


def moments(samples: Sequence[tuple[int, float]], cycles: int, shares: Sequence[float]) -> list[float]:
    """How a figure was after these shares of all cycles; ``samples`` are cycles (from 1) and figures."""
    return [_around(samples, share * cycles, cycles / _WINDOW) for share in shares]


def _around(samples: Sequence[tuple[int, float]], end: float, width: float) -> float:
    near = [figure for cycle, figure in samples if end - width < cycle <= end]
    return median(near or [min(samples, key=lambda sample: abs(sample[0] - end))[1]])


def slope(samples: Sequence[tuple[int, float]], cycles: int) -> Slope | None:
    """That of the second half; None when it has too few samples to fill the blocks."""
    width = (cycles - cycles / 2) / BLOCKS
    blocks: list[list[tuple[int, float]]] = [[] for _ in range(BLOCKS)]
    for cycle, figure in samples:
        if cycle > cycles / 2:
            blocks[min(int((cycle - 1 - cycles / 2) / width), BLOCKS - 1)].append((cycle, figure))
    if not all(blocks):
        return None
    at = [fmean(cycle for cycle, _ in block) / PER for block in blocks]
    figures = [median(figure for _, figure in block) for block in blocks]
    rise, error = _line(at, figures)
    return Slope(rise, _STUDENT * error, median(figures))


def _line(at: Sequence[float], figures: Sequence[float]) -> tuple[float, float]:
    """The slope of the least squares, and its standard error."""
    middle, level = fmean(at), fmean(figures)
    spread = sum((place - middle) ** 2 for place in at)
    points = [(place - middle, figure - level) for place, figure in zip(at, figures, strict=True)]
    rise = sum(place * figure for place, figure in points) / spread
    off = [figure - rise * place for place, figure in points]
    return float(rise), float((sum(one**2 for one in off) / (len(at) - 2) / spread) ** 0.5)
