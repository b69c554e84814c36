"""The two exposition printers, byte by byte."""

from __future__ import annotations

import math

import pytest
from pushvar.errors import EncodeError
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample, openmetrics, text
from pushvar.wire.exposition.escape import value_text

from tests.unit.exposition_families import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    INFO,
    SUMMARY,
    UNKNOWN,
    family,
    histogram,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-17.0, "-17"),
        (1e15, "1000000000000000"),
        (2.0**53, "9007199254740992"),
        (2.0**53 + 2, "9007199254740994.0"),
        (-(2.0**60), "-1.152921504606847e+18"),
        (1e16, "1e+16"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (2.5e-08, "2.5e-08"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
        (7, "7"),
        (2**53 + 1, "9007199254740992.0"),
    ],
)
def test_values(value: float, expected: str) -> None:
    """Integers are plain as long as they are exact, everything else is the shortest that reads back."""
    assert value_text(value) == expected


DOCUMENT = (
    FamilySamples(
        Family("http_requests_total", COUNTER, 'Requests, "all"\nof \\them', ""),
        (
            PrintedSample("http_requests_total", (("code", "200"), ("path", 'a"b\\c\nd')), 12.0),
            PrintedSample("http_requests_total", (("code", "500"), ("path", "/")), 0.5, 1_700_000_000_123),
        ),
    ),
    FamilySamples(Family("heap_bytes", GAUGE, "", "bytes"), (PrintedSample("heap_bytes", (), -1.0, -1_500),)),
    FamilySamples(Family("build_info", INFO, "Version."), (PrintedSample("build_info", (("v", "1"),), 1.0),)),
    FamilySamples(Family("thing", UNKNOWN), (PrintedSample("thing", (), math.nan, 2_000),)),
    FamilySamples(Family("empty", GAUGE, "Not printed."), ()),
)


def test_text_document() -> None:
    """The text format: HELP when there is one, its own words for unknown and info, milliseconds, LF."""
    assert text.encode(DOCUMENT).decode() == (
        '# HELP http_requests_total Requests, "all"\\nof \\\\them\n'
        "# TYPE http_requests_total counter\n"
        'http_requests_total{code="200",path="a\\"b\\\\c\\nd"} 12\n'
        'http_requests_total{code="500",path="/"} 0.5 1700000000123\n'
        "# TYPE heap_bytes gauge\n"
        "heap_bytes -1 -1500\n"
        "# HELP build_info Version.\n"
        "# TYPE build_info gauge\n"
        'build_info{v="1"} 1\n'
        "# TYPE thing untyped\n"
        "thing NaN 2000\n"
    )


def test_openmetrics_document() -> None:
    """OpenMetrics: family names without the sample suffix, UNIT, seconds, quotes escaped in HELP, EOF."""
    assert openmetrics.encode(DOCUMENT).decode() == (
        '# HELP http_requests Requests, \\"all\\"\\nof \\\\them\n'
        "# TYPE http_requests counter\n"
        'http_requests_total{code="200",path="a\\"b\\\\c\\nd"} 12\n'
        'http_requests_total{code="500",path="/"} 0.5 1700000000.123\n'
        "# TYPE heap_bytes gauge\n"
        "# UNIT heap_bytes bytes\n"
        "heap_bytes -1 -1.500\n"
        "# HELP build Version.\n"
        "# TYPE build info\n"
        'build_info{v="1"} 1\n'
        "# TYPE thing unknown\n"
        "thing NaN 2\n"
        "# EOF\n"
    )


def test_nothing_to_print() -> None:
    """An empty document is empty text, and in OpenMetrics its end mark."""
    assert (text.encode(()), openmetrics.encode(())) == (b"", b"# EOF\n")


def test_histogram_and_summary() -> None:
    """Both formats print their samples under the family's name, groups together, bounds in order."""
    summary = family(
        "s",
        SUMMARY,
        ("_count", (), 2.0),
        ("", (("quantile", "0.9"),), 5.0),
        ("", (("quantile", "0.5"),), 4.0),
    )
    assert text.encode([summary, histogram("h")]).decode() == (
        '# TYPE s summary\ns{quantile="0.5"} 4\ns{quantile="0.9"} 5\ns_count 2\n'
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 2.5\nh_count 3\n'
    )
    assert openmetrics.encode([summary, histogram("h")]).decode() == (
        '# TYPE s summary\ns{quantile="0.5"} 4\ns{quantile="0.9"} 5\ns_count 2\n'
        '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 2.5\nh_count 3\n# EOF\n'
    )


CORNERS = [
    # (families, text 0.0.4, OpenMetrics 1.0 without its end mark)
    ([family("x_total", COUNTER)], "# TYPE x_total counter\nx_total 1\n", "# TYPE x counter\nx_total 1\n"),
    ([family("x", COUNTER)], "# TYPE x counter\nx 1\n", "# TYPE x unknown\nx 1\n"),
    (
        [family("x_total", COUNTER), FamilySamples(Family("x", GAUGE), (PrintedSample("x", (), 2.0),))],
        "# TYPE x_total counter\nx_total 1\n# TYPE x gauge\nx 2\n",
        "# TYPE x_total unknown\nx_total 1\n# TYPE x gauge\nx 2\n",
    ),
    (
        [family("x", COUNTER, ("_total", (), 1.0), ("_created", (), 5.5))],
        "# TYPE x_total counter\nx_total 1\n# TYPE x_created gauge\nx_created 5.5\n",
        "# TYPE x counter\nx_total 1\nx_created 5.5\n",
    ),
    (
        [
            FamilySamples(
                Family("x_total", COUNTER, "H"),
                tuple(PrintedSample(f"x_{end}", (("a", "b"),), 1.0) for end in ("total", "created")),
            )
        ],
        (
            '# HELP x_total H\n# TYPE x_total counter\nx_total{a="b"} 1\n'
            '# HELP x_created H\n# TYPE x_created gauge\nx_created{a="b"} 1\n'
        ),
        '# HELP x H\n# TYPE x counter\nx_total{a="b"} 1\nx_created{a="b"} 1\n',
    ),
    (
        [
            family(
                "x",
                HISTOGRAM,
                ("_bucket", (("le", "+Inf"),), 1.0),
                ("_bucket", (("le", "10"),), 1.0),
                ("_bucket", (("le", "9"),), 0.0),
                ("_created", (), 5.0),
            )
        ],
        (
            '# TYPE x histogram\nx_bucket{le="9"} 0\nx_bucket{le="10"} 1\nx_bucket{le="+Inf"} 1\n'
            "# TYPE x_created gauge\nx_created 5\n"
        ),
        '# TYPE x histogram\nx_bucket{le="9"} 0\nx_bucket{le="10"} 1\nx_bucket{le="+Inf"} 1\nx_created 5\n',
    ),
    (
        [family("x", HISTOGRAM, ("_created", (), 5.0)), family("x_created", GAUGE, ("", (("a", "b"),), 1.0))],
        '# TYPE x_created untyped\nx_created 5\nx_created{a="b"} 1\n',
        '# TYPE x_created unknown\nx_created 5\nx_created{a="b"} 1\n',
    ),
    (
        [
            family(
                "x",
                SUMMARY,
                ("_sum", (("a", "1"),), 1.0),
                ("_sum", (("a", "2"),), 2.0),
                ("_count", (("a", "1"),), 3.0),
                ("_count", (("a", "2"),), 4.0),
            )
        ],
        '# TYPE x summary\nx_sum{a="1"} 1\nx_count{a="1"} 3\nx_sum{a="2"} 2\nx_count{a="2"} 4\n',
        '# TYPE x summary\nx_sum{a="1"} 1\nx_count{a="1"} 3\nx_sum{a="2"} 2\nx_count{a="2"} 4\n',
    ),
    (
        [family("x", SUMMARY, ("", (("quantile", "high"),), 1.0), ("", (("quantile", "0.5"),), 2.0))],
        '# TYPE x summary\nx{quantile="high"} 1\nx{quantile="0.5"} 2\n',
        '# TYPE x unknown\nx{quantile="high"} 1\nx{quantile="0.5"} 2\n',
    ),
    (
        [family("x_info", INFO, ("", (("v", "1"),), 1.0))],
        '# TYPE x_info gauge\nx_info{v="1"} 1\n',
        '# TYPE x info\nx_info{v="1"} 1\n',
    ),
    (
        [FamilySamples(Family("x", UNKNOWN), (PrintedSample("x", (), 1.0, 1),))],
        "# TYPE x untyped\nx 1 1\n",
        "# TYPE x unknown\nx 1 0.001\n",
    ),
]


@pytest.mark.parametrize(("families", "as_text", "as_openmetrics"), CORNERS)
def test_corners(families: list[FamilySamples], as_text: str, as_openmetrics: str) -> None:
    """_total, _created, order of bounds, groups, info, unknown and times, as each format wants them."""
    assert text.encode(families).decode() == as_text
    assert openmetrics.encode(families).decode() == as_openmetrics + "# EOF\n"


@pytest.mark.parametrize(
    ("name", "metric_type", "unit", "printed"),
    [
        ("a_bytes", GAUGE, "bytes", True),
        ("a_bytes_total", COUNTER, "bytes", True),
        ("a_total_bytes", COUNTER, "bytes", True),  # an unknown family, since _total is missing
        ("a_bytesize", GAUGE, "bytes", False),
        ("bytes", GAUGE, "bytes", False),
        ("a_kilobytes", GAUGE, "bytes", False),
        ("a_bytes_info", INFO, "bytes", False),
        ("a_bytes", GAUGE, "", False),
    ],
)
def test_unit(name: str, metric_type: MetricType, unit: str, *, printed: bool) -> None:
    """UNIT stands only where the family's name ends in it, and never for info; the text format has none."""
    group = FamilySamples(Family(name, metric_type, unit=unit), (PrintedSample(name, (), 1.0),))
    assert (b"# UNIT" in openmetrics.encode([group])) is printed
    assert b"# UNIT" not in text.encode([group])


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (FamilySamples(Family("x", "stateset"), family("x", GAUGE).samples), "family 'x' has no type"),  # type: ignore[arg-type]
        (FamilySamples(Family("x", None), family("x", GAUGE).samples), "family 'x' has no type"),  # type: ignore[arg-type]
        (FamilySamples(Family("1x", GAUGE), ()), "'1x' is no metric name"),
        (family("1x", GAUGE), "'1x' is no metric name"),
        (family("", GAUGE), "'' is no metric name"),
        (family("x\n", GAUGE), "is no metric name"),
        (family("ü", GAUGE), "is no metric name"),
        (FamilySamples(Family("x", GAUGE), (PrintedSample("x y", (), 1.0),)), "family 'x': 'x y' is no"),
        (family("x", GAUGE, ("", (("a-b", "c"),), 1.0)), "family 'x': 'a-b' is no label name"),
        (family("x", GAUGE, ("", (("__name__", "x"),), 1.0)), "'__name__' is no label name"),
        (family("x", GAUGE, ("", (("a:b", "c"),), 1.0)), "'a:b' is no label name"),
        (family("x", GAUGE, ("", (("a", "\ud800"),), 1.0)), "family 'x': label a: .* UTF-8"),
        (FamilySamples(Family("x", GAUGE, "\udfff"), family("x", GAUGE).samples), "'x': HELP: .* UTF-8"),
    ],
)
def test_what_cannot_be_printed(group: FamilySamples, message: str) -> None:
    """No type, an illegal name and text that is no Unicode are refused by both, with the place."""
    for encode in (text.encode, openmetrics.encode):
        with pytest.raises(EncodeError, match=message):
            encode([group])


def test_a_family_that_comes_twice_is_refused() -> None:
    """Samples of one family belong together; parsers refuse a second header."""
    for encode in (text.encode, openmetrics.encode):
        with pytest.raises(EncodeError, match="'x' comes twice"):
            encode([family("x", GAUGE), family("x", COUNTER)])
