"""The protobuf form of a push: MetricFamily messages, each behind its length as a varint.

It is what Go clients push. Where the same name comes again, the later family takes the place of the
earlier one. Exemplars and created timestamps are left out. The native buckets of a
histogram have no text form: its classic buckets are taken, its sum and its count, as the gateway shows them.

Pure; raises nothing but BodyRefused. The official classes read the messages, and are loaded late.
Sources: prometheus/client_model, metrics.proto; pushgateway, handler/push.go; client_golang,
prometheus/registry.go (checkMetricConsistency).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.catalogue import METRIC_NAME
from pushvar.errors import BodyRefused
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample
from pushvar.wire.exposition.golang import quoted
from pushvar.wire.exposition.pushed_families import Distribution
from pushvar.wire.exposition.pushed_line import with_bound
from pushvar.wire.exposition.whole import label_fault, refused_metric

if TYPE_CHECKING:
    from pushvar.model import Labels
    from pushvar.wire.proto.client_model_pb2 import Histogram, Metric, MetricFamily, Summary

_TYPES: Final = ("counter", "gauge", "summary", "untyped", "histogram")
"""The enum of the protocol, by number; each word is the field of a metric that holds its value."""

_VARINT_BYTES: Final = 10
_MORE: Final = 0x80  # the bit of a varint's byte that another one follows
_BOUND_LABEL: Final = {"summary": "quantile", "histogram": "le"}


def read_delimited(body: bytes) -> tuple[FamilySamples, ...]:
    """The families, in the order in which they come up; one may be without samples. Raises BodyRefused."""
    from google.protobuf.message import DecodeError

    from pushvar.wire.proto.client_model_pb2 import MetricFamily

    families: dict[str, FamilySamples] = {}
    at = number = 0
    while at < len(body):
        number += 1
        size, at = _size(body, at, number)
        try:
            message = MetricFamily.FromString(body[at : at + size])
        except (DecodeError, UnicodeDecodeError):
            raise _unreadable(number, "it is no MetricFamily") from None
        group = _family(message)
        families[group.family.name] = group
        at += size
    return tuple(families.values())


def _size(body: bytes, at: int, number: int) -> tuple[int, int]:
    """How long the next message is, and where it begins. Raises BodyRefused unless it is there whole."""
    size = 0
    for place, byte in enumerate(body[at : at + _VARINT_BYTES]):
        size |= (byte & ~_MORE) << (7 * place)
        if byte < _MORE:
            start = at + place + 1
            if size > len(body) - start:
                cut = f"it is {size} bytes long and cut off after {len(body) - start}"
                raise _unreadable(number, cut)
            return size, start
    fault = "its length is cut off" if len(body) - at < _VARINT_BYTES else "its length is no varint"
    raise _unreadable(number, fault)


def _unreadable(number: int, fault: str) -> BodyRefused:
    return BodyRefused(f"delimited protobuf parsing error in message {number}: {fault}")


def _family(message: MetricFamily) -> FamilySamples:
    name = _text(message.name)
    if not METRIC_NAME.fullmatch(name):
        raise BodyRefused(f"invalid metric name {quoted(name.encode())}")
    if message.type >= len(_TYPES):
        raise BodyRefused(
            f"metric {quoted(name.encode())} is a gauge histogram, which the text format has not"
        )
    kind = _TYPES[message.type]
    metric_type = MetricType.UNKNOWN if kind == "untyped" else MetricType(kind)
    family = Family(name, metric_type, _text(message.help))
    samples: list[PrintedSample] = []
    for metric in message.metric:
        samples += _samples(family, kind, metric)
    return FamilySamples(family, tuple(samples))


def _samples(family: Family, kind: str, metric: Metric) -> list[PrintedSample]:
    labels = _labels(family.name, metric, _BOUND_LABEL.get(kind, ""))
    if not metric.HasField(kind):
        raise refused_metric(family.name, labels, f"is not a {kind.upper()}")
    time_ms = metric.timestamp_ms if metric.HasField("timestamp_ms") else None
    if kind == "summary":
        return _summary(metric.summary, labels, time_ms).samples(family, labels)
    if kind == "histogram":
        _demand_counted(family.name, metric.histogram)
        return _histogram(metric.histogram, labels, time_ms).samples(family, labels)
    return [PrintedSample(family.name, labels, getattr(metric, kind).value, time_ms)]


def _labels(name: str, metric: Metric, bound: str) -> Labels:
    """A metric's labels in order, those without a value left out."""
    labels: dict[str, str] = {}
    for pair in metric.label:
        label, stray = _text(pair.name), _stray(pair.value)
        fault = label_fault(label)
        if label in labels:
            fault = f"has two or more labels with the same name: {label}"
        elif bound and label == bound:
            fault = f"must not have an explicit {quoted(label.encode())} label"
        elif stray:
            fault = f"has a label named {quoted(label.encode())} whose value is not utf8: {quoted(stray)}"
        labels[label] = _text(pair.value)
        if fault:
            raise refused_metric(name, tuple(labels.items()), fault)
    return tuple(sorted([pair for pair in labels.items() if pair[1]]))


def _summary(summary: Summary, labels: Labels, time_ms: int | None) -> Distribution:
    quantiles = [(with_bound(labels, "quantile", one.quantile), one.value) for one in summary.quantile]
    return Distribution(quantiles, summary.sample_sum, float(summary.sample_count), time_ms)


def _histogram(histogram: Histogram, labels: Labels, time_ms: int | None) -> Distribution:
    buckets = [
        (with_bound(labels, "le", one.upper_bound), one.cumulative_count_float or float(one.cumulative_count))
        for one in histogram.bucket
    ]
    count = histogram.sample_count_float or float(histogram.sample_count)
    return Distribution(buckets, histogram.sample_sum, count, time_ms)


def _demand_counted(name: str, histogram: Histogram) -> None:
    """Raise BodyRefused for a histogram that has counted less than nothing."""
    if histogram.sample_count_float < 0:
        raise BodyRefused(f"negative count for histogram {quoted(name.encode())}")
    if any(bucket.cumulative_count_float < 0 for bucket in histogram.bucket):
        raise BodyRefused(f"negative bucket population for histogram {quoted(name.encode())}")


def _text(text: str | bytes) -> str:
    """A string of a message; the runtime gives it as bytes where it is no UTF-8, which is made readable."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _stray(text: str | bytes) -> bytes:
    """The string where it is no UTF-8; else nothing."""
    return text if isinstance(text, bytes) else b""
