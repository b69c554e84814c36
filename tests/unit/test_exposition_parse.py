"""The parser of exposition text: what each line gives, and which lines are left out with what reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pushvar.catalogue import LINE_FAULTS, REPAIRS
from pushvar.wire.exposition import lines
from pushvar.wire.exposition.parse import (
    FAULT_LIMIT,
    FAULTS_KEPT,
    LINE_BYTES,
    SAMPLE_LIMIT,
    parse,
)

from tests.work import calls

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def shown(body: bytes, content_type: str = TEXT) -> list[Any]:
    """Samples as (name, labels, value[, time_ms]), and faults as (line, reason) behind them."""
    document = parse(body, content_type)
    samples: list[Any] = [
        (*one.series, one.value) if one.timestamp_ms is None else (*one.series, one.value, one.timestamp_ms)
        for one in document.samples
    ]
    return samples + [tuple(fault) for fault in document.faults]


SAMPLES: list[tuple[bytes, list[Any]]] = [
    (b"x 1\n", [("x", (), 1.0)]),
    (b"x 1", [("x", (), 1.0)]),
    (b"x 1\r\ny 2\r\n", [("x", (), 1.0), ("y", (), 2.0)]),
    (b" \t x\t \t1\t \n", [("x", (), 1.0)]),
    (b"x{} 1\n", [("x", (), 1.0)]),
    (b'x {\ta = "1" , b="2" , } 1\n', [("x", (("a", "1"), ("b", "2")), 1.0)]),
    (b'x{b="2",a="1"}1\n', [("x", (("a", "1"), ("b", "2")), 1.0)]),
    (b'x{a="",b="2"} 1\n', [("x", (("b", "2"),), 1.0)]),
    (b'x{a="\\n\\"\\\\\\t"} 1\n', [("x", (("a", '\n"\\\\t'),), 1.0)]),
    (b'x{a="}",b="{",c=" # {",d=","} 1\n',
     [("x", (("a", "}"), ("b", "{"), ("c", " # {"), ("d", ",")), 1.0)]),
    ('x{a="ü🙂\u2028"} 1\n'.encode(), [("x", (("a", "ü🙂\u2028"),), 1.0)]),
    (b"x:y_Z9 1\n", [("x:y_Z9", (), 1.0)]),
    (b'x 1 1700000000123\nx{a="b"} 2 -5\n', [("x", (), 1.0, 1700000000123), ("x", (("a", "b"),), 2.0, -5)]),
    (b'{"my.metric",l="v"} 1\n', [("my_metric", (("l", "v"),), 1.0)]),
    (b'{"9 lives"} 1\n', [("_9_lives", (), 1.0)]),
    (b'x{"a.b:c"="v"} 1\n', [("x", (("a_b_c", "v"),), 1.0)]),
    (b"\n \n# a comment\n#\n#HELP\nx 1\n", [("x", (), 1.0)]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), SAMPLES, ids=[repr(case[0]) for case in SAMPLES])
def test_lines_that_give_samples(body: bytes, expected: list[Any]) -> None:
    """Blanks, escapes, commas, quotes and line ends of every kind that programs print."""
    assert shown(body) == expected


FAULTS: list[tuple[bytes, str]] = [
    (b"x", "bad_value"),
    (b"x ", "bad_value"),
    (b'x{a="b"}', "bad_value"),
    (b"x <no value>", "bad_value"),
    (b"x one", "bad_value"),
    (b"x 1 2 3", "bad_line"),
    (b"x 1 #", "bad_line"),
    (b"x 1 2.5", "bad_timestamp"),
    (b"x 1 99999999999999999999", "bad_timestamp"),
    (b"x 1 9223372036854775808", "bad_timestamp"),
    (b"1x 1", "bad_name"),
    ("ü 1".encode(), "bad_name"),
    (b"x-y 1", "bad_name"),
    (b"{} 1", "bad_name"),
    (b'{a="b"} 1', "bad_name"),
    (b'{""} 1', "bad_name"),
    (b'x{"y"} 1', "bad_name"),
    (b'{"x","y"} 1', "bad_labels"),
    (b'{a="b","x"} 1', "bad_labels"),
    (b'x{a="b" 1', "bad_labels"),
    (b'x{a="b} 1', "bad_labels"),
    (b"x{a=b} 1", "bad_labels"),
    (b"x{a='b'} 1", "bad_labels"),
    (b'x{a="b" c="d"} 1', "bad_labels"),
    (b'x{a="b",,c="d"} 1', "bad_labels"),
    (b"x{,} 1", "bad_labels"),
    (b'x{1a="b"} 1', "bad_labels"),
    (b'x{a-b="c"} 1', "bad_labels"),
    (b'x{a="1",a="1"} 1', "duplicate_label"),
    (b'x{a="",a="1"} 1', "duplicate_label"),
    (b'x{"a.b"="1",a_b="2"} 1', "duplicate_label"),
    (b'x{__name__="y"} 1', "reserved_label"),
    (b'x{a="\xff"} 1', "not_utf8"),
    (b"x\xff 1", "not_utf8"),
    (b"x{" + b",".join(b'l%d="v"' % n for n in range(lines.LABEL_LIMIT + 1)) + b"} 1", "too_many_labels"),
    (b'x{a="' + b"v" * LINE_BYTES + b'"} 1', "long_line"),
    (b"# TYPE x", "bad_type"),
    (b"# TYPE x number", "bad_type"),
    (b"# TYPE x counter gauge", "bad_type"),
    (b"# TYPE 1x counter", "bad_metadata"),
    (b"# HELP me, somebody", "bad_metadata"),
    (b"# UNIT x bytes", "bad_unit"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), FAULTS, ids=[repr(case[0][:40]) for case in FAULTS])
def test_a_bad_line_costs_that_line(line: bytes, reason: str) -> None:
    """It is reported with its number and reason, and the lines around it count."""
    assert shown(b"a 1\n" + line + b"\nb 2\n") == [("a", (), 1.0), ("b", (), 2.0), (2, reason)]
    assert parse(line + b"\n" + line, TEXT).fault_counts == {reason: 2}


def test_every_reason_has_words() -> None:
    """Reports can say what each reason means; each is of the table."""
    assert {reason for _, reason in FAULTS} < set(LINE_FAULTS) < set(REPAIRS)


VALUES = [
    (b"1e3", 1000.0), (b"+1.5E-2", 0.015), (b".5", 0.5), (b"5.", 5.0), (b"-0", -0.0), (b"+Inf", math.inf),
    (b"-Inf", -math.inf), (b"inf", math.inf), (b"Infinity", math.inf), (b"NaN", math.nan), (b"nan", math.nan),
    (b"1e-400", 0.0), (b"18446744073709551616", 2.0**64),
    (b"0x1p-2", None), (b"0x10", None), (b"1_000", None),
    (b"1e400", None), (b"-1e400", None), (b"+NaN", None), (b"-nan", None), (b"1,5", None), (b"1f", None),
    (b"", None), (b"--1", None), (b"\x0c1", None), ("\u0661".encode(), None), (b"1\x00", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[repr(case[0]) for case in VALUES])
def test_values_are_those_that_prometheus_reads(text: bytes, value: float | None) -> None:
    """Decimal only: hexadecimal, digit groups and what overflows are refused (promparse.go, parseFloat)."""
    document = parse(b"x " + text, TEXT)
    if value is None:
        assert document.fault_counts == {"bad_value": 1}
        return
    (sample,) = document.samples
    assert repr(sample.value) == repr(value)


def test_metadata() -> None:
    """The first HELP and TYPE of a name count, wherever they stand; a different second one is reported."""
    document = parse(
        b"x_total 1\n"
        b"y 1\n"
        b"# TYPE x_total counter\n"
        b'# HELP x_total Said \\"so\\" \\\\ and \\n on \n'
        b"# TYPE x_total counter\n"
        b"# TYPE x_total gauge\n"
        b"# HELP x_total Something else\n"
        b'# HELP "y.z"  two blanks\n'
        b'x_total{a="b"} 2\n'
        b"# TYPE y untyped\n",
        TEXT,
    )  # fmt: skip
    assert [one.series.name for one in document.samples] == ["x_total", "y", "x_total"]
    assert {name: (one.type, one.help) for name, one in document.families.items()} == {
        "x_total": ("counter", 'Said \\"so\\" \\ and \n on '),
        "y_z": ("unknown", " two blanks"),
        "y": ("unknown", ""),
    }
    assert document.faults == ((6, "repeated_metadata"), (7, "repeated_metadata"))


WORDS = ("counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown")


@pytest.mark.parametrize("word", WORDS)
def test_every_type_of_openmetrics(word: str) -> None:
    """All types are understood; a counter's sample keeps its name, ``_created`` is a sample like others."""
    document = parse(f"# TYPE x {word}\nx_total 1\nx_created 2\n# EOF\n".encode())
    assert document.openmetrics
    assert document.families["x"].type == word
    assert [one.series.name for one in document.samples] == ["x_total", "x_created"]


def test_openmetrics_times_units_and_exemplars() -> None:
    """Timestamps are seconds, UNIT is kept, an exemplar stands behind the sample and is counted."""
    document = parse(
        b'# HELP a_seconds say \\"it\\"\n'
        b"# TYPE a_seconds histogram\n"
        b"# UNIT a_seconds seconds\n"
        b'a_seconds_bucket{le="1"} 3 1700000000.123 # {trace_id="ab # {c}"} 0.5 1.25\n'
        b'a_seconds_bucket{le="+Inf"} 4 # {} 7\n'
        b"a_seconds_count 4 1.5e9\n"
        b'b 1 # {a="1",a="2"} 1\n'
        b"b 1 NaN\n"
        b"# EOF\n",
        OPENMETRICS,
    )  # fmt: skip
    family = document.families["a_seconds"]
    assert (family.type, family.unit, family.help) == ("histogram", "seconds", 'say "it"')
    assert [one.timestamp_ms for one in document.samples] == [1700000000123, None, 1_500_000_000_000]
    assert document.exemplars == 2
    first = document.samples[0].exemplar
    assert first == ((("trace_id", "ab # {c}"),), 0.5, 1250)
    assert document.faults == ((7, "duplicate_label"), (8, "bad_timestamp"))


FORMATS = [
    (b"x 1\n", "", False),
    (b"x 1\n# EOF\n", "", True),
    (b"x 1\n# EOF", "", True),
    (b"# EOF\nx 1\n", "", False),
    (b"# UNIT x_bytes bytes\nx_bytes 1\n", "", True),
    (b"# TYPE x info\nx_info 1\n", "", True),
    (b"# TYPE x untyped\nx 1\n", "", False),
    (b'x_total 1 # {a="b"} 1\n', "", True),
    (b'x{q="a # {b}"} 1\n', "", False),
    (b"x 1\n# EOF\n", TEXT, False),
    (b"x 1\n", OPENMETRICS, True),
    (b"x 1\n", "text/plain", False),
    (b"x 1\n# EOF\n", "text/plain", True),
]


@pytest.mark.parametrize(("body", "content_type", "openmetrics"), FORMATS)
def test_the_format_is_declared_or_seen(body: bytes, content_type: str, *, openmetrics: bool) -> None:
    """A Content-Type of either format decides; without it, what only OpenMetrics has."""
    assert parse(body, content_type).openmetrics is openmetrics


def test_the_end_mark() -> None:
    """What follows ``# EOF`` is left out; a document declared as OpenMetrics that lacks it may be cut off."""
    assert shown(b"x 1\n# EOF\n\ny 2\n# z\n", OPENMETRICS) == [
        ("x", (), 1.0),
        (4, "after_eof"),
        (5, "after_eof"),
    ]
    assert shown(b"x 1\ny", OPENMETRICS)[1:] == [(2, "bad_value"), (2, "no_eof")]
    assert shown(b"x 1\n# EOF\ny 2\n", TEXT) == [("x", (), 1.0), ("y", (), 2.0)]


def test_a_document_of_something_else_is_given_up() -> None:
    """After ten thousand bad lines the rest is not read; the first hundred are named, all are counted."""
    document = parse(b"?\n" * (FAULT_LIMIT * 3), TEXT)
    assert len(document.faults) == FAULTS_KEPT
    assert document.fault_counts == {"bad_name": FAULT_LIMIT + 1, "too_many_lines": 1}


def test_samples_are_bounded() -> None:
    """More samples than the limit: the rest is left out and that is said."""
    document = parse(b"x 1\n" * (SAMPLE_LIMIT + 5), TEXT)
    assert len(document.samples) == SAMPLE_LIMIT
    assert document.fault_counts == {"too_many_lines": 1}


PIECES = st.sampled_from(
    [b"x", b"x_total", b" ", b"\t", b"\n", b"\r\n", b"{", b"}", b'"', b"\\", b"=", b",", b"a", b'a="b"', b"#",
     b"# HELP x ", b"# TYPE x ", b"# UNIT x ", b"counter", b"# EOF", b"1", b"1.5", b"NaN", b"+Inf", b" # {",
     b"\xff", b"\x00", "ü".encode()]
)  # fmt: skip
BODIES = st.binary(max_size=200) | st.lists(PIECES, max_size=40).map(b"".join)


@settings(max_examples=400, deadline=None)
@given(BODIES, st.sampled_from(("", TEXT, OPENMETRICS, "a/b", ";", "text/plain;version=0.0.4")))
@example(b"", OPENMETRICS)
def test_anything_is_taken(body: bytes, content_type: str) -> None:
    """Arbitrary bytes: never an exception, every sample and fault with the number of a line that is there."""
    document = parse(body, content_type)
    every = body.split(b"\n")
    for sample in document.samples:
        line = every[sample.line - 1]
        name, labels = sample.series
        assert line[: sample.head_bytes].strip()
        assert name.isascii()
        assert list(labels) == sorted(dict(labels).items())
        assert all(value for _, value in labels)
    for line_number, reason in document.faults:
        assert reason in LINE_FAULTS
        assert every[line_number - 1].strip() or reason == "no_eof"
    assert len(document.samples) + sum(document.fault_counts.values()) <= len(every) + 1


HOSTILE = [
    b'x{a="' + b"\\" * 60_000,
    b"x{" + b'a="",' * 12_000,
    b"x{" + b'"' * 60_000,
    b"x" + b" " * 60_000 + b"x",
    b"x 1" + b" " * 60_000 + b"1 1",
    b"x 1 # {" + b'"' * 60_000,
    b"#" * 60_000,
    b"# TYPE " + b" " * 60_000,
    b'# HELP "' + b"\\" * 60_000,
    b"x " + b"1" * 60_000,
    b"x 1 # " * 10_000,
    b"1 } " * 15_000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=[repr(line[:12]) for line in HOSTILE])
def test_hostile_lines_cost_no_more_than_their_length(line: bytes) -> None:
    """A long line takes few calls: no part of it is looked at again and again in Python."""
    parse(line, TEXT)
    assert calls(lambda: parse(line, TEXT)) < 5_000
