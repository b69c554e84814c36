"""The series behind the workload: for the encoders as input, and decoded again to compare them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushvar.collect.targets import build_target
from pushvar.config.load import load
from pushvar.convert.converter import Converter
from pushvar.convert.health import health_values
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp, all_rows
from pushvar.model import Scrape
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest

from benchmarks import workload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.config.schema import Config

_START_MS = 1_795_000_000_000
_CYCLE_MS = 60_000
_FETCHES_PER_MS = 10  # that begin in one millisecond: each target has the time of its own fetch

Decoded = dict[tuple[tuple[str, str], ...], tuple[tuple[float, int], ...]]
"""Labels in the order in which they were sent -> (value, timestamp in ms) of every sample."""


class Different(Exception):
    """Two ways that are compared do not give the same series, so timing them would mean nothing."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle has to encode: 64-bit patterns in ``scrapes``, and ``numbers``: the same as floats."""

    scrapes: tuple[Scrape, ...]
    numbers: tuple[tuple[float, ...], ...]


class Fleet:
    """Targets without a network: their labels, the rows of their common shape, values for any cycle.

    ``stamps`` are the targets as pushvar knows them, ``labels`` the same as a user writes them down:
    a dict for each target. ``rows`` are the series of one target: metric name and labels of its own.
    """

    def __init__(self, targets: int) -> None:
        text = workload.configuration(workload.addresses(targets), "http://127.0.0.1:1/write")
        self.stamps = stamps(load(text, source="workload"))
        self.labels = [dict(stamp.fixed) for stamp in self.stamps]
        self._documents = workload.documents()
        converter, rules = Converter(), built_in("auto")
        self._plans = [converter.convert(stamp, self._documents[0], rules).plan for stamp in self.stamps]
        self._shape = self._plans[0].shape
        self.rows = [(row.name, dict(row.labels)) for row in all_rows(self.stamps[0].target, self._shape)]

    def cycle(self, generation: int) -> Cycle:
        """The scrapes of one cycle: every target shows another document than in the cycle before."""
        time_ms = _START_MS + generation * _CYCLE_MS
        values = [self._values(body) for body in self._documents]
        turns = [workload.turn(target, generation) for target in range(len(self._plans))]
        numbers = [struct.unpack(f"<{workload.SERIES}d", patterns) for patterns in values]
        scrapes = tuple(
            Scrape(plan, values[turn], time_ms + target // _FETCHES_PER_MS)
            for target, (plan, turn) in enumerate(zip(self._plans, turns, strict=True))
        )
        return Cycle(scrapes, tuple(numbers[turn] for turn in turns))

    def _values(self, body: bytes) -> bytes:
        rows = len(self._shape.rows)
        health = health_values(up=True, duration_s=len(body) * 1e-7, scraped=rows, kept=rows, added=0)
        return self._shape.read_typed(self._shape.decode(body)) + health


def decoded(requests: Iterable[bytes]) -> Decoded:
    """Read uncompressed requests with the official runtime. Raises Different when a series comes twice."""
    found: Decoded = {}
    for body in requests:
        for series in WriteRequest.FromString(body).timeseries:
            labels = tuple((label.name, label.value) for label in series.labels)
            if labels in found:
                raise Different(f"{dict(labels)} was sent twice")
            found[labels] = tuple((sample.value, sample.timestamp) for sample in series.samples)
    return found


def demand_same(name: str, expected: Decoded, found: Decoded) -> None:
    """Raise Different, naming a series, unless both hold the same series with the same samples."""
    for labels in sorted({*expected, *found}):
        if expected.get(labels) != found.get(labels):
            raise Different(
                f"{name}: {dict(labels)} is {found.get(labels)}, where {expected.get(labels)} was expected"
            )


def user_targets(configuration: str) -> list[dict[str, Any]]:
    """The targets of a configuration as a user of the naive script lists them: URL and all labels."""
    config = load(configuration, source="workload")
    return [{"url": stamp.target.url, "labels": dict(stamp.fixed)} for stamp in stamps(config)]


def stamps(config: Config) -> list[Stamp]:
    """The targets of a configuration's first job, with the labels of their series."""
    job = config.scrape_configs[0]
    return [
        Stamp(build_target(config, job, address, dict(group.labels)), config.global_.external_labels)
        for group in job.static_configs
        for address in group.targets
    ]
