"""Text as it is pushed: what is read, in which words it is refused, and what is made whole of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.errors import BodyRefused
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, text
from pushvar.wire.exposition.golang import float_text, quoted, quoted_byte
from pushvar.wire.exposition.pushed_line import integer_of, number_of
from pushvar.wire.exposition.pushed_text import read_text
from pushvar.wire.exposition.whole import demand_consistent, whole

from tests.unit.exposition_families import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    SUMMARY,
    UNKNOWN,
    family,
    histogram,
)
from tests.unit.test_exposition_roundtrip import DOCUMENTS, given_samples, tidy, unique

if TYPE_CHECKING:
    from collections.abc import Iterable

INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics: "


def flat(families: tuple[FamilySamples, ...]) -> list[str]:
    """One line for each family and sample, as short as can be."""
    lines = []
    for group in families:
        lines.append(f"{group.family.name} {group.family.type} {group.family.help}".rstrip())
        for one in group.samples:
            time = "" if one.timestamp_ms is None else f" @{one.timestamp_ms}"
            labels = ",".join(f"{name}={value}" for name, value in one.labels)
            lines.append(f"  {one.name}{{{labels}}} {one.value:g}{time}")
    return lines


READ = [
    ("", []),
    ("\n\n  \n\t", []),
    ("x 1\n", ["x unknown", "  x{} 1"]),
    (' x {b = "2" , a="1",}3 -4\n', ["x unknown", "  x{a=1,b=2} 3 @-4"]),
    ('x{a="\\\\\\"\\n"} 1\n', ["x unknown", '  x{a=\\"\n} 1']),
    ('x{a="",b="c"} NaN\n', ["x unknown", "  x{b=c} nan"]),
    ("x+Inf\n", ["x unknown", "  x{} inf"]),
    (
        '# HELP x_total All\\n \\\\ \\"\n# TYPE x_total counter\nx_total 3\n',
        ['x_total counter All\n \\ "', "  x_total{} 3"],
    ),
    ("# HELP x  \n# TYPE x \nx 1\n", ["x unknown", "  x{} 1"]),
    ("x 1\n# HELP x late\n", ["x unknown late", "  x{} 1"]),
    ("#TYPE x GAUGE\n#\n# anything\n# TYPE\n# HELP x\nx 1\n", ["x gauge", "  x{} 1"]),
    ('# TYPE x gauge\ny 1\nx 1\ny{a="b"} 2\n', ["x gauge", "  x{} 1", "y unknown", "  y{} 1", "  y{a=b} 2"]),
    ("# TYPE x gauge\n# HELP y only\n", []),
    (
        '# TYPE h histogram\nh_sum 3\nx 1\nh_bucket{le="2.0",a="b"} 1\nh_count 2\nh_bucket{le="1e6"} 2 5\n',
        [
            "h histogram",
            "  h_bucket{le=1e+06} 2 @5",
            "  h_sum{} 3 @5",
            "  h_count{} 2 @5",
            "  h_bucket{a=b,le=2} 1",
            "x unknown",
            "  x{} 1",
        ],
    ),
    ("# TYPE h histogram\nh_bucket 1\n", ["h histogram", "  h_count{} 0"]),
    (
        '# TYPE h histogram\nh{le="1"} 2\nh_count{le="7"} 2.5\n',
        ["h histogram", "  h_bucket{le=1} 2", "  h_count{} 2.5"],
    ),
    ('# TYPE h histogram\nh_bucket{le="1",le="2"} 1\n', ["h histogram", "  h_bucket{le=2} 1"]),
    (
        "h_count 1\n# TYPE h histogram\nh_count 2\nh_sum 1\n",
        ["h_count unknown", "  h_count{} 1", "  h_count{} 2", "h histogram", "  h_sum{} 1"],
    ),
    (
        '# TYPE s summary\ns{quantile="0.50"} 4\ns_count 2.9\ns_bucket{le="1"} 1\ns 3\n',
        ["s summary", "  s{quantile=0.5} 4", "  s_count{} 2", "s_bucket unknown", "  s_bucket{le=1} 1"],
    ),
    ('# TYPE s summary\ns{quantile="NaN"} 4\n', ["s summary", "  s_count{} 0"]),
    ('# TYPE g gaugehistogram\ng_bucket{le="1"} 4\n', ["g_bucket unknown", "  g_bucket{le=1} 4"]),
    (f'x{{a="{"b" * 600}"}} 1\n', ["x unknown", f"  x{{a={'b' * 600}}} 1"]),
]


@pytest.mark.parametrize(("body", "expected"), READ)
def test_what_is_read(body: str, expected: list[str]) -> None:
    """Families in the order in which they come up, histograms and summaries put together."""
    assert flat(read_text(body.encode())) == expected


REFUSED = [
    ("x 1", 1, "unexpected end of input stream"),
    ("x 1\n# EOF", 2, "unexpected end of input stream"),
    ("x 1\r\n", 1, r'expected float as value, got "1\r"'),
    ("\n\n\nx\n", 4, 'expected float as value, got ""'),
    ("x 1 \n", 1, 'expected integer as timestamp, got ""'),
    ("x 1 1.5\n", 1, 'expected integer as timestamp, got "1.5"'),
    ("x 1 1 a\\b\n", 1, 'spurious string after timestamp: " ab"'),
    ("x 1 1 a", 1, "unexpected end of input stream"),
    ('{"x"} 1\n', 1, "invalid metric name"),
    ('x{a="b",} y\n', 1, 'expected float as value, got "y"'),
    ("x { } y\n", 1, 'expected float as value, got "y"'),
    ("x{1} 1\n", 1, 'invalid label name for metric "x"'),
    ("x{a} 1\n", 1, "expected '=' after label name, found '}'"),
    ("x{a'b'} 1\n", 1, r"expected '=' after label name, found '\''"),
    ("x{a=b} 1\n", 1, "expected '\"' at start of label value, found 'b'"),
    ('x{a="b" c="d"} 1\n', 1, 'unexpected end of label value "b"'),
    ('x{a="b\n', 1, 'label value "b" contains unescaped new-line'),
    ('x{a="\\t"} 1\n', 1, r"invalid escape sequence '\t'"),
    ('x{a="b",a="c"} 1\n', 1, 'duplicate label names for metric "x"'),
    ('x{le="1",le="2"} 1\n', 1, 'duplicate label names for metric "x"'),
    ('x{__name__="b"} 1\n', 1, 'label name "__name__" is reserved'),
    ('# TYPE h histogram\nh_bucket{le="b"} 1\n', 2, "expected float as value for 'le' label, got \"b\""),
    ('# TYPE s summary\ns{quantile=""} 1\n', 2, "expected float as value for 'quantile' label, got \"\""),
    ('# TYPE h histogram\nh_bucket{a="1",a="2",le="3"} 1\n', 2, 'duplicate label names for metric "h"'),
    ("# TYPE h histogram\nh_count -1\n", 2, 'negative count for histogram "h"'),
    ('# TYPE h histogram\nh_bucket{le="1"} -1\n', 2, 'negative bucket population for histogram "h"'),
    ("# TYPE s summary\ns_count NaN\n", 2, 'expected a count for summary "s"'),
    ("# TYPE 1 gauge\n", 1, "invalid metric name in comment"),
    ("# HELP x-y gauge\n", 1, "invalid metric name in comment"),
    ("# HELP x \\t\n", 1, r"invalid escape sequence '\t'"),
    ("# HELP x \\", 1, "unexpected end of input stream"),
    ("# HELP x y\n# HELP x y\n", 2, 'second HELP line for metric name "x"'),
    ("x 1\n# TYPE x gauge\n", 2, 'second TYPE line for metric name "x", or TYPE reported after samples'),
    ("# TYPE x info\n", 1, 'unknown metric type "info"'),
    ("# TYPE x gauge", 1, "unexpected end of input stream"),
]


@pytest.mark.parametrize(("body", "line", "sentence"), REFUSED)
def test_the_first_bad_line_is_told(body: str, line: int, sentence: str) -> None:
    """One bad line refuses all of the body, in the words of the official parser."""
    with pytest.raises(BodyRefused) as refused:
        read_text(body.encode())
    assert str(refused.value) == f"text format parsing error in line {line}: {sentence}"


def test_text_that_is_no_unicode() -> None:
    """In a label it refuses the body, byte for byte in the message; in HELP it is made readable."""
    with pytest.raises(BodyRefused, match=r'invalid label value "ok\\xff\\u00a0"$'):
        read_text(b'x{a="ok\xff\xc2\xa0"} 1\n')
    with pytest.raises(BodyRefused, match=r"value, found 'ÿ'$"):
        read_text(b"x{a=\xff} 1\n")
    assert flat(read_text(b"# HELP x \xff\nx 1\n")) == ["x unknown \ufffd", "  x{} 1"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain", '"plain"'),
        (b'\a\b\t\n\v\f\r\\"', r'"\a\b\t\n\v\f\r\\\""'),
        (b"\x00\x1f\x7f'", '"\\x00\\x1f\\x7f\'"'),
        ("ü🙂\u2028\ufeff\U000e0001".encode(), '"ü🙂\\u2028\\ufeff\\U000e0001"'),
        (b"\xe2\x82a\xff", r'"\xe2\x82a\xff"'),
    ],
)
def test_quotes(text: bytes, shown: str) -> None:
    """What cannot be printed is escaped as Go's %q does."""
    assert quoted(text) == shown


def test_quoted_bytes() -> None:
    """A byte is shown as a character of its own."""
    assert [quoted_byte(byte) for byte in b"a\"'\n\x80\xe9"] == [
        "'a'",
        "'\"'",
        r"'\''",
        r"'\n'",
        r"'\u0080'",
        "'é'",
    ]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (100000.0, "100000"),
        (999999.5, "999999.5"),
        (1e6, "1e+06"),
        (-1234567.0, "-1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00012345, "0.00012345"),
        (0.00001, "1e-05"),
        (1e21, "1e+21"),
        (5e-324, "5e-324"),
        (0.1 + 0.2, "0.30000000000000004"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_bounds(number: float, shown: str) -> None:
    """Bounds are printed as Go prints them: a client's le="1000000" is le="1e+06" to whoever scrapes it."""
    assert float_text(number) == shown


@pytest.mark.parametrize(
    "text", ["", ".", "+", "1_0", "0x1", "0x1p2", "1p2", "1e", "+nan", " 1", "1\r", "٣", "1e999", "in"]
)
def test_what_is_no_number(text: str) -> None:
    """Neither Python's liberties nor Go's hexadecimal forms; nothing beyond 64 bits."""
    assert number_of(text.encode()) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("+1.", 1),
        ("-.5", -0.5),
        ("1E-3", 0.001),
        ("1e-999", 0),
        ("iNf", math.inf),
        ("-INFINITY", -math.inf),
    ],
)
def test_what_is_a_number(text: str, number: float) -> None:
    """All that Go's parser takes."""
    assert number_of(text.encode()) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5000 + "1", 1),
        ("9223372036854775808", None),
        ("1" * 20, None),
        ("1_0", None),
        ("", None),
        ("+", None),
    ],
)
def test_timestamps(text: str, number: int | None) -> None:
    """Decimal integers of 64 bits."""
    assert integer_of(text.encode()) == number


HOSTILE = [
    b"x{" + b'a="b",' * 100_000,
    b"x{" + b",".join(b'a%d="b"' % number for number in range(50_000)) + b"} y\n",
    b'x{a="' + b"\\\\" * 300_000 + b"\n",
    b" \t" * 300_000 + b"x" + b" \t" * 300_000 + b"\n",
    b"x " + b"0" * 500_000 + b" " + b"0" * 500_000 + b"x\n",
    b"x 1 " + b"1" * 500_000 + b"\n",
    b"# HELP x " + b"\\\\" * 300_000 + b"\\\n",
    b"#" * 500_000 + b"\n" + b"{" * 500_000 + b"\n",
    b"x" * 500_000 + b"{" + b"a" * 500_000,
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_lines(body: bytes) -> None:
    """Half a megabyte made to be slow is refused like any other."""
    with pytest.raises(BodyRefused, match=r"^text format parsing error in line [12]: "):
        read_text(body)


def read_whole(body: bytes) -> tuple[tuple[FamilySamples, ...], str]:
    """The families of a body made whole, or why there are none."""
    try:
        return whole(read_text(body)), ""
    except BodyRefused as error:
        return (), str(error)


def samples(families: Iterable[FamilySamples]) -> list[PrintedSample]:
    """All samples in their order."""
    return [sample for group in families for sample in group.samples]


def samples_of(families: tuple[FamilySamples, ...]) -> list[Any]:
    """All samples, comparable and sorted."""
    return given_samples(list(families))


@settings(max_examples=100, deadline=None)
@given(tidy())
def test_a_printed_family_is_read_back(group: FamilySamples) -> None:
    """read(print(x)) is x: name, type, help (blanks before it are no part of it) and all samples."""
    (lone,) = unique([group])
    (read,) = read_text(text.encode([lone]))
    own = lone.family
    metric_type = GAUGE if own.type is MetricType.INFO else own.type
    assert read.family == Family(own.name, metric_type, own.help.lstrip(" \t"))
    assert samples_of((read,)) == samples_of((lone,))
    assert samples_of(whole((read,))) == samples_of((lone,))


@settings(max_examples=100, deadline=None)
@given(st.lists(tidy(), max_size=4).map(unique))
def test_a_printed_document_is_read_back(document: list[FamilySamples]) -> None:
    """However the names of families clash, each sample is read back."""
    assert samples_of(read_text(text.encode(document))) == samples_of(tuple(document))


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS)
def test_anything_printed_is_read_or_refused_for_a_bound(document: list[FamilySamples]) -> None:
    """Printed, and not taken: only a bound that is no number, and a summary's own line without a bound."""
    families, refusal = read_whole(text.encode(document))
    bad = ("'le'", "'quantile'", " for histogram ", " for summary ")
    assert not refusal or any(word in refusal for word in bad)
    summaries = {group.family.name for group in document if group.family.type is SUMMARY}
    names = {one.name for one in samples(document)} - summaries
    assert refusal or names <= {one.name for one in samples(families)}


PIECES = st.sampled_from(
    [
        b"x",
        b"h_bucket",
        b"# TYPE h histogram\n",
        b"# HELP x",
        b"{",
        b"}",
        b'le="1"',
        b'a="\\n"',
        b",",
        b" ",
        b"1",
        b"\n",
        b"\\",
        b'"',
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=3), max_size=30).map(b"".join))
def test_any_bytes(body: bytes) -> None:
    """Any bytes give families with unique names that are whole, or BodyRefused."""
    families, refusal = read_whole(body)
    assert not refusal or refusal.startswith("text format parsing error in line ")
    assert len({group.family.name for group in families}) == len(families)
    assert samples_of(whole(families)) == samples_of(families)


# Made whole


WHOLE = [
    (
        family("h", HISTOGRAM, ("_bucket", (("le", "10"),), 2.0), ("_bucket", (("le", "9"),), 1.0)),
        [
            "  h_bucket{le=9} 1",
            "  h_bucket{le=10} 2",
            "  h_bucket{le=+Inf} 0",
            "  h_sum{} 0",
            "  h_count{} 0",
        ],
    ),
    (
        family("h", HISTOGRAM, ("_count", (("z", "1"),), 4.0)),
        ["  h_bucket{le=+Inf,z=1} 4", "  h_sum{z=1} 0", "  h_count{z=1} 4"],
    ),
    (
        family("h", HISTOGRAM, ("_bucket", (("le", "+Inf"),), 2.0), ("_created", (), 5.0), ("_sum", (), 3.0)),
        ["  h_bucket{le=+Inf} 2", "  h_sum{} 3", "  h_count{} 0", "  h_created{} 5"],
    ),
    (family("h", HISTOGRAM, ("_created", (), 5.0)), ["  h_created{} 5"]),
    (
        family("h", HISTOGRAM, ("_bucket", (("le", "odd"),), 2.0), ("_count", (), 2.0)),
        ["  h_bucket{le=odd} 2", "  h_bucket{le=+Inf} 2", "  h_sum{} 0", "  h_count{} 2"],
    ),
    (
        family("s", SUMMARY, ("", (("quantile", "0.9"),), 2.0), ("", (("quantile", "0.5"),), 1.0)),
        ["  s{quantile=0.5} 1", "  s{quantile=0.9} 2", "  s_sum{} 0", "  s_count{} 0"],
    ),
    (family("x", COUNTER), ["  x{} 1"]),
    (histogram("h"), ["  h_bucket{le=1} 2", "  h_bucket{le=+Inf} 3", "  h_sum{} 2.5", "  h_count{} 3"]),
]


@pytest.mark.parametrize(("group", "expected"), WHOLE)
def test_whole(group: FamilySamples, expected: list[str]) -> None:
    """+Inf, sum and count are always there, bounds in order of their numbers, the rest as it was."""
    assert flat(whole([group]))[1:] == expected


def test_what_is_added_has_the_time_of_the_rest() -> None:
    """A histogram has one timestamp."""
    given_one = FamilySamples(Family("h", HISTOGRAM), (PrintedSample("h_sum", (), 1.0, 7),))
    (group,) = whole([given_one])
    assert [sample.timestamp_ms for sample in group.samples] == [7, 7, 7]


INCONSISTENCIES = [
    (
        [family("x", GAUGE, ("", (("a", "b"),), 1.0), ("", (("a", "b"),), 2.0))],
        'collected metric "x" {a="b"} was collected before with the same name and label values',
    ),
    (
        [histogram("h"), family("h_sum", UNKNOWN)],
        'collected metric named "h_sum" collides with previously collected histogram named "h"',
    ),
    (
        [family("s_count", GAUGE), family("s", SUMMARY, ("_sum", (), 1.0))],
        'collected metric named "s_count" collides with previously collected summary named "s"',
    ),
    (
        [family("x", GAUGE, ("", (("__a", "b\n"),), 1.0))],
        'collected metric "x" {__a="b\\n"} has a label with an invalid name: __a',
    ),
    (
        [family("x", GAUGE), family("y", GAUGE, ("", (("a.b", "c"),), 1.0))],
        'collected metric "y" {a.b="c"} has a label with an invalid name: a.b',
    ),
]


@pytest.mark.parametrize(("families", "sentence"), INCONSISTENCIES)
def test_inconsistent_families(families: list[FamilySamples], sentence: str) -> None:
    """A series twice, names that clash and label names that nothing may have, in the gateway's words."""
    with pytest.raises(BodyRefused) as refused:
        demand_consistent(families)
    assert str(refused.value) == INCONSISTENT + sentence


def test_consistent_families() -> None:
    """A summary takes no bucket, and a gauge takes nothing but its name."""
    demand_consistent([family("x", GAUGE, ("", (("a", "1"),), 1.0), ("", (("a", "2"),), 1.0))])
    demand_consistent(
        [family("s", SUMMARY), family("s_bucket", GAUGE), family("x", GAUGE), family("x_sum", GAUGE)]
    )
