"""Forward: one shard's cycle, by the documents that its message names."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.app.pushed import PushedGroups
from pushvar.app.rounds import rounds
from pushvar.app.timed import timed
from pushvar.app.type_tables import TypeTables
from pushvar.app.world import untimed
from pushvar.collect.documents import read_config, read_slice
from pushvar.collect.fetch import Fetcher
from pushvar.collect.schedule import FARTHEST_MS, due_jobs, is_due, phase_of
from pushvar.collect.shards import shard_of_labels
from pushvar.convert.converter import Converter
from pushvar.convert.own_metrics import reload_gauges
from pushvar.cycle import Steps, Turn, run_cycle
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.errors import EventError, StateError
from pushvar.model import Report
from pushvar.net.aws import calls_until, move_calls_end
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.app.pushed import GroupTurn
    from pushvar.app.world import World
    from pushvar.collect.fetch import Endpoint
    from pushvar.collect.shards import ShardMessage
    from pushvar.config.schema import Config
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Labels, Load
    from pushvar.state.protocol import Head, StateStore

LEASE_MARGIN_MS = 5_000
"""A function is killed at its timeout: its lease need outlive that by a difference of clocks only."""

_CONFIGS = 2
_KEPT_TARGETS = 4_000
"""Targets of other shards that are kept ready, some 33 KB each: a function may have as little as 256 MB."""
_DELIVERY_S = 5.0
"""What the delivery gets at least of the time, however slow the targets are."""
_SPOOL_S = 8.0
"""What is left after the delivery: to keep what did not go out and to write the head, with a try to spare."""
_LANE_S = 0.1
"""What keeping costs for each lane."""


class _Shared(NamedTuple):
    """What all shards of one configuration share in this process."""

    config: Config
    converter: Converter
    backends: Backends


class _Time(NamedTuple):
    """What is left for a round, and how much of it is for keeping what was not delivered; seconds."""

    left_s: float
    keep_s: float


class Worker:
    """Runs the cycles of any shards, one at a time, and keeps what it compiled for the next."""

    def __init__(self, state: StateStore, world: World, *, allowed: Callable[[str], bool]) -> None:
        self._state = state
        self._memory = SeriesMemory(state)
        self._tables = TypeTables(state, world.monotonic_s)
        self._pushed = PushedGroups(state)
        self._world = world
        self._secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._fetcher = Fetcher(world.now_ms, world.monotonic_s, allowed=allowed)
        self._shared: OrderedDict[str, _Shared] = OrderedDict()
        self._engines: OrderedDict[tuple[str, str], Engine] = OrderedDict()

    def run(self, message: ShardMessage, *, owner: str, budget_s: float) -> Iterator[Report]:
        """Run the rounds of a message's cycle, within ``budget_s``, and give each report as it comes.

        ``owner`` is this run's own name. A report says so when its round is late, was done before, or the
        shard is another writer's. A late message only delivers what waits, as far as that can be done. Raises
        EventError for a cycle that lies in the future, StateError when the state store fails or lacks a
        document.
        """
        now_ms = self._world.now_ms()
        if message.cycle > now_ms + FARTHEST_MS:  # it would make every later cycle a repetition
            raise EventError(f"cycle {message.cycle} lies in the future", hint="check the clocks")
        age_ms = now_ms - message.due_ms
        if age_ms <= message.late_after_ms:
            deadline_s = self._world.monotonic_s() + budget_s
            with calls_until(deadline_s - _SPOOL_S):
                config = self._shared_of(message.config_version).config
            round_of = partial(self._cycle, message, owner)
            yield from rounds(message, config, self._world, deadline_s, round_of)
            return
        late = f"{age_ms / 1000:.1f} s old, {message.late_after_ms / 1000:g} s are allowed"
        try:
            yield self._cycle(message, owner, message.cycle, budget_s, late=late)
        except StateError:  # to bring it again could not help: newer messages are on their way
            yield Report(message.shard, message.cycle, now_ms, 0.0, skipped="late", detail=late)

    def _cycle(
        self, message: ShardMessage, owner: str, cycle: int, budget_s: float, *, late: str = ""
    ) -> Report:
        """One round; what is read before the delivery may not take the time that keeping needs."""
        end_s, keep_s = self._world.monotonic_s() + budget_s, min(_SPOOL_S, budget_s / 4)
        with calls_until(end_s - keep_s):
            shared = self._shared_of(message.config_version)
            engine = self._engine_of(message, shared)
            left_s = end_s - self._world.monotonic_s()
            if left_s <= keep_s:
                raise StateError("reading what the shard is made of took all the time that there was")
            return self._turn(message, cycle, owner, _Time(left_s, keep_s), engine, shared, late)

    def _turn(
        self, message: ShardMessage, cycle: int, owner: str, time: _Time, engine: Engine, shared: _Shared,
        late: str,
    ) -> Report:  # fmt: skip
        phase_ms = phase_of(message.cycle)
        pushed = self._pushed.turn(engine, lambda: message.groups)

        def due(head: Head) -> list[Endpoint]:
            config, since = shared.config, head.finished_cycle
            interval = config.gateway.interval
            pushed.due = is_due(interval, cycle_ms=cycle, finished_ms=since, phase_ms=phase_ms)
            jobs = due_jobs(config.scrape_configs, cycle_ms=cycle, finished_ms=since, phase_ms=phase_ms)
            return engine.endpoints(jobs)

        turn = Turn(
            message.shard, owner, cycle, time.left_s, min(_DELIVERY_S + time.keep_s, time.left_s / 2),
            margin_ms=LEASE_MARGIN_MS, planned=True, late=late, layout=message.layout,
        )  # fmt: skip
        roll = Roll({target.key for target in engine.targets}, self._belongs(message))
        steps = self._steps(engine, shared.backends, message, pushed, time.keep_s)
        shared.backends.get_ready()
        report = run_cycle(steps, turn, roll, due)
        engine.heard(report.scrapes)
        return report

    def _steps(
        self, engine: Engine, backends: Backends, message: ShardMessage, pushed: GroupTurn, keep_s: float
    ) -> Steps:
        def deliver(load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
            if load.whole:  # what comes before it has the time that was set for it
                move_calls_end(deadline_s)
            return backends.deliver(load, engine.families, deadline_s - keep_s, spool)

        steps = Steps(
            self._fetcher.fetch_all,
            engine.convert,
            engine.failed,
            deliver,
            self._memory,
            lambda numbers, now_ms: engine.own_scrapes(
                f"shard-{message.shard}", {**numbers, **_reload_gauges(message)}, now_ms
            ),
            self._state,
            self._world.now_ms,
            self._world.monotonic_s,
            engine.within,
            engine.apart,
            pushed,
        )
        return steps if self._world.span is untimed else timed(steps, self._world.span)

    @staticmethod
    def _belongs(message: ShardMessage) -> Callable[[Labels], bool]:
        """Whether a target with these labels is this shard's; none, as long as nobody says how many are."""
        count = message.shards
        return lambda labels: count > 0 and str(shard_of_labels(labels, count)) == message.shard

    def _shared_of(self, version: str) -> _Shared:
        known = self._shared.get(version)
        if known is None:
            config = read_config(self._document(version, "configuration"))
            backends = Backends(config, self._secrets, self._world, lane_s=_LANE_S)
            known = self._shared[version] = _Shared(config, Converter(settle=self._tables), backends)
            if len(self._shared) > _CONFIGS:
                self._shared.popitem(last=False)[1].backends.close()
        self._shared.move_to_end(version)
        return known

    def _engine_of(self, message: ShardMessage, shared: _Shared) -> Engine:
        key = (message.config_version, message.slice_version)
        known = self._engines.get(key)
        if known is None:
            targets = read_slice(self._document(message.slice_version, f"slice of shard {message.shard}"))
            known = Engine(shared.config, targets, self._secrets, shared.converter)
            self._engines[key] = known
            while len(self._engines) > 1 and self._kept > _KEPT_TARGETS:
                self._engines.popitem(last=False)
        self._engines.move_to_end(key)
        return known

    @property
    def _kept(self) -> int:
        return sum(len(engine.targets) for engine in self._engines.values())

    def _document(self, digest: str, what: str) -> bytes:
        body = self._state.get_document(digest)
        if body is None:
            raise StateError(
                f"the {what} ({digest}) is not in the state store",
                hint="give plan and forward the same PUSHVAR_STATE",
            )
        return body

    def close(self) -> None:
        """Close all connections."""
        self._fetcher.close()
        for shared in self._shared.values():
            shared.backends.close()


def _reload_gauges(message: ShardMessage) -> dict[str, float]:
    """What plan knows of its configuration; nothing when it does not say."""
    if not message.config_taken:
        return {}
    return reload_gauges(successful=not message.config_outdated, taken_ms=message.config_taken)
