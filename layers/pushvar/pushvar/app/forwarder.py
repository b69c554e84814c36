"""The forwarder at work on one machine: plan and forward in one process, once or in a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.collect.fetch import Fetcher
from pushvar.cycle import Steps, run_cycle
from pushvar.errors import ConfigError
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Registry, Snapshot
    from pushvar.model import Report
    from pushvar.state.protocol import StateStore

SHARD = "0"
"""One machine is one shard: its fetches already run side by side."""

_EARLY = 0.05
"""The share of an interval by which a job may start before its time."""


class Forwarder:
    """Fetches the targets of a registry and pushes them to its backends, cycle by cycle."""

    def __init__(self, registry: Registry, state: StateStore, world: World, *, owner: str) -> None:
        self._registry = registry
        self._state = state
        self._world = world
        self._owner = owner
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._fetcher = Fetcher(world.now_ms, world.monotonic_s)
        self._unusable: tuple[ConfigError, ...] = ()
        self._snapshot = registry.load()
        self._use(self._snapshot)

    def _use(self, snapshot: Snapshot) -> None:
        if not snapshot.config.remote_write:
            raise ConfigError(
                "remote_write", "no backend to send to", hint="add a remote_write block with a url"
            )
        self._engine = Engine(snapshot, self._secrets)
        self._backends = Backends(snapshot.config.remote_write, self._secrets, self._world)
        self._next_ms: dict[str, int] = {}

    @property
    def engine(self) -> Engine:
        """The configuration in use, compiled."""
        return self._engine

    @property
    def interval_s(self) -> float:
        """The shortest scrape interval of the configuration."""
        return min(job.scrape_interval.s for job in self._engine.config.scrape_configs)

    def cycle(self, *, every_s: float | None = None) -> Report:
        """Run one cycle: of all jobs when ``every_s`` sets the pace, else of those that are due.

        Raises StateError when the state store fails.
        """
        self._reload()
        now_ms = self._world.now_ms()
        steps = Steps(
            self._fetcher.fetch_all,
            self._engine.convert,
            self._engine.failed,
            lambda scrapes, deadline_s: self._backends.deliver(scrapes, self._engine.families, deadline_s),
            self._state,
            self._world.now_ms,
            self._world.monotonic_s,
        )
        endpoints = self._engine.endpoints(self._due(now_ms, every_s))
        budget_s = max(every_s or self.interval_s, max((one.timeout_s for one in endpoints), default=0.0) + 5)
        return run_cycle(steps, endpoints, shard=SHARD, owner=self._owner, cycle=now_ms, budget_s=budget_s)

    def run(
        self, report: Callable[[Report], None], stopped: Callable[[], bool], *, every_s: float | None = None
    ) -> None:
        """Run cycles until ``stopped``; a late cycle starts at once, missed ones are not made up for."""
        pace_s = every_s or self.interval_s
        next_s = self._world.monotonic_s()
        while not stopped():
            report(self.cycle(every_s=every_s))
            now_s = self._world.monotonic_s()
            next_s = max(next_s + pace_s, now_s)
            if not stopped():
                self._world.sleep(next_s - now_s)

    def _reload(self) -> None:
        """Take a new version of the configuration, if there is one that may be used."""
        self._unusable = ()
        try:
            self._snapshot = self._registry.load()
            if self._snapshot.version == self._engine.snapshot.version:
                return
            old = self._backends
            self._use(self._snapshot)
        except ConfigError as error:
            self._unusable = (error,)
        else:
            old.close()

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong although the forwarder works: an unusable new version, bad target files."""
        return (*self._unusable, *self._snapshot.problems, *self._engine.refused)

    def _due(self, now_ms: int, every_s: float | None) -> list[str]:
        """The jobs whose turn it is; a timer that rings a little early is not early."""
        due = []
        for job in self._engine.config.scrape_configs:
            interval_ms = job.scrape_interval.ms
            next_ms = self._next_ms.get(job.job_name, now_ms)
            if every_s or now_ms >= next_ms - interval_ms * _EARLY:
                due.append(job.job_name)
                missed = now_ms - next_ms >= interval_ms
                self._next_ms[job.job_name] = (now_ms if missed else next_ms) + interval_ms
        return due

    def close(self) -> None:
        """Close connections and the state store."""
        self._backends.close()
        self._fetcher.close()
        self._state.close()
