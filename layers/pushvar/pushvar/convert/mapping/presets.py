"""Rules that are known by name: the built-in ones, at the place in a list where a person wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.catalogue import MEMSTATS_OPTIONAL
from pushvar.convert.mapping.automatic import Goroutines
from pushvar.convert.mapping.memstats import MemStats
from pushvar.convert.mapping.rules import Claim
from pushvar.convert.mapping.sql import SqlDbStats
from pushvar.convert.structure import NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pushvar.convert.mapping.rules import Payload, Rule
    from pushvar.convert.structure import Leaf, Path


class OptionalMemStat:
    """One of the catalogue's optional rows of memstats."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self._metric = next(metric for metric in MEMSTATS_OPTIONAL if metric.source == source)

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterator[Claim]:
        """At most one series."""
        del payload
        leaf = leaves.get(("memstats", self._metric.source))
        if leaf is not None and leaf.kind == NUMBER:
            yield Claim(leaf, self._metric.family.name, self._metric.family, divisor=self._metric.divisor)


PRESETS: dict[str, Callable[[str], Rule]] = {
    "go_memstats": MemStats,
    "go_goroutines": Goroutines,
    "sql_db_stats": SqlDbStats,
    "gc_cpu_fraction": lambda name: OptionalMemStat(name, "GCCPUFraction"),
    "forced_gc": lambda name: OptionalMemStat(name, "NumForcedGC"),
}
"""``preset`` -> a rule of the name that it is given."""
