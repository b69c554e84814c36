"""A lane: what waits first, nothing overtakes, every sample is delivered, spooled or dropped and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pushvar.deliver.lane import Keeping, Lane, forsaken
from pushvar.deliver.lanes import drive
from pushvar.deliver.patience import Patience
from pushvar.deliver.sending import HALVINGS, REFUSALS
from pushvar.deliver.spool import Spool, backend_of, lane_key
from pushvar.errors import PushError, StateError
from pushvar.model import Batch, Delivery
from pushvar.state import open_state
from pushvar.wire.proto import prometheus_v1_pb2 as official
from pushvar.wire.remote_write import v1

from tests.spools import new_spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.state.protocol import StateStore

MINUTE_MS = 60_000
START_MS = 1_795_173_629_844
Sample = tuple[str, int]


def batch(time_ms: int, *names: str) -> Batch:
    """A batch with one sample of each of these series."""
    template = v1.Template([v1.label("__name__", name) for name in names])
    packed = template.pack(b"\0" * 8 * len(names), time_ms)
    return Batch((packed,), len(names), len(packed), (template,))


def samples_of(sent: Batch) -> list[Sample]:
    """(name, time) of each sample, as the official runtime reads it."""
    request = official.WriteRequest.FromString(b"".join(sent.parts))
    return [(one.labels[0].value, one.samples[0].timestamp) for one in request.timeseries]


@dataclass
class Receiver:
    """A backend by ``judge``: an error for what it refuses. Its clock moves by sleeping only."""

    judge: Callable[[list[Sample]], PushError | None] = lambda _: None
    now_s: float = 0.0
    now_ms: int = START_MS
    taken: list[Sample] = field(default_factory=list)
    requests: list[list[Sample]] = field(default_factory=list)
    store: StateStore = field(default_factory=lambda: open_state("memory:"))
    limits: Keeping = field(default_factory=lambda: Keeping(10 * MINUTE_MS, 0))
    renewed: bool = False
    head: Spool | None = None

    def push(self, one: Batch, _attempt: int, _timeout_s: float) -> int:
        """Take a batch or refuse it."""
        samples = samples_of(one)
        self.requests.append(samples)
        error = self.judge(samples)
        if error is not None:
            raise error
        self.taken += samples
        return 1

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def cycle(self, *names: str, size: int = 100, spool: Spool | None = None, for_s: float = 1.0) -> Delivery:
        """One cycle, a minute after the last, in batches of ``size``."""
        spool = spool or self.next()
        self.now_ms += MINUTE_MS
        self.requests.clear()
        batches = [batch(self.now_ms, *names[at : at + size]) for at in range(0, len(names), size)]
        lane = Lane("b", "b", spool, self.push, self.limits, self.now_ms, renewed=lambda: self.renewed)
        patience = Patience(0.1, 5.0, 30.0, self.now_s + for_s, lambda: self.now_s, self.sleep, lambda: 0.5)
        drive([lane.run(iter(batches), self.now_ms, patience)], patience)
        self.head = spool
        return lane.delivery

    def next(self) -> Spool:
        """As the next cycle finds it: the head says what waits, or the store is asked after a crash."""
        lease = self.store.acquire("0", "test", cycle=1, now_ms=1, ttl_ms=10**15)
        assert lease is not None
        if self.head is not None:
            lease = replace(lease, head=replace(lease.head, lanes=self.head.lanes, finished_cycle=9))
        return Spool(self.store, lease)


def refuse(status: int, *, after_s: float | None = None) -> PushError:
    """What a backend says with that status."""
    retryable = status in (0, 429) or status >= 500
    return PushError(f"HTTP {status}", status=status, retryable=retryable, retry_after_s=after_s)


def always(status: int, **more: float) -> Callable[[list[Sample]], PushError | None]:
    """A backend that refuses everything."""
    return lambda _samples: refuse(status, **more)


def test_what_is_undelivered_goes_out_first() -> None:
    """After an outage of three cycles every sample arrives, oldest first, and the spool is empty."""
    backend = Receiver(always(503))
    for _ in range(3):
        done = backend.cycle("x", "y")
        assert (done.sent, done.spooled, done.lost) == (0, 2, 0)
    assert (done.waiting, done.waiting_since_ms) == (6, START_MS + MINUTE_MS)
    backend.judge = lambda _: None
    done = backend.cycle("x", "y")
    assert (done.replayed, done.sent, done.spooled, done.waiting, done.error) == (6, 2, 0, 0, "")
    times = [time_ms for name, time_ms in backend.taken if name == "x"]
    assert times == [START_MS + minute * MINUTE_MS for minute in (1, 2, 3, 4)]


def test_a_backend_that_is_down_costs_one_probe() -> None:
    """The first cycle tries for as long as it may; while something waits, one request a cycle is enough."""
    backend = Receiver(always(503))
    backend.cycle("x", "y", "z", size=1)
    assert len(backend.requests) > 2
    assert {tuple(request) for request in backend.requests} == {(("x", START_MS + MINUTE_MS),)}
    for _ in range(3):
        backend.cycle("x", "y", "z", size=1)
        assert [len(request) for request in backend.requests] == [1]


def test_one_bad_series_costs_itself() -> None:
    """400 is halved down to the series that the backend refuses, which is named with its words."""
    backend = Receiver(lambda samples: refuse(400) if "s42" in dict(samples) else None)
    done = backend.cycle(*[f"s{number}" for number in range(100)])
    assert (done.sent, done.dropped, done.spooled) == (99, (("refused", 1),), 0)
    assert "s42" not in dict(backend.taken)
    assert done.notes == ("refused: s42{}: HTTP 400",)
    assert done.requests <= 2 * 7 + 1


def test_looking_for_bad_series_has_an_end() -> None:
    """When everything is refused, a cycle spends a bounded number of requests, and all is counted."""
    backend = Receiver(always(400))
    done = backend.cycle(*[f"s{number}" for number in range(1000)], size=1000)
    assert (done.sent, done.dropped, done.waiting) == (0, (("refused", 1000),), 0)
    assert done.requests <= 2 * REFUSALS
    backend.judge = lambda samples: refuse(400) if int(samples[0][0][1:]) % 4 == 0 else None
    done = backend.cycle(*[f"s{number}" for number in range(1000)], size=1000)
    assert done.sent + done.lost == 1000
    assert done.requests <= 2 * HALVINGS + 1


def test_what_is_too_large_is_split() -> None:
    """413 halves until it fits; one series that alone is too large is dropped."""
    backend = Receiver(lambda samples: refuse(413) if len(samples) > 10 or "big" in dict(samples) else None)
    done = backend.cycle("big", *[f"s{number}" for number in range(63)])
    assert (done.sent, done.dropped) == (63, (("too_large", 1),))
    assert [name for name, _ in backend.taken] == [f"s{number}" for number in range(63)]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "rejected"),
        (409, "conflict"),
        (415, "unsupported"),
    ],
)
def test_a_final_answer_is_final(status: int, reason: str) -> None:
    """Exactly one request for each batch, counted under its reason; nothing is kept."""
    backend = Receiver(always(status))
    done = backend.cycle("x", "y", size=1)
    assert (done.requests, done.retries, done.dropped, done.waiting) == (2, 0, ((reason, 2),), 0)


def test_a_changed_secret_is_tried_once_more() -> None:
    """401 is sent again only when the credentials are others by now, and only once."""
    backend = Receiver(always(401), renewed=True)
    done = backend.cycle("x")
    assert (done.requests, done.retries, done.dropped) == (2, 1, (("unauthorized", 1),))
    answers = iter([refuse(401), None])
    backend.judge = lambda _samples: next(answers)
    assert backend.cycle("x").sent == 1


def test_429_for_ever_is_a_limit() -> None:
    """After three cycles without progress what the backend refuses is dropped, the rest arrives."""
    backend = Receiver(lambda samples: refuse(429) if "new" in dict(samples) else None)
    for _ in range(3):
        done = backend.cycle("a", "new", "b")
        assert (done.sent, done.lost) == (0, 0)
    done = backend.cycle("a", "new", "b")
    assert (done.replayed, done.sent, done.dropped, done.waiting) == (6, 2, (("limited", 4),), 0)
    done = backend.cycle("a", "new", "b")
    assert (done.sent, done.dropped, done.waiting) == (2, (("limited", 1),), 0), "it stays a limit"
    backend.judge = lambda _: None
    assert backend.cycle("a", "new", "b").lost == 0
    backend.judge = always(429)
    assert backend.cycle("a", "new", "b").lost == 0, "and is forgotten when nothing is refused"


def test_429_with_progress_is_a_pause() -> None:
    """As long as something is taken, nothing is dropped."""
    backend = Receiver()
    for _ in range(6):
        allowed = iter([None, None])
        backend.judge = lambda _samples, allowed=allowed: next(allowed, refuse(429))  # type: ignore[misc]
        done = backend.cycle("x", "y", "z", size=1)
        assert done.lost == 0
    assert done.waiting > 0


def test_retry_after_is_kept_from_cycle_to_cycle() -> None:
    """A backend that asked for two minutes is left alone for them, and for five at most."""
    backend = Receiver(always(429, after_s=120.0))
    backend.cycle("x")
    backend.judge = lambda _: None
    backend.cycle("x")
    assert backend.requests == []
    assert (backend.cycle("x").replayed, len(backend.taken)) == (2, 3)
    backend.judge = always(503, after_s=86_400.0)
    backend.cycle("x")
    backend.judge = lambda _: None
    quiet = [backend.cycle("x").requests for _ in range(5)]
    assert quiet[:4] == [0, 0, 0, 0]
    assert quiet[4] > 0


def test_a_pause_counts_from_the_answer_that_asked_for_it() -> None:
    """An answer late in a long cycle: the backend is left alone for as long as it asked, from then on."""
    backend = Receiver()
    backend.judge = lambda _samples: refuse(503, after_s=30.0) if backend.now_s > 40 else refuse(503)
    backend.cycle("a", for_s=45.0)
    asked = len(backend.requests)
    assert asked > 1
    backend.cycle("a", for_s=45.0)  # it begins 60 s after the first did, and 20 s after the answer
    assert backend.requests == []


def test_what_is_too_old_is_dropped_and_counted() -> None:
    """An entry that waited longer than the age limit is not sent any more."""
    backend = Receiver(always(503), limits=Keeping(3 * MINUTE_MS, 0))
    for _ in range(5):
        done = backend.cycle("x")
    assert (done.dropped, done.waiting) == ((("too_old", 1),), 4)
    assert "180 s" in done.notes[0]


def test_a_full_spool_gives_up_its_oldest() -> None:
    """The lane keeps its size; what had to go is counted."""
    backend = Receiver(always(503), limits=Keeping(99 * MINUTE_MS, 100))
    for _ in range(20):
        done = backend.cycle("x")
    assert backend.head is not None
    entries = backend.head.entries("b")
    assert sum(entry.size_bytes for entry in entries) <= 100
    assert (done.dropped, done.waiting) == ((("spool_full", 1),), len(entries))
    assert entries[-1].time_ms == backend.now_ms


def test_a_store_that_fails_costs_what_it_did_not_take() -> None:
    """Undelivered samples that cannot be kept are counted as such, and the delivery goes on."""
    backend = Receiver(always(503))
    spool = new_spool(backend.store)

    class Full:
        """A store whose disk is full."""

        def spool_append(self, *_: object) -> None:
            """Refuse."""
            raise StateError("the disk is full")

    spool._state = Full()  # type: ignore[assignment]
    done = backend.cycle("x", "y", spool=spool)
    assert (done.spooled, done.dropped) == (0, (("spool_failed", 2),))
    assert done.notes == ("spool_failed: the disk is full",)


def test_an_entry_that_cannot_be_acknowledged_counts_once() -> None:
    """It stays and is sent again, so what became of it is counted when it is gone, not before."""
    backend = Receiver(always(503))
    backend.cycle("x", "bad")
    backend.judge = lambda samples: refuse(400) if "bad" in dict(samples) else None
    acknowledge = backend.store.spool_acknowledge

    def fail(*_: object) -> None:
        raise StateError("the disk is full")

    backend.store.spool_acknowledge = fail  # type: ignore[assignment, method-assign]
    done = backend.cycle("y")
    assert (done.sent, done.replayed, done.dropped, done.spooled) == (0, 0, (), 1)
    backend.store.spool_acknowledge = acknowledge  # type: ignore[method-assign]
    done = backend.cycle("z")
    assert (done.sent, done.replayed, done.dropped) == (1, 2, (("refused", 1),))


def test_a_crash_before_the_head_was_written_loses_nothing() -> None:
    """What was spooled is found although no head tells of it."""
    backend = Receiver(always(503))
    backend.cycle("x")
    backend.head = None
    backend.store.acquire("0", "test", cycle=5, now_ms=1, ttl_ms=10**15)
    backend.judge = lambda _: None
    assert backend.cycle("x").replayed == 1


def test_lanes_do_not_wait_for_each_other() -> None:
    """While one lane waits out its backoff the other delivers; each has its own spool."""
    bad, good, clock = Receiver(always(429)), Receiver(), Receiver()
    spool = new_spool()
    patience = Patience(0.1, 5.0, 30.0, 10.0, lambda: clock.now_s, clock.sleep, lambda: 0.5)
    lanes = [
        Lane("b", lane_key("b", tenant), spool, one.push, Keeping(MINUTE_MS, 0), START_MS)
        for tenant, one in (("acme", bad), ("globex", good))
    ]
    noted: list[float] = []
    good.judge = lambda _: noted.append(clock.now_s)
    fresh = [batch(START_MS, "x"), batch(START_MS, "y")]
    drive([lane.run(iter(fresh), START_MS, patience) for lane in lanes], patience)
    assert noted == [0.0, 0.0]
    assert [lane.delivery.sent for lane in lanes] == [0, 2]
    assert spool.waiting == (lane_key("b", "acme"),)
    assert spool.lanes_of("b") == (lane_key("b", "acme"),)


def test_the_samples_of_a_backend_that_is_gone() -> None:
    """They wait for it to come back, and are counted when they are too old."""
    backend = Receiver(always(503))
    backend.cycle("x")
    spool = backend.next()
    assert forsaken(spool, ["b"], backend.now_ms + 10**9) == []
    assert forsaken(spool, ["other"], backend.now_ms) == []
    (gone,) = forsaken(spool, ["other"], backend.now_ms + 10**9)
    assert (gone.backend, gone.dropped) == ("b", (("too_old", 1),))
    assert (spool.waiting, spool.lanes) == ((), {})


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
def test_a_lane_names_its_backend(name: str, route: str) -> None:
    """Whatever the two are called."""
    assert backend_of(lane_key(name, route)) == name


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([0, 200, 400, 409, 413, 429, 500]), max_size=12), st.integers(1, 7)
        ),
        min_size=1,
        max_size=6,
    )
)
@example([([500], 3), ([400, 200, 500], 3), ([], 3)])
def test_every_sample_is_accounted_for(cycles: list[tuple[list[int], int]]) -> None:
    """Whatever a backend answers: offered = delivered + waiting + dropped; no series gets an older sample.

    A half of an entry that was taken may be sent again, if nothing newer was: it is the same sample.
    """
    backend = Receiver()
    total: Counter[str] = Counter()
    for answers, count in cycles:
        left = iter(answers)
        backend.judge = lambda _samples, left=left: (  # type: ignore[misc]
            None if (status := next(left, 200)) == 200 else refuse(status)
        )
        done = backend.cycle(*[f"s{number}" for number in range(count)], size=3)
        total.update(offered=count, lost=done.lost, arrived=done.sent + done.replayed)
    assert total["offered"] == total["arrived"] + done.waiting + total["lost"]
    assert total["arrived"] <= len(set(backend.taken)) <= total["arrived"] + done.waiting
    for series in {name for name, _ in backend.taken}:
        times = [time_ms for name, time_ms in backend.taken if name == series]
        assert times == sorted(times)
