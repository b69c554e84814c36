"""Families as protobuf: what Go clients push, and bytes that are no such thing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.errors import BodyRefused
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.delimited import read_delimited
from pushvar.wire.exposition.whole import whole
from pushvar.wire.proto import client_model_pb2 as model

from tests.unit.exposition_families import COUNTER, GAUGE, HISTOGRAM, SUMMARY, UNKNOWN
from tests.unit.test_exposition_roundtrip import given_samples, tidy, unique

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pushvar.model import Labels

INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics: "
KINDS = {COUNTER: "counter", GAUGE: "gauge", SUMMARY: "summary", HISTOGRAM: "histogram", UNKNOWN: "untyped"}


def delimited(*messages: bytes) -> bytes:
    """Messages, each behind its length."""
    body = b""
    for message in messages:
        size = len(message)
        while size >= 0x80:
            body += bytes([size & 0x7F | 0x80])
            size >>= 7
        body += bytes([size]) + message
    return body


def message(name: str, kind: str, *metrics: dict[str, Any], **more: Any) -> bytes:
    """A MetricFamily in its bytes; a metric is the fields of one."""
    return model.MetricFamily(name=name, type=kind.upper(), metric=metrics, **more).SerializeToString()


def pairs(labels: Labels) -> list[dict[str, str]]:
    """Label pairs as the protocol has them, in no special order."""
    return [{"name": name, "value": value} for name, value in reversed(labels)]


def written(group: FamilySamples) -> bytes:
    """A family as a Go client writes it."""
    kind = KINDS.get(group.family.type, "gauge")
    metrics: dict[Labels, dict[str, Any]] = {}
    for sample in group.samples:
        labels = tuple(pair for pair in sample.labels if pair[0] not in {"le", "quantile"})
        bound = dict(sample.labels).get("le") or dict(sample.labels).get("quantile")
        metric = metrics.setdefault(labels, {"label": pairs(labels), kind: {}})
        if sample.timestamp_ms is not None:
            metric["timestamp_ms"] = sample.timestamp_ms
        part = metric[kind]
        if kind not in {"histogram", "summary"}:
            part["value"] = sample.value
        elif sample.name == f"{group.family.name}_sum":
            part["sample_sum"] = sample.value
        elif sample.name == f"{group.family.name}_count":
            part["sample_count"] = int(sample.value)
        elif kind == "summary":
            part.setdefault("quantile", []).append({"quantile": float(bound or 0), "value": sample.value})
        elif bound != "+Inf":  # as Go clients do
            bucket = {"upper_bound": float(bound or 0), "cumulative_count": int(sample.value)}
            part.setdefault("bucket", []).append(bucket)
    return message(group.family.name, kind, *metrics.values(), help=group.family.help)


def samples_of(families: Iterable[FamilySamples]) -> list[Any]:
    """All samples, comparable and sorted."""
    return given_samples(list(families))


@settings(max_examples=100, deadline=None)
@given(st.lists(tidy(), max_size=3).map(unique))
def test_what_a_client_writes_is_read(document: list[FamilySamples]) -> None:
    """Whatever a Go client has comes back whole: types, help, labels in order, times."""
    plain = [group for group in document if not labelled_by_bound(group)]
    families = whole(read_delimited(delimited(*map(written, plain))))
    assert samples_of(families) == samples_of(plain)
    for group, own in zip(families, plain, strict=True):
        metric_type = GAUGE if own.family.type is MetricType.INFO else own.family.type
        assert group.family == Family(own.family.name, metric_type, own.family.help)


def labelled_by_bound(group: FamilySamples) -> bool:
    """Whether a family without bounds has a label called like one: ``written`` would take it for a bound."""
    return group.family.type not in {HISTOGRAM, SUMMARY} and any(
        name in {"le", "quantile"} for sample in group.samples for name, _ in sample.labels
    )


def test_a_later_family_takes_the_place_of_an_earlier_one() -> None:
    """Even an empty one, and one of another type."""
    one, two = (
        message("x", "gauge", {"gauge": {"value": 1}}),
        message("x", "counter", {"counter": {"value": 2}}),
    )
    (group,) = read_delimited(delimited(one, two))
    assert group == FamilySamples(Family("x", COUNTER), (PrintedSample("x", (), 2.0),))
    assert read_delimited(delimited(one, message("x", "gauge"))) == (FamilySamples(Family("x", GAUGE), ()),)


NATIVE = {"schema": 3, "positive_span": [{"offset": 0, "length": 1}], "positive_delta": [2]}


@pytest.mark.parametrize(
    ("histogram", "count", "buckets"),
    [
        ({}, 0.0, []),
        ({"sample_count": 3}, 3.0, []),
        ({**NATIVE, "sample_count": 2}, 2.0, []),
        ({"sample_count_float": 2.5}, 2.5, []),
        ({"sample_count": 3, "bucket": [{"upper_bound": 1e6, "cumulative_count": 2}]}, 3.0, [("1e+06", 2.0)]),
        ({"bucket": [{"upper_bound": math.inf, "cumulative_count_float": 0.5}]}, 0.0, [("+Inf", 0.5)]),
        (
            {**NATIVE, "sample_count": 2, "bucket": [{"upper_bound": 1, "cumulative_count": 2}]},
            2.0,
            [("1", 2.0)],
        ),
    ],
)
def test_histograms(histogram: dict[str, Any], count: float, buckets: list[tuple[str, float]]) -> None:
    """Classic buckets, whole or float counts; of a histogram that is native too the classic part is taken."""
    (group,) = read_delimited(delimited(message("h", "histogram", {"histogram": histogram})))
    *bounded, total, counted = group.samples
    assert [(dict(one.labels)["le"], one.value) for one in bounded] == buckets
    assert (total.name, counted.name, counted.value) == ("h_sum", "h_count", count)


def test_no_type_is_a_counter() -> None:
    """The protocol's default."""
    plain = model.MetricFamily(name="x", metric=[{"counter": {"value": 1}}]).SerializeToString()
    assert read_delimited(delimited(plain)) == (
        FamilySamples(Family("x", COUNTER), (PrintedSample("x", (), 1.0),)),
    )


def test_help_that_is_no_unicode_is_made_readable() -> None:
    """HELP is for people; nothing hangs on it."""
    (group,) = read_delimited(delimited(message("x", "gauge") + b"\x12\x01\xff"))
    assert group.family.help == "\ufffd"


ONE = message("x", "gauge", {"gauge": {"value": 1}})
AB = {"name": "a", "value": "b"}
STRAY = b'\n\x01x\x18\x01"\x08\n\x06\n\x01a\x12\x01\xff'

REFUSED = [
    (
        delimited(ONE)[:-1],
        "delimited protobuf parsing error in message 1: it is 18 bytes long and cut off after 17",
    ),
    (
        delimited(ONE, ONE)[:20],
        "delimited protobuf parsing error in message 2: it is 18 bytes long and cut off after 0",
    ),
    (delimited(ONE) + b"\x80", "delimited protobuf parsing error in message 2: its length is cut off"),
    (b"\x80" * 11, "delimited protobuf parsing error in message 1: its length is no varint"),
    (
        b"\xff" * 9 + b"\x01",
        "delimited protobuf parsing error in message 1: it is 18446744073709551615 bytes long and",
    ),
    (delimited(b"\xff\xff"), "delimited protobuf parsing error in message 1: it is no MetricFamily"),
    (b"x 1\n", "delimited protobuf parsing error in message 1: it is 120 bytes long and cut off after 3"),
    (delimited(message("", "gauge")), 'invalid metric name ""'),
    (delimited(message("a b", "gauge")), 'invalid metric name "a b"'),
    (delimited(b"\n\x01\xff"), 'invalid metric name "\ufffd"'),
    (
        delimited(message("h", "gauge_histogram")),
        'metric "h" is a gauge histogram, which the text format has not',
    ),
    (
        delimited(message("h", "histogram", {"histogram": {"sample_count_float": -0.5}})),
        'negative count for histogram "h"',
    ),
    (
        delimited(message("h", "histogram", {"histogram": {"bucket": [{"cumulative_count_float": -1}]}})),
        'negative bucket population for histogram "h"',
    ),
    (
        delimited(message("x", "gauge", {"label": [AB], "counter": {}})),
        INCONSISTENT + 'collected metric "x" {a="b"} is not a GAUGE',
    ),
    (
        delimited(message("x", "gauge", {"label": [AB, AB], "gauge": {}})),
        INCONSISTENT + 'collected metric "x" {a="b"} has two or more labels with the same name: a',
    ),
    (
        delimited(message("x", "gauge", {"label": [{"name": "a-b"}], "gauge": {}})),
        INCONSISTENT + 'collected metric "x" {a-b=""} has a label with an invalid name: a-b',
    ),
    (
        delimited(message("s", "summary", {"label": [{"name": "quantile", "value": "1"}], "summary": {}})),
        INCONSISTENT + 'collected metric "s" {quantile="1"} must not have an explicit "quantile" label',
    ),
    (
        delimited(message("h", "histogram", {"label": [{"name": "le", "value": "1"}], "histogram": {}})),
        INCONSISTENT + 'collected metric "h" {le="1"} must not have an explicit "le" label',
    ),
    (
        delimited(STRAY),
        INCONSISTENT
        + 'collected metric "x" {a="\ufffd"} has a label named "a" whose value is not utf8: "\\xff"',
    ),
]


@pytest.mark.parametrize(("body", "words"), REFUSED)
def test_refused(body: bytes, words: str) -> None:
    """Bytes that are no families, and families that text cannot show, in plain words."""
    with pytest.raises(BodyRefused) as refused:
        read_delimited(body)
    assert str(refused.value).startswith(words)


def test_a_gauge_may_be_labelled_by_a_bound() -> None:
    """Only histograms and summaries own le and quantile."""
    labels = [{"name": "quantile", "value": "0.5"}, {"name": "le", "value": "1"}]
    (group,) = read_delimited(delimited(message("x", "gauge", {"label": labels, "gauge": {"value": 1}})))
    assert group.samples[0].labels == (("le", "1"), ("quantile", "0.5"))


SEEDS = st.sampled_from([delimited(ONE), delimited(STRAY), *(body for body, _ in REFUSED)])


@settings(max_examples=300, deadline=None)
@given(SEEDS, st.binary(max_size=6), st.integers(0, 40), st.integers(0, 3))
def test_any_bytes(seed: bytes, other: bytes, at: int, gone: int) -> None:
    """Any bytes give families with unique names, or BodyRefused and nothing else."""
    body = seed[:at] + other + seed[at + gone :]
    try:
        families = read_delimited(body)
    except BodyRefused:
        return
    assert len({group.family.name for group in families}) == len(families)
