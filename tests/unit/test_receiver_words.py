"""The receiver's numbers, names and lines read well: units, families, plots."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from pushvar.model import STALE_BITS, MetricType
from pushvar.receiver import plot, units
from pushvar.receiver.decode import Sample, bits_of
from pushvar.receiver.families import family_of, is_cumulative, series_text, stated_family
from pushvar.receiver.frame import duration_text
from pushvar.receiver.markup import Markup, breakable, el, text
from pushvar.receiver.naming import order, short_names
from pushvar.receiver.queries import SeriesInfo


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "bytes", "0 B"),
        (1023, "bytes", "1,023 B"),
        (3.5 * 2**20, "bytes", "3.5 MiB"),
        (2.0**63, "bytes", "8 EiB"),
        (0, "seconds", "0 s"),
        (0.000_000_25, "seconds", "250 ns"),
        (0.000_547, "seconds", "547 µs"),
        (0.0123, "seconds", "12.3 ms"),
        (1.5, "seconds", "1.5 s"),
        (90, "seconds", "1.5 min"),
        (7200, "seconds", "2 h"),
        (12, "time", "12 s"),
        (99_999, "", "99,999"),
        (1_234_567, "", "1.23 M"),
        (-1_234_567, "", "-1.23 M"),
        (0.25, "", "0.25"),
        (0.000_012_3, "", "1.23e-05"),
        (math.nan, "bytes", "NaN"),
        (math.inf, "", "+Inf"),
        (-math.inf, "seconds", "-Inf"),
    ],
)
def test_a_value_is_humanised_in_its_unit(value: float, unit: str, words: str) -> None:
    """About three digits, and the unit that fits the size."""
    assert units.humanise(value, unit) == words


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("go_memstats_alloc_bytes", "bytes"),
        ("go_memstats_alloc_bytes_total", "bytes"),
        ("http_request_duration_seconds", "seconds"),
        ("http_request_duration_seconds_sum", "seconds"),
        ("http_request_duration_seconds_count", ""),
        ("http_request_duration_seconds_bucket", ""),
        ("process_start_time_seconds", "time"),
        ("push_timestamp_seconds", "time"),
        ("go_goroutines", ""),
    ],
)
def test_the_unit_is_read_off_the_name(name: str, unit: str) -> None:
    """A suffix of the type stands after the unit; counts have none."""
    assert units.unit_of(name) == unit


def test_exact_values_lose_nothing() -> None:
    """Whole numbers are written out, others with every digit."""
    assert units.exact(9_007_199_254_740_991.0) == "9,007,199,254,740,991"
    assert units.exact(0.1 + 0.2) == "0.30000000000000004"
    assert units.exact(1e300) == "1e+300"


def test_times_and_lengths_are_words() -> None:
    """Ages in whole units, lengths of time in their largest one."""
    assert [units.age_text(age) for age in (-5, 900, 61_000, 7_200_000)] == [
        "0 s ago",
        "0 s ago",
        "61 s ago",
        "2 h ago",
    ]
    assert [duration_text(length) for length in (3600, 6 * 3600, 86400, 600, 90)] == [
        "1 hour",
        "6 hours",
        "1 day",
        "10 minutes",
        "90 seconds",
    ]


def test_families_follow_the_types_that_were_stated() -> None:
    """A suffix is taken off only where the stated type allows it."""
    types = {"rpc_seconds": "histogram", "queue_count": "gauge", "jobs": "counter"}
    names = ("rpc_seconds_bucket", "rpc_seconds_total", "queue_count", "jobs_total", "other_sum")
    assert [family_of(name, types) for name in names] == [
        "rpc_seconds",
        "rpc_seconds_total",
        "queue_count",
        "jobs",
        "other_sum",
    ]
    assert [is_cumulative(name, types) for name in names] == [True, True, False, True, False]
    assert stated_family("rpc_seconds_sum", "summary") == "rpc_seconds"
    assert stated_family("rpc_seconds_sum", "gauge") == "rpc_seconds_sum"


def test_a_series_is_one_line_of_text() -> None:
    """Quotes, backslashes and newlines are escaped, so that an answer stays one line per violation."""
    assert series_text((("__name__", "up"),)) == "up"
    assert series_text((("__name__", "a"), ("b", 'x"\\\n\r'))) == 'a{b="x\\"\\\\\\n\\r"}'
    assert series_text((("b", "1"),)) == '{b="1"}'
    assert series_text(()) == "{}"
    assert series_text((("__name__", "a"), ("b\n", "\u2028\u202e\x00é"))) == 'a{b\\n="\\u2028\\u202e\\x00é"}'


def test_what_is_not_markup_is_escaped() -> None:
    """Text, attributes and breakable text alike."""
    assert text('<a href="x">&') == "&lt;a href=&quot;x&quot;&gt;&amp;"
    assert el("p", Markup("<b></b>"), "<i>", class_='"', hidden=True, title=None) == (
        '<p class="&quot;" hidden><b></b>&lt;i&gt;</p>'
    )
    assert breakable("<a{b,c>") == "&lt;a{<wbr>b,<wbr>c&gt;"
    assert text("a\x00b\x1fc\n") == "a\ufffdb\ufffdc\n"


def samples(*values: float | None) -> list[Sample]:
    """One sample per second; None is a stale marker."""
    return [
        Sample(1000 * index, STALE_BITS if value is None else bits_of(value))
        for index, value in enumerate(values)
    ]


def test_stale_markers_and_nan_break_a_line() -> None:
    """What lies between them are the pieces; nothing is drawn across."""
    assert plot.segments(samples(1, 2, None, None, 3, math.nan, math.inf, 4)) == [
        [(0, 1), (1000, 2)],
        [(4000, 3)],
        [(7000, 4)],
    ]
    assert plot.segments([]) == []


def test_a_rate_survives_a_restart_of_the_counter() -> None:
    """A counter that falls has grown from zero; a gap has no rate."""
    assert plot.rates(plot.segments(samples(1, 3, 1, None, 5))) == [[(1000, 2.0), (2000, 1.0)]]


def test_thinning_keeps_spikes_and_order() -> None:
    """Of ten thousand points at most the limit is left, the extremes among them."""
    piece: list[plot.Point] = [(float(index), 0.0) for index in range(10_000)]
    piece[5_000] = (5_000.0, 9.0)
    kept = plot.thin(piece, 100)
    assert len(kept) <= 100
    assert (5_000.0, 9.0) in kept
    assert all(before < after for before, after in pairwise(time for time, _ in kept))


@pytest.mark.parametrize(
    ("low", "high", "binary", "ticks"),
    [
        (0, 95, False, [0, 50, 100]),
        (0, 4, False, [0, 1, 2, 3, 4]),
        (-3, 3, False, [-4, -2, 0, 2, 4]),
        (0, 3 * 2**20, True, [0, 2**20, 2 * 2**20, 3 * 2**20]),
    ],
)
def test_value_ticks_are_round(low: float, high: float, binary: bool, ticks: list[float]) -> None:  # noqa: FBT001
    """They enclose the values; bytes step by powers of two."""
    assert plot.value_ticks(low, high, binary=binary) == ticks


def test_time_ticks_are_round_and_few() -> None:
    """Whatever the span, a handful of ticks inside it at whole minutes, hours or days."""
    for length_s in (1, 59, 600, 7200, 86400, 10 * 86400):
        span_ms = (1_790_000_000_123.0, 1_790_000_000_123.0 + length_s * 1000)
        ticks = plot.time_ticks(span_ms)
        assert len(ticks) <= 11
        assert all(span_ms[0] <= tick <= span_ms[1] for tick in ticks)
        assert all(tick % 1000 == 0 for tick in ticks)


def info(name: str, family: str, **labels: str) -> SeriesInfo:
    """A series as the store would describe it."""
    pairs = tuple(sorted({"__name__": name, **labels}.items()))
    return SeriesInfo(1, name, pairs, family, MetricType.UNKNOWN, "", cumulative=False, latest=Sample(0, 0))


def test_series_of_a_family_are_told_apart_by_what_differs() -> None:
    """Labels that go with the instance are left out, unless two series would then look the same."""
    two = [info("up", "up", instance=name, job=name, customer_id=name) for name in ("a", "b")]
    assert short_names(two) == [("", "a"), ("", "b")]
    clash = [info("up", "up", instance="a", job=job) for job in ("x", "y")]
    assert short_names(clash) == [("job=x", "a"), ("job=y", "a")]
    bucket = info("h_bucket", "h", instance="a", le="1")
    assert short_names([bucket, info("h_sum", "h", instance="a")]) == [("_bucket le=1", "a"), ("_sum", "a")]


def test_buckets_stand_in_the_order_of_their_bounds() -> None:
    """By number, not by text; a bound that is no number comes last."""
    bounds = ("10", "+Inf", "2", "odd")
    rows = [info("h_bucket", "h", instance="a", le=bound) for bound in bounds]
    assert [dict(one.labels)["le"] for one in sorted(rows, key=order)] == ["2", "10", "+Inf", "odd"]
