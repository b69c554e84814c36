"""The corridor: one shard, one cycle, the order of the steps.

    lease -> fetch -> decode -> map -> label -> staleness -> encode -> deliver -> commit

Steps raise; here an error becomes a field of a result, so that one target or backend never stops the
others. Everything that touches the world is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.convert.health import health_values
from pushvar.convert.own_metrics import (
    accumulate,
    count_cycle,
    count_deliveries,
    delivery_gauges,
    gauge_cycle,
)
from pushvar.deliver.spool import Spool
from pushvar.deliver.staleness import Ending
from pushvar.errors import FetchError, LeaseLost, PushvarError, StateError
from pushvar.model import PATTERN_BYTES, Delivery, Report, Scrape
from pushvar.state.protocol import Head

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushvar.collect.fetch import Endpoint
    from pushvar.convert.converter import Converted
    from pushvar.deliver.staleness import Roll, SeriesMemory
    from pushvar.model import Fetched, Plan, Target
    from pushvar.state.protocol import Lease, StateStore

LEASE_MARGIN_MS = 15_000
"""How much longer than its deadline a cycle may hold the shard; a crash costs others this much."""

Done = Callable[["Endpoint", "Fetched", "FetchError | None"], None]
"""What a fetch calls with each endpoint as it ends."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One shard's turn in one cycle: who takes it, and the time there is.

    ``cycle`` is what names the cycle, in Unix ms. The cycle may take ``budget_s``; the fetches end
    ``reserve_s`` earlier, and a target that has had no turn by then counts as timed out. The lease
    outlives the budget by ``margin_ms``. A ``planned`` turn was given out by a plan, perhaps more
    than once: it is taken only if the shard has not finished that cycle or a later one. A turn that is
    ``late`` (and says how) fetches nothing, the past cannot be scraped: it only delivers what waits.
    """

    shard: str
    owner: str
    cycle: int
    budget_s: float
    reserve_s: float = 0.0
    margin_ms: int = LEASE_MARGIN_MS
    planned: bool = False
    late: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a cycle is made of; the composition root joins them.

    ``convert`` takes the body and its Content-Type. ``fetch_all`` and ``deliver`` have a deadline on the
    clock of ``monotonic_s``; what cannot be delivered by then goes to the spool. ``memory`` knows the
    series of earlier cycles; ``own`` makes scrapes of what the shard has counted so far, for a time in ms.
    ``within`` cuts scrapes to the budgets of customers.
    """

    fetch_all: Callable[[Sequence[Endpoint], Done, float], None]
    convert: Callable[[Target, bytes, str], Converted]
    failed: Callable[[Target], Plan]
    deliver: Callable[[Sequence[Scrape], float, Spool], tuple[Delivery, ...]]
    memory: SeriesMemory
    own: Callable[[Mapping[str, float], int], Sequence[Scrape]]
    state: StateStore
    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    within: Callable[[list[Scrape]], list[Scrape]] = lambda scrapes: scrapes


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
        if turn.planned and lease.head.finished_cycle >= turn.cycle:
            steps.state.commit(lease, lease.head, release=True)
            return Report(turn.shard, turn.cycle, started_ms, 0.0, skipped="repeated")
        if turn.late:
            return _replay(steps, turn, lease, started_ms, start_s)
        return _forward(steps, turn, lease, roll, due(lease.head), started_ms, start_s)
    except BaseException:
        _give_back(steps.state, lease)
        raise


def _forward(
    steps: Steps, turn: Turn, lease: Lease, roll: Roll, endpoints: Sequence[Endpoint],
    started_ms: int, start_s: float,
) -> Report:  # fmt: skip
    """Scrape, deliver, remember, in that order; the head is written last."""
    deadline_s, head = start_s + turn.budget_s, lease.head
    spool = Spool(steps.state, lease)
    scrapes = steps.within(scrape_all(steps, endpoints, deadline_s - turn.reserve_s))
    ended = _ended(steps, lease, scrapes, roll, started_ms)
    own = steps.own(head.counters, started_ms)
    deliveries = _deliver(steps, [*scrapes, *ended.markers, *own], deadline_s, spool)
    steps.memory.end(lease, ended)
    duration_s, lost = steps.monotonic_s() - start_s, int(head.started_cycle > head.finished_cycle)
    gauges = gauge_cycle(scrapes, deliveries, time_ms=started_ms, duration_s=duration_s)
    numbers = accumulate(head.counters, count_cycle(scrapes, deliveries, lost_cycles=lost), gauges)
    steps.state.commit(lease, Head(turn.cycle, turn.cycle, numbers, spool.lanes), release=True)
    return Report(
        turn.shard, turn.cycle, started_ms, duration_s, tuple(scrapes), deliveries, lost_cycles=lost
    )


def _replay(steps: Steps, turn: Turn, lease: Lease, started_ms: int, start_s: float) -> Report:
    """Deliver what waits, and nothing else: the head keeps its cycles."""
    spool = Spool(steps.state, lease)
    deliveries = _deliver(steps, (), start_s + turn.budget_s, spool) if spool.waiting else ()
    before = lease.head
    counted = count_deliveries(deliveries)
    numbers = accumulate(before.counters, counted, delivery_gauges(deliveries, started_ms))
    numbers = {**before.counters, **numbers}
    head = Head(before.started_cycle, before.finished_cycle, numbers, spool.lanes)
    steps.state.commit(lease, head, release=True)
    return Report(
        turn.shard, turn.cycle, started_ms, steps.monotonic_s() - start_s, (), deliveries,
        skipped="late", detail=turn.late,
    )  # fmt: skip


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


def scrape_all(steps: Steps, endpoints: Sequence[Endpoint], deadline_s: float) -> list[Scrape]:
    """Fetch and convert every endpoint: one scrape for each, up or down, all before the deadline."""
    scrapes: list[Scrape] = []

    def done(endpoint: Endpoint, fetched: Fetched, error: FetchError | None) -> None:
        scrapes.append(_scrape(steps, endpoint.target, fetched, error))

    steps.fetch_all(endpoints, done, deadline_s)
    return scrapes


def _deliver(
    steps: Steps, scrapes: Sequence[Scrape], deadline_s: float, spool: Spool
) -> tuple[Delivery, ...]:
    try:
        return steps.deliver(scrapes, deadline_s, spool)
    except Exception as fault:  # noqa: BLE001 - whatever happened, the report of the scrapes must not be lost
        samples = sum(scrape.carried for scrape in scrapes)
        return (Delivery("all backends", error=f"{type(fault).__name__}: {fault}").drop("fault", samples),)


def _scrape(steps: Steps, target: Target, fetched: Fetched, error: FetchError | None) -> Scrape:
    if error is None:
        try:
            return _success(steps.convert(target, fetched.body, fetched.content_type), fetched)
        except FetchError as refused:
            error = refused
        except PushvarError as refused:
            error = FetchError("internal", str(refused))
        except Exception as fault:  # noqa: BLE001 - a fault in one target's document is that target's only
            error = FetchError("internal", f"{type(fault).__name__}: {fault}")
    values = health_values(up=False, duration_s=fetched.duration_s, scraped=0, kept=0, added=0)
    return Scrape(
        steps.failed(target), values, fetched.time_ms, error.reason, error.message,
        duration_s=fetched.duration_s, body_bytes=len(fetched.body),
    )  # fmt: skip


def _success(converted: Converted, fetched: Fetched) -> Scrape:
    samples, kept = len(converted.plan.shape.rows), len(converted.values) // PATTERN_BYTES
    health = health_values(
        up=True, duration_s=fetched.duration_s, scraped=samples, kept=kept, added=converted.added
    )
    return Scrape(
        converted.plan, converted.values + health, fetched.time_ms,
        duration_s=fetched.duration_s, body_bytes=len(fetched.body),
        samples=samples, repairs=converted.repairs, times_ms=converted.times_ms,
    )  # fmt: skip
