"""The receiver keeps what is valid in a request and says what is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from pushvar.model import STALE_BITS, MetricType
from pushvar.receiver.server import Receiver

from tests.io.receiver_requests import (
    NOW_MS,
    Clock,
    Row,
    get,
    good,
    labels,
    message_v2,
    number,
    post,
    v2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> Clock:
    """A clock at the time of the requests."""
    return Clock()


@pytest.fixture
def receiver(clock: Clock) -> Iterator[Receiver]:
    """A fresh receiver under that clock."""
    with Receiver(clock_ms=clock) as running:
        yield running


def test_a_good_1_0_request_is_accepted_with_nothing_found(receiver: Receiver) -> None:
    """Samples, zero values, infinities, NaN and metadata of a valid request are kept as they came."""
    values = (0.0, -1.5, math.inf, 1e300)
    rows = [Row(labels("go_x", n=str(index)), ((NOW_MS, value),)) for index, value in enumerate(values)]
    upper = Row((("Zone", "a"), ("__name__", "up"), ("job", 'say "hi"\n')))
    reply = post(receiver, good(*rows, upper, metadata=[("go_x", 2, "Help.")]))
    assert (reply.status, reply.body) == (204, b"")
    assert "X-Prometheus-Remote-Write-Samples-Written" not in reply.headers
    assert receiver.violations() == ()
    kept = receiver.series({"__name__": "go_x"})
    assert [one.latest.value for one in kept] == list(values)
    assert {(one.type, one.help) for one in kept} == {(MetricType.GAUGE, "Help.")}
    assert receiver.series({"Zone": "a"})[0].labels == upper.labels


def test_a_good_2_0_request_is_accepted_and_counted(receiver: Receiver) -> None:
    """A 2.0 answer carries the three Written headers, and names outside the old grammar are fine."""
    row = Row(
        labels("température.été", **{"app.name": "ü"}), exemplars=(NOW_MS,), start_ms=NOW_MS - 5, type=1
    )
    reply = post(receiver, v2(message_v2(row, Row(labels("b"), help="B."))))
    assert reply.status == 204
    assert reply.headers["X-Prometheus-Remote-Write-Samples-Written"] == "2"
    assert reply.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
    assert reply.headers["X-Prometheus-Remote-Write-Exemplars-Written"] == "0"
    assert receiver.violations() == ()
    assert [one.cumulative for one in receiver.series({"__name__": "température.été"})] == [True]


def test_the_valid_part_of_a_bad_request_is_kept(receiver: Receiver) -> None:
    """One bad series costs the request its 204 and nothing else; the Written header says how much is safe."""
    reply = post(receiver, v2(message_v2(Row(labels("a")), Row(labels("b"), ((1, 1.0),)))))
    assert reply.status == 400
    assert reply.headers["X-Prometheus-Remote-Write-Samples-Written"] == "1"
    assert [one.name for one in receiver.series()] == ["a"]


def test_the_samples_of_a_repeated_series_are_judged_like_any_others(receiver: Receiver) -> None:
    """Repeating a label set is named, but what is in order is kept, as Prometheus itself sends it so."""
    times = (NOW_MS - 2, NOW_MS - 1, NOW_MS - 1, NOW_MS)
    reply = post(receiver, good(*(Row(labels(), ((time_ms, 1.0),)) for time_ms in times)))
    assert [line.split(":")[0] for line in reply.text.splitlines()] == [
        "series-repeated",
        "series-repeated",
        "sample-order",
        "series-repeated",
    ]
    kept = receiver.samples(dict(labels()))
    assert [sample.time_ms - NOW_MS for sample in kept] == [-2, -1, 0]


def test_an_identical_resend_is_accepted_and_not_counted_as_new(receiver: Receiver) -> None:
    """A retry of the same bytes is what a good sender does after a lost answer."""
    request = good(Row(labels()), Row(labels("go_threads")))
    assert [post(receiver, request).status for _ in range(3)] == [204, 204, 204]
    totals = receiver.totals()
    assert (totals.requests, totals.samples, totals.resent, totals.violations) == (3, 2, 4, 0)


def test_a_stale_marker_keeps_its_bits_and_an_ordinary_nan_stays_one(receiver: Receiver) -> None:
    """The marker ends a series, the series may come back, and no other NaN is taken for it."""
    bits = (STALE_BITS, 0x7FF8000000000000, 0x7FF8000000000001)
    samples = tuple((NOW_MS + index, number(pattern)) for index, pattern in enumerate(bits))
    assert post(receiver, good(Row(labels(), samples))).status == 204
    kept = receiver.samples(dict(labels()))
    assert [sample.bits for sample in kept] == list(bits)
    assert [sample.is_stale for sample in kept] == [True, False, False]


def test_a_stale_marker_needs_no_metadata(receiver: Receiver) -> None:
    """The end of a series says nothing about its type, so a 2.0 sender may leave it out."""
    message = message_v2(Row(labels(), ((NOW_MS, number(STALE_BITS)),)))
    message.timeseries[0].ClearField("metadata")
    assert post(receiver, v2(message)).status == 204
    assert receiver.violations() == ()
    page = get(receiver, f"/series?id={receiver.series()[0].id}").text
    assert '<span class="state calm">ended</span>' in page
    assert "Nothing to draw yet." in page


def test_native_histograms_and_exemplars_pass_with_a_word(receiver: Receiver) -> None:
    """What the receiver does not keep is no mistake of the sender: 204 and a warning."""
    row = Row(labels("h"), (), histograms=(NOW_MS,), type=3)
    assert post(receiver, v2(message_v2(row))).status == 204
    totals = receiver.totals()
    assert (totals.warnings, totals.violations, totals.series) == (1, 0, 0)


def test_metadata_may_come_before_after_or_again(receiver: Receiver) -> None:
    """Types of a histogram reach its buckets, and a repeated statement is no flap."""
    for _ in range(2):
        assert post(receiver, good(metadata=[("rpc_seconds", 3, "RPC.")])).status == 204
    post(receiver, good(Row(labels("rpc_seconds_bucket", le="1")), Row(labels("rpc_seconds_other"))))
    found = {one.name: (one.family, one.type, one.cumulative) for one in receiver.series()}
    assert found["rpc_seconds_bucket"] == ("rpc_seconds", MetricType.HISTOGRAM, True)
    assert found["rpc_seconds_other"] == ("rpc_seconds_other", MetricType.UNKNOWN, False)
