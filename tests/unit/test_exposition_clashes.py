"""Families whose names or values clash with the format: which of them keep their type."""

from __future__ import annotations

import math

import pytest
from pushvar.model import Family, Labels, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, openmetrics, text

from tests.unit.exposition_families import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    INFO,
    SUMMARY,
    UNKNOWN,
    family,
    histogram,
    types,
)


def counter(name: str) -> FamilySamples:
    """A counter with one sample."""
    return family(name, COUNTER)


SUM = family("s", SUMMARY, ("_sum", (), 1.0))
MEMSTATS = (family("go_memstats_alloc_bytes", GAUGE), counter("go_memstats_alloc_bytes_total"))


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (MEMSTATS, {"go_memstats_alloc_bytes": "gauge", "go_memstats_alloc_bytes_total": "unknown"}),
        (MEMSTATS[::-1], {"go_memstats_alloc_bytes_total": "unknown", "go_memstats_alloc_bytes": "gauge"}),
        ([counter("x_total")], {"x": "counter"}),
        ([counter("x")], {"x": "unknown"}),
        ([family("x", COUNTER, ("_total", (), 1.0), ("_created", (), 9.0))], {"x": "counter"}),
        ([counter("_total")], {"_total": "unknown"}),
        ([family("x_info", INFO)], {"x": "info"}),
        ([family("x", INFO)], {"x": "unknown"}),
        ([family("x", INFO, ("_info", (), 1.0))], {"x": "info"}),
        ([family("_info", INFO)], {"_info": "unknown"}),
        ([counter("x_total"), histogram("x")], {"x_total": "unknown", "x": "histogram"}),
        ([counter("x_total"), family("x_info", INFO)], {"x_total": "unknown", "x": "info"}),
        ([counter("x_total"), family("x_created", GAUGE)], {"x_total": "unknown", "x_created": "gauge"}),
        ([counter("x_total"), counter("x_created_total")], {"x": "counter", "x_created_total": "unknown"}),
        ([family("x_total", GAUGE), family("x_info", GAUGE)], {"x_total": "gauge", "x_info": "gauge"}),
        ([family("x_total", UNKNOWN), family("x", UNKNOWN)], {"x_total": "unknown", "x": "unknown"}),
        ([SUM, counter("s_sum_total")], {"s": "summary", "s_sum_total": "unknown"}),
        ([SUM, family("s_count", GAUGE)], {"s_sum": "unknown", "s_count": "gauge"}),
        (
            [histogram("x"), family("x_count", GAUGE, ("", (("a", "b"),), 1.0))],
            {"x_bucket": "unknown", "x_sum": "unknown", "x_count": "unknown"},
        ),
        (
            [histogram("x"), histogram("x_bucket")],
            {
                "x": "histogram",
                "x_bucket_bucket": "unknown",
                "x_bucket_sum": "unknown",
                "x_bucket_count": "unknown",
            },
        ),
    ],
)
def test_names_that_clash_in_openmetrics(families: list[FamilySamples], expected: dict[str, str]) -> None:
    """A family that cannot keep its type beside the others is printed as unknown under its samples' names."""
    assert types(openmetrics.encode(families)) == expected


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (MEMSTATS, {"go_memstats_alloc_bytes": "gauge", "go_memstats_alloc_bytes_total": "counter"}),
        ([counter("x")], {"x": "counter"}),
        ([family("x", COUNTER, ("_total", (), 1.0))], {"x_total": "counter"}),
        (
            [family("x", COUNTER, ("_total", (), 1.0), ("_created", (), 9.0))],
            {"x_total": "counter", "x_created": "gauge"},
        ),
        ([family("x", INFO, ("_info", (), 1.0))], {"x_info": "gauge"}),
        ([histogram("x"), counter("x_total")], {"x": "histogram", "x_total": "counter"}),
        (
            [histogram("x"), family("x_count", GAUGE)],
            {"x_bucket": "untyped", "x_sum": "untyped", "x_count": "untyped"},
        ),
    ],
)
def test_names_that_clash_in_text(families: list[FamilySamples], expected: dict[str, str]) -> None:
    """In the text format only names that are really printed can clash."""
    assert types(text.encode(families)) == expected


ONE, MINUS = ("_bucket", (("le", "1"),), 1.0), ("_bucket", (("le", "-1"),), 1.0)
LE, Q = (("le", "+Inf"),), (("quantile", "0.5"),)


@pytest.mark.parametrize(
    "group",
    [
        family("x_total", COUNTER, ("", (), -1.0)),
        family("x_total", COUNTER, ("", (), math.nan)),
        family("x_info", INFO, ("", (), 2.0)),
        family("x", SUMMARY, ("_count", (), 0.5)),
        family("x", SUMMARY, ("_sum", (), -1.0)),
        family("x", SUMMARY, ("", (), 1.0)),
        family("x", SUMMARY, ("", (("quantile", "1.5"),), 1.0)),
        family("x", SUMMARY, ("", (("quantile", "half"),), 1.0)),
        family("x", SUMMARY, ("", Q, -1.0)),
        histogram("x", count=4.0),
        histogram("x", total=math.nan),
        histogram("x", total=-1.0),
        family("x", HISTOGRAM, ("_bucket", (), 1.0)),
        family("x", HISTOGRAM, ("_bucket", (("le", "1"),), 1.0)),
        family("x", HISTOGRAM, ("_bucket", (("le", "Inf"),), 1.0)),
        family("x", HISTOGRAM, ("_bucket", (("le", "1_0"),), 1.0), ("_bucket", LE, 1.0)),
        family("x", HISTOGRAM, ("_bucket", LE, 0.5)),
        family("x", HISTOGRAM, ("_bucket", LE, math.inf)),
        family("x", HISTOGRAM, ("_bucket", LE, 1.0), ("_sum", (), 1.0)),
        family("x", HISTOGRAM, ("_bucket", LE, 1.0), ("_count", (), 1.0)),
        family("x", HISTOGRAM, ("_sum", (), 1.0), ("_count", (), 1.0)),
        family("x", HISTOGRAM, ("_bucket", (("le", "1"),), 2.0), ("_bucket", LE, 1.0)),
        family("x", HISTOGRAM, ONE, ("_bucket", (("le", "1.0"),), 1.0), ("_bucket", LE, 1.0)),
        family("x", HISTOGRAM, MINUS, ("_bucket", LE, 1.0), ("_sum", (), 0.0), ("_count", (), 1.0)),
    ],
)
def test_values_that_openmetrics_forbids(group: FamilySamples) -> None:
    """A family with a forbidden value is printed as unknown; the text format keeps its type."""
    assert set(types(openmetrics.encode([group])).values()) == {"unknown"}
    assert set(types(text.encode([group])).values()) == {str(group.family.type).replace("info", "gauge")}


@pytest.mark.parametrize(
    "group",
    [
        family("x_total", COUNTER, ("", (), math.inf)),
        family("x", SUMMARY, ("", Q, math.nan), ("", (("quantile", "1"),), 1.0), ("_sum", (), math.inf)),
        family("x", HISTOGRAM, ("_bucket", LE, 1.0), ("_created", (), -1.0)),
        family("x", HISTOGRAM, ("_bucket", LE, 1.0), ("_bucket", (("le", "-Inf"),), 0.0)),
        family("x", GAUGE, ("", (), math.nan)),
    ],
)
def test_odd_values_that_openmetrics_allows(group: FamilySamples) -> None:
    """What only looks odd keeps its type."""
    assert set(types(openmetrics.encode([group])).values()) == {str(group.family.type)}


@pytest.mark.parametrize("metric_type", [COUNTER, INFO, HISTOGRAM])
def test_mixed_timestamps_in_a_group(metric_type: MetricType) -> None:
    """A group whose samples do not share a timestamp cannot stay together under a type."""
    names = {COUNTER: ("x_total", "x_created"), INFO: ("x_info",) * 2, HISTOGRAM: ("x_bucket", "x_created")}
    labels: Labels = (("le", "+Inf"),)
    samples = (
        PrintedSample(names[metric_type][0], labels, 1.0, 5),
        PrintedSample(names[metric_type][1], () if metric_type is not COUNTER else labels, 1.0),
    )
    document = openmetrics.encode([FamilySamples(Family("x", metric_type), samples)])
    assert set(types(document).values()) == {"unknown"}


def test_two_families_with_one_sample_name_share_a_block() -> None:
    """The samples of both stand under one header, at the place of the first."""
    other = family("x_count", GAUGE, ("", (("a", "b"),), 7.0))
    document = text.encode([histogram("x"), family("y", GAUGE), other]).decode()
    assert document.endswith('# TYPE x_count untyped\nx_count 3\nx_count{a="b"} 7\n# TYPE y gauge\ny 1\n')
