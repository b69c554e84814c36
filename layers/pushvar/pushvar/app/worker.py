"""Forward: one shard's cycle, by the documents that its message names."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.app.pushed import PushedGroups
from pushvar.app.type_tables import TypeTables
from pushvar.collect.documents import read_config, read_slice
from pushvar.collect.fetch import Fetcher
from pushvar.collect.schedule import (
    FARTHEST_MS,
    current_round,
    due_jobs,
    intervals_ms,
    is_due,
    phase_of,
    round_offsets,
)
from pushvar.collect.shards import shard_of_labels
from pushvar.convert.converter import Converter
from pushvar.convert.own_metrics import reload_gauges
from pushvar.cycle import Steps, Turn, run_cycle
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.errors import EventError, StateError
from pushvar.model import Report
from pushvar.net.secrets import Secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pushvar.app.pushed import GroupTurn
    from pushvar.app.world import World
    from pushvar.collect.fetch import Endpoint
    from pushvar.collect.shards import ShardMessage
    from pushvar.config.schema import Config
    from pushvar.deliver.spool import Spool
    from pushvar.model import Delivery, Labels, Scrape
    from pushvar.state.protocol import Head, StateStore

LEASE_MARGIN_MS = 5_000
"""A function is killed at its timeout: its lease need outlive that by a difference of clocks only."""

_CONFIGS = 2
_ENGINES = 64
_DELIVERY_S = 5.0
"""What the delivery gets at least of the time, however slow the targets are."""
_ROUND_S = 1.0
"""No round is begun with less time."""
_OVER = {"repeated", "resharded"}
"""A round that another run has made: that one makes the others too."""


class _Shared(NamedTuple):
    """What all shards of one configuration share in this process."""

    config: Config
    converter: Converter
    backends: Backends


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
            yield from self._rounds(message, owner, self._world.monotonic_s() + budget_s)
            return
        late = f"{age_ms / 1000:.1f} s old, {message.late_after_ms / 1000:g} s are allowed"
        try:
            yield self._cycle(message, message.cycle, owner, budget_s, late=late)
        except StateError:  # to bring it again could not help: newer messages are on their way
            yield Report(message.shard, message.cycle, now_ms, 0.0, skipped="late", detail=late)

    def _rounds(self, message: ShardMessage, owner: str, deadline_s: float) -> Iterator[Report]:
        """A cycle now, and one at each later moment of the minute at which a shorter interval begins."""
        config, world = self._shared_of(message.config_version).config, self._world
        offsets = round_offsets(intervals_ms(config), message.cycle)
        at = current_round(offsets, world.now_ms() - message.due_ms)
        while True:
            left_s, later = deadline_s - world.monotonic_s(), offsets[at + 1 :]
            if later:
                left_s = min(left_s, (message.due_ms + later[0] - world.now_ms()) / 1000)
            report = self._cycle(message, message.cycle + offsets[at], owner, max(left_s, _ROUND_S))
            yield report
            if not later or report.skipped in _OVER:
                return
            world.sleep((message.due_ms + later[0] - world.now_ms()) / 1000)
            at = max(at + 1, current_round(offsets, world.now_ms() - message.due_ms))
            if deadline_s - world.monotonic_s() < _ROUND_S:
                yield _too_late(message, offsets[at], world.now_ms())
                return

    def _cycle(
        self, message: ShardMessage, cycle: int, owner: str, budget_s: float, *, late: str = ""
    ) -> Report:
        shared = self._shared_of(message.config_version)
        engine = self._engine_of(message, shared)
        phase_ms = phase_of(message.cycle)

        pushed = self._pushed.turn(engine, lambda: message.groups)

        def due(head: Head) -> list[Endpoint]:
            config, since = shared.config, head.finished_cycle
            interval = config.gateway.interval
            pushed.due = is_due(interval, cycle_ms=cycle, finished_ms=since, phase_ms=phase_ms)
            jobs = due_jobs(config.scrape_configs, cycle_ms=cycle, finished_ms=since, phase_ms=phase_ms)
            return engine.endpoints(jobs)

        turn = Turn(
            message.shard, owner, cycle, budget_s, min(_DELIVERY_S, budget_s / 2),
            margin_ms=LEASE_MARGIN_MS, planned=True, late=late, layout=message.layout,
        )  # fmt: skip
        roll = Roll({target.key for target in engine.targets}, self._belongs(message))
        report = run_cycle(self._steps(engine, shared.backends, message, pushed), turn, roll, due)
        engine.heard(report.scrapes)
        return report

    def _steps(self, engine: Engine, backends: Backends, message: ShardMessage, pushed: GroupTurn) -> Steps:
        def deliver(scrapes: Sequence[Scrape], deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
            return backends.deliver(scrapes, engine.families, deadline_s, spool)

        return Steps(
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
            pushed,
        )

    @staticmethod
    def _belongs(message: ShardMessage) -> Callable[[Labels], bool]:
        """Whether a target with these labels is this shard's; none, as long as nobody says how many are."""
        count = message.shards
        return lambda labels: count > 0 and str(shard_of_labels(labels, count)) == message.shard

    def _shared_of(self, version: str) -> _Shared:
        known = self._shared.get(version)
        if known is None:
            config = read_config(self._document(version, "configuration"))
            backends = Backends(config, self._secrets, self._world)
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
            if len(self._engines) > _ENGINES:
                self._engines.popitem(last=False)
        self._engines.move_to_end(key)
        return known

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


def _too_late(message: ShardMessage, offset_ms: int, now_ms: int) -> Report:
    detail = "the rounds before it took the time of the function"
    return Report(message.shard, message.cycle + offset_ms, now_ms, 0.0, skipped="late", detail=detail)


def _reload_gauges(message: ShardMessage) -> dict[str, float]:
    """What plan knows of its configuration; nothing when it does not say."""
    if not message.config_taken:
        return {}
    return reload_gauges(successful=not message.config_outdated, taken_ms=message.config_taken)
