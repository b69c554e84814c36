"""What has arrived leaves before the slow targets have answered: once, whole, remembered and counted."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.config.schema import Budgets
from pushvar.convert.converter import Converter
from pushvar.convert.ledger import Ledger
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp
from pushvar.cycle import Steps, Turn, run_cycle, waves
from pushvar.cycle.parts import joined
from pushvar.cycle.waves import LULL_S, PATIENCE_S
from pushvar.deliver.staleness import Roll, SeriesMemory
from pushvar.deliver.uniqueness import Uniqueness
from pushvar.errors import FetchError, LeaseLost, StateError
from pushvar.model import Delivery, Fetched, Load, Scrape, Target
from pushvar.state import open_state

from tests.unit.test_cycle import made
from tests.unit.test_lane import Receiver, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pushvar.collect.fetch import Endpoint
    from pushvar.convert.converter import Converted
    from pushvar.cycle.steps import Done
    from pushvar.deliver.spool import Spool
    from pushvar.model import Plan, Report

BODY = b'{"requests_total": 7, "queue": 2}'
HUNG = FetchError("timeout", "no complete answer within 1 s")


@dataclass
class Sent:
    """One delivery: the targets of what was fresh and of what had gone, and whether it was the last."""

    fresh: list[str]
    gone: list[str]
    whole: bool


@dataclass
class Shard:
    """A shard whose targets answer by a script: after ``answers[key]`` seconds, in that order, one clock."""

    answers: dict[str, float]
    bodies: dict[str, bytes | FetchError] = field(default_factory=dict)
    delivering: Callable[[Load], None] = lambda _: None
    apart: Callable[[list[Scrape], Collection[str]], list[Scrape]] = lambda scrapes, _: scrapes
    now_s: float = 0.0
    sent: list[Sent] = field(default_factory=list)
    converter: Converter = field(default_factory=Converter)
    sending: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """A store of its own."""
        self.state = open_state("memory:")
        self.memory = SeriesMemory(self.state)

    def fetch_all(
        self, endpoints: Sequence[Endpoint], done: Done, _deadline_s: float, look: Callable[[], None]
    ) -> None:
        """Answer each when its time has come, looking every tenth of a second, as the fetches do."""
        began_s = self.now_s
        for one in sorted(endpoints, key=lambda one: self.answers[one.target.key]):
            answers_s = began_s + self.answers[one.target.key]
            while answers_s - self.now_s > 0.1:
                self.now_s += 0.1
                look()
            self.now_s = answers_s
            body = self.bodies.get(one.target.key, BODY)
            failed = isinstance(body, FetchError)
            fetched = Fetched(b"" if failed else body, round(began_s * 1000), 0.5)  # type: ignore[arg-type]
            done(one, fetched, body if failed else None)  # type: ignore[arg-type]

    def convert(self, target: Target, body: bytes, _content_type: str = "") -> Converted:
        """Convert for real."""
        return self.converter.convert(Stamp(target), body, built_in("auto"))

    def failed(self, target: Target) -> Plan:
        """The plan of a target that is down."""
        return self.converter.failed(Stamp(target))

    def deliver(self, load: Load, _deadline_s: float, _spool: Spool) -> tuple[Delivery, ...]:
        """Note what arrives."""
        self.sending.set()
        self.delivering(load)
        fresh, gone = ([one.plan.target.key for one in scrapes] for scrapes in (load.fresh, load.gone))
        self.sent.append(Sent(fresh, gone, load.whole))
        return (Delivery("b", sent=sum(scrape.carried for scrape in load.fresh)),)

    def run(self, cycle: int = 1, budget_s: float = 60.0) -> Report:
        """One cycle of all targets."""
        steps = Steps(
            self.fetch_all, self.convert, self.failed, self.deliver, self.memory, lambda *_: (), self.state,
            lambda: round(self.now_s * 1000), lambda: self.now_s, apart=self.apart,
        )  # fmt: skip
        turn = Turn("0", "me", cycle, budget_s)
        ends = [made(name) for name in self.answers]
        return run_cycle(steps, turn, Roll(set(self.answers)), lambda _head: ends)


def test_who_answers_does_not_wait_for_who_hangs() -> None:
    """Two answer at once, one hangs: their samples go ahead, its own follow; the report has all three."""
    shard = Shard({"a": 0.05, "b": 0.05, "hung": 30.0}, {"hung": HUNG})
    report = shard.run()
    assert shard.sent == [Sent(["a", "b"], [], whole=False), Sent(["hung"], ["a", "b"], whole=True)]
    assert [(one.plan.target.key, one.reason) for one in report.scrapes] == [
        ("a", "ok"), ("b", "ok"), ("hung", "timeout"),
    ]  # fmt: skip
    (delivery,) = report.deliveries
    assert delivery.sent == sum(one.carried for one in report.scrapes)
    lease = shard.state.acquire("0", "me", cycle=2, now_ms=1, ttl_ms=1)
    assert lease is not None
    counted = {key: number for key, number in lease.head.counters.items() if "scrapes_total" in key}
    assert sorted(counted.values()) == [1, 2]


def test_nothing_is_parted_where_all_answer() -> None:
    """A cycle whose targets answer within the time makes one delivery, as it takes the fewest requests."""
    shard = Shard({f"t{n}": n * 0.02 for n in range(30)})
    shard.run()
    assert [(len(one.fresh), one.gone, one.whole) for one in shard.sent] == [(30, [], True)]


class AtOnce:
    """An executor whose work is done when it is submitted: only the test's clock counts."""

    def __init__(self, *_: object) -> None:
        """Take what an executor takes."""

    def submit(self, work: Callable[..., None], *arguments: object) -> Future[None]:
        """Do it."""
        done: Future[None] = Future()
        work(*arguments)
        done.set_result(None)
        return done

    def shutdown(self) -> None:
        """Do nothing: nothing is under way."""


def test_whoever_answers_first_the_order_is_that_of_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wave and in the rest: the same requests are made in every cycle."""
    monkeypatch.setattr(waves, "ThreadPoolExecutor", AtOnce)
    answers = {"a": 0.05, "b": 0.01, "c": 8.0, "d": 0.03, "e": 7.0}
    shard = Shard(answers)
    shard.run()
    assert [one.fresh for one in shard.sent] == [["a", "b", "d"], ["e"], ["c"]]
    shard = Shard(dict(zip(answers, (0.05, 0.01, 0.04, 0.03, 0.02), strict=True)))
    shard.run()
    assert [one.fresh for one in shard.sent] == [["a", "b", "c", "d", "e"]]


def test_a_trickle_of_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """While answers keep coming nobody waits longer than the patience, and each target goes once."""
    monkeypatch.setattr(waves, "ThreadPoolExecutor", AtOnce)
    shard = Shard({f"t{n}": n * 0.15 for n in range(20)})
    left_s: dict[str, float] = {}

    def delivering(load: Load) -> None:
        left_s.update({one.plan.target.key: shard.now_s for one in load.fresh})

    shard.delivering = delivering
    report = shard.run()
    assert LULL_S > 0.15
    assert len(shard.sent) > 3
    assert [key for one in shard.sent for key in one.fresh] == [f"t{n}" for n in range(20)]
    assert len(report.scrapes) == 20
    late_s = [left_s[f"t{n}"] - n * 0.15 for n in range(20)]
    assert max(late_s) < PATIENCE_S + 0.2  # who came first after the last wave, and the next look


def test_a_slow_backend_does_not_hold_up_the_fetches() -> None:
    """While a wave is under way targets are fetched and converted, and there is no second wave."""
    over = threading.Event()
    shard = Shard({"a": 0.0, "b": 1.0, "c": 2.0, "hung": 9.0})
    seen: list[str] = []

    def convert(target: Target, body: bytes, content_type: str = "") -> Converted:
        seen.append(target.key)
        if target.key == "hung":  # all others came before the wave was over
            over.set()
        return Shard.convert(shard, target, body, content_type)

    def delivering(load: Load) -> None:
        assert load.whole or over.wait(20)

    shard.convert, shard.delivering = convert, delivering  # type: ignore[method-assign, assignment]
    shard.run()
    assert seen == ["a", "b", "c", "hung"]
    assert [(one.fresh, one.whole) for one in shard.sent] == [(["a"], False), (["b", "c", "hung"], True)]


def test_series_are_remembered_before_they_leave() -> None:
    """A crash right after a wave forgets none of its series: the next cycle marks those that are gone."""
    shard = Shard({"a": 0.0, "hung": 5.0}, {"hung": HUNG})

    def delivering(load: Load) -> None:
        if not load.whole:
            assert set(shard.state.series(["a", "hung"])) == {"a"}
        else:
            raise KeyboardInterrupt

    shard.delivering = delivering
    with pytest.raises(KeyboardInterrupt):
        shard.run(1)
    shard.delivering = lambda _: None
    shard.bodies["a"] = b'{"queue": 2}'
    shard.sent.clear()
    markers: list[int] = []
    shard.delivering = lambda load: markers.extend(
        one.carried for one in load.fresh if one.reason == "vanished" and load.whole
    )
    shard.run(2)
    assert markers == [1]


def test_a_wave_that_meets_a_lost_lease_ends_the_cycle() -> None:
    """Without its lease the shard sends nothing more, neither the next wave nor the rest."""
    shard = Shard({"a": 0.0, "b": 1.0, "c": 2.0, "hung": 9.0})

    class Lost(SeriesMemory):
        def begin(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise LeaseLost("another writer has the shard")

    shard.memory = Lost(shard.state)
    with pytest.raises(LeaseLost):
        shard.run()
    assert shard.sent == []


def test_a_memory_that_cannot_be_read_costs_markers_only() -> None:
    """The samples of waves and rest go out; nothing is stored of what is not known."""
    shard = Shard({"a": 0.0, "hung": 9.0})

    class Unread(SeriesMemory):
        def begin(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise StateError("the disk is gone")

    shard.memory = Unread(shard.state)
    shard.run()
    assert [one.fresh for one in shard.sent] == [["a"], ["hung"]]
    assert not shard.state.series(["a", "hung"])


def test_an_interrupt_waits_for_the_wave_before_the_lease_goes() -> None:
    """Nobody else gets the shard as long as a wave of this cycle is on its way."""
    shard = Shard({"a": 0.0, "hung": 9.0})
    over = threading.Event()
    held: list[bool] = []

    def delivering(_load: Load) -> None:
        over.wait(20)
        held.append(shard.state.acquire("0", "other", cycle=9, now_ms=1, ttl_ms=1) is None)

    def interrupted(target: Target, *_: object) -> Converted:
        if target.key == "hung":
            assert shard.sending.wait(20)
            threading.Timer(0.05, over.set).start()
            raise KeyboardInterrupt
        return Shard.convert(shard, target, BODY)

    shard.delivering, shard.convert = delivering, interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        shard.run()
    assert held == [True]
    assert shard.state.acquire("0", "other", cycle=9, now_ms=1, ttl_ms=1) is not None


def test_a_fault_while_looking_leaves_all_to_the_end() -> None:
    """What cannot be parted goes as a whole."""

    def apart(_scrapes: list[Scrape], _waiting: Collection[str]) -> list[Scrape]:
        return []

    shard = Shard({"a": 0.0, "hung": 9.0}, apart=apart)
    shard.run()
    assert [(one.fresh, one.whole) for one in shard.sent] == [(["a", "hung"], True)]


def test_no_wave_begins_when_the_time_for_fetches_is_over() -> None:
    """Then the end of the cycle is near, and has more time than a wave would."""
    shard = Shard({"a": 0.0, "hung": 9.0})
    shard.run(budget_s=0.2)
    assert [(one.fresh, one.whole) for one in shard.sent] == [(["a", "hung"], True)]


# What the parts have in common


def a_scrape(converter: Converter, name: str, body: bytes, time_ms: int = 1) -> Scrape:
    """The scrape of a target with this document and no health series."""
    stamp = Stamp(Target(name, "job", "", (("instance", name), ("job", "job"))))
    found = converter.convert(stamp, body, built_in("auto"))
    return Scrape(found.plan, found.values + bytes(8 * found.plan.health), time_ms)


documents = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(documents, documents), min_size=1, max_size=6), st.data())
def test_parts_remember_what_the_whole_remembers(
    life: list[tuple[dict[str, int], ...]], data: st.DataObject
) -> None:
    """However a cycle's scrapes are parted, the same markers come of it and the same series are stored."""
    found = []
    at = sorted(data.draw(st.lists(st.integers(0, len(life)), max_size=3)))
    for cuts in ([], at):
        store, converter = open_state("memory:"), Converter()
        memory = SeriesMemory(store)
        for cycle in (0, 1):
            lease = store.acquire("0", "me", cycle=cycle, now_ms=1, ttl_ms=1)
            assert lease is not None
            there = life[: len(life) - cycle]  # one target is gone the second time
            bodies = [str(documents[cycle]).replace("'", '"').encode() for documents in there]
            scrapes = [a_scrape(converter, f"t{n}", body) for n, body in enumerate(bodies)]
            roll, ending = Roll({one.plan.target.key for one in scrapes}), None
            parts = [scrapes[low:high] for low, high in pairwise([0, *cuts, len(life)])]
            for place, part in enumerate(parts, 1):
                ending = memory.begin(lease, part, roll, 9, ending, partly=place < len(parts))
            assert ending is not None
            memory.end(lease, ending)
            store.commit(lease, replace(lease.head, started_cycle=cycle, finished_cycle=cycle), release=True)
        keys = [f"t{n}" for n in range(len(life))]
        assert ending is not None
        marked = sorted(
            (one.plan.target.key, one.plan.template.label_sets, one.reason) for one in ending.markers
        )
        found.append((marked, store.fingerprints("0"), sorted(store.series(keys))))
        store.close()
    assert found[0] == found[1]


def test_what_the_parts_say_is_one_delivery() -> None:
    """What a part spooled and the last one replayed waits no more, and its error is overcome."""
    parts = (Delivery("b", spooled=60, requests=1, error="HTTP 503", waiting=60, waiting_since_ms=5),)
    (done,) = joined(parts, [Delivery("b", sent=40, replayed=60, requests=2)])
    assert (done.sent, done.spooled, done.replayed, done.requests) == (40, 60, 60, 3)
    assert (done.waiting, done.waiting_since_ms, done.error) == (0, 0, "")
    lost = (Delivery("b", error="HTTP 400").drop("refused", 3),)
    (done,) = joined(lost, [Delivery("b", sent=40)])
    assert (done.lost, done.error) == (3, "HTTP 400")
    first, second = joined([Delivery("b", sent=1)], [Delivery("b", sent=1), Delivery("c", sent=7)])
    assert (first.sent, second.sent) == (2, 7)


def test_a_limit_counts_cycles_and_not_their_parts() -> None:
    """Three parts of one cycle that meet a 429 are one cycle without progress: nothing is dropped for it."""
    backend = Receiver(lambda _: refuse(429))
    spool = backend.next()
    for part in "abc":
        backend.now_ms -= 60_000
        delivery = backend.cycle(part, spool=spool)
        assert delivery.lost == 0
    assert spool.record("b")["stalled"] == 1


def test_a_customer_with_a_budget_goes_as_a_whole() -> None:
    """As long as one of its targets is out, all of its scrapes wait; other customers' do not."""
    converter = Converter()

    def stamp(name: str, customer: str) -> Stamp:
        labels = (("customer_id", customer), ("instance", name), ("job", "job"))
        return Stamp(Target(name, "job", "", labels))

    stamps = [stamp("a1", "a"), stamp("a2", "a"), stamp("b1", "b"), stamp("b2", "b")]
    scrapes = [
        Scrape(found.plan, found.values, 1)
        for one in stamps
        for found in (converter.convert(one, BODY, built_in("auto")),)
    ]
    ledger = Ledger(Budgets(customers=(("a", 3),)), stamps)

    def keys(waiting: set[str]) -> list[str]:
        came = [one for one in scrapes if one.plan.target.key not in waiting]
        return [one.plan.target.key for one in ledger.apart(came, waiting)]

    assert keys({"a2", "b2"}) == ["b1"]
    assert keys({"b2"}) == ["a1", "a2", "b1"]
    free = Ledger(Budgets(), stamps)
    assert free.apart(scrapes[:1], {"a2"}) == scrapes[:1]


def test_what_has_gone_is_not_sent_again_by_another() -> None:
    """A series that left with a wave is left out of what comes later, whoever has it too."""
    converter = Converter()
    mine, theirs = (a_scrape(converter, "x", body) for body in (b'{"a": 1, "b": 2}', b'{"b": 3, "c": 4}'))
    left, repeated = Uniqueness().unique([theirs], [mine])
    health = theirs.plan.health
    assert (len(left), left[0].carried, repeated) == (1, 1, 1 + health)
    assert Uniqueness().unique([theirs], []) == ([theirs], 0)
