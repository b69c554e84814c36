"""Bytes of a sample on the wire: remote write 1.0 and 2.0, with and without metadata and start timestamps.

1.0 sends metadata in requests of their own, which are counted to the cycle that they go with; it has no field
for a start. Expvar says of no series when it began: for these rows every
counter is given the start of its target's process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import snappy
from pushvar.catalogue import HEALTH
from pushvar.convert.plan import all_rows
from pushvar.deliver import metadata
from pushvar.deliver.batches import cut
from pushvar.model import MetricType
from pushvar.wire.proto.write_v2_pb2 import Request
from pushvar.wire.remote_write.v2 import RequestEncoder

from benchmarks import encode, encode_v2, workload
from benchmarks.alone import command
from benchmarks.measure import Spread, spread
from benchmarks.series import Different, Fleet, decoded, demand_same
from benchmarks.tables import Section, least_to_most, ms, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pushvar.model import Family, Times

    from benchmarks.series import Cycle

CYCLES = 8
V1, V1_METADATA, V2, V2_STARTS, V2_METADATA, V2_ALL = (
    "v1", "v1_metadata", "v2", "v2_starts", "v2_metadata", "v2_all",
)  # fmt: skip
WORDS = {
    V1: "1.0",
    V1_METADATA: "1.0, all metadata in every cycle",
    V2: "2.0",
    V2_STARTS: "2.0, start timestamps",
    V2_METADATA: "2.0, metadata",
    V2_ALL: "2.0, metadata and start timestamps",
}
_HOUR_MS = 3_600_000
_METADATA_PER_REQUEST = 2_000


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a sample on the wire and before compression, over some cycles."""

    name: str
    wire: Spread
    plain: Spread


@dataclass(frozen=True, slots=True)
class Wire:
    """The sizes side by side."""

    targets: int
    cycles: int
    sizes: tuple[Size, ...]

    def size(self, name: str) -> Size:
        """One of them."""
        return next(size for size in self.sizes if size.name == name)


class Ways:
    """Makes the uncompressed requests of a cycle in each of the forms.

    ``counted`` says of each series of a target whether it is a counter, and so has a start where starts go.
    """

    def __init__(self, first: Cycle) -> None:
        plan = first.scrapes[0].plan
        families = (*plan.families, *HEALTH)
        self.families = {family.name: family for family in families}
        rows = all_rows(plan.target, plan.shape)
        self.counted = tuple(_is_counter(self.families, row.name) for row in rows)
        self._began_ms = {
            scrape.plan.target.key: first.scrapes[0].time_ms - _HOUR_MS * (1 + place % 500)
            for place, scrape in enumerate(first.scrapes)
        }
        self._encoders: dict[str, RequestEncoder] = {name: RequestEncoder() for name in WORDS}

    def requests(self, name: str, cycle: Cycle) -> list[bytes]:
        """All requests of one cycle in this form, the metadata's among them."""
        if name == V1:
            return list(encode.warm(cycle))
        if name == V1_METADATA:
            told = metadata.cut(self.families.values(), max_per_request=_METADATA_PER_REQUEST)
            return [*encode.warm(cycle), *(b"".join(batch.parts) for batch in told)]
        families = self.families if name in {V2_METADATA, V2_ALL} else _NO_FAMILIES
        starts = self._starts(cycle) if name in {V2_STARTS, V2_ALL} else {}
        return [
            self._encoders[name].encode(
                batch.parts, batch.templates, families, [starts[id(one)] for one in batch.templates if starts]
            )
            for batch in cut(cycle.scrapes, max_samples=encode.SAMPLES_PER_REQUEST)
        ]

    def _starts(self, cycle: Cycle) -> dict[int, Times]:
        """When the series of each template began: a template is one target's."""
        return {
            id(scrape.plan.template): tuple(
                self._began_ms[scrape.plan.target.key] if counted else None for counted in self.counted
            )
            for scrape in cycle.scrapes
        }


_NO_FAMILIES: dict[str, Family] = {}


def _is_counter(families: Mapping[str, Family], name: str) -> bool:
    return name in families and families[name].type is MetricType.COUNTER


def check(ways: Ways, cycle: Cycle) -> None:
    """Raise Different unless all forms have the same samples, and metadata and starts where they say so."""
    expected = decoded(ways.requests(V1, cycle))
    demand_same(V1_METADATA, expected, decoded(ways.requests(V1_METADATA, cycle)))
    for name in (V2, V2_STARTS, V2_METADATA, V2_ALL):
        bodies = ways.requests(name, cycle)
        demand_same(name, expected, encode_v2.decoded_v2(bodies))
        helps, starts = extras(bodies)
        if bool(helps) is not (name in {V2_METADATA, V2_ALL}):
            raise Different(f"{name}: {helps} series have a help text")
        counters = len(cycle.scrapes) * sum(ways.counted) if name in {V2_STARTS, V2_ALL} else 0
        if starts != counters:
            raise Different(f"{name}: {starts} series have a start, where {counters} are counters")


def extras(bodies: Iterable[bytes]) -> tuple[int, int]:
    """How many series have a help text, and how many a start."""
    series = [one for body in bodies for one in Request.FromString(body).timeseries]
    return (
        sum(one.metadata.help_ref > 0 for one in series),
        sum(one.samples[0].start_timestamp > 0 for one in series),
    )


def run(targets: int = workload.TARGETS, cycles: int = CYCLES) -> Wire:
    """Measure all forms on the standard fleet. Raises Different."""
    fleet = Fleet(targets)
    shown = [fleet.cycle(generation) for generation in range(cycles)]
    ways = Ways(shown[0])
    check(ways, shown[-1])
    samples = targets * workload.SERIES

    def size(name: str) -> Size:
        requests = [ways.requests(name, cycle) for cycle in shown]
        wire = spread(sum(len(snappy.compress(body)) for body in bodies) / samples for bodies in requests)
        return Size(name, wire, spread(sum(map(len, bodies)) / samples for bodies in requests))

    return Wire(targets, cycles, tuple(size(name) for name in WORDS))


def section(result: Wire) -> Section:
    """The table of a run."""

    def row(size: Size) -> tuple[str, ...]:
        return WORDS[size.name], ms(size.wire), least_to_most(size.wire), whole(size.plain.median)

    return Section(
        f"Bytes of a sample on the wire: {result.targets:,} targets x {workload.SERIES} series,"
        f" {encode.SAMPLES_PER_REQUEST:,} samples a request, {result.cycles} cycles",
        ("form", "bytes", "least to most", "before snappy"),
        tuple(row(size) for size in result.sizes),
    )


main = command("wire", "Bytes of a sample on the wire, remote write 1.0 and 2.0.")

if __name__ == "__main__":
    main()
