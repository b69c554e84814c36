"""Families in few words, for the tests of the exposition printers."""

from __future__ import annotations

from pushvar.model import Family, Labels, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample

COUNTER, GAUGE, HISTOGRAM = MetricType.COUNTER, MetricType.GAUGE, MetricType.HISTOGRAM
SUMMARY, INFO, UNKNOWN = MetricType.SUMMARY, MetricType.INFO, MetricType.UNKNOWN


def family(name: str, metric_type: MetricType, *samples: tuple[str, Labels, float]) -> FamilySamples:
    """A family without HELP; a sample is (suffix, labels, value), and there is one by default."""
    printed = samples or (("", (), 1.0),)
    return FamilySamples(
        Family(name, metric_type),
        tuple(PrintedSample(name + suffix, labels, value) for suffix, labels, value in printed),
    )


def histogram(name: str, *, count: float = 3.0, total: float = 2.5) -> FamilySamples:
    """A histogram that OpenMetrics accepts, unless count or sum say otherwise."""
    buckets = [("_bucket", (("le", bound),), value) for bound, value in (("1", 2.0), ("+Inf", 3.0))]
    return family(name, HISTOGRAM, *buckets, ("_sum", (), total), ("_count", (), count))


def types(document: bytes) -> dict[str, str]:
    """Family name -> type, as the TYPE lines say."""
    lines = [line.split() for line in document.decode().splitlines() if line.startswith("# TYPE")]
    return {name: word for _, _, name, word in lines}
