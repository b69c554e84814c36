"""A pushvar cycle with a stopwatch at each step: the parts that the forwarder joins, joined here.

Packing and compression happen inside the delivery; they are done once more on the same data after
the cycle, and taken off the delivery's time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import snappy
from pushvar import cycle as corridor
from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.collect.fetch import Fetcher
from pushvar.collect.registry import open_registry
from pushvar.collect.targets import build_targets
from pushvar.deliver.batches import cut
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.net.secrets import Secrets
from pushvar.state import open_state

from benchmarks.client import CONFIG, CYCLE_MS, STATE, check, paced_world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pushvar.collect.fetch import Done, Endpoint
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Load, Report, Scrape
    from pushvar.state.protocol import StateStore

REGISTRY, FETCH, CONVERT, STALENESS, PACK, COMPRESS, PUSH, LEASE, REST = (
    "registry", "fetch", "convert", "staleness", "pack", "compress", "push", "lease", "rest",
)  # fmt: skip
_ALL = "all"
WORDS = {
    REGISTRY: "look whether the configuration changed",
    FETCH: "fetch: asyncio, HTTP/1.1, deadline",
    CONVERT: "decode, read, health values",
    STALENESS: "look which series have ended",
    PACK: "fill templates, cut batches",
    COMPRESS: "join and compress",
    PUSH: "push: POSTs with requests, and metadata",
    LEASE: "lease, commit, release (SQLite)",
    REST: "the rest of the cycle, its counters among it",
}


@dataclass(slots=True)
class Stopwatch:
    """CPU seconds by step, of this process."""

    taken_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted under ``step``."""

        def run(*arguments: Any, **named: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.taken_s[step] += time.process_time() - start

        return run


class _Store:
    """The calls that a cycle makes on its state store."""

    def __init__(self, store: StateStore, watch: Stopwatch) -> None:
        self.acquire = watch.timed(LEASE, store.acquire)
        self.commit = watch.timed(LEASE, store.commit)
        self.release = watch.timed(LEASE, store.release)
        self.spool_entries = watch.timed(LEASE, store.spool_entries)


class _Memory:
    """The calls that a cycle makes on the memory of series."""

    def __init__(self, memory: SeriesMemory, watch: Stopwatch) -> None:
        self.begin = watch.timed(STALENESS, memory.begin)
        self.end = watch.timed(STALENESS, memory.end)


class Steps:
    """The forwarder's parts under the stopwatch."""

    def __init__(self, folder: Path) -> None:
        self._cycles = 0
        self._world = paced_world(lambda: self._cycles * CYCLE_MS)
        self._registry = open_registry(str(folder / CONFIG))
        snapshot = self._registry.load()
        secrets = Secrets(self._world.environment, self._world.read_file, self._world.monotonic_s)
        targets = build_targets(snapshot.config, snapshot.groups).targets
        self._engine = Engine(snapshot.config, targets, secrets)
        self._backends = Backends(snapshot.config, secrets, self._world)
        self._fetcher = Fetcher(self._world.now_ms, self._world.monotonic_s)
        self._store = open_state(f"sqlite:{folder / STATE}")
        self._memory = SeriesMemory(self._store)
        self._batch_samples = snapshot.config.remote_write[0].queue_config.max_samples_per_send

    def cycle(self) -> dict[str, float]:
        """One cycle; gives the CPU seconds of each step."""
        self._cycles += 1
        watch = Stopwatch()
        report = watch.timed(_ALL, self._run)(watch)
        check(report)
        self._replay(watch, report.scrapes)
        taken = watch.taken_s
        rest_s = (
            taken.pop(_ALL) - taken[REGISTRY] - taken[FETCH] - taken[PUSH] - taken[LEASE] - taken[STALENESS]
        )
        taken[FETCH] -= taken[CONVERT]
        taken[PUSH] -= taken[PACK] + taken[COMPRESS]
        return {step: taken[step] for step in WORDS} | {REST: rest_s}

    def _run(self, watch: Stopwatch) -> Report:
        snapshot = watch.timed(REGISTRY, self._registry.load)()
        steps = corridor.Steps(
            watch.timed(FETCH, lambda endpoints, done, *_: self._fetch(watch, endpoints, done)),
            self._engine.convert,
            self._engine.failed,
            watch.timed(PUSH, self._deliver),
            cast("SeriesMemory", _Memory(self._memory, watch)),
            lambda _numbers, _now_ms: (),
            cast("StateStore", _Store(self._store, watch)),
            self._world.now_ms,
            self._world.monotonic_s,
        )
        endpoints = self._engine.endpoints(job.job_name for job in snapshot.config.scrape_configs)
        cycle = self._world.now_ms()
        turn = corridor.Turn("0", "benchmark", cycle, budget_s=CYCLE_MS / 1000)
        roll = Roll({target.key for target in self._engine.targets})
        return corridor.run_cycle(steps, turn, roll, lambda _head: endpoints)

    def _fetch(self, watch: Stopwatch, endpoints: Sequence[Endpoint], done: Done) -> None:
        self._fetcher.fetch_all(endpoints, watch.timed(CONVERT, done))

    def _deliver(self, load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
        return self._backends.deliver(load, self._engine.families, deadline_s, spool)

    def _replay(self, watch: Stopwatch, scrapes: Sequence[Scrape]) -> None:
        batches = cut(scrapes, max_samples=self._batch_samples)
        fill = watch.timed(PACK, lambda: next(batches, None))
        compress = watch.timed(COMPRESS, lambda parts: snappy.compress(b"".join(parts)))
        while batch := fill():  # one at a time, as they are sent
            compress(batch.parts)
