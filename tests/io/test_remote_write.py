"""Remote write 1.0 and 2.0 on real sockets: what goes over the wire, what is made of the answers."""

from __future__ import annotations

import os
import struct
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.deliver.dialect import AUTO, DAY_MS, V2_MESSAGE, Dialect, Negotiation
from pushvar.deliver.sinks.remote_write import RemoteWriteSink, RequestBodies
from pushvar.errors import EncodeError, PushError
from pushvar.model import Batch, Family, MetricType
from pushvar.net.session import Session
from pushvar.net.tls import TlsSettings
from pushvar.receiver.server import Receiver
from pushvar.wire.remote_write import v1

from tests.programs import databases
from tests.programs.scripted_receiver import Reply, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.programs.databases import Database

NOW_MS = time.time_ns() // 1_000_000
FAMILIES = {
    "up": Family("up", MetricType.GAUGE, "Whether it answers."),
    "x_seconds": Family("x_seconds", MetricType.SUMMARY, "How long x took.", "seconds"),
    "y_total": Family("y_total", MetricType.COUNTER, "How many y."),
}
SERIES = ("up", "x_seconds_count", "x_seconds_sum", "y_total")

TAKEN = Reply(204)
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
COUNTED = Reply(
    204, {WRITTEN.format("Samples"): "4", WRITTEN.format("Histograms"): "0", WRITTEN.format("Exemplars"): "0"}
)


def batch(job: str, time_ms: int = NOW_MS) -> Batch:
    """Four series of one target, as a plan packs them."""
    template = v1.Template(
        [v1.label("__name__", name) + v1.label("instance", "ü:1") + v1.label("job", job) for name in SERIES]
    )
    part = template.pack(struct.pack("<4d", 1, 2, 3.5, 4), time_ms)
    return Batch((part,), len(SERIES), len(part), (template,))


@contextmanager
def sink_to(url: str, headers: Mapping[str, str] | None = None) -> Iterator[RemoteWriteSink]:
    """Give a sink with a session of its own."""
    session = Session(TlsSettings())

    def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Any:
        return session.send("POST", url, body, headers, timeout_s=timeout_s)

    bodies = RequestBodies(lambda: FAMILIES)
    yield RemoteWriteSink(url, post, lambda: headers or {}, time.time, bodies=bodies)
    session.close()


@contextmanager
def lane_to(
    url: str, message: str = AUTO, remembered: Mapping[str, Any] | None = None, now_ms: int = NOW_MS
) -> Iterator[Negotiation]:
    """Give a lane to a backend."""
    with sink_to(url) as sink:
        yield Negotiation(
            message, sink.push_as, remembered or {}, now_ms=lambda: now_ms, monotonic_s=time.monotonic
        )


def push_until_taken(lane: Negotiation, waiting: Batch) -> int:
    """Send a batch again as long as that may help, as the queue does; gives the number of retries."""
    for attempt in range(10):
        try:
            lane.push(waiting, attempt, 5.0)
        except PushError as error:
            if not error.retryable:
                raise
        else:
            return attempt
    raise AssertionError("it was never taken")


def test_headers_are_exact_and_nobody_elses() -> None:
    """Each version has its own content type and version header, whatever the configuration says."""
    spoilt = {
        "content-type": "text/plain",
        "X-PROMETHEUS-REMOTE-WRITE-VERSION": "9",
        "Content-encoding": "gzip",
        "User-agent": "curl",
        "retry-attempt": "7",
        "X-Scope-OrgID": "pay",
    }
    with scripted_receiver(COUNTED) as receiver, sink_to(receiver.url, spoilt) as sink:
        sink.push(batch("a"), 0, 5.0)
        sink.push_as(Dialect.V2, batch("a"), 2, 5.0)
    first, second = receiver.arrived
    for got, kind, version in (
        (first, "application/x-protobuf", "0.1.0"),
        (second, "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
    ):
        assert (got.headers["Content-Type"], got.headers["Content-Encoding"]) == (kind, "snappy")
        assert got.headers["X-Prometheus-Remote-Write-Version"] == version
        assert got.headers["User-Agent"].startswith("pushvar/")
        assert got.headers["X-Scope-OrgID"] == "pay"
        assert len({name.lower() for name in got.headers}) == len(got.headers)
    assert "Retry-Attempt" not in first.headers
    assert second.headers["Retry-Attempt"] == "2"


@pytest.mark.parametrize(
    "refused",
    [Reply(415, text="unknown proto"), Reply(400, text="bad snappy"), TAKEN, Reply(200), Reply(202)],
)
def test_a_1_0_receiver_is_found_out(refused: Reply) -> None:
    """It refuses 2.0, or takes it and counts nothing: the same samples with the same times follow as 1.0."""
    with scripted_receiver(refused, TAKEN) as receiver, lane_to(receiver.url) as lane:
        sizes = lane.push(batch("a"), 0, 5.0), lane.push(batch("b"), 0, 5.0)
    first, again, next_one = receiver.arrived
    assert receiver.versions == ["2.0", "1.0", "1.0"]
    assert first.samples == again.samples
    assert len(first.samples) == len(SERIES)
    assert {time_ms for _, time_ms, _ in again.samples} == {NOW_MS}
    assert sizes == (len(again.body), len(next_one.body))
    assert lane.memory() == {"speaks": "1.0", "learnt_ms": NOW_MS}


def test_1_0_is_spoken_for_a_day_by_others_too() -> None:
    """What one process learnt another goes by; after a day 2.0 is tried again."""
    known = {"speaks": "1.0", "learnt_ms": NOW_MS}
    with scripted_receiver(COUNTED) as receiver:
        for age_ms in (DAY_MS - 1, DAY_MS):
            with lane_to(receiver.url, remembered=known, now_ms=NOW_MS + age_ms) as lane:
                lane.push(batch("a"), 0, 5.0)
    assert receiver.versions == ["1.0", "2.0"]
    assert lane.memory() == {"speaks": "2.0", "learnt_ms": NOW_MS + DAY_MS}


@pytest.mark.parametrize("name", ["Samples", "Histograms", "Exemplars"])
@pytest.mark.parametrize("value", ["0", "4", "many", "-1", "9" * 30, "4.0"])
def test_any_written_header_means_2_0(name: str, value: str) -> None:
    """One of the three is enough, malformed or not: there is no fallback and no crash."""
    with (
        scripted_receiver(Reply(200, {WRITTEN.format(name).lower(): value})) as receiver,
        lane_to(receiver.url) as lane,
    ):
        lane.push(batch("a"), 0, 5.0)
    assert receiver.versions == ["2.0"]
    assert lane.speaks_2
    assert lane.unwritten == (4 if (name, value) == ("Samples", "0") else 0)


def test_written_headers_of_1_0_mean_nothing() -> None:
    """A receiver that sends them to everybody is not believed about 1.0."""
    reply = Reply(204, {WRITTEN.format("Samples"): "0"})
    with scripted_receiver(reply) as receiver, sink_to(receiver.url) as sink:
        written = sink.push_as(Dialect.V1, batch("a"), 0, 5.0)
    assert (written.samples, written.counted) == (None, False)
    assert written.wire_bytes == len(receiver.arrived[0].body)


def test_a_400_with_2_0_known_is_not_tried_again() -> None:
    """After one request was accepted as 2.0, a 400 is about its samples: it is not sent once more."""
    replies = COUNTED, Reply(400, text="out of order sample")
    with scripted_receiver(*replies) as receiver, lane_to(receiver.url) as lane:
        lane.push(batch("a"), 0, 5.0)
        with pytest.raises(PushError, match="out of order sample"):
            lane.push(batch("b"), 0, 5.0)
    assert receiver.versions == ["2.0", "2.0"]


@pytest.mark.parametrize("message", [AUTO, V2_MESSAGE])
def test_retries_are_the_same_bytes(message: str) -> None:
    """503 three times: what is sent again is the first request, byte for byte, counted in its header."""
    replies = [Reply(503)] * 3
    with scripted_receiver(*replies, COUNTED) as receiver, lane_to(receiver.url, message) as lane:
        assert push_until_taken(lane, batch("a")) == 3
        assert push_until_taken(lane, batch("b", NOW_MS + 1)) == 0
    assert receiver.versions == ["2.0"] * 5
    assert len({request.body for request in receiver.arrived[:4]}) == 1
    assert [request.headers.get("Retry-Attempt") for request in receiver.arrived] == [
        None, "1", "2", "3", None,
    ]  # fmt: skip


def test_retries_after_a_fallback_are_the_same_bytes() -> None:
    """A 1.0 receiver that is busy when it is found out: its retries are 1.0, and the same."""
    replies = Reply(415), Reply(503), Reply(503), TAKEN
    with scripted_receiver(*replies) as receiver, lane_to(receiver.url) as lane:
        assert push_until_taken(lane, batch("a")) == 2
    assert receiver.versions == ["2.0", "1.0", "1.0", "1.0"]
    assert len({request.body for request in receiver.arrived[1:]}) == 1
    assert receiver.arrived[0].samples == receiver.arrived[3].samples


def test_only_2_0_is_not_fooled_by_silence() -> None:
    """With 2.0 configured, a 204 that counts nothing is an error with the way out, and nothing is re-sent."""
    with (
        scripted_receiver(TAKEN) as receiver,
        lane_to(receiver.url, V2_MESSAGE) as lane,
        pytest.raises(PushError, match=r"speaks 1\.0 only; set protobuf_message to"),
    ):
        lane.push(batch("a"), 0, 5.0)
    assert receiver.versions == ["2.0"]


def test_a_damaged_batch_is_not_sent() -> None:
    """Spooled bytes that are no packed series any more cost themselves: no request is made of them."""
    damaged = Batch((b"\x0a\x7fxx",), 1, 4, (None,))
    with scripted_receiver(COUNTED) as receiver, lane_to(receiver.url) as lane:
        with pytest.raises(EncodeError, match="cut off"):
            lane.push(damaged, 0, 5.0)
        lane.push(batch("a"), 0, 5.0)
    assert receiver.versions == ["2.0"]


def test_a_strict_receiver_takes_2_0() -> None:
    """Our own receiver, which shares no code with the encoder, finds nothing wrong, metadata included."""
    with Receiver() as receiver, lane_to(receiver.write_url) as lane:
        lane.push(batch("strict"), 0, 5.0)
        lane.push(batch("strict", NOW_MS + 1), 0, 5.0)
        assert lane.speaks_2
        assert lane.unwritten == 0
        assert [found.rule for found in receiver.violations()] == []
        assert len(receiver.requests()) == 2
        assert {dict(one.labels)["__name__"] for one in receiver.series({"job": "strict"})} == set(SERIES)


@pytest.mark.parametrize("name", ["prometheus", "victoria_metrics"])
def test_an_old_database_loses_nothing(name: str, request: pytest.FixtureRequest) -> None:
    """It says 204 to 2.0 and stores nothing; auto notices, sends 1.0, and every sample can be queried."""
    database: Database = request.getfixturevalue(name)
    job, time_ms = f"auto-{name}", time.time_ns() // 1_000_000
    with sink_to(database.write_url) as sink:
        written = sink.push_as(Dialect.V2, batch(f"{job}-alone", time_ms), 0, 5.0)
    assert (written.samples, written.counted) == (None, False)
    assert database.samples(f'{{job="{job}-alone"}}') == []
    with lane_to(database.write_url) as lane:
        lane.push(batch(job, time_ms), 0, 5.0)
        assert lane.memory()["speaks"] == "1.0"
        lane.push(batch(job, time_ms + 1000), 0, 5.0)
    assert stored(database, job, time_ms) == {
        series: [(time_ms, value), (time_ms + 1000, value)]
        for series, value in zip(SERIES, (1, 2, 3.5, 4), strict=True)
    }


@pytest.mark.skipif(
    "PROMETHEUS_BIN" not in os.environ,
    reason="PROMETHEUS_BIN names no Prometheus of 3.8 or later, which none of the packages is",
)
def test_a_current_prometheus_takes_2_0(tmp_path: Path) -> None:
    """Prometheus 3.8 or later accepts 2.0, counts every sample as written, and has them all."""
    job, time_ms = "current", time.time_ns() // 1_000_000
    with databases.prometheus(tmp_path, program=Path(os.environ["PROMETHEUS_BIN"])) as database:
        with lane_to(database.write_url) as lane:
            for second in range(3):
                lane.push(batch(job, time_ms + 1000 * second), 0, 5.0)
            assert (lane.memory()["speaks"], lane.unwritten) == ("2.0", 0)
            with pytest.raises(PushError, match="out of order"):
                lane.push(batch(job, time_ms - 60_000), 0, 5.0)
        assert stored(database, job, time_ms) == {
            series: [(time_ms + 1000 * second, value) for second in range(3)]
            for series, value in zip(SERIES, (1, 2, 3.5, 4), strict=True)
        }


def stored(database: Database, job: str, time_ms: int) -> dict[str, list[tuple[int, float]]]:
    """What a database has of a job, by metric."""
    found = database.samples(f'{{job="{job}"}}', time=time_ms / 1000 + 10)
    assert {labels["instance"] for labels, _ in found} == {"ü:1"}
    return {labels["__name__"]: samples for labels, samples in found}
