"""What a deployment costs a month, and what would make it cheaper. Pure: prices and figures are handed in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from pushvar.kit.cost_figures import Figures
from pushvar.kit.cost_usage import Fleet, Use, uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.cost_prices import Prices

ITEMS = frozenset(use.item for use in uses(Fleet(1, 1, 60, 1), Figures()))
"""What is counted, by the names that a price table has to have."""

BACKEND = "backend"
_SMALLEST_MB = 256  # what the template takes


class Line(NamedTuple):
    """One use and its price in the table's currency; ``free`` units of it cost nothing."""

    use: Use
    free: float
    price: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fleet's month, line by line."""

    fleet: Fleet
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """The whole bill."""
        return sum(line.price for line in self.lines)

    @property
    def without_backend(self) -> float:
        """What running pushvar costs, whoever takes the samples."""
        return sum(line.price for line in self.lines if line.use.service != BACKEND)


class Lever(NamedTuple):
    """One change of the fleet: in words, what the month costs then, what that saves."""

    change: str
    total: float
    saves: float


def estimate(fleet: Fleet, prices: Prices, figures: Figures, *, free_tier: bool) -> Estimate:
    """The month of a fleet, 30 days without trouble: no outage, no replay."""
    lines = []
    for use in uses(fleet, figures):
        price = prices.items[use.item]
        free = min(use.quantity, price.free) if free_tier else 0.0
        lines.append(Line(use, free, price.of(use.quantity, free_tier=free_tier)))
    return Estimate(fleet, tuple(lines))


def levers(
    now: Estimate, prices: Prices, figures: Figures, *, free_tier: bool, most_targets: int
) -> tuple[Lever, ...]:
    """What one change each would save, found by counting anew; the one that saves most comes first.

    A change that saves nothing is left out. ``most_targets`` is what a shard may hold.
    """
    found = []
    for change, fleet in _changes(now.fleet, most_targets):
        total = estimate(fleet, prices, figures, free_tier=free_tier).total
        found.append(Lever(change, total, now.total - total))
    return tuple(sorted((one for one in found if one.saves > 0), key=lambda one: -one.saves))


def _changes(fleet: Fleet, most_targets: int) -> Iterator[tuple[str, Fleet]]:
    if fleet.series > 1:
        yield f"send half the series ({fleet.series // 2} a target)", replace(fleet, series=fleet.series // 2)
    doubled = fleet.interval_s * 2
    yield f"scrape half as often (every {doubled:g} s)", replace(fleet, interval_s=doubled)
    merged = fleet.merged()
    if merged.shards < fleet.shards and fleet.targets / merged.shards <= most_targets:
        yield f"make shards twice as large ({merged.shards:,} shards)", merged
    if fleet.memory_mb // 2 >= _SMALLEST_MB and fleet.duration_s is None:
        yield f"give forward {fleet.memory_mb // 2} MB", replace(fleet, memory_mb=fleet.memory_mb // 2)
    if fleet.duration_s is None:
        yield f"give forward {fleet.memory_mb * 2:,} MB", replace(fleet, memory_mb=fleet.memory_mb * 2)
