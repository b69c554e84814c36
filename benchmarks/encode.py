"""Encoding 30,000 series as remote write 1.0: the official runtime as users use it, and our templates.

Every way gives the same requests of at most 2,000 samples, one after the other, as a sender needs
them: each is dropped before the next is made. Before anything is timed they are decoded with the
official runtime and compared. The values are other ones in each round.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import snappy
from pushvar.convert.plan import compile_plan
from pushvar.deliver.batches import cut
from pushvar.model import Scrape
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from benchmarks import workload
from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different, Fleet, decoded, demand_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from benchmarks.series import Cycle

    Encode = Callable[[Cycle], Iterable[bytes]]

SAMPLES_PER_REQUEST = 2_000
_TARGETS_PER_REQUEST = SAMPLES_PER_REQUEST // workload.SERIES
_GENERATIONS = 8

NAIVE, CACHED, WARM, WARM_FLOATS, COLD = "naive", "cached", "warm", "warm_floats", "cold"
WORDS = {
    NAIVE: "official runtime, messages built anew",
    CACHED: "official runtime, messages kept, values set",
    WARM: "pushvar warm, from 64-bit patterns",
    WARM_FLOATS: "pushvar warm, from Python floats",
    COLD: "pushvar cold, templates made as well",
}
_REPETITIONS = {NAIVE: 1, CACHED: 4, WARM: 8, WARM_FLOATS: 8, COLD: 2}
"""The quick ways run several times in a round and their mean counts: a clock tick weighs less."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to encode a cycle: its CPU time, and how many times more the naive way takes.

    ``snappy_ms`` and ``snappy_ratio`` are the same with both sides compressing their requests too.
    """

    name: str
    cpu_ms: Spread
    ratio: Spread
    snappy_ms: Spread
    snappy_ratio: Spread


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoders side by side. ``cached_setup_ms`` is what the kept messages cost once."""

    series: int
    rounds: int
    requests: int
    plain_bytes: int
    wire_bytes: int
    cached_setup_ms: float
    ways: tuple[Way, ...]

    def way(self, name: str) -> Way:
        """One of them."""
        return next(way for way in self.ways if way.name == name)


def naive(fleet: Fleet, cycle: Cycle) -> Iterator[bytes]:
    """Build every message anew. Of the usual ways to fill them this one is the fastest."""
    for targets in _requests(len(cycle.scrapes)):
        yield _request(fleet, cycle, targets).SerializeToString()


def _requests(targets: int) -> Iterator[range]:
    for start in range(0, targets, _TARGETS_PER_REQUEST):
        yield range(start, min(start + _TARGETS_PER_REQUEST, targets))


def _request(fleet: Fleet, cycle: Cycle, targets: Iterable[int]) -> WriteRequest:
    request = WriteRequest()
    for target in targets:
        fixed, time_ms = fleet.labels[target], cycle.scrapes[target].time_ms
        for (name, own), value in zip(fleet.rows, cycle.numbers[target], strict=True):
            labels = {"__name__": name, **fixed, **own}
            series = request.timeseries.add()
            for key, text in sorted(labels.items()):
                label = series.labels.add()
                label.name = key
                label.value = text
            sample = series.samples.add()
            sample.value = value
            sample.timestamp = time_ms
    return request


class Cached:
    """Messages that are built once; a cycle sets their values and timestamps and serialises them."""

    def __init__(self, fleet: Fleet, cycle: Cycle) -> None:
        self._requests = []
        for targets in _requests(len(cycle.scrapes)):
            request = _request(fleet, cycle, targets)
            samples = iter([series.samples[0] for series in request.timeseries])
            of_targets = [(target, list(islice(samples, workload.SERIES))) for target in targets]
            self._requests.append((request, of_targets))

    def __call__(self, cycle: Cycle) -> Iterator[bytes]:
        """Encode one cycle."""
        for request, of_targets in self._requests:
            for target, samples in of_targets:
                time_ms = cycle.scrapes[target].time_ms
                for sample, value in zip(samples, cycle.numbers[target], strict=True):
                    sample.value = value
                    sample.timestamp = time_ms
            yield request.SerializeToString()


def warm(cycle: Cycle) -> Iterator[bytes]:
    """The code of a warm cycle: templates filled, cut into batches and joined."""
    return _joined(cycle.scrapes)


def warm_floats(cycle: Cycle) -> Iterator[bytes]:
    """The same from floats, which the other ways start from; in a real cycle the converter packs them."""
    pack = struct.Struct(f"<{workload.SERIES}d").pack
    return _joined(
        Scrape(scrape.plan, pack(*numbers), scrape.time_ms)
        for scrape, numbers in zip(cycle.scrapes, cycle.numbers, strict=True)
    )


class Cold:
    """A first cycle: pushvar has encoded no label before, and makes the template of every target."""

    def __init__(self, fleet: Fleet) -> None:
        self._stamps = fleet.stamps
        # Whatever pushvar remembers of earlier calls is forgotten, wherever it keeps it.
        self._caches = [
            known
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] == "pushvar"
            for known in vars(module).values()
            if hasattr(known, "cache_clear")
        ]

    def forget(self) -> None:
        """Be a process that has encoded nothing."""
        for known in self._caches:
            known.cache_clear()

    def __call__(self, cycle: Cycle) -> Iterator[bytes]:
        """Encode one cycle in a process that has encoded nothing."""
        self.forget()
        return self.planned(cycle)

    def planned(self, cycle: Cycle) -> Iterator[bytes]:
        """Encode one cycle: every plan is made anew, with whatever the process knows by now."""
        return _joined(
            Scrape(compile_plan(stamp, scrape.plan.shape), scrape.values, scrape.time_ms)
            for stamp, scrape in zip(self._stamps, cycle.scrapes, strict=True)
        )


def _joined(scrapes: Iterable[Scrape]) -> Iterator[bytes]:
    for batch in cut(scrapes, max_samples=SAMPLES_PER_REQUEST):
        yield b"".join(batch.parts)


def ways(fleet: Fleet, first: Cycle) -> dict[str, Encode]:
    """All ways to encode a cycle of this fleet."""
    return {
        NAIVE: partial(naive, fleet),
        CACHED: Cached(fleet, first),
        WARM: warm,
        WARM_FLOATS: warm_floats,
        COLD: Cold(fleet),
    }


def check(encoders: Mapping[str, Encode], cycle: Cycle) -> None:
    """Raise Different unless every way gives the naive one's series, and as many as there should be."""
    expected = decoded(encoders[NAIVE](cycle))
    if len(expected) != len(cycle.scrapes) * workload.SERIES:
        raise Different(f"the naive way gave {len(expected)} series")
    for name, encode in encoders.items():
        demand_same(name, expected, decoded(encode(cycle)))


def run(targets: int, rounds: int, progress: Callable[[], object]) -> Encoding:
    """Compare all ways on the series of that many targets. Raises Different."""
    fleet = Fleet(targets)
    cycles = [fleet.cycle(generation) for generation in range(_GENERATIONS)]
    setup_s = cpu_s(lambda: Cached(fleet, cycles[0]))
    encoders = ways(fleet, cycles[0])
    check(encoders, cycles[1])
    requests = list(warm(cycles[0]))
    settle()

    def timed(name: str, sent: Callable[[Iterable[bytes]], object], number: int) -> float:
        times = _REPETITIONS[name]
        turns = [cycles[(number + again) % _GENERATIONS] for again in range(times)]
        return cpu_s(lambda: [sent(encoders[name](cycle)) for cycle in turns]) / times

    plain = {name: partial(timed, name, _drop) for name in encoders}
    zipped = {f"{name}+snappy": partial(timed, name, _compress) for name in encoders}
    measured = in_turns({**plain, **zipped}, rounds, progress)
    return Encoding(
        series=targets * workload.SERIES,
        rounds=rounds,
        requests=len(requests),
        plain_bytes=sum(map(len, requests)),
        wire_bytes=sum(len(snappy.compress(body)) for body in requests),
        cached_setup_ms=setup_s * 1000,
        ways=tuple(_way(name, measured) for name in encoders),
    )


def _drop(requests: Iterable[bytes]) -> None:
    for _ in requests:
        pass


def _compress(requests: Iterable[bytes]) -> None:
    for body in requests:
        snappy.compress(body)


def _way(name: str, measured: Mapping[str, list[float]]) -> Way:
    plain, zipped = measured[name], measured[f"{name}+snappy"]
    return Way(
        name,
        spread(plain).times(1000),
        ratios(measured[NAIVE], plain),
        spread(zipped).times(1000),
        ratios(measured[f"{NAIVE}+snappy"], zipped),
    )
