"""Groups of a Pushgateway from cycle to cycle: what waits, what gives way, what is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushvar.catalogue import HEALTH
from pushvar.deliver import group_spool
from pushvar.deliver.bodies import Bodies
from pushvar.deliver.group_lane import GroupLane
from pushvar.deliver.groups import Group, grouped
from pushvar.deliver.outages import UNSEEN_MS, Outages, digest
from pushvar.deliver.patience import Patience
from pushvar.deliver.sinks.pushgateway import PushgatewaySink
from pushvar.deliver.spool import Spool
from pushvar.errors import EncodeError
from pushvar.net.session import Answer
from pushvar.state import open_state
from pushvar.state.protocol import Head, NewEntry

from tests.unit.test_pushgateway import down, series_of, up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.model import Delivery, Scrape
    from pushvar.state.protocol import StateStore

BROKEN = Answer(0, "Connection refused", {})
LATER = Answer(503, "", {})
TAKEN = Answer(200, "", {})
REFUSED = Answer(400, "no", {})


@dataclass
class Gateway:
    """A gateway that holds texts by job; ``answers`` come first, then ``always``."""

    answers: list[Answer] = field(default_factory=list)
    always: Answer = TAKEN
    refused: Mapping[str, Answer] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, url: str, body: bytes, _headers: Mapping[str, str], _timeout_s: float) -> Answer:
        """Take a group, or not."""
        return self._answer("PUT", url, body.decode())

    def delete(self, url: str, _body: bytes, _headers: Mapping[str, str], _timeout_s: float) -> Answer:
        """Forget a group, or not."""
        return self._answer("DELETE", url, "")

    def _answer(self, method: str, url: str, text: str) -> Answer:
        job = unquote(url.split("/")[5])
        self.asked.append((method, job))
        answer = self.answers.pop(0) if self.answers else self.refused.get(job, self.always)
        if answer is TAKEN:
            self.held.pop(job, None)
            if method == "PUT":
                self.held[job] = text.splitlines()[-1].rpartition(" ")[2]
        return answer


@dataclass
class Shard:
    """Cycles of one shard, a minute apart, on a clock that only waits move."""

    gateway: Gateway = field(default_factory=Gateway)
    store: StateStore = field(default_factory=lambda: open_state("memory:"))
    now_ms: int = 1_795_173_629_844
    cycles: int = 0
    clock_s: float = 0.0
    dies: bool = False
    robbed: bool = False
    text: Callable[[Group], bytes] = field(default_factory=lambda: Bodies(series_of).body)
    renewed: bool = False

    def cycle(self, *groups: Group, for_s: float = 60.0) -> Delivery:
        """One cycle that wants these groups; it ``dies`` before its commit, or is ``robbed`` of its lease."""
        self.cycles += 1
        self.now_ms += 60_000
        lease = self.store.acquire("0", f"{self.cycles}", cycle=self.cycles, now_ms=self.now_ms, ttl_ms=1000)
        assert lease is not None
        sink = PushgatewaySink(
            "http://gw:9091", self.gateway.put, self.gateway.delete, dict, lambda: self.clock_s
        )
        spool = Spool(self.store, lease)
        lane = GroupLane("gw", "gw", spool, sink.push, self.text, self.now_ms, renewed=lambda: self.renewed)
        if self.robbed:
            self.store.acquire("0", "thief", cycle=self.cycles, now_ms=self.now_ms + 2000, ttl_ms=1)
        end_s = self.clock_s + for_s
        lane.run(groups, Patience(0.1, 5, 30, end_s, lambda: self.clock_s, self._sleep, lambda: 0.5))
        spool.remember("gw", lane.record())
        if not self.dies and not self.robbed:
            self.store.commit(lease, Head(self.cycles, self.cycles, {}, spool.lanes), release=True)
        return lane.delivery

    def put(self, *jobs: str, value: int = 1) -> list[Group]:
        """Groups of these jobs whose one sample has that value."""
        return grouped([up(b'{"a": %d}' % value, job=job) for job in jobs])

    def _sleep(self, seconds: float) -> None:
        self.clock_s += seconds


def gone(job: str) -> Group:
    """A group that is to be deleted."""
    return Group((job, "10.0.0.1:80", "acme"), ())


def dropped(delivery: Delivery) -> dict[str, int]:
    """Its drops by reason."""
    return dict(delivery.dropped)


def of(job: str, value: int) -> Scrape:
    """A scrape of a job with one sample."""
    return up(b'{"a": %d}' % value, job=job)


# One cycle


def test_a_refused_group_costs_itself() -> None:
    """Samples are counted by group; a 400 is final, a 503 is retried, the others go on."""
    shard = Shard(Gateway([TAKEN, REFUSED, LATER, BROKEN]))
    groups = grouped([up(b'{"x": 1, "y": 2}', job=job) for job in "abcd"] + [down(job="e")])
    done = shard.cycle(*groups)
    assert (done.sent, dropped(done), done.spooled) == (2 + 2 + 2 + len(HEALTH), {"refused": 2}, 0)
    assert (done.requests, done.retries, done.waiting) == (7, 2, 0)
    assert [job for _, job in shard.gateway.asked] == ["a", "b", "c", "c", "c", "d", "e"]
    assert done.error.startswith("http://gw:9091/metrics/job/b/")
    assert done.notes == (f"refused: {done.error}",)


def test_what_text_cannot_say_costs_its_own_group() -> None:
    """It is never sent, and counted as our own fault; the other groups are."""
    bodies = Bodies(series_of)

    def text(group: Group) -> bytes:
        if group.key[0] == "bad":
            raise EncodeError("'__x' is no label name")
        return bodies.body(group)

    shard = Shard(text=text)
    done = shard.cycle(*shard.put("bad", "good"))
    assert (done.sent, dropped(done), shard.gateway.held) == (1, {"fault": 1}, {"good": "1"})
    assert "bad" in done.error
    assert "'__x' is no label name" in done.error


def test_credentials_that_changed_are_tried_once_more() -> None:
    """A 401 is final, unless the secret is another one by now."""
    shard = Shard(Gateway([Answer(401, "", {})]))
    done = shard.cycle(*shard.put("a"))
    assert (done.sent, dropped(done), done.requests) == (0, {"unauthorized": 1}, 1)
    shard = Shard(Gateway([Answer(401, "", {})]), renewed=True)
    done = shard.cycle(*shard.put("a"))
    assert (done.sent, done.retries, done.error) == (1, 1, "")


# A gateway that is away


def test_only_the_newest_state_waits() -> None:
    """In each cycle a newer state takes the place of an older; a gateway that is back gets the newest."""
    shard = Shard(Gateway(always=BROKEN))
    first = shard.cycle(*shard.put("a", "b", "c", value=1), for_s=5)
    assert (first.spooled, first.waiting, first.lost, len(shard.gateway.asked) > 1) == (3, 3, 0, True)
    assert "Connection refused" in first.error
    shard.gateway.asked.clear()
    second = shard.cycle(*shard.put("a", "b", "c", value=2))
    assert shard.gateway.asked == [("PUT", "a")], "one probe"
    assert (second.spooled, dropped(second), second.waiting) == (3, {"superseded": 3}, 3)
    assert second.waiting_since_ms == of("a", 1).time_ms
    shard.gateway.always = TAKEN
    third = shard.cycle(*shard.put("a", "b", value=3))
    assert shard.gateway.held == {"c": "2", "a": "3", "b": "3"}, "what waits of others goes first"
    assert (third.sent, third.replayed, dropped(third), third.waiting) == (2, 1, {"superseded": 2}, 0)
    assert shard.cycle().requests == 0


def test_what_waits_goes_out_oldest_first() -> None:
    """Also in a cycle that has nothing of its own; a state that is refused then is dropped."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("b"), for_s=1)
    shard.cycle(*shard.put("a"), for_s=1)
    shard.cycle(*shard.put("d", "c"), for_s=1)
    shard.gateway = Gateway(refused={"a": REFUSED})
    done = shard.cycle()
    assert [job for _, job in shard.gateway.asked] == ["b", "a", "d", "c"]
    assert (done.replayed, dropped(done), done.sent, done.waiting) == (3, {"refused": 1}, 0, 0)


def test_a_refused_state_takes_what_waited_along() -> None:
    """Nothing is older than what the gateway was offered last."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("a"), for_s=1)
    shard.gateway = Gateway(always=REFUSED)
    done = shard.cycle(*shard.put("a", value=2))
    assert (dropped(done), done.waiting, len(shard.gateway.asked)) == ({"refused": 1, "superseded": 1}, 0, 1)


def test_what_waits_too_long_is_dropped() -> None:
    """After an hour samples are, and counted; a DELETE waits for a day."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("a"), gone("b"), for_s=1)
    shard.now_ms += group_spool.AGE_LIMIT_MS
    late = shard.cycle()
    assert (dropped(late), late.waiting, late.notes) == (
        {"too_old": 1}, 0, ("too_old: 1 samples waited for too long",),
    )  # fmt: skip
    assert shard.gateway.asked[-1] == ("DELETE", "b")
    shard.now_ms += group_spool.EMPTY_AGE_LIMIT_MS
    shard.gateway.asked.clear()
    assert (shard.cycle().requests, shard.gateway.asked) == (0, [])


def test_the_spool_of_a_gateway_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest give way, and are counted."""
    monkeypatch.setattr(group_spool, "SIZE_LIMIT", 400)
    shard = Shard(Gateway(always=BROKEN))
    done = shard.cycle(*shard.put(*"abcdefgh"), for_s=1)
    assert done.spooled == 8
    assert dropped(done) == {"spool_full": 8 - done.waiting}
    assert 0 < done.waiting < 8
    shard.gateway = Gateway()
    shard.cycle()
    assert [*shard.gateway.held] == [*"abcdefgh"[-done.waiting :]]


# DELETE


def test_a_delete_waits_and_is_tried_first() -> None:
    """It survives in the spool, without samples; then it goes out before anything else of its group."""
    shard = Shard(Gateway(held={"a": "1"}))
    shard.gateway.always = LATER
    done = shard.cycle(gone("a"), for_s=1)
    assert (done.spooled, done.waiting, done.lost) == (0, 0, 0)
    assert "HTTP 503" in done.error
    shard.gateway.always = TAKEN
    done = shard.cycle(*shard.put("b"))
    assert shard.gateway.asked[-2:] == [("DELETE", "a"), ("PUT", "b")]
    assert (shard.gateway.held, done.sent, done.replayed, done.error) == ({"b": "1"}, 1, 0, "")
    assert shard.cycle().requests == 0


def test_a_put_supersedes_a_delete_and_the_other_way_round() -> None:
    """The newest wins; what it replaces never goes out."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(gone("a"), *shard.put("b"), for_s=1)
    done = shard.cycle(*shard.put("a", value=2), gone("b"))
    assert dropped(done) == {"superseded": 1}, "a DELETE is no sample"
    shard.gateway = Gateway(held={"b": "0"})
    shard.cycle()
    assert shard.gateway.asked == [("PUT", "a"), ("DELETE", "b")]
    assert shard.gateway.held == {"a": "2"}


@pytest.mark.parametrize(("status", "again"), [(401, 1), (403, 1), (405, 0), (400, 0)])
def test_a_delete_that_is_refused(status: int, again: int) -> None:
    """It waits for better credentials, and holds nobody up; what no gateway does is not asked again."""
    shard = Shard(Gateway(refused={"a": Answer(status, "", {})}))
    done = shard.cycle(gone("a"), *shard.put("b"))
    assert (done.sent, done.lost, f"HTTP {status}" in done.error) == (1, 0, True)
    shard.gateway = Gateway()
    assert shard.cycle().requests == again


# Crashes, and a store that fails


def test_what_a_dying_cycle_stored_is_found() -> None:
    """No record tells of it; of two states of one group the newer counts."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("a", "b", value=1), for_s=1)
    shard.dies = True
    shard.cycle(*shard.put("c", value=2))
    shard.dies, shard.gateway = False, Gateway()
    done = shard.cycle()
    assert shard.gateway.held == {"a": "1", "b": "1", "c": "2"}
    assert (done.replayed, done.lost, done.waiting) == (3, 0, 0)


def test_two_states_of_one_group_in_the_spool() -> None:
    """A cycle that died between storing the newer and forgetting the older leaves both: the older goes."""
    shard = Shard(Gateway(always=BROKEN))
    for value in (1, 2):
        lease = shard.store.acquire("0", "x", cycle=value, now_ms=shard.now_ms, ttl_ms=1)
        assert lease is not None
        other = Shard(Gateway(always=BROKEN))
        other.cycle(*shard.put("a", value=value), for_s=1)
        (entry,) = other.store.spool_entries("0")
        body = other.store.spool_body(entry)
        Spool(shard.store, lease).append_bodies("gw", [NewEntry(body, 1, shard.now_ms)])
    shard.gateway, shard.now_ms = Gateway(), shard.now_ms + 1000
    done = shard.cycle()
    assert (shard.gateway.held, done.replayed, dropped(done)) == ({"a": "2"}, 1, {"superseded": 1})


def test_a_lost_lease_loses_no_count() -> None:
    """Whatever could not be stored is counted; what waits stays, and is not sent by who may not forget it."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("a", value=1), for_s=1)
    shard.robbed = True
    done = shard.cycle(*shard.put("a", "b", value=2))
    assert (done.sent, done.spooled, dropped(done), done.waiting) == (0, 0, {"spool_failed": 2}, 1)
    shard.gateway = Gateway()
    shard.now_ms += 10_000
    done = shard.cycle(*shard.put("b"))
    assert (done.sent, done.replayed, done.waiting, done.error != "") == (0, 0, 1, True)
    shard.robbed = False
    assert shard.cycle().replayed == 1


def test_a_damaged_entry_harms_no_other() -> None:
    """It is told, and waits until it is too old."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*shard.put("a"), for_s=1)
    lease = shard.store.acquire("0", "x", cycle=9, now_ms=shard.now_ms + 9000, ttl_ms=1)
    assert lease is not None
    Spool(shard.store, lease).append_bodies("gw", [NewEntry(b"?", 5, shard.now_ms)])
    shard.gateway = Gateway()
    done = shard.cycle()
    assert (done.replayed, done.waiting, "damaged" in done.error) == (1, 5, True)
    shard.now_ms += group_spool.AGE_LIMIT_MS
    assert dropped(shard.cycle()) == {"too_old": 5}


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcde"), unique=True, max_size=4),
            st.lists(st.sampled_from([TAKEN, BROKEN, REFUSED, LATER]), max_size=5),
            st.sampled_from([TAKEN, BROKEN]),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_every_sample_is_accounted_for(cycles: list[tuple[list[str], list[Answer], Answer, bool]]) -> None:
    """Whatever the gateway answers: offered = sent + spooled + dropped, and what was spooled is too."""
    shard, total = Shard(), Counter[str]()
    for number, (jobs, answers, always, deletes) in enumerate(cycles, 2):
        shard.gateway.answers, shard.gateway.always = answers, always
        groups = shard.put(*jobs, value=number)
        if deletes and groups:
            groups[0] = Group(groups[0].key, ())
        before = shard.gateway.held.copy()
        done = shard.cycle(*groups, for_s=2)
        offered = sum(group.samples for group in groups)
        total += Counter(offered=offered, sent=done.sent, replayed=done.replayed, dropped=done.lost)
        assert total["offered"] == total["sent"] + total["replayed"] + total["dropped"] + done.waiting
        for job, value in shard.gateway.held.items():
            assert int(value) >= int(before.get(job, "0")), "never an older state after a newer one"
    shard.gateway.answers, shard.gateway.always = [], TAKEN
    assert shard.cycle().waiting == 0


# Groups that are down

HOUR_MS = 3_600_000


def test_a_group_that_stays_down_is_deleted_once() -> None:
    """After the time that was set; then nothing is pushed until a target of it is up, and it starts anew."""
    (bad,), (good,) = grouped([down(job="a")]), grouped([of("a", 1)])
    known: dict[str, tuple[int, int]] = {}
    seen = []
    steps = [(0, bad), (59, bad), (60, bad), (61, bad), (200, bad), (201, good), (202, bad), (262, bad)]
    for minute, group in steps:
        outages = Outages(known, HOUR_MS, 10**12 + minute * 60_000)
        wanted = outages.wanted([group])
        seen.append([len(one.scrapes) for one in wanted])
        known = outages.remembered({one.key for one in wanted})
        assert bool(known) == (group is bad)
    assert seen == [[1], [1], [0], [], [], [1], [1], [0]]


def test_a_delete_that_could_not_even_wait_is_wanted_again() -> None:
    """Only what went out or is stored counts as deleted."""
    (bad,) = grouped([down(job="a")])
    known = {digest(bad.key): (1, 1)}
    outages = Outages(known, HOUR_MS, HOUR_MS + 1)
    assert outages.wanted([bad]) == [gone("a")]
    assert outages.remembered(()) == {digest(bad.key): (1, HOUR_MS + 1)}


def test_who_is_down() -> None:
    """A group with one target that is up is not, nor one that is removed; with 0s none ever is."""
    both = grouped([down(env="1"), up(b'{"a": 1}', env="2")])
    (bad,) = grouped([down(job="a")])
    known = {digest(both[0].key): (1, 1), digest(bad.key): (1, 1)}
    outages = Outages(known, HOUR_MS, 10**12)
    assert outages.wanted([*both, gone("a")]) == [*both, gone("a")]
    assert outages.remembered(()) == {}
    never = Outages(known, 0, 10**12)
    assert (never.wanted([bad]), never.remembered(())) == ([bad], {})


def test_what_is_remembered_of_outages_is_bounded() -> None:
    """A group that nobody looks at for a day is forgotten; a clock that was set back costs no group."""
    (bad,) = grouped([down(job="a")])
    now_ms = 10**12
    rare, moved = (5, now_ms - UNSEEN_MS), (5, now_ms - UNSEEN_MS - 1)
    known = {"rare": rare, "moved": moved, digest(bad.key): (now_ms + 9, 0)}
    outages = Outages(known, HOUR_MS, now_ms)
    assert outages.wanted([bad]) == [bad]
    assert outages.remembered(()) == {"rare": rare, digest(bad.key): (now_ms, now_ms)}


def test_a_group_with_half_a_character() -> None:
    """A lone surrogate waits as the question mark that its address has."""
    shard = Shard(Gateway(always=BROKEN))
    shard.cycle(*grouped([up(b'{"a": 1}', job="x\ud800")]), for_s=1)
    shard.gateway = Gateway()
    done = shard.cycle(*grouped([up(b'{"a": 2}', job="x\ud800")]))
    assert ([*shard.gateway.held.values()], done.sent, dropped(done)) == (["2"], 1, {"superseded": 1})
