"""Encoding the same series as remote write 2.0: the official runtime, and our requests compiled once.

The official runtime is given its best chance: one dict finds the symbols, labels come sorted. Both start
where ``encode`` does. Before anything is timed the requests are decoded and compared, with 1.0's too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import snappy
from pushvar.deliver.batches import cut
from pushvar.model import MetricType
from pushvar.wire.proto.write_v2_pb2 import Metadata, Request
from pushvar.wire.remote_write.v2 import RequestEncoder

from benchmarks import encode, workload
from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different, Fleet, decoded, demand_same
from benchmarks.tables import Section, ms, times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.series import Cycle, Decoded

_GENERATIONS = 8
_TARGETS_PER_REQUEST = encode.SAMPLES_PER_REQUEST // workload.SERIES

NAIVE, SPOOLED, WARM, WARM_1 = "naive", "spooled", "warm", "warm_1"
WORDS = {
    NAIVE: "official runtime, messages built anew",
    SPOOLED: "pushvar, from the packed series of a spool",
    WARM: "pushvar warm, from 64-bit patterns",
    WARM_1: "pushvar warm, as 1.0",
}
_TYPES = {
    MetricType.UNKNOWN: Metadata.METRIC_TYPE_UNSPECIFIED,
    MetricType.COUNTER: Metadata.METRIC_TYPE_COUNTER,
    MetricType.GAUGE: Metadata.METRIC_TYPE_GAUGE,
    MetricType.HISTOGRAM: Metadata.METRIC_TYPE_HISTOGRAM,
    MetricType.SUMMARY: Metadata.METRIC_TYPE_SUMMARY,
    MetricType.INFO: Metadata.METRIC_TYPE_INFO,
}
_REPETITIONS = {NAIVE: 1, SPOOLED: 2, WARM: 8, WARM_1: 8}


@dataclass(frozen=True, slots=True)
class Way:
    """One way: its CPU time for a cycle, compressed too, and how many times more the naive way takes."""

    name: str
    cpu_ms: Spread
    ratio: Spread


@dataclass(frozen=True, slots=True)
class EncodingV2:
    """The ways side by side; sizes are of all requests of a cycle, 1.0's beside them."""

    series: int
    rounds: int
    plain_bytes: int
    wire_bytes: int
    plain_bytes_1: int
    wire_bytes_1: int
    ways: tuple[Way, ...]

    def way(self, name: str) -> Way:
        """One of them."""
        return next(way for way in self.ways if way.name == name)


class Ways:
    """Each method gives the requests of a cycle, one after the other."""

    def __init__(self, fleet: Fleet, first: Cycle) -> None:
        self._fleet = fleet
        plan = first.scrapes[0].plan
        self._families = {family.name: family for family in plan.families}
        self._warm, self._spooled = RequestEncoder(), RequestEncoder()

    def naive(self, cycle: Cycle) -> Iterator[bytes]:
        """Every message anew."""
        targets = range(len(cycle.scrapes))
        for start in range(0, len(targets), _TARGETS_PER_REQUEST):
            yield self._request(cycle, targets[start : start + _TARGETS_PER_REQUEST]).SerializeToString()

    def warm(self, cycle: Cycle) -> Iterator[bytes]:
        """The code of a warm cycle: templates filled, cut into batches, replayed as 2.0."""
        for batch in cut(cycle.scrapes, max_samples=encode.SAMPLES_PER_REQUEST):
            yield self._warm.encode(batch.parts, batch.templates, self._families)

    def spooled(self, cycle: Cycle) -> Iterator[bytes]:
        """The same batches as they come out of a spool: nobody knows the templates any more."""
        for batch in cut(cycle.scrapes, max_samples=encode.SAMPLES_PER_REQUEST):
            yield self._spooled.encode(batch.parts, (), self._families)

    def _request(self, cycle: Cycle, targets: Iterable[int]) -> Request:
        request, symbols = Request(), {"": 0}

        def place(symbol: str) -> int:
            return symbols.setdefault(symbol, len(symbols))

        for target in targets:
            fixed, time_ms = self._fleet.labels[target], cycle.scrapes[target].time_ms
            for (name, own), value in zip(self._fleet.rows, cycle.numbers[target], strict=True):
                series = request.timeseries.add()
                labels = sorted({"__name__": name, **fixed, **own}.items())
                series.labels_refs.extend([place(text) for pair in labels for text in pair])
                series.samples.add(value=value, timestamp=time_ms)
                family = self._families.get(name)
                if family is not None:
                    series.metadata.type = _TYPES[family.type]
                    series.metadata.help_ref = place(family.help)
                    series.metadata.unit_ref = place(family.unit)
        request.symbols.extend(symbols)
        return request


def ways(fleet: Fleet, first: Cycle) -> dict[str, Callable[[Cycle], Iterable[bytes]]]:
    """All ways to encode a cycle of this fleet."""
    made = Ways(fleet, first)
    return {NAIVE: made.naive, SPOOLED: made.spooled, WARM: made.warm, WARM_1: encode.warm}


def decoded_v2(requests: Iterable[bytes]) -> Decoded:
    """Read uncompressed 2.0 requests with the official runtime. Raises Different for a series sent twice."""
    found: Decoded = {}
    for body in requests:
        request = Request.FromString(body)
        for series in request.timeseries:
            texts = [request.symbols[place] for place in series.labels_refs]
            labels = tuple(zip(texts[0::2], texts[1::2], strict=True))
            if labels in found:
                raise Different(f"{dict(labels)} was sent twice")
            found[labels] = tuple((sample.value, sample.timestamp) for sample in series.samples)
    return found


def run(targets: int, rounds: int, progress: Callable[[], object]) -> EncodingV2:
    """Compare all ways on the series of that many targets. Raises Different."""
    fleet = Fleet(targets)
    cycles = [fleet.cycle(generation) for generation in range(_GENERATIONS)]
    encoders = ways(fleet, cycles[0])
    expected = decoded(encode.warm(cycles[1]))
    for name in (NAIVE, SPOOLED, WARM):
        demand_same(name, expected, decoded_v2(encoders[name](cycles[1])))
    ours, old = list(encoders[WARM](cycles[0])), list(encode.warm(cycles[0]))
    settle()

    def timed(name: str, number: int) -> float:
        again = _REPETITIONS[name]
        turns = [cycles[(number + turn) % _GENERATIONS] for turn in range(again)]
        return cpu_s(lambda: [_compress(encoders[name](cycle)) for cycle in turns]) / again

    measured = in_turns({name: partial(timed, name) for name in encoders}, rounds, progress)
    return EncodingV2(
        targets * workload.SERIES, rounds,
        sum(map(len, ours)), _compress(ours), sum(map(len, old)), _compress(old),
        tuple(
            Way(name, spread(taken).times(1000), ratios(measured[NAIVE], taken))
            for name, taken in measured.items()
        ),
    )  # fmt: skip


def _compress(requests: Iterable[bytes]) -> int:
    return sum(len(snappy.compress(body)) for body in requests)


def section(result: EncodingV2) -> Section:
    """The table of a run."""
    plain, wire = (size / result.series for size in (result.plain_bytes, result.wire_bytes))
    plain_1, wire_1 = (size / result.series for size in (result.plain_bytes_1, result.wire_bytes_1))
    return Section(
        f"Encoding {result.series:,} series, remote write 2.0, and compressing them: CPU per cycle,"
        f" {result.rounds} rounds",
        ("way", "ms", "naive takes"),
        tuple((WORDS[way.name], ms(way.cpu_ms), times(way.ratio)) for way in result.ways),
        (
            f"A sample takes {wire:.1f} bytes on the wire, {wire_1:.1f} as 1.0;"
            f" {plain:.0f} and {plain_1:.0f} before compression."
        ),
    )
