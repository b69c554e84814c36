"""The corridor: one shard, one cycle, the order of the steps.

    lease -> fetch -> decode -> map -> label -> staleness -> encode -> deliver -> commit

Steps raise; here an error becomes a field of a result, so that one target or backend never stops the
others. Everything that touches the world is handed in.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pushvar.convert.own_metrics import (
    accumulate,
    count_cycle,
    count_deliveries,
    delivery_gauges,
    gauge_cycle,
)
from pushvar.cycle.scrapes import scrape_all, scrape_pushed
from pushvar.cycle.steps import LEASE_MARGIN_MS, Pushed, Steps, Turn
from pushvar.deliver.lane import abandoned
from pushvar.deliver.spool import Spool
from pushvar.deliver.staleness import Ending
from pushvar.errors import LeaseLost, PushvarError, StateError
from pushvar.model import Delivery, Report
from pushvar.state.protocol import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pushvar.collect.fetch import Endpoint
    from pushvar.deliver.staleness import Roll
    from pushvar.model import Scrape
    from pushvar.state.protocol import Lease, StateStore

__all__ = ["LEASE_MARGIN_MS", "Pushed", "Steps", "Turn", "run_cycle", "scrape_all"]


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
    deadline_s, head = start_s + turn.budget_s, lease.head
    spool, moved = Spool(steps.state, lease), turn.layout > head.layout
    given_up = abandoned(spool, started_ms) if moved else []
    fetched = scrape_all(steps, endpoints, deadline_s - turn.reserve_s)
    pushed, unread = scrape_pushed(steps, started_ms)
    if steps.pushed is not None:
        roll = replace(roll, pushed=steps.pushed, ended=steps.pushed.ended)
    scrapes = steps.within([*fetched, *pushed])
    ended = _ended(steps, lease, scrapes, replace(roll, moved=moved), started_ms)
    own = steps.own(head.counters, started_ms)
    sent, repeated = [*scrapes, *ended.markers], 0
    if steps.pushed is not None and (pushed or ended.markers):  # two jobs may push one series at one moment
        sent, repeated = steps.pushed.distinct(sent)
    deliveries = _joined(given_up, _deliver(steps, [*sent, *own], deadline_s, spool))
    if repeated:
        deliveries = tuple(one.drop("duplicate", repeated) for one in deliveries)
    steps.memory.end(lease, ended)
    duration_s, lost = steps.monotonic_s() - start_s, int(head.started_cycle > head.finished_cycle)
    gauges = gauge_cycle(
        scrapes, deliveries, time_ms=started_ms, duration_s=duration_s,
        groups=None if unread or steps.pushed is None else steps.pushed.live,
    )  # fmt: skip
    counted = count_cycle(scrapes, deliveries, lost_cycles=lost, groups_ended=_settle(steps, ended))
    numbers = accumulate(head.counters, counted, gauges)
    after = Head(turn.cycle, turn.cycle, numbers, spool.lanes, turn.layout)
    steps.state.commit(lease, after, release=True)
    return Report(
        turn.shard, turn.cycle, started_ms, duration_s, tuple(scrapes), deliveries, detail=unread,
        lost_cycles=lost,
    )  # fmt: skip


def _replay(steps: Steps, turn: Turn, lease: Lease, started_ms: int, start_s: float) -> Report:
    """Deliver what waits, and nothing else: the head keeps its cycles.

    What waits from another layout of the shards is left to the next cycle, which gives it up.
    """
    spool, before = Spool(steps.state, lease), lease.head
    waits = spool.waiting and turn.layout == before.layout
    deliveries = _deliver(steps, (), start_s + turn.budget_s, spool) if waits else ()
    counted = count_deliveries(deliveries)
    numbers = accumulate(before.counters, counted, delivery_gauges(deliveries, started_ms))
    numbers = {**before.counters, **numbers}
    head = replace(before, counters=numbers, lanes=spool.lanes)
    steps.state.commit(lease, head, release=True)
    return Report(
        turn.shard, turn.cycle, started_ms, steps.monotonic_s() - start_s, (), deliveries,
        skipped="late", detail=turn.late,
    )  # fmt: skip


def _joined(given_up: Sequence[Delivery], delivered: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """One delivery for each backend, with what was given up for it."""
    if not given_up:
        return delivered
    joined: dict[str, Delivery] = {}
    for one in (*given_up, *delivered):
        joined[one.backend] = joined[one.backend].add(one) if one.backend in joined else one
    return tuple(joined.values())


def _settle(steps: Steps, ended: Ending) -> Mapping[str, int]:
    """Forget groups that have ended; not when the memory could not tell which series were theirs."""
    if steps.pushed is None or ended.unknown:
        return {}
    try:
        return steps.pushed.settle()
    except StateError:  # they are found ended again the next time
        return {}


def _ended(steps: Steps, lease: Lease, scrapes: Sequence[Scrape], roll: Roll, now_ms: int) -> Ending:
    """The series that end with this cycle; none when the memory cannot be read, the samples matter more."""
    try:
        return steps.memory.begin(lease, scrapes, roll, now_ms)
    except LeaseLost:
        raise
    except StateError:
        return Ending(unknown=True)


def _give_back(state: StateStore, lease: Lease) -> None:
    """Release the lease of a cycle that failed; what it failed of is told, not that this failed too."""
    with suppress(PushvarError):
        state.release(lease)


def _deliver(
    steps: Steps, scrapes: Sequence[Scrape], deadline_s: float, spool: Spool
) -> tuple[Delivery, ...]:
    try:
        return steps.deliver(scrapes, deadline_s, spool)
    except Exception as fault:  # noqa: BLE001 - whatever happened, the report of the scrapes must not be lost
        samples = sum(scrape.carried for scrape in scrapes)
        return (Delivery("all backends", error=f"{type(fault).__name__}: {fault}").drop("fault", samples),)
