"""Batches, order, retries, metadata and the remote-write sink, on a clock of the test's own."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st
from pushvar import __version__
from pushvar.deliver import batches, metadata
from pushvar.deliver.patience import Patience
from pushvar.deliver.queue import send_in_order
from pushvar.deliver.sinks.remote_write import RemoteWriteSink
from pushvar.errors import PushError
from pushvar.model import Batch, Delivery, Family, MetricType, Plan, Scrape, Shape, Target
from pushvar.net.session import Answer
from pushvar.wire.proto import prometheus_v1_pb2 as official
from pushvar.wire.remote_write import v1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TIME_MS = 1_795_173_629_844
NO_SHAPE = Shape((), (), lambda _: None, lambda _: b"", lambda _: b"")


# Batches


def scrape(number: int, sizes: Sequence[int]) -> Scrape:
    """A target with one series for each size, its values counting from 0."""
    label_sets = [
        v1.label("__name__", f"t{number}_s{place}_" + "x" * size) for place, size in enumerate(sizes)
    ]
    plan = Plan(Target(str(number), "job", "", ()), NO_SHAPE, v1.Template(label_sets))
    return Scrape(plan, struct.pack(f"<{len(sizes)}d", *range(len(sizes))), TIME_MS + number)


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=12),
    st.integers(1, 20),
    st.integers(40, 1500),
    st.none() | st.sets(st.integers(0, 12).map(str)),
)
def test_every_sample_exactly_once_in_order(
    targets: list[list[int]], max_samples: int, max_bytes: int, seams: set[str] | None
) -> None:
    """No sample is lost, doubled or reordered, and a batch is over a limit only when one series is."""
    scrapes = [scrape(number, sizes) for number, sizes in enumerate(targets)]
    made = list(batches.cut(scrapes, max_samples=max_samples, max_bytes=max_bytes, seams=seams))
    arrived = []
    for batch in made:
        request = official.WriteRequest.FromString(b"".join(batch.parts))
        assert len(request.timeseries) == batch.samples
        assert sum(map(len, batch.parts)) == batch.size_bytes
        assert 0 < batch.samples <= max_samples
        assert batch.size_bytes <= max_bytes or batch.samples == 1
        for series in request.timeseries:
            (sample,) = series.samples
            arrived.append((series.labels[0].value.rstrip("x"), sample.value, sample.timestamp - TIME_MS))
    sent = [(f"t{n}_s{place}_", place, n) for n, sizes in enumerate(targets) for place in range(len(sizes))]
    assert arrived == sent


def test_targets_stay_whole_and_fill_the_request() -> None:
    """A target that fits is not split, only the one that alone is over the limit."""
    made = list(batches.cut([scrape(n, [1] * n) for n in (3, 4, 5, 11, 2)], max_samples=10))
    assert [batch.samples for batch in made] == [7, 5, 10, 3]
    assert list(batches.cut([], max_samples=10)) == []


def cut(present: Sequence[int], seams: set[str] | None) -> list[list[int]]:
    """The targets of each request, of 10 samples at most, where each target has one."""
    made = batches.cut([scrape(number, [1]) for number in present], max_samples=10, seams=seams)
    found = [official.WriteRequest.FromString(b"".join(batch.parts)) for batch in made]
    return [[series.samples[0].timestamp - TIME_MS for series in one.timeseries] for one in found]


def test_a_target_that_is_away_moves_no_other_into_another_request() -> None:
    """Its own request is shorter; without seams all that follow would be others."""
    seams: set[str] = set()
    whole = cut(range(40), seams)
    assert whole == [[*range(first, first + 10)] for first in (0, 10, 20, 30)]
    assert seams == {"0", "10", "20", "30"}
    without = [number for number in range(40) if number not in (3, 17)]
    kept = cut(without, seams)
    assert kept == [[number for number in one if number not in (3, 17)] for one in whole]
    assert cut(without, None)[1:] != kept[1:]
    assert cut(range(40), seams) == whole


def test_who_began_a_request_may_be_away() -> None:
    """The next target begins one in its place, which ends with its return."""
    seams: set[str] = set()
    whole = cut(range(30), seams)
    assert cut([number for number in range(30) if number != 10], seams) == [
        [*range(10)], [*range(11, 20)], [*range(20, 30)],
    ]  # fmt: skip
    assert cut(range(30), seams) == whole
    assert seams == {"0", "10", "20"}


def test_requests_are_mostly_full_whatever_was_before() -> None:
    """A seam ends none that has room for a quarter and more; few requests do not become many."""
    seams = set(map(str, range(100)))
    lengths = [len(one) for one in cut(range(100), seams)]
    assert min(lengths[:-1]) >= 10 * batches.MOSTLY
    assert len(lengths) <= 100 / (10 * batches.MOSTLY) + 1


# Order and retry


@dataclass
class Backend:
    """A backend that answers as it was told, on a clock that only sleeping and pushing move."""

    answers: list[PushError | None]
    now_s: float = 100.0
    push_s: float = 0.0
    random: float = 0.5
    pushed: list[tuple[int, int, float]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    stopping: bool = False
    left: list[int] = field(default_factory=list)

    def push(self, batch: Batch, attempt: int, timeout_s: float) -> int:
        """Note what is sent: samples stand for the batch's name."""
        self.pushed.append((batch.samples, attempt, timeout_s))
        self.now_s += min(self.push_s, timeout_s)
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return 10

    def sleep(self, seconds: float) -> None:
        """Let time pass, unless the run is to end."""
        self.slept.append(seconds)
        if not self.stopping:
            self.now_s += seconds

    def send(self, *samples: int, for_s: float = 60.0) -> Delivery:
        """Deliver batches of these sizes."""
        patience = Patience(
            0.1, 5.0, 30.0, self.now_s + for_s, lambda: self.now_s, self.sleep, lambda: self.random
        )
        done, rest = send_in_order("b", [Batch((), count, 0) for count in samples], self.push, patience)
        self.left = [batch.samples for batch in rest]
        return done


def failure(status: int = 503, after_s: float | None = None, *, retryable: bool = True) -> PushError:
    """What a push raises."""
    return PushError(f"HTTP {status}", status=status, retryable=retryable, retry_after_s=after_s)


def test_all_is_well() -> None:
    """Every batch once, in order, counted exactly; no error."""
    backend = Backend([])
    assert backend.send(1, 2, 3) == Delivery("b", sent=6, requests=3, wire_bytes=30)
    assert [samples for samples, _, _ in backend.pushed] == [1, 2, 3]


def test_a_retry_that_succeeds_is_no_error() -> None:
    """The older batch goes out before anything newer, and what was overcome is not reported as an error."""
    backend = Backend([failure(), failure(), None])
    assert backend.send(1, 2) == Delivery("b", sent=3, requests=4, retries=2, wire_bytes=20)
    assert [(samples, attempt) for samples, attempt, _ in backend.pushed] == [(1, 0), (1, 1), (1, 2), (2, 0)]


def test_a_refused_batch_costs_itself() -> None:
    """What can never succeed is not retried, is counted, keeps its error, and the next one is sent."""
    backend = Backend([failure(400, retryable=False), failure(), None])
    result = backend.send(1, 2, 4)
    assert result == Delivery(
        "b", sent=6, dropped=(("refused", 1),), requests=4, retries=1, wire_bytes=20, error="HTTP 400",
        notes=("refused: HTTP 400",),
    )  # fmt: skip
    assert (len(backend.slept), backend.left) == (1, [])


def test_backoff_doubles_to_its_cap() -> None:
    """From min_backoff, doubling, never over max_backoff."""
    backend = Backend([failure() for _ in range(9)])
    assert backend.send(1).sent == 1
    assert backend.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


@given(st.floats(0, 1, exclude_max=True))
def test_jitter_is_at_most_a_tenth(random: float) -> None:
    """Either way, so that each wait is at least 0.8 of the one before even at the cap."""
    backend = Backend([failure() for _ in range(3)], random=random)
    backend.send(1)
    for wait_s, plain_s in zip(backend.slept, (0.1, 0.2, 0.4), strict=True):
        assert plain_s * 0.9 - 1e-9 <= wait_s <= plain_s * 1.1 + 1e-9


def test_retry_after_is_honoured_within_the_deadline() -> None:
    """A longer wait than our own backoff is kept; one that passes the deadline ends the delivery at once."""
    patient = Backend([failure(429, 7.0), None])
    assert (patient.send(1).sent, patient.slept) == (1, [7.0])
    hurried = Backend([failure(429, 100.0)])
    assert hurried.send(1, 2, for_s=60) == Delivery("b", requests=1, error="HTTP 429")
    assert (hurried.slept, hurried.left) == ([], [1, 2])


def test_after_the_time_is_over_the_rest_is_given_back() -> None:
    """Nothing newer is sent past an undelivered batch: it and all after it are handed back, in order."""
    backend = Backend([None, *(failure() for _ in range(99))])
    result = backend.send(1, 2, 4, 8, for_s=1.0)
    assert (result.sent, backend.left, result.error) == (1, [2, 4, 8], "HTTP 503")
    assert {samples for samples, _, _ in backend.pushed} == {1, 2}
    assert result.requests == len(backend.pushed) == result.retries + 2
    assert backend.now_s < 101.0


def test_a_request_never_outlives_the_deadline() -> None:
    """The timeout of a request is what is left, at most the configured one."""
    backend = Backend([failure() for _ in range(99)], push_s=40.0)
    backend.send(1, for_s=45.0)
    assert [round(timeout_s) for _, _, timeout_s in backend.pushed] == [30, 15]


def test_without_time_nothing_is_sent() -> None:
    """A deadline that has passed is told as such; no request goes out that could not be waited for."""
    backend = Backend([])
    result = backend.send(1, 2, for_s=-1.0)
    assert (backend.left, result.requests, backend.pushed) == ([1, 2], 0, [])
    assert "no time" in result.error


def test_a_run_that_is_to_end_does_not_hammer() -> None:
    """A sleep that returns at once means stop: one request was made, none follows."""
    backend = Backend([failure() for _ in range(1000)], stopping=True)
    assert backend.send(1, 2) == Delivery("b", requests=1, error="HTTP 503")
    assert backend.left == [1, 2]


def test_an_unending_backend_does_not_end_the_loop_early() -> None:
    """Batches are taken one by one: none is made before the one before it is done."""
    backend = Backend([])
    made: list[int] = []

    def batches_made() -> object:
        for number in (1, 2, 3):
            made.append(number)
            assert len(backend.pushed) == number - 1
            yield Batch((), number, 0)

    patience = Patience(0.1, 5, 30, 200, lambda: 100.0, backend.sleep, lambda: 0.5)
    send_in_order("b", batches_made(), backend.push, patience)  # type: ignore[arg-type]
    assert made == [1, 2, 3]


# Metadata

FAMILIES = {name: Family(name, MetricType.GAUGE) for name in ("a", "b", "c")}


def test_the_metadata_schedule() -> None:
    """All at first and every interval, new ones at once, nothing in between; a failure is tried again."""
    schedule = metadata.MetadataSchedule()
    two = {name: FAMILIES[name] for name in ("a", "b")}
    assert len(schedule.due("x", two, 0, 60)) == 2
    assert len(schedule.due("x", two, 1, 60)) == 2, "it was not told"
    schedule.told("x", 2, 1, 60)
    assert schedule.due("x", two, 2, 60) == ()
    assert schedule.due("x", FAMILIES, 30, 60) == (FAMILIES["c"],)
    schedule.told("x", 3, 30, 60)
    assert schedule.due("x", FAMILIES, 60, 60) == ()
    assert len(schedule.due("x", FAMILIES, 61, 60)) == 3, "an interval after all were told"
    assert len(schedule.due("y", FAMILIES, 30, 60)) == 3, "each backend for itself"


def test_metadata_requests() -> None:
    """They are cut by number, hold no samples, and the official classes read them."""
    made = list(metadata.cut(FAMILIES.values(), max_per_request=2))
    requests = [official.WriteRequest.FromString(b"".join(batch.parts)) for batch in made]
    assert [[one.metric_family_name for one in request.metadata] for request in requests] == [
        ["a", "b"],
        ["c"],
    ]
    assert {batch.samples for batch in made} == {0}


# The sink


@dataclass
class Wire:
    """What a sink posts, and what it is answered."""

    answer: Answer = field(default_factory=lambda: Answer(204, "", {}))
    posts: list[tuple[str, bytes, dict[str, str], float]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """Note and answer."""
        self.posts.append((url, body, dict(headers), timeout_s))
        return self.answer


URL = "http://b/api/v1/write?key=s3cret"


def sink(wire: Wire, headers: Callable[[], Mapping[str, str]] = dict) -> RemoteWriteSink:
    """A sink whose clock stands at Tue, 20 Nov 2026 12:00:00 GMT."""
    return RemoteWriteSink(URL, wire.post, headers, lambda: 1_795_176_000.0)


BATCH = Batch((b"one", b"two"), 2, 6)


def test_the_headers_of_the_specification() -> None:
    """The four required ones, exactly; the body is the parts in snappy's block format."""
    wire = Wire()
    size_bytes = sink(wire).push(BATCH, 0, 3.0)
    ((url, body, headers, timeout_s),) = wire.posts
    assert headers == {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
        "User-Agent": f"pushvar/{__version__}",
    }
    assert (url, timeout_s, size_bytes) == (URL, 3.0, len(body))
    assert snappy.decompress(body) == b"onetwo"


RESERVED = [
    "content-encoding",
    "content-type",
    "x-prometheus-remote-write-version",
    "user-agent",
    "retry-attempt",
]


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
def test_reserved_headers_cannot_be_overridden(spell: Callable[[str], str]) -> None:
    """In no letter case; other headers pass."""
    wire = Wire()
    configured = {spell(name): "evil" for name in RESERVED} | {"X-Scope-OrgID": "acme"}
    sink(wire, lambda: configured).push(BATCH, 0, 3.0)
    headers = wire.posts[0][2]
    assert "evil" not in headers.values()
    assert headers["X-Scope-OrgID"] == "acme"
    assert len({name.lower() for name in headers}) == len(headers) == 5


def test_retries_say_so() -> None:
    """Retry-Attempt stands in every retry, with its number, and the bytes are the same."""
    wire = Wire()
    for attempt in range(3):
        sink(wire).push(BATCH, attempt, 3.0)
    assert [headers.get("Retry-Attempt") for _, _, headers, _ in wire.posts] == [None, "1", "2"]
    assert len({body for _, body, _, _ in wire.posts}) == 1


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_success(status: int) -> None:
    """Any 2xx, 202 too, whatever the body says."""
    assert sink(Wire(Answer(status, "failed!", {}))).push(BATCH, 0, 3.0) > 0


STATUSES = {
    True: [0, 429, 500, 501, 502, 503, 504, 529, 599],
    False: [199, 301, 302, 304, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 600, 999],
}


@pytest.mark.parametrize(
    ("status", "retryable"), [(status, kind) for kind in STATUSES for status in STATUSES[kind]]
)
def test_what_a_status_means(status: int, retryable: bool) -> None:  # noqa: FBT001
    """Network errors, 5xx and 429 may be retried; nothing else may. The key in the URL is not shown."""
    with pytest.raises(PushError) as raised:
        sink(Wire(Answer(status, "out of \x1b[31m order\n\nsample " + "x" * 9000, {}))).push(BATCH, 0, 3.0)
    error = raised.value
    assert (error.status, error.retryable) == (status, retryable)
    assert "http://b/api/v1/write: " in str(error)
    assert "order sample" in str(error)
    assert "s3cret" not in str(error)
    assert len(str(error)) < 500
    assert str(error).isprintable()


def test_a_long_answer_loses_its_middle() -> None:
    """What a backend says first and last is kept: some name the fault only after all labels."""
    with pytest.raises(PushError) as raised:
        sink(Wire(Answer(400, "metric {" + "label " * 500 + "} is not a GAUGE", {}))).push(BATCH, 0, 3.0)
    assert "HTTP 400: metric {label label" in raised.value.message
    assert " ... " in raised.value.message
    assert raised.value.message.endswith("label } is not a GAUGE")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:59:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 5000, float("inf")),
        ("Fri, 20 Nov 99999 12:00:30 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    """Whole seconds or an HTTP date; what is neither, or not in the future, is not there."""
    with pytest.raises(PushError) as raised:
        sink(Wire(Answer(503, "", {"Retry-After": text}))).push(BATCH, 0, 3.0)
    assert raised.value.retry_after_s == seconds
