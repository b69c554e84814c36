"""The sender behaviours that public conformance suites look for, asserted strictly, for 1.0 and 2.0.

The first group are the 19 cases of the remote-write 1.0 suite, the rest what is meaningful in that of 2.0,
and what receivers taught us. Every test asserts first that something was captured at all. One deviation is
meant: a refused batch (400, 413) is halved, so its good samples do come again, but never the same request.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
import snappy
from google.protobuf.unknown_fields import UnknownFieldSet
from pushvar.wire.proto.prometheus_v1_pb2 import MetricMetadata

from tests.e2e.conformance_scenes import (
    HELP,
    LONG_NAME,
    LONG_VALUE,
    NO_RETRY,
    ODD,
    ROBUST,
    UNICODE,
    VALUES,
    Captures,
)  # fmt: skip
from tests.programs.plain_sender import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.programs.plain_sender import Capture

    Scene = Callable[[str], Capture]

STALE = (0x7FF0000000000002).to_bytes(8, "little")
HEALTH = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}


@pytest.fixture(scope="module")
def captures() -> Iterator[Captures]:
    """Give all scenes, running."""
    found = Captures()
    yield found
    found.close()


@pytest.fixture(params=["1.0", "2.0"])
def scene(request: pytest.FixtureRequest, captures: Captures) -> Scene:
    """Give a scene by name, in each version."""
    version: str = request.param

    def of(name: str) -> Capture:
        found = captures.of(name, version)
        assert {got.arrived.version for got in found.got} <= {version}
        return found

    return of


def bits(value: float) -> bytes:
    """The eight bytes of a value."""
    return struct.pack("<d", value)


def label_sets(found: Capture) -> list[tuple[tuple[str, str], ...]]:
    """The labels of every sample, in the order in which they were sent."""
    return [labels for got in found.got for labels, _, _ in got.arrived.samples]


# The 19


def test_counter(scene: Scene) -> None:
    """Every value of a stepping counter arrives, none lost, in order, under its own name."""
    found = scene("page")
    values = [value for _, value in found.values("stepping")]
    assert values == list(range(len(values)))
    assert len(values) >= 5
    assert found.values("stepping_total") == []


def test_gauge(scene: Scene) -> None:
    """A gauge set to now is within 1 % of its sample's time: here, within two seconds."""
    for time_ms, value in scene("page").values("now"):
        assert value == pytest.approx(time_ms / 1000, abs=2)


def test_histogram(scene: Scene) -> None:
    """Buckets, sum and count are exact, and there are equally many of each."""
    found = scene("page")
    series = [found.values("obs_bucket", le=le) for le in ("1", "2", "+Inf")]
    series += [found.values("obs_sum"), found.values("obs_count")]
    assert [{value for _, value in one} for one in series] == [{1}, {2}, {2}, {3}, {2}]
    assert len({tuple(time_ms for time_ms, _ in one) for one in series}) == 1


def test_summary(scene: Scene) -> None:
    """Quantiles, sum and count are exact, and there are equally many of each."""
    found = scene("page")
    series = [found.values("lat", quantile=quantile) for quantile in ("0.5", "0.9", "0.99")]
    series += [found.values("lat_sum"), found.values("lat_count")]
    assert [{value for _, value in one} for one in series] == [{0.5}, {0.9}, {0.99}, {6}, {3}]
    assert len({tuple(time_ms for time_ms, _ in one) for one in series}) == 1


def test_up(scene: Scene) -> None:
    """A healthy target is up."""
    values = [value for _, value in scene("page").values("up", job="test")]
    assert set(values) == {1}


def test_invalid(scene: Scene) -> None:
    """A target that cannot be parsed is down, and gives nothing but its health."""
    found = scene("unparsable")
    assert {value for _, value in found.values("up", job="test")} == {0}
    assert {dict(labels)["__name__"] for labels in label_sets(found)} == HEALTH


def test_job_label(scene: Scene) -> None:
    """Every sample has the job."""
    assert {dict(labels)["job"] for labels in label_sets(scene("page"))} == {"test"}


def test_instance_label(scene: Scene) -> None:
    """Every sample has the instance, host:port."""
    found = scene("page")
    assert {dict(labels)["instance"] for labels in label_sets(found)} == {found.instance}


def test_sorted_labels(scene: Scene) -> None:
    """Names are sorted by bytes in every sample, upper case before __name__ too."""
    found = scene("page")
    for labels in label_sets(found):
        names = [name.encode() for name, _ in labels]
        assert names == sorted(names)
    (upper, *_) = [labels for labels in label_sets(found) if ("__name__", "test_upper") in labels]
    assert [name for name, _ in upper][:3] == ["Abc", "Zed", "__name__"]


def test_repeated_labels(scene: Scene) -> None:
    """A sample with a label twice is not forwarded, and no name stands twice anywhere."""
    found = scene("page")
    assert found.values("test_repeated") == []
    assert all(len(dict(labels)) == len(labels) for labels in label_sets(found))


def test_empty_labels(scene: Scene) -> None:
    """A label without a value is left out; no name and no value is empty."""
    found = scene("page")
    empty = [labels for labels in label_sets(found) if ("__name__", "test_empty") in labels]
    assert empty
    assert all("a" not in dict(labels) for labels in empty)
    assert all(name and value for labels in label_sets(found) for name, value in labels)


def test_name_label(scene: Scene) -> None:
    """A nameless sample is not forwarded; every sample has a name."""
    found = scene("page")
    assert all(("a", "nameless") not in labels for labels in label_sets(found))
    assert all(dict(labels)["__name__"] for labels in label_sets(found))


def test_honor_labels(scene: Scene) -> None:
    """The page's own job and instance become exported ones."""
    assert scene("page").values("test_honored", exported_job="original", exported_instance="foo", job="test")


def test_staleness(scene: Scene) -> None:
    """A series that vanishes after one scrape gets the marker, once, with the next scrape's time."""
    found = scene("page")
    (_, value), (ended_ms, marker) = found.values("vanishing")
    assert (value, bits(marker)) == (1, STALE)
    assert ended_ms == found.values("up")[1][0]


def test_timestamp(scene: Scene) -> None:
    """All times lie inside the run and never go back over the stream."""
    found = scene("page")
    times = [time_ms for got in found.got for _, time_ms, _ in got.arrived.samples]
    assert found.began_ms <= times[0]
    assert times[-1] <= found.ended_ms
    assert times == sorted(times)


def test_headers(scene: Scene) -> None:
    """Exactly those that the version demands, on every request."""
    found = scene("page")
    expected = {
        "1.0": ("application/x-protobuf", "0.1.0"),
        "2.0": ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
    }
    for one in [*(got.arrived for got in found.got), *found.metadata]:
        told = one.headers["Content-Type"], one.headers["X-Prometheus-Remote-Write-Version"]
        assert told == expected[found.got[0].arrived.version]
        assert one.headers["Content-Encoding"] == "snappy"
        assert one.headers["User-Agent"].startswith("pushvar/")
        assert "Retry-Attempt" not in one.headers


def test_ordering(scene: Scene) -> None:
    """A thousand series at a receiver that answers late at random: times strictly increase per series."""
    found = scene("ordering")
    newest: dict[tuple[tuple[str, str], ...], int] = {}
    for got in found.got:
        for labels, time_ms, _ in got.arrived.samples:
            assert newest.get(labels, 0) < time_ms
            newest[labels] = time_ms
    assert sum(("__name__", "wide") in labels for labels in newest) == 1000
    assert len(found.values("up")) >= 3


def test_ordering_at_a_receiver_slower_than_the_interval(scene: Scene) -> None:
    """2.5 s for each answer at an interval of 1 s: each answer is waited for, nothing is sent twice."""
    found = scene("slow")
    times = [time_ms for got in found.got for time_ms in got.times_ms]
    assert len(set(times)) == len(times)


def test_retries_500(scene: Scene) -> None:
    """What is refused with 500 comes again, the same bytes with the same times."""
    first, second, *_ = scene("first 500").got
    assert (first.status, second.status) == (500, 204)
    assert first.arrived.body == second.arrived.body
    assert second.arrived.headers["Retry-Attempt"] == "1"


def test_retries_400(scene: Scene) -> None:
    """A request refused with 400 does not come again; its halves do, once each."""
    found = scene("first 400")
    assert found.got[0].status == 400
    assert Counter(got.arrived.body for got in found.got)[found.got[0].arrived.body] == 1
    (refused_ms,) = found.got[0].times_ms
    again = [got for got in found.got[1:] if refused_ms in got.times_ms]
    assert len(again) == 2
    samples = [sample for got in again for sample in got.arrived.samples]
    assert sorted(samples) == sorted(found.got[0].arrived.samples)


# Protocol, symbols, labels, values


def test_the_body_is_one_snappy_block_of_one_message(scene: Scene) -> None:
    """Not framed; it parses whole, holds something, and no field that the version does not know."""
    for got in scene("page").got:
        assert not got.arrived.body.startswith(b"\xff\x06\x00\x00sNaPpY")
        message = message_of(got.arrived)
        assert message.timeseries
        for one in (message, *message.timeseries):
            assert len(UnknownFieldSet(one)) == 0


def test_each_series_holds_one_sample_or_more_and_nothing_else(scene: Scene) -> None:
    """Samples, never none of them, never histograms beside them; no series stands twice in a request."""
    for got in scene("page").got:
        for series in message_of(got.arrived).timeseries:
            assert len(series.samples) == 1
            assert not series.histograms
        sets = [labels for labels, _, _ in got.arrived.samples]
        assert len(set(sets)) == len(sets)


def test_symbols(captures: Captures) -> None:
    """The first is empty, none stands twice, all references are in range and come in pairs."""
    found = captures.of("page", "2.0")
    for got in found.got:
        message = message_of(got.arrived)
        symbols = list(message.symbols)
        assert symbols[0] == ""
        assert len(set(symbols)) == len(symbols)
        used = {0}
        for series in message.timeseries:
            assert len(series.labels_refs) % 2 == 0
            metadata = (series.metadata.help_ref, series.metadata.unit_ref)
            used.update(series.labels_refs, metadata)
        assert used == set(range(len(symbols)))


def test_odd_but_legal_labels_arrive_intact(scene: Scene) -> None:
    """Unicode, a value of 10 KB, a very long name, a name with colons."""
    found = scene("page")
    assert found.values("test_unicode", word=UNICODE)
    assert found.values("test_long", v=LONG_VALUE)
    assert found.values(LONG_NAME)
    assert found.values("job:rule:sum5m")


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str, scene: Scene) -> None:
    """Each value arrives as its text says; a NaN is an ordinary one, never the stale marker."""
    expected = float(VALUES[name])
    values = [value for _, value in scene("page").values(name)]
    assert values
    for value in values:
        assert value == expected or (math.isnan(value) and math.isnan(expected))
        assert bits(value) != STALE


def test_a_series_that_the_page_has_twice_is_sent_once(scene: Scene) -> None:
    """One sample for each scrape, though the page has two."""
    found = scene("page")
    assert len(found.values("test_twice")) == len(found.values("up"))


# Metadata, families, batches


def test_metadata_of_2(captures: Captures) -> None:
    """Type, help and unit stand in each series, the same for all of a family."""
    kinds = MetricMetadata.MetricType
    expected = {
        "stepping": (kinds.COUNTER, HELP),
        "now": (kinds.GAUGE, ""),
        "obs_bucket": (kinds.HISTOGRAM, "Observed."),
        "obs_sum": (kinds.HISTOGRAM, "Observed."),
        "obs_count": (kinds.HISTOGRAM, "Observed."),
        "lat": (kinds.SUMMARY, "Waited."),
        "lat_count": (kinds.SUMMARY, "Waited."),
        "unexplained": (kinds.GAUGE, ""),
    }
    seen: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for got in captures.of("page", "2.0").got:
        message = message_of(got.arrived)
        for series in message.timeseries:
            labels = [message.symbols[place] for place in series.labels_refs]
            name = labels[labels.index("__name__") + 1]
            seen[name].add((series.metadata.type, message.symbols[series.metadata.help_ref]))
    assert {name: seen[name] for name in expected} == {name: {told} for name, told in expected.items()}


def test_metadata_of_1(captures: Captures) -> None:
    """Type and help of each family come in requests of their own, which hold no samples."""
    found = captures.of("page", "1.0")
    assert found.metadata
    told = {one.metric_family_name: one for sent in found.metadata for one in message_of(sent).metadata}
    kinds = MetricMetadata.MetricType
    types = {name: told[name].type for name in ("stepping", "now", "obs", "lat")}
    assert types == {
        "stepping": kinds.COUNTER,
        "now": kinds.GAUGE,
        "obs": kinds.HISTOGRAM,
        "lat": kinds.SUMMARY,
    }
    assert told["stepping"].help == HELP


def test_an_empty_page_gives_the_health_series_alone(scene: Scene) -> None:
    """Up and its four, in one request for each scrape, and no request without samples."""
    found = scene("empty")
    for got in found.got:
        assert {dict(labels)["__name__"] for labels, _, _ in got.arrived.samples} == HEALTH
    assert all(message_of(sent).metadata for sent in found.metadata)


def test_a_large_scrape_comes_in_requests_of_bounded_size(scene: Scene) -> None:
    """12,000 series: all of them, at most 2,000 samples and 900 KB in each request, few requests."""
    found = scene("huge")
    sizes = [len(got.arrived.samples) for got in found.got]
    assert max(sizes) <= 2000
    assert max(len(snappy.decompress(got.arrived.body)) for got in found.got) <= 900_000
    series = {(labels, time_ms) for labels, time_ms, _ in _samples(found) if ("__name__", "huge") in labels}
    by_time = Counter(time_ms for _, time_ms in series)
    assert len([count for count in by_time.values() if count == 12_000]) >= 2
    assert len(found.got) <= len(by_time) * 8


def _samples(found: Capture) -> Iterator[tuple[tuple[tuple[str, str], ...], int, float]]:
    return (sample for got in found.got for sample in got.arrived.samples)


# Refusals


def test_backoff(scene: Scene) -> None:
    """503 for 20 s: several requests, each interval at least 0.8 of the one before, with jitter.

    A busy machine may delay any of them by a while; what is exact is in the unit test of the backoff.
    """
    found = scene("503")
    times = [got.at_s for got in found.got]
    intervals = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) >= 3
    late_s = 1.0
    assert all(later + late_s >= 0.8 * earlier for earlier, later in itertools.pairwise(intervals)), intervals
    assert all(0.001 <= interval <= 60 for interval in intervals)
    assert len({got.arrived.body for got in found.got}) == 1
    assert len({round(interval / 0.1 / 2**place, 3) for place, interval in enumerate(intervals[:4])}) > 1


def test_what_may_succeed_later_is_sent_again(scene: Scene) -> None:
    """500, 502, 503, 504: the same bytes once more, at once, and nothing newer before them."""
    found = scene("retry")
    refused = [place for place, got in enumerate(found.got) if got.status >= 500]
    assert [found.got[place].status for place in refused] == [500, 502, 503, 504]
    for place in refused:
        assert found.got[place + 1].arrived.body == found.got[place].arrived.body
        assert found.got[place + 1].status == 204


def test_retry_after(scene: Scene) -> None:
    """429 with Retry-After: 1: the same bytes, not before a second has passed, and once."""
    first, second, third, *_ = scene("429").got
    assert (first.status, second.status) == (429, 204)
    assert first.arrived.body == second.arrived.body != third.arrived.body
    assert 1 <= second.at_s - first.at_s < 4


def test_what_is_refused_for_good_is_not_sent_again(scene: Scene) -> None:
    """401, 403, 404, 409: exactly one request for the batch, and the next cycle goes on."""
    found = scene("no retry")
    refused = [got for got in found.got if got.status >= 400]
    assert [got.status for got in refused] == list(NO_RETRY)
    for one in refused:
        assert sum(bool(got.times_ms & one.times_ms) for got in found.got) == 1
    assert found.got[-1].status == 204


def test_a_receiver_that_refuses_everything_is_not_asked_for_ever(scene: Scene) -> None:
    """400 to all: each cycle's six series are halved down to single ones, eleven requests and no more."""
    found = scene("always 400")
    by_cycle = Counter(got.times_ms.pop() for got in found.got)
    assert set(list(by_cycle.values())[:-1]) == {11}
    assert len({got.arrived.body for got in found.got}) == len(found.got)


def test_too_large_is_split(scene: Scene) -> None:
    """413: the halves go, and what is too large by itself is dropped, alone."""
    found = scene("413")
    taken = [sample for got in found.got if got.status == 204 for sample in got.arrived.samples]
    names = Counter(dict(labels)["__name__"] for labels, _, _ in taken)
    assert set(names) == HEALTH
    assert min(names.values()) >= 3
    assert "dropped: too_large" in found.out


def test_one_bad_series_costs_only_itself(scene: Scene) -> None:
    """400 for one series of fifty: it alone is lost, with a bounded number of requests, and named."""
    found = scene("one bad")
    taken = [got for got in found.got if got.status == 204]
    names = {dict(labels)["__name__"] for got in taken for labels, _, _ in got.arrived.samples}
    assert "lat_sum" not in names
    assert {"lat_count", "stepping", "up", *VALUES} <= names
    (first_ms, *_) = sorted(set().union(*(got.times_ms for got in found.got)))
    assert sum(got.times_ms == {first_ms} for got in found.got) <= 2 * 7
    assert len({got.arrived.body for got in found.got}) == len(found.got)
    assert "lat_sum{" in found.out
    assert "out of order sample" in found.out


def test_what_is_said_to_be_written_is_not_believed_too_much(scene: Scene) -> None:
    """A count is ignored after 1.0, and one that is no number after 2.0: nothing is sent twice."""
    found = scene("odd written")
    values = [value for _, value in found.values("stepping")]
    assert values == list(range(len(values)))


# Fallback


@pytest.mark.parametrize("answer", ["415", "400", "unwritten"])
def test_fallback(answer: str, captures: Captures) -> None:
    """A receiver of 1.0 only: the same samples with the same times as 1.0 at once, and 1.0 from then on."""
    found = captures.of(answer, "auto")
    versions = [got.arrived.version for got in found.got]
    assert versions == ["2.0", *["1.0"] * (len(versions) - 1)]
    assert sorted(found.got[0].arrived.samples) == sorted(found.got[1].arrived.samples)
    values = [value for _, value in found.values("stepping")]
    assert values == [0, *range(len(values) - 1)]


def test_no_fallback(captures: Captures) -> None:
    """A receiver that says what it wrote is spoken to in 2.0 throughout."""
    found = captures.of("written", "auto")
    assert {got.arrived.version for got in found.got} == {"2.0"}


# Robustness


def test_broken_answers(scene: Scene) -> None:
    """No HTTP, no byte, half a head, half a body, a body of 1 MB: the same bytes once more each time."""
    found = scene("robust")
    for place, reply in enumerate(ROBUST):
        (one,) = [number for number, got in enumerate(found.got) if got.reply is reply]
        assert found.got[one + 1].arrived.body == found.got[one].arrived.body, place
    values = [value for got in found.got if got.status == 204 for labels, _, value in got.arrived.samples
              if ("__name__", "stepping") in labels]  # fmt: skip
    assert values == list(range(len(values)))
    assert max(map(len, found.out.splitlines())) < 1000
    assert found.err == ""


def test_odd_statuses(scene: Scene) -> None:
    """999 is a refusal for good; 202 and any other 2xx is success: one request each."""
    found = scene("odd")
    for reply in ODD:
        (one,) = [got for got in found.got if got.reply is reply]
        assert sum(bool(got.times_ms & one.times_ms) for got in found.got) == 1


def test_a_hang(scene: Scene) -> None:
    """A request that is never answered costs its time and nothing else: the samples come again."""
    found = scene("hang")
    assert found.got[1].arrived.body == found.got[0].arrived.body or (
        found.got[1].times_ms == found.got[0].times_ms
    )
    values = [value for got in found.got if got.status for labels, _, value in got.arrived.samples
              if ("__name__", "stepping") in labels]  # fmt: skip
    assert values == list(range(len(values)))


@pytest.mark.parametrize("name", ["refused", "no name"])
def test_nobody_there(name: str, scene: Scene) -> None:
    """A refused connection, a name that nobody knows: the targets are scraped on, and the end is in order."""
    found = scene(name)
    assert found.served >= 3
    assert "no answer" in found.out
    assert "were not delivered and are lost" in found.err
