"""Whatever is printed, the official Python parsers read back: same names, labels, values, times."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text
from pushvar.model import Family, Labels, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, openmetrics, text

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIXES = ("", "_total", "_created", "_bucket", "_sum", "_count", "_info", "_gcount", "_bytes")
ODD_TEXTS = (
    "\r",
    "a\r\nb",
    "\x00",
    "\u2028",
    "\x85",
    "\\",
    '\\"',
    "\\n",
    '"',
    "}",
    '{a="b"} 1',
    " # {",
    " ",
    "🙂",
)


def in_order(pairs: dict[str, str]) -> Labels:
    """A label set as the house keeps it."""
    return tuple(sorted(pairs.items()))


LABEL_TEXTS = st.sampled_from(ODD_TEXTS) | st.text(min_size=1, max_size=6)

STEMS, SUFFIX = st.sampled_from(("a", "a_b", ":")), st.sampled_from(SUFFIXES)
CLASHING = st.tuples(STEMS, SUFFIX, SUFFIX).map("".join)
NAMES = CLASHING | st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,6}", fullmatch=True)
FREE_NAMES = st.from_regex(r"_?[a-zA-Z][a-zA-Z0-9_]{0,4}", fullmatch=True)
LABEL_NAMES = st.sampled_from(("a", "le", "quantile")) | FREE_NAMES
LABEL_VALUES = st.sampled_from(("0", "0.5", "1", "+Inf", "-1", "Inf", "NaN")) | LABEL_TEXTS
LABELS = st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=3).map(in_order)
VALUES = st.integers(0, 4).map(float) | st.floats()
# Between -1 s and 0 the OpenMetrics parser loses the sign: its integer part is "-0".
TIMES = st.none() | st.integers(0, 2**41) | st.integers(-(2**41), -1_000)
UNITS = st.sampled_from(("", "bytes", "total"))
SAMPLE_SUFFIX = {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}
QUANTILES = st.sampled_from((0, 0.5, 1))


@st.composite
def wild(draw: st.DrawFn) -> FamilySamples:
    """A family whose samples have any suffix, any labels and any value."""
    name, metric_type = draw(NAMES), draw(st.sampled_from(MetricType))
    samples = st.builds(PrintedSample, st.sampled_from(SUFFIXES).map(name.__add__), LABELS, VALUES, TIMES)
    return FamilySamples(
        Family(name, metric_type, draw(st.text(max_size=8)), draw(UNITS)),
        tuple(draw(st.lists(samples, max_size=5))),
    )


def without_bounds(labels: Labels) -> Labels:
    """The labels that histograms and summaries leave to the program."""
    return tuple(pair for pair in labels if pair[0] not in {"le", "quantile"})


def bounded(labels: Labels, name: str, bound: float) -> Labels:
    """The labels and one more with a number."""
    return in_order({**dict(labels), name: "+Inf" if bound == math.inf else str(bound)})


@st.composite
def tidy(draw: st.DrawFn) -> FamilySamples:
    """A family as a client library would give it: all that its type asks for."""
    metric_type, time_ms = draw(st.sampled_from(MetricType)), draw(TIMES)
    name = draw(NAMES) + draw(st.sampled_from(("", SAMPLE_SUFFIX.get(metric_type, ""))))
    samples: list[PrintedSample] = []
    for labels in draw(st.lists(LABELS.map(without_bounds), min_size=1, max_size=3, unique=True)):
        count = draw(st.integers(0, 5))
        parts: list[tuple[str, Labels, float]]
        match metric_type:
            case MetricType.HISTOGRAM:
                bounds = sorted(draw(st.sets(st.integers(0, 9), max_size=count)))
                counts = [*enumerate(bounds), (count, math.inf)]
                parts = [("_bucket", bounded(labels, "le", bound), value) for value, bound in counts]
            case MetricType.SUMMARY:
                parts = [("", bounded(labels, "quantile", q), draw(VALUES)) for q in draw(st.sets(QUANTILES))]
            case MetricType.INFO:
                parts = [("", labels, 1.0)]
            case _:
                parts = [("", labels, draw(VALUES))]
        if metric_type in {MetricType.HISTOGRAM, MetricType.SUMMARY}:
            parts += [("_sum", labels, 2.5), ("_count", labels, count)]
        samples += [PrintedSample(name + suffix, own, value, time_ms) for suffix, own, value in parts]
    return FamilySamples(Family(name, metric_type, draw(st.text(max_size=8)), draw(UNITS)), tuple(samples))


def unique(groups: list[FamilySamples]) -> list[FamilySamples]:
    """The families with every name and every series only once, as a document must have them."""
    names: set[str] = set()
    seen: set[tuple[str, Labels]] = set()
    document = []
    for group in groups:
        samples = []
        for sample in group.samples:
            if group.family.name not in names and (sample.name, sample.labels) not in seen:
                seen.add((sample.name, sample.labels))
                samples.append(sample)
        names.add(group.family.name)
        document.append(FamilySamples(group.family, tuple(samples)))
    return [group for group in document if group.samples]


DOCUMENTS = st.lists(wild() | tidy(), max_size=5).map(unique)


def comparable(name: str, labels: Iterable[tuple[str, str]], value: float, time_ms: float | None) -> Any:
    """A sample as a tuple that is equal when NaN meets NaN, and sorts."""
    shown = "nan" if math.isnan(value) else float(value)
    return name, tuple(sorted(labels)), str(shown).replace("-0.0", "0.0"), time_ms is not None, time_ms or 0


def given_samples(document: list[FamilySamples]) -> list[Any]:
    """What went in."""
    return sorted(
        comparable(sample.name, sample.labels, sample.value, sample.timestamp_ms)
        for group in document
        for sample in group.samples
    )


def type_lines(encoded: bytes) -> list[list[str]]:
    """Name and type of every TYPE line; only LF ends a line."""
    return [line.split(" ")[2:] for line in encoded.decode().split("\n") if line.startswith("# TYPE ")]


def read_text(encoded: bytes) -> list[Any]:
    """What the text parser reads. It adds ``_total`` to counters that lack it; that is taken off again."""
    read = []
    for family, (name, _word) in zip(parse_text(encoded.decode()), type_lines(encoded), strict=True):
        added = "_total" if family.type == "counter" and not name.endswith("_total") else ""
        for sample in family.samples:
            time_ms = None if sample.timestamp is None else round(float(sample.timestamp) * 1000)
            read.append(
                comparable(sample.name.removesuffix(added), sample.labels.items(), sample.value, time_ms)
            )
    return sorted(read)


def parse_openmetrics(encoded: bytes) -> list[Any]:
    """The families that the official OpenMetrics parser sees; it raises ValueError for what it refuses."""
    return list(openmetrics_parser.text_string_to_metric_families(encoded.decode()))  # type: ignore[no-untyped-call]


def read_openmetrics(encoded: bytes) -> list[Any]:
    """The samples that the official OpenMetrics parser reads."""
    read = []
    for sample in (sample for family in parse_openmetrics(encoded) for sample in family.samples):
        at = sample.timestamp
        time_ms = None if at is None else at.sec * 1000 + round(at.nsec / 1e6)
        read.append(comparable(sample.name, sample.labels.items(), sample.value, time_ms))
    return sorted(read)


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_the_text_parser_reads_the_same_samples(document: list[FamilySamples]) -> None:
    """Any families with legal names survive the text format."""
    assert read_text(text.encode(document)) == given_samples(document)


@settings(max_examples=250, deadline=None)
@given(DOCUMENTS)
def test_the_openmetrics_parser_accepts_and_reads_the_same_samples(document: list[FamilySamples]) -> None:
    """Any families with legal names, clashing on purpose, survive OpenMetrics and its strictest parser."""
    assert read_openmetrics(openmetrics.encode(document)) == given_samples(document)


@settings(max_examples=100, deadline=None)
@given(tidy())
def test_a_tidy_family_alone_keeps_its_type(group: FamilySamples) -> None:
    """Types are given up for a reason only: a family that its type allows, and that is alone, has it."""
    family, (lone,) = group.family, unique([group])
    suffix = SAMPLE_SUFFIX.get(family.type, "")
    least = {MetricType.COUNTER: 0.0, MetricType.SUMMARY: 0.0}.get(family.type, -math.inf)
    assume(family.name.endswith(suffix) and family.name != suffix)
    assume(not any(sample.value < least for sample in lone.samples))
    assume(family.type is not MetricType.COUNTER or not any(math.isnan(s.value) for s in lone.samples))
    assert [metric.type for metric in parse_openmetrics(openmetrics.encode([lone]))] == [family.type]


@pytest.mark.parametrize("value", ODD_TEXTS)
def test_odd_label_values(value: str) -> None:
    """Only LF ends a line: carriage returns, NUL and Unicode separators pass through as they are."""
    samples = (PrintedSample("x", (("a", value), ("b", value)), 1.0),)
    document = [FamilySamples(Family("x", MetricType.GAUGE), samples)]
    assert read_text(text.encode(document)) == given_samples(document)
    assert read_openmetrics(openmetrics.encode(document)) == given_samples(document)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=12) | st.sampled_from(ODD_TEXTS))
def test_help_is_read_back(shown: str) -> None:
    """HELP survives OpenMetrics but for leading spaces, which the official parser drops."""
    group = FamilySamples(Family("x", MetricType.GAUGE, shown), (PrintedSample("x", (), 1.0),))
    (metric,) = parse_openmetrics(openmetrics.encode([group]))
    assert metric.documentation == shown.lstrip(" ")
    assert [metric.name for metric in parse_text(text.encode([group]).decode())] == ["x"]
