"""The forwarder at work on one machine: plan and forward in one process, once or in a loop."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pushvar.app.backends import Backends
from pushvar.app.collector import Collector
from pushvar.app.engine import Engine
from pushvar.app.pace import Pace
from pushvar.app.pushed import PushedGroups
from pushvar.app.stamps import PUSHED
from pushvar.app.type_tables import TypeTables
from pushvar.collect.fetch import Fetcher
from pushvar.collect.groups import Listing
from pushvar.collect.targets import build_targets
from pushvar.config.checks import demand_backend
from pushvar.convert.own_metrics import reload_gauges
from pushvar.cycle import Steps, Turn, run_cycle
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.errors import ConfigError, StateError
from pushvar.model import Report
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.app.pushed import GroupTurn
    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Registry, Snapshot
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Load, Scrape
    from pushvar.state.protocol import StateStore

SHARD = "0"
"""One machine is one shard: its fetches already run side by side."""

_PATIENCE_S = 5.0
"""What a delivery gets at least when the fetches took the whole interval."""

_OVERRUN_S = 5.0
"""How far a request may run into the next interval, to a backend that was well: a beat is late rather than
sent twice, and a backend slower than the pace is served at its own. The lease outlives that."""


class _Compiled(NamedTuple):
    """One version of the configuration, ready for use, and the targets that it may not have."""

    version: str
    engine: Engine
    backends: Backends
    refused: tuple[ConfigError, ...]


class Forwarder:
    """Fetches the targets of a registry and pushes them to its backends, cycle by cycle."""

    def __init__(self, registry: Registry, state: StateStore, world: World, *, owner: str) -> None:
        self._registry = registry
        self._state = state
        self._memory = SeriesMemory(state)
        self._tables = TypeTables(state, world.monotonic_s)
        self._pushed = PushedGroups(state)
        self._listing = Listing(state, world.monotonic_s)
        self._world = world
        self._owner = owner
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._fetcher = Fetcher(world.now_ms, world.monotonic_s, until_s=world.until_s)
        self._unusable: tuple[ConfigError, ...] = ()
        self._pace, self._collector = Pace(), Collector(gc)
        self._snapshot = registry.load()
        self._compiled = self._compile(self._snapshot)
        self._taken_ms = world.now_ms()

    def _compile(self, snapshot: Snapshot) -> _Compiled:
        """Everything that a configuration needs; raises ConfigError before anything of it is used."""
        demand_backend(snapshot.config)
        targets, refused, _dropped = build_targets(snapshot.config, snapshot.groups)
        engine = Engine(snapshot.config, targets, self._secrets, settle=self._tables)
        engine.check()
        backends = Backends(snapshot.config, self._secrets, self._world, overrun_s=_OVERRUN_S)
        backends.check()
        return _Compiled(snapshot.version, engine, backends, refused)

    @property
    def engine(self) -> Engine:
        """The configuration in use, compiled."""
        return self._compiled.engine

    @property
    def interval_s(self) -> float:
        """The shortest interval of the configuration."""
        return min(self._intervals_ms().values()) / 1000

    def cycle(self, *, every_s: float | None = None, patience_s: float = _PATIENCE_S) -> Report:
        """Run one cycle: of the jobs that are due by ``every_s``, or else by their own intervals.

        ``patience_s`` is what a delivery gets at least, however late the fetches ended. Raises
        StateError when the state store fails.
        """
        self._reload()
        world, pace_s = self._world, every_s or self.interval_s
        now_ms, next_s = world.now_ms(), world.monotonic_s() + pace_s
        due = self._due(now_ms, every_s)

        def deliver(load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
            enough_s = min(deadline_s, max(next_s, world.monotonic_s() + patience_s))
            return self._compiled.backends.deliver(load, self.engine.families, enough_s, spool)

        engine = self.engine
        steps = Steps(
            self._fetcher.fetch_all, engine.convert, engine.failed, deliver, self._memory, self._own_scrapes,
            self._state, world.now_ms, world.monotonic_s, engine.within, engine.apart, self._groups(due),
        )  # fmt: skip
        endpoints = self.engine.endpoints(job for job in due if job != PUSHED)
        slowest_s = max((one.timeout_s for one in endpoints), default=0.0)
        budget_s = max(pace_s, slowest_s + patience_s)
        turn = Turn(SHARD, self._owner, now_ms, budget_s, patience_s)
        roll = Roll({target.key for target in self.engine.targets})
        self._compiled.backends.get_ready()
        report = run_cycle(steps, turn, roll, lambda _head: endpoints)
        self.engine.heard(report.scrapes)
        return replace(report, config_version=self._compiled.version)

    def _groups(self, due: Sequence[str]) -> GroupTurn | None:
        """The pushed groups, where anybody may push."""
        is_open = self.engine.config.gateway.is_open
        return self._pushed.turn(self.engine, self._wanted, due=PUSHED in due) if is_open else None

    def _wanted(self) -> dict[str, str]:
        """The pushed groups there are."""
        return {head.key: head.version for head in self._listing.heads()}

    def _own_scrapes(self, numbers: Mapping[str, float], now_ms: int) -> Sequence[Scrape]:
        newest = not (self._unusable or self._snapshot.outdated)
        gauges = reload_gauges(successful=newest, taken_ms=self._taken_ms)
        return self.engine.own_scrapes(self._world.host, {**numbers, **gauges}, now_ms)

    def run(
        self,
        report: Callable[[Report], None],
        stopped: Callable[[], bool],
        *,
        every_s: float | None = None,
        look: Callable[[], bool] = lambda: False,
        looked: Callable[[], None] = lambda: None,
        rest: Callable[[float], object] | None = None,
    ) -> None:
        """Run cycles until ``stopped``; a late cycle starts at once, missed ones are not made up for.

        A backend that is away may take the time until the next cycle and hardly more: the others wait
        for it. Raises StateError when the state store fails in the first cycle; a later failure, such
        as a lease lost while the machine slept, costs its own cycle. ``look`` says whether somebody wants
        the configuration to be looked at before the next cycle does so; ``looked`` is called when it was.
        ``rest`` waits between cycles, or less when somebody wants something.
        """
        worked = False
        self._collector.begin()
        while not stopped():
            started_ms, pace_s = self._world.now_ms(), every_s or self.interval_s
            try:
                report(self.cycle(every_s=every_s, patience_s=min(pace_s, _PATIENCE_S)))
                worked = True
            except StateError as error:
                if not worked:
                    raise
                report(Report(SHARD, started_ms, started_ms, 0.0, skipped="state", detail=str(error)))
            self._collector.rest()
            if look():  # while the cycle ran
                self._look(looked)
            while (wait_s := self._wait_s(every_s)) > 0 and not stopped():
                (rest or self._world.sleep)(wait_s)
                if not look():
                    break
                self._look(looked)

    def _wait_s(self, every_s: float | None) -> float:
        """How long nothing is to be done."""
        next_ms = self._pace.first_ms()  # a new configuration may have new jobs only
        return min((next_ms - self._world.now_ms()) / 1000, every_s or self.interval_s)

    def _look(self, looked: Callable[[], None]) -> None:
        try:
            self._reload()
        except StateError:  # the next cycle meets it too, and tells
            return
        looked()

    def _reload(self) -> None:
        """Take a new version of the configuration, if there is one that may be used."""
        self._unusable = ()
        try:
            self._snapshot = self._registry.load()
            if self._snapshot.version == self._compiled.version:
                return
            compiled = self._compile(self._snapshot)
        except ConfigError as error:
            self._unusable = (error,)
            return
        self._collector.renew()
        self._compiled.backends.close()
        before = self._intervals_ms()
        self._compiled = compiled
        self._pace.keep({name for name, ms in self._intervals_ms().items() if before.get(name) == ms})
        self._taken_ms = self._world.now_ms()

    @property
    def version(self) -> str:
        """The version of the configuration and its targets that is in use."""
        return self._compiled.version

    @property
    def problems(self) -> tuple[ConfigError, ...]:
        """What is wrong although the forwarder works: an unusable new version, bad target files."""
        return (
            *_standing_in(self._snapshot),
            *self._unusable,
            *self._snapshot.problems,
            *self._compiled.refused,
        )

    def _due(self, now_ms: int, every_s: float | None) -> list[str]:
        """The jobs whose turn it is."""
        return [name for name, ms in self._intervals_ms(every_s).items() if self._pace.due(name, ms, now_ms)]

    def _intervals_ms(self, every_s: float | None = None) -> dict[str, int]:
        """The interval of each job, that of pushed groups among them."""
        config = self.engine.config
        own = {job.job_name: job.scrape_interval.ms for job in config.scrape_configs}
        if config.gateway.is_open:
            own[PUSHED] = config.gateway.interval.ms
        return dict.fromkeys(own, int(every_s * 1000)) if every_s else own

    def close(self) -> None:
        """Close connections and the state store."""
        self._collector.end()
        self._compiled.backends.close()
        self._fetcher.close()
        self._state.close()


def _standing_in(snapshot: Snapshot) -> tuple[ConfigError, ...]:
    if not snapshot.outdated:
        return ()
    problem = f"the newest one is refused; the last good one ({snapshot.version}) is used"
    return (ConfigError("configuration", problem, hint="mend what is named beside this"),)
