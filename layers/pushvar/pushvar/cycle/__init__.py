"""The corridor: one shard, one cycle, the order of the steps.

    lease -> fetch -> decode -> map -> label -> staleness -> encode -> deliver -> commit

Steps raise; here an error becomes a field of a result, so that one target or backend never stops the
others. Everything that touches the world is handed in.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pushvar.convert.own_metrics import (
    accumulate,
    count_cycle,
    count_deliveries,
    delivery_gauges,
    gauge_cycle,
)
from pushvar.cycle.parts import delivered
from pushvar.cycle.scrapes import scrape_all, scrape_pushed
from pushvar.cycle.steps import LEASE_MARGIN_MS, Pushed, Steps, Turn
from pushvar.cycle.waves import Waves
from pushvar.deliver.lane import abandoned
from pushvar.deliver.spool import Spool
from pushvar.errors import PushvarError, StateError
from pushvar.model import Load, Report
from pushvar.state.protocol import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.collect.fetch import Endpoint
    from pushvar.deliver.staleness import Ending, Roll
    from pushvar.model import Delivery, Scrape
    from pushvar.state.protocol import Lease, StateStore

__all__ = ["LEASE_MARGIN_MS", "Pushed", "Steps", "Turn", "run_cycle"]


class _Done(NamedTuple):
    """What a cycle has done when it is to be written down; ``unread`` says why groups are missing."""

    scrapes: tuple[Scrape, ...]
    deliveries: tuple[Delivery, ...]
    ended: Ending
    unread: str
    started_ms: int
    duration_s: float


def run_cycle(steps: Steps, turn: Turn, roll: Roll, due: Callable[[Head], Sequence[Endpoint]]) -> Report:
    """Run one cycle of one shard and report it; ``due`` chooses its endpoints by the shard's head.

    ``roll`` are all its targets, due or not.

    Gives a report that says so, and does nothing else, while another writer holds the shard or when a
    planned turn comes again. Raises StateError when the state store fails: without its lease nothing
    may be sent.
    """
    started_ms, start_s = steps.now_ms(), steps.monotonic_s()
    lease = steps.state.acquire(
        turn.shard, turn.owner, cycle=turn.cycle, now_ms=started_ms,
        ttl_ms=int(turn.budget_s * 1000) + turn.margin_ms,
    )  # fmt: skip
    if lease is None:
        return Report(turn.shard, turn.cycle, started_ms, 0.0, skipped="held")
    try:
        if refused := _refused(turn, lease.head):
            steps.state.commit(lease, lease.head, release=True)
            return Report(turn.shard, turn.cycle, started_ms, 0.0, skipped=refused)
        if turn.late:
            return _replay(steps, turn, lease, started_ms, start_s)
        return _forward(steps, turn, lease, roll, due(lease.head), started_ms, start_s)
    except BaseException:
        _give_back(steps.state, lease)
        raise


def _refused(turn: Turn, head: Head) -> str:
    """Why the shard does not take this turn, as a word of ``catalogue.SKIPPED``; "" when it does."""
    if turn.layout < head.layout:
        return "resharded"
    return "repeated" if turn.planned and head.finished_cycle >= turn.cycle else ""


def _forward(
    steps: Steps, turn: Turn, lease: Lease, roll: Roll, endpoints: Sequence[Endpoint],
    started_ms: int, start_s: float,
) -> Report:  # fmt: skip
    """Scrape, deliver, remember, in that order; the head is written last."""
    deadline_s, moved = start_s + turn.budget_s, turn.layout > lease.head.layout
    spool, roll = Spool(steps.state, lease), replace(roll, moved=moved)
    given_up = abandoned(spool, started_ms) if moved else ()
    fetched_s = deadline_s - turn.reserve_s
    waves = Waves(steps, lease, spool, roll, fetched_s, started_ms, given_up)
    fetched = scrape_all(steps, endpoints, fetched_s, waves)
    pushed, unread = scrape_pushed(steps, started_ms)
    if steps.pushed is not None:
        roll = replace(roll, pushed=steps.pushed, ended=steps.pushed.ended)
    rest = steps.within([*fetched, *pushed])
    ended = waves.ended(rest, roll)
    own = steps.own(lease.head.counters, started_ms)
    sent, repeated = [*rest, *ended.markers], 0
    if steps.pushed is not None and (pushed or ended.markers):  # two jobs may push one series at one moment
        sent, repeated = steps.pushed.distinct(sent, waves.gone)
    deliveries = waves.last([*sent, *own], deadline_s)
    if repeated:
        deliveries = tuple(one.drop("duplicate", repeated) for one in deliveries)
    steps.memory.end(lease, ended)
    done = _Done((*waves.gone, *rest), deliveries, ended, unread, started_ms, steps.monotonic_s() - start_s)
    return _finished(steps, turn, lease, spool, done)


def _finished(steps: Steps, turn: Turn, lease: Lease, spool: Spool, done: _Done) -> Report:
    """Count what was done and write the head, which ends the cycle."""
    head = lease.head
    gauges = gauge_cycle(
        done.scrapes, done.deliveries, time_ms=done.started_ms, duration_s=done.duration_s,
        groups=None if done.unread or steps.pushed is None else steps.pushed.live,
    )  # fmt: skip
    lost, ended = int(head.started_cycle > head.finished_cycle), _settle(steps, done.ended)
    counted = count_cycle(done.scrapes, done.deliveries, lost_cycles=lost, groups_ended=ended)
    numbers = accumulate(head.counters, counted, gauges)
    after = Head(turn.cycle, turn.cycle, numbers, spool.lanes, turn.layout)
    steps.state.commit(lease, after, release=True)
    return Report(
        turn.shard, turn.cycle, done.started_ms, done.duration_s, done.scrapes, done.deliveries,
        detail=done.unread, lost_cycles=lost,
    )  # fmt: skip


def _replay(steps: Steps, turn: Turn, lease: Lease, started_ms: int, start_s: float) -> Report:
    """Deliver what waits, and nothing else: the head keeps its cycles.

    What waits from another layout of the shards is left to the next cycle, which gives it up.
    """
    spool, before = Spool(steps.state, lease), lease.head
    waits = spool.waiting and turn.layout == before.layout
    deliveries = delivered(steps, Load(()), start_s + turn.budget_s, spool) if waits else ()
    counted = count_deliveries(deliveries)
    numbers = accumulate(before.counters, counted, delivery_gauges(deliveries, started_ms))
    numbers = {**before.counters, **numbers}
    head = replace(before, counters=numbers, lanes=spool.lanes)
    steps.state.commit(lease, head, release=True)
    return Report(
        turn.shard, turn.cycle, started_ms, steps.monotonic_s() - start_s, (), deliveries,
        skipped="late", detail=turn.late,
    )  # fmt: skip


def _settle(steps: Steps, ended: Ending) -> Mapping[str, int]:
    """Forget groups that have ended; not when the memory could not tell which series were theirs."""
    if steps.pushed is None or ended.unknown:
        return {}
    try:
        return steps.pushed.settle()
    except StateError:  # they are found ended again the next time
        return {}


def _give_back(state: StateStore, lease: Lease) -> None:
    """Release the lease of a cycle that failed; what it failed of is told, not that this failed too."""
    with suppress(PushvarError):
        state.release(lease)
