"""Converting a large expvar document under a ready rule set, against ``json.loads`` on the same bytes.

The document is one of InfluxDB Enterprise: points with long keys and many tags, no two of them with the
same ones, which is the dear case. Cold is a new converter, in this process and in a fresh one; the rules are
compiled before, as a configuration is loaded. The values are other ones in each round.

``python -m benchmarks.conversion NUMBER`` is the fresh process: it says its CPU seconds as one JSON list.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pushvar.config.programs import ready_rules
from pushvar.convert.converter import Converter
from pushvar.convert.mapping import rule_set
from pushvar.convert.plan import Stamp
from pushvar.model import Target

from benchmarks.measure import Spread, cpu_s, in_turns, ratios, settle, spread
from benchmarks.series import Different
from tests.components import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.convert.converter import Converted
    from pushvar.convert.mapping.rules import RuleSet

POINTS = 178
SERIES = 1_479
_FIELDS = {
    "hh_processor": "bytesRead bytesWritten queueBytes queueDepth queueTotalSize writeNodeReq writeShardReq",
    "shard": "diskBytes fieldsCreate seriesCreate writeBytes writePointsErr writePointsOk writeReq writeErr",
    "subscriber": "bytesRead createFailures pointsWritten queueDepth reqDurationNs writeFailures",
    "tsm1_cache": "WALCompactionTimeMs cacheAgeMs cachedBytes diskBytes memBytes snapshotCount writeErr ok",
    "tsm1_engine": (
        "cacheCompactionDuration cacheCompactionErr cacheCompactions cacheCompactionsActive"
        " tsmFullCompactionDuration tsmFullCompactionErr tsmFullCompactionQueue tsmLevel1CompactionDuration"
        " tsmLevel1Compactions tsmLevel1CompactionsActive tsmOptimizeCompactionDuration tsmOptimizeErr"
    ),
    "tsm1_wal": (
        "currentSegmentDiskBytes oldSegmentsDiskBytes segmentsRead segmentsWritten syncDurationNs syncErr"
        " syncOk writeErr writeOk"
    ),
}
_LOADS = 10  # json.loads, for one measurement of it
_WARM_READS = 20
_STAMP = Stamp(
    Target("influx", "bench", "http://10.0.0.1/debug/vars", (("instance", "10.0.0.1"), ("job", "bench")))
)

WARM, COLD, FRESH = "warm", "cold", "fresh"
WORDS = {
    WARM: "warm, the same structure as before",
    COLD: "cold, in a new converter",
    FRESH: "cold, in a fresh process",
}
LIMITS = {WARM: 3, COLD: 120, FRESH: 120}
"""How many times the CPU of ``json.loads`` issue 4 allows; shown beside what was measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to convert: its CPU time, and how many times that of ``json.loads`` it is."""

    name: str
    cpu_ms: Spread
    ratio: Spread


@dataclass(frozen=True, slots=True)
class Conversion:
    """All ways on one document."""

    series: int
    body_bytes: int
    rounds: int
    json_ms: Spread
    ways: tuple[Way, ...]

    def way(self, name: str) -> Way:
        """One of them."""
        return next(way for way in self.ways if way.name == name)


def document(seed: int, points: int = POINTS) -> bytes:
    """A body as InfluxDB Enterprise prints it: the numbers depend on the seed, nothing else does."""
    numbers = random.Random(seed)
    kinds = list(_FIELDS)
    return json.dumps(
        dict(_point(numbers, kinds[number % len(kinds)], number // len(kinds)) for number in range(points)),
        separators=(",", ":"),
    ).encode()


def _point(numbers: random.Random, kind: str, shard: int) -> tuple[str, dict[str, Any]]:
    database, policy, node = (
        f"telegraf_production_{shard % 3}",
        f"keep_days_{shard % 2}",
        f"data-{shard % 4}.{kind}.eu-west-1.internal:8088",
    )
    folder = f"/var/lib/influxdb/data/{database}/{policy}/{shard}"
    tags = {
        "database": database, "engine": "tsm1", "id": str(shard), "indexType": "tsi1", "node": node,
        "path": folder, "retentionPolicy": policy, "walPath": folder.replace("/data/", "/wal/"),
    }  # fmt: skip
    values = {field: numbers.randrange(1 << 40) for field in _FIELDS[kind].split()}
    return f"{kind}:{folder}:{shard}", {"name": kind, "tags": tags, "values": values}


@cache
def _rules() -> RuleSet:
    return rule_set([("influxdb", ready_rules("influxdb"))], "auto")


def convert(converter: Converter, body: bytes) -> Converted:
    """What a cycle does with one body."""
    return converter.convert(_STAMP, body, _rules())


def run(rounds: int, environment: dict[str, str], progress: Callable[[], object]) -> Conversion:
    """Compare all ways; ``environment`` is one ``with_bytecode``. Raises Different."""
    bodies = [document(seed) for seed in range(rounds + 1)]
    warm = Converter()
    convert(warm, bodies[-1])
    _check(warm, bodies[0])
    settle()

    def cold(number: int) -> float:
        return cpu_s(lambda: convert(Converter(), bodies[number]))

    def again(number: int) -> float:
        return cpu_s(lambda: [convert(warm, bodies[number]) for _ in range(_WARM_READS)]) / _WARM_READS

    fresh: list[tuple[float, float]] = []

    def process(number: int) -> float:
        fresh.append(_process(number, environment))
        return fresh[-1][0]

    loads: dict[str, Callable[[int], float]] = {"json": lambda number: loads_s(bodies[number])}
    measured = in_turns({**loads, WARM: again, COLD: cold, FRESH: process}, rounds, progress)
    beside = {WARM: measured["json"], COLD: measured["json"], FRESH: [load for _, load in fresh]}
    return Conversion(
        SERIES,
        len(bodies[0]),
        rounds,
        spread(measured["json"]).times(1e3),
        tuple(
            Way(name, spread(measured[name]).times(1e3), ratios(measured[name], beside[name]))
            for name in WORDS
        ),
    )


def loads_s(body: bytes) -> float:
    """The CPU time of ``json.loads``."""
    return cpu_s(lambda: [json.loads(body) for _ in range(_LOADS)]) / _LOADS


def _check(warm: Converter, body: bytes) -> None:
    """Both ways must read what stands in the document, in one order."""
    first, second = convert(Converter(), body), convert(warm, body)
    expected = sum(len(point["values"]) for point in json.loads(body).values())
    if first.values != second.values or len(first.plan.shape.rows) != expected or expected != SERIES:
        raise Different(f"{len(first.plan.shape.rows)} series, where the document has {expected}")


def _process(number: int, environment: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.conversion", str(number)],
        cwd=REPOSITORY, env=environment, capture_output=True, check=True,
    )  # fmt: skip
    cold, load = json.loads(done.stdout)
    return cold, load


def main(number: int) -> None:
    """Convert one document cold, and say what that and ``json.loads`` took."""
    body = document(number)
    _rules()
    loads_s(body)
    load = loads_s(body)
    print(json.dumps([cpu_s(partial(convert, Converter(), body)), load]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
