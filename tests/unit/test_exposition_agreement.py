"""Our parser against our printers, and against the official parsers where they take the input."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families
from pushvar.convert.text import family_of
from pushvar.model import Family, Labels, MetricType
from pushvar.wire.exposition import FamilySamples, openmetrics, text
from pushvar.wire.exposition.parse import parse

from tests.unit.test_exposition_roundtrip import DOCUMENTS, comparable, given_samples, tidy, unique

TEXT, OPENMETRICS = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"


def ours(body: bytes, content_type: str) -> list[Any]:
    """What our parser reads, comparably."""
    return sorted(
        comparable(*sample.series, sample.value, sample.timestamp_ms)
        for sample in parse(body, content_type).samples
    )


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_the_text_printer_is_read_back(document: list[FamilySamples]) -> None:
    """parse(print(x)) == x for the text format: every sample, nothing left out."""
    printed = text.encode(document)
    assert parse(printed, TEXT).faults == ()
    assert ours(printed, TEXT) == given_samples(document)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_the_openmetrics_printer_is_read_back(document: list[FamilySamples]) -> None:
    """parse(print(x)) == x for OpenMetrics, with the format seen rather than told too."""
    printed = openmetrics.encode(document)
    for content_type in (OPENMETRICS, ""):
        assert parse(printed, content_type).faults == ()
        assert ours(printed, content_type) == given_samples(document)


@settings(max_examples=150, deadline=None)
@given(tidy())
def test_families_are_read_back(group: FamilySamples) -> None:
    """Name, type, help and unit of a family that keeps its type, through OpenMetrics."""
    (lone,) = unique([group])
    printed = openmetrics.encode([lone])
    document = parse(printed, OPENMETRICS)
    kept = f" {lone.family.type}\n".encode() in printed
    read = {family_of(sample.series.name, document.families) for sample in document.samples}
    if kept and lone.family.type is not MetricType.UNKNOWN:
        unit = lone.family.unit if b"# UNIT" in printed else ""
        assert read == {Family(lone.family.name, lone.family.type, lone.family.help, unit)}


NAMES = st.sampled_from(("a", "a_total", "b_bytes", "c:d"))
LABELS = st.dictionaries(st.sampled_from(("l", "m")), st.text(max_size=5), max_size=2)
NUMBERS = st.sampled_from(("1", "-2.5", "1e3", ".5", "+Inf", "-Inf", "NaN", "0"))
BLANKS = st.sampled_from((" ", "  ", "\t", " \t "))


def quoted(value: str) -> str:
    """A label value as both formats quote it."""
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@st.composite
def text_lines(draw: st.DrawFn) -> str:
    """A sample line in the text format, with blanks of any kind between its parts."""
    pairs = [f'{name}="{quoted(value)}"' for name, value in draw(LABELS).items()]
    labels = (
        "{" + ",".join(pairs) + draw(st.sampled_from(("", ",") if pairs else ("",))) + "}" if pairs else ""
    )
    time = f" {draw(st.integers(0, 2**41))}" if draw(st.booleans()) else ""
    return f"{draw(NAMES)}{labels}{draw(BLANKS)}{draw(NUMBERS)}{time}\n"


@settings(max_examples=300, deadline=None)
@given(st.lists(text_lines(), max_size=4).map("".join))
def test_the_official_text_parser_agrees(body: str) -> None:
    """On what it accepts: the same samples, but for labels without a value, which are no labels."""
    expected = sorted(
        comparable(
            sample.name,
            [(name, value) for name, value in sample.labels.items() if value],
            sample.value,
            None if sample.timestamp is None else round(float(sample.timestamp) * 1000),
        )
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    )
    assert ours(body.encode("utf-8", "surrogatepass"), TEXT) == expected


DIFFERENT = [
    # (what is printed, what Prometheus and we read, what the official Python parser makes of it)
    ("# TYPE a counter\na 1\n", "a", "a_total"),
    ('# TYPE a counter\na{b="c"} 1\n', "a", "a_total"),
    ("a 1\nb <no value>\n", "a", ValueError),
    ("a 1\nb\n", "a", ValueError),
    ("a 1\nb 0x1p-2\n", "a", ValueError),
    ("a 1\nb 1_000\n", "a", ValueError),
    ('a 1\nb{c="d" 2\n', "a", ValueError),
]


@pytest.mark.parametrize(("body", "ours_read", "theirs"), DIFFERENT)
def test_where_the_official_text_parser_renames_or_refuses(body: str, ours_read: str, theirs: Any) -> None:
    """A counter keeps its name, and one bad line costs one line; values are those of Prometheus."""
    assert " ".join(one.series.name for one in parse(body.encode(), TEXT).samples) == ours_read
    try:
        read: Any = " ".join(
            one.name for family in text_string_to_metric_families(body) for one in family.samples
        )
    except ValueError:
        read = ValueError
    assert read == theirs


REFUSED = [
    ("a 1\n", "a"),  # no # EOF
    ("# TYPE a counter\na 1\n# EOF\n", "a"),
    ("# TYPE a counter\na_total -1\n# EOF\n", "a_total"),
    ("# TYPE a_info info\na_info 1\n# EOF\n", "a_info"),
    ('# TYPE a histogram\na_bucket{le="1"} 1\na_count 1\n# EOF\n', "a_bucket a_count"),
    ("a 1\n# TYPE a gauge\n# EOF\n", "a"),
    ('a 1\nb 1\na{c="d"} 1\n# EOF\n', "a b a"),
    ("a  1\n# EOF\n", "a"),
    ("a 1\n\nb 1\n# EOF\n", "a b"),
    ("a 1\n# a comment\n# EOF\n", "a"),
    ('a{b="c",} 1\n# EOF\n', "a"),
    ('a 1 # {b="c"} 1\n# EOF\n', "a"),
    ("a 1\n# EOF\nb 2\n", "a"),
]


@pytest.mark.parametrize(("body", "names"), REFUSED)
def test_what_the_official_openmetrics_parser_refuses(body: str, names: str) -> None:
    """It refuses whole documents for what we read, since each line can be understood."""
    assert " ".join(one.series.name for one in parse(body.encode(), OPENMETRICS).samples) == names
    with pytest.raises((ValueError, KeyError)):
        list(openmetrics_parser.text_string_to_metric_families(body))  # type: ignore[no-untyped-call]


def test_exemplars_agree_with_the_official_parser() -> None:
    """Labels, value and time of exemplars of counters and buckets."""
    body = (
        '# TYPE a counter\na_total 1 1.5 # {trace_id="x # {y}"} 0.25 1700000000.5\n'
        '# TYPE h histogram\nh_bucket{le="1"} 1 # {} 0.5\nh_bucket{le="+Inf"} 2 # {t="u"} 9\n# EOF\n'
    )

    def shown(labels: dict[str, str] | Labels, value: float, time_s: float | None) -> Any:
        return dict(labels), value, time_s

    theirs = [
        shown(
            one.exemplar.labels, one.exemplar.value, one.exemplar.timestamp and float(one.exemplar.timestamp)
        )
        for family in openmetrics_parser.text_string_to_metric_families(body)  # type: ignore[no-untyped-call]
        for one in family.samples
    ]
    mine = [
        shown(
            one.exemplar.labels,
            one.exemplar.value,
            one.exemplar.timestamp_ms and one.exemplar.timestamp_ms / 1e3,
        )
        for one in parse(body.encode()).samples
        if one.exemplar
    ]
    assert mine == theirs
    assert not any(math.isnan(value) for _, value, _ in mine)
