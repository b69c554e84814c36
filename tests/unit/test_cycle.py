"""One cycle with a store in memory: leases, faults of targets and backends, what is counted."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from pushvar.collect.fetch import Endpoint
from pushvar.convert.converter import Converted, Converter
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.cycle import LEASE_MARGIN_MS, Steps, Turn, run_cycle
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.errors import EncodeError, FetchError, LeaseLost, PushError
from pushvar.model import Delivery, Fetched, Load, Scrape, Target
from pushvar.net.client import Origin
from pushvar.state import open_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pushvar.deliver.spool import Spool
    from pushvar.model import Plan, Report
    from pushvar.state.protocol import Head, StateStore

    Done = Callable[[Endpoint, Fetched, FetchError | None], None]

BODY = b'{"requests_total": 7, "queue": 2}'


def made(name: str) -> Endpoint:
    """A target that is called so."""
    target = Target(name, "job", f"http://{name}/debug/vars", (("instance", name), ("job", "job")))
    return Endpoint(target, Origin(name, 80), b"", 1.0, 1000)


@dataclass
class World:
    """A shard's surroundings: what each target answers, what delivering does, a clock."""

    state: StateStore
    answers: dict[str, bytes | FetchError] = field(default_factory=dict)
    delivering: Callable[[Sequence[Scrape]], None] = lambda _: None
    converting: Callable[[Target], None] = lambda _: None
    now_ms: int = 1_795_173_629_844
    delivered: list[Scrape] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    fetch_deadlines: list[float] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)
    spools: list[Spool] = field(default_factory=list)
    converter: Converter = field(default_factory=Converter)

    def __post_init__(self) -> None:
        """A memory of the store's series."""
        self.memory = SeriesMemory(self.state)

    def fetch_all(
        self, endpoints: Sequence[Endpoint], done: Done, deadline_s: float, _look: Callable[[], None]
    ) -> None:
        """Answer each at once, half a second after it began."""
        self.fetch_deadlines.append(deadline_s)
        for one in endpoints:
            answer = self.answers.get(one.target.key, BODY)
            failed = isinstance(answer, FetchError)
            fetched = Fetched(b"" if failed else answer, self.now_ms, 0.5)  # type: ignore[arg-type]
            done(one, fetched, answer if failed else None)  # type: ignore[arg-type]

    def convert(self, target: Target, body: bytes, _content_type: str = "") -> Converted:
        """Convert for real, unless the test has something else in mind."""
        self.converting(target)
        return self.converter.convert(Stamp(target), body, built_in("auto"))

    def failed(self, target: Target) -> Plan:
        """The plan of a target that is down."""
        return self.converter.failed(Stamp(target))

    def deliver(self, load: Load, deadline_s: float, spool: Spool) -> tuple[Delivery, ...]:
        """Keep what arrives."""
        scrapes = load.fresh
        self.deadlines.append(deadline_s)
        self.delivering(scrapes)
        self.delivered += scrapes
        self.spools.append(spool)
        return (Delivery("b", sent=sum(len(scrape.values) // 8 for scrape in scrapes)),)

    def run(
        self,
        *names: str,
        cycle: int = 1,
        owner: str = "me",
        planned: bool = False,
        late: str = "",
        roll: Sequence[str] = (),
    ) -> Report:
        """One cycle of these targets."""
        steps = Steps(
            self.fetch_all, self.convert, self.failed, self.deliver, self.memory, lambda *_: (), self.state,
            lambda: self.now_ms, lambda: self.now_ms / 1000,
        )  # fmt: skip
        self.heads = []

        def due(head: Head) -> list[Endpoint]:
            self.heads.append(head)
            return [made(name) for name in names]

        turn = Turn("0", owner, cycle, budget_s=10.0, reserve_s=2.0, planned=planned, late=late)
        return run_cycle(steps, turn, Roll(roll or names), due)

    def take(self, owner: str, *, cycle: int = 0) -> object:
        """Take the shard's lease and keep it; gives None when somebody has it."""
        return self.state.acquire("0", owner, cycle=cycle, now_ms=self.now_ms, ttl_ms=60_000)


@pytest.fixture
def world() -> Iterator[World]:
    """Give surroundings in which all is well."""
    store = open_state("memory:")
    yield World(store)
    store.close()


def up(scrape: Scrape) -> float:
    """The value of a scrape's ``up`` series: the first health row behind the shape's."""
    value: float = struct.unpack_from("<d", scrape.values, 8 * len(scrape.plan.shape.rows))[0]
    return value


def test_a_good_cycle(world: World) -> None:
    """Every target is scraped, delivered, reported and counted; the lease is given back."""
    report = world.run("a", "b", cycle=5)
    assert [(scrape.plan.target.key, scrape.reason, scrape.samples) for scrape in report.scrapes] == [
        ("a", "ok", 2), ("b", "ok", 2),
    ]  # fmt: skip
    assert (report.skipped, report.lost_cycles, report.deliveries[0].sent) == ("", 0, 14)
    assert world.deadlines == [world.now_ms / 1000 + 10.0]
    assert world.fetch_deadlines == [world.now_ms / 1000 + 8.0]
    world.run("a", cycle=6, roll=("a", "b"))
    lease = world.state.acquire("0", "another", cycle=7, now_ms=world.now_ms, ttl_ms=1)
    assert lease is not None
    assert (lease.head.started_cycle, lease.head.finished_cycle) == (6, 6)
    counters = lease.head.counters
    assert counters["pushvar_cycles_total"] == 2
    assert counters['pushvar_samples_sent_total{backend="b"}'] == 21
    assert counters['pushvar_scrapes_total{reason="ok"}'] == 3
    assert counters["pushvar_targets"] == 1


def test_another_writer(world: World) -> None:
    """While somebody else holds the shard nothing is fetched or sent, and the report says why."""
    assert world.take("another") is not None
    report = world.run("a")
    assert report.skipped == "held"
    assert (report.scrapes, report.deliveries, world.delivered) == ((), (), [])
    world.now_ms += 60_001
    assert world.run("a").skipped == "", "the other one's lease ran out"


def test_a_planned_cycle_that_comes_again(world: World) -> None:
    """A message may be delivered twice, or an old one late: what is finished is not touched again."""
    assert world.run("a", cycle=5, planned=True).skipped == ""
    for cycle in (5, 4):
        report = world.run("a", cycle=cycle, owner="another", planned=True)
        assert (report.skipped, report.scrapes, report.deliveries) == ("repeated", (), ())
    assert len(world.delivered) == 1
    lease = world.state.acquire("0", "x", cycle=6, now_ms=world.now_ms, ttl_ms=1)
    assert lease is not None
    assert (lease.head.started_cycle, lease.head.finished_cycle) == (5, 5)


def test_a_planned_cycle_that_crashed_may_be_run_again(world: World) -> None:
    """What was started but not finished is no repetition; the crash is counted."""
    assert world.take("dead", cycle=5) is not None
    world.now_ms += 60_001
    report = world.run("a", cycle=5, planned=True)
    assert (report.skipped, report.lost_cycles, len(report.scrapes)) == ("", 1, 1)


def test_a_clock_set_back_stops_no_cycle_of_its_own(world: World) -> None:
    """Cycles that nobody planned are named by the clock; one that went back costs nothing."""
    world.run("a", cycle=5)
    assert world.run("a", cycle=4).skipped == ""


def test_what_is_due_follows_from_the_head(world: World) -> None:
    """The endpoints are chosen by what the shard finished last, under the lease."""
    world.run("a", cycle=5)
    world.run("a", cycle=6)
    assert [head.finished_cycle for head in world.heads] == [5]


def test_a_crash_is_counted_by_the_next_cycle(world: World) -> None:
    """A process that died leaves a started cycle behind; exactly the next one counts it."""
    assert world.take("dead", cycle=4) is not None
    world.now_ms += 60_001
    assert world.run("a", cycle=5).lost_cycles == 1
    assert world.run("a", cycle=6).lost_cycles == 0
    lease = world.state.acquire("0", "x", cycle=7, now_ms=world.now_ms, ttl_ms=1)
    assert lease is not None
    assert lease.head.counters["pushvar_cycles_lost_total"] == 1


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_gives_the_lease_back(world: World, fault: type[BaseException]) -> None:
    """The interrupt goes on; the shard is free at once and the cycle counts as lost."""

    def interrupted(_: Sequence[Scrape]) -> None:
        raise fault

    world.delivering = interrupted
    with pytest.raises(fault):
        world.run("a", cycle=1)
    world.delivering = lambda _: None
    report = world.run("a", cycle=2, owner="another")
    assert (report.skipped, report.lost_cycles) == ("", 1)


def test_a_fault_in_fetching_gives_the_lease_back(world: World) -> None:
    """Even when the fetcher itself breaks."""
    world.answers["a"] = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        world.run("a")
    assert world.take("another") is not None


def test_a_lease_that_was_lost_meanwhile(world: World) -> None:
    """A cycle that outlived its lease may not write: LeaseLost, and the new owner's head and lease stay."""
    taken: list[object] = []

    def slept(_: Sequence[Scrape]) -> None:
        world.now_ms += 10_000 + LEASE_MARGIN_MS + 1
        taken.append(world.take("another", cycle=9))

    world.delivering = slept
    with pytest.raises(LeaseLost):
        world.run("a", cycle=1)
    assert taken[0] is not None
    assert world.take("third") is None, "release did not take the lease from its new owner"
    world.now_ms += 60_001
    lease = world.state.acquire("0", "third", cycle=10, now_ms=world.now_ms, ttl_ms=1)
    assert lease is not None
    assert (lease.head.started_cycle, lease.head.finished_cycle, lease.head.counters) == (9, 0, {})


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        (ZeroDivisionError("by zero"), "internal", "ZeroDivisionError: by zero"),
        (RecursionError("deep"), "internal", "RecursionError: deep"),
        (EncodeError("no name"), "internal", "no name"),
        (FetchError("bad_json", "line 3"), "bad_json", "line 3"),
    ],
)
def test_a_target_that_breaks_the_conversion(world: World, fault: Exception, reason: str, words: str) -> None:
    """It costs itself alone: its up is 0 with the reason, the others are whole."""

    def convert(target: Target) -> None:
        if target.key == "bad":
            raise fault

    world.converting = convert
    report = world.run("a", "bad", "b")
    assert [(scrape.reason, up(scrape)) for scrape in report.scrapes] == [("ok", 1), (reason, 0), ("ok", 1)]
    bad = report.scrapes[1]
    assert (bad.detail, bad.samples, bad.body_bytes, bad.duration_s) == (words, 0, len(BODY), 0.5)
    assert len(bad.values) == 5 * 8


def test_a_target_that_is_down(world: World) -> None:
    """A failed fetch yields the five health series, with the time of the fetch."""
    world.answers["a"] = FetchError("refused", "nobody there")
    (scrape,) = world.run("a").scrapes
    assert (scrape.reason, scrape.time_ms, len(scrape.values)) == ("refused", world.now_ms, 40)
    assert world.delivered == [scrape]


def test_no_target_is_due(world: World) -> None:
    """A cycle without targets is a cycle."""
    report = world.run(cycle=3)
    assert (report.scrapes, report.skipped, report.deliveries[0].sent) == ((), "", 0)


@pytest.mark.parametrize("fault", [PushError("HTTP 500"), RuntimeError("our own")])
def test_a_fault_in_delivering_keeps_the_report(world: World, fault: Exception) -> None:
    """The scrapes are reported, every sample is counted as failed, the cycle is finished."""

    def broken(_: Sequence[Scrape]) -> None:
        raise fault

    world.delivering = broken
    report = world.run("a", cycle=1)
    assert [scrape.reason for scrape in report.scrapes] == ["ok"]
    assert (report.deliveries[0].failed, str(fault) in report.deliveries[0].error) == (7, True)
    world.delivering = lambda _: None
    after = world.run("a", cycle=2)
    assert after.lost_cycles == 0
    assert replace(after, duration_s=0) == replace(after, duration_s=0, lost_cycles=0)
