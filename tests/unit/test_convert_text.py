"""Exposition text to series: names, families, times; warm scrapes read values only and refuse other lines."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.convert.converter import Converted, Converter, Limits
from pushvar.convert.input_format import InputFormat
from pushvar.convert.mapping import built_in
from pushvar.convert.plan import Stamp, labelled_rows
from pushvar.errors import FetchError
from pushvar.model import Family, Labels, MetricType, Repair, Target
from pushvar.wire.exposition.parse import parse
from pushvar.wire.proto import prometheus_v1_pb2

from tests.work import calls

TEXT = InputFormat("prometheus")
AUTO = InputFormat("auto")
RULES = built_in("auto")
STAMP = Stamp(
    Target("key", "pay", "http://10.0.0.1:80/metrics", (("instance", "10.0.0.1:80"), ("job", "pay")))
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

DOCUMENT = b"""\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200"} 12
http_requests_total{code="500"} 0.5
# TYPE latency_seconds histogram
latency_seconds_bucket{le="1"} 2
latency_seconds_bucket{le="+Inf"} 3
latency_seconds_sum 2.5
latency_seconds_count 3
loose -1
"""


def convert(body: bytes, form: InputFormat = TEXT, content_type: str = "") -> Converted:
    """One conversion by a converter that has seen nothing."""
    return Converter().convert(STAMP, body, RULES, form=form, content_type=content_type)


def numbers(converted: Converted) -> dict[tuple[str, Labels], float]:
    """Every series of a conversion but the health ones, with its value."""
    values = struct.unpack(f"<{len(converted.values) // 8}d", converted.values)
    rows = converted.plan.shape.rows
    return {(row.name, row.labels): value for row, value in zip(rows, values, strict=True)}


def families(converted: Converted) -> dict[str, MetricType]:
    """Family name to type."""
    return {family.name: family.type for family in converted.plan.shape.families}


def test_a_document() -> None:
    """Every sample is a series under its own name; families and types are those of its TYPE lines."""
    converted = convert(DOCUMENT)
    assert numbers(converted) == {
        ("http_requests_total", (("code", "200"),)): 12,
        ("http_requests_total", (("code", "500"),)): 0.5,
        ("latency_seconds_bucket", (("le", "1"),)): 2,
        ("latency_seconds_bucket", (("le", "+Inf"),)): 3,
        ("latency_seconds_sum", ()): 2.5,
        ("latency_seconds_count", ()): 3,
        ("loose", ()): -1,
    }
    assert converted.plan.shape.families == (
        Family("http_requests_total", MetricType.COUNTER, "Requests."),
        Family("latency_seconds", MetricType.HISTOGRAM),
        Family("loose", MetricType.UNKNOWN),
    )
    assert (converted.repairs, converted.times_ms, converted.added) == ((), (), 7)


def test_openmetrics_names_families_as_its_samples_are_named() -> None:
    """A counter is one family in both formats, and so is info; their suffixes are not lost."""
    converted = convert(
        b'# TYPE a counter\na_total 1\na_created 5\n# TYPE b info\nb_info{v="1"} 1\n# TYPE c stateset\n'
        b'c{c="on"} 1\n# TYPE d gaugehistogram\nd_gcount 1\n# EOF\n'
    )  # fmt: skip
    assert families(converted) == {
        "a_total": MetricType.COUNTER,
        "b_info": MetricType.INFO,
        "c": MetricType.GAUGE,
        "d": MetricType.UNKNOWN,
    }
    assert set(numbers(converted)) == {
        ("a_total", ()), ("a_created", ()), ("b_info", (("v", "1"),)), ("c", (("c", "on"),)),
        ("d_gcount", ()),
    }  # fmt: skip


def test_one_family_of_a_name() -> None:
    """Two declarations that come to one name give one family: the first sample's."""
    converted = convert(b"# TYPE a counter\n# TYPE a_total gauge\na_total 1\na_created 2\n# EOF\n")
    assert families(converted) == {"a_total": MetricType.GAUGE}


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"x 1\n", "", True),
        (b"# TYPE x gauge\nx 1\n", "", True),
        (b'  {"x": 1}', "", False),
        (b'{"x.y", a="b"} 1\n', "text/plain; version=0.0.4; charset=utf-8", True),
        (b'{"x.y", a="b"} 1\n', OPENMETRICS, True),
        (b"", "application/openmetrics-text", True),
        (b"<html>", "text/html", False),
        (b"[1, 2]", "", False),
        (b"12", "", False),
        (b'"text"', "", False),
        (b"", "", False),
        (b"null", "text/plain", False),
    ],
)
def test_auto_tells_the_formats_apart(body: bytes, content_type: str, *, text: bool) -> None:
    """A JSON object is expvar, and so is what is no document of either; everything else is text."""
    assert AUTO.is_text(body, content_type) is text
    assert TEXT.is_text(body, content_type)
    assert not InputFormat("expvar").is_text(body, content_type)


def test_a_target_may_change_its_format() -> None:
    """With format auto a body is what it is, whatever the last one was."""
    converter = Converter()
    for body, name in ((b"x 1\n", "x"), (b'{"y": 2}', "y"), (b"x 3\n", "x"), (b'{"y": 4}', "y")):
        converted = converter.convert(STAMP, body, RULES, form=AUTO)
        assert [key for key, _ in numbers(converted)] == [name]


@pytest.mark.parametrize("body", [b"<html>\n<p>Sign in</p>\n</html>", b'{"a": 1}', b"OK", b"\xff\xfe\x00"])
def test_what_is_no_text_at_all_fails_the_scrape(body: bytes) -> None:
    """Not one sample in it: the target is down, and the first bad line says why."""
    with pytest.raises(FetchError, match="no Prometheus text: line 1") as raised:
        convert(body)
    assert raised.value.reason == "bad_format"


def test_an_empty_document_is_a_good_one() -> None:
    """A program without metrics is up, as in Prometheus."""
    assert numbers(convert(b"")) == numbers(convert(b"# nothing yet\n")) == {}


def test_what_gives_no_series_is_reported() -> None:
    """Duplicates and names of health series are left out with their line; a bad line is always reported."""
    converter = Converter()
    body = b"x 1\nx 2\nup 1\ny <no value>\nz 3\n"
    for _ in range(2):
        converted = converter.convert(STAMP, body, RULES, form=TEXT)
        assert numbers(converted) == {("x", ()): 1, ("z", ()): 3}
        assert converted.repairs == (Repair("bad_value", "line 4"),)
        assert {one.path: one.reason for one in converted.plan.shape.skipped} == {
            "line 2": "duplicate of an earlier x",
            "line 3": "up is a health series",
        }


def test_a_type_that_another_target_gave_stays() -> None:
    """Two targets that disagree: the first type is what backends are told, the second is reported."""
    converter = Converter()
    other = Stamp(Target("other", "pay", "", (("instance", "b"), ("job", "pay"))))
    converter.convert(STAMP, b"# TYPE x counter\nx 1\ny 1\n", RULES, form=TEXT)
    for _ in range(2):
        second = converter.convert(other, b"# TYPE x gauge\n# TYPE y gauge\nx 1\ny 1\n", RULES, form=TEXT)
        assert second.repairs == (Repair("type_conflict", "x: gauge here, counter elsewhere"),)
    assert converter.families["x"].type == MetricType.COUNTER


def test_own_times() -> None:
    """A sample keeps its own time, in ms or seconds by format, unless the job says otherwise."""
    body = b"x 1 1700000000123\ny 2\n"
    assert convert(body).times_ms == (1_700_000_000_123, None)
    assert convert(body, InputFormat("prometheus", honor_timestamps=False)).times_ms == ()
    assert convert(b"x 1 1700000000.5\ny 2\n# EOF\n").times_ms == (1_700_000_000_500, None)


def test_a_time_that_cannot_be_sent_costs_its_sample() -> None:
    """Before 1970 or after 2109: left out and reported; without own times it is as good as any."""
    body = b"x 1 -1\ny 2 99999999999999\nz 3\n"
    converted = convert(body)
    assert list(numbers(converted)) == [("z", ())]
    assert {one.reason for one in converted.plan.shape.skipped} == {"its timestamp lies outside 1970..2109"}
    assert len(numbers(convert(body, InputFormat("prometheus", honor_timestamps=False)))) == 3


def test_a_sample_comes_back_with_a_time_that_can_be_sent() -> None:
    """A refused time is looked at anew in every scrape, and so is the unit that an exemplar decides."""
    converter = Converter()
    for body, times_ms in (
        (b"x 1 -1\ny 2\n", ()),
        (b"x 1 1700000000000\ny 2\n", (1_700_000_000_000, None)),
        (b"x 1\ny 2\n", ()),
        (b'x 1 1700000000\ny 2 # {t="1"} 1\n', (1_700_000_000_000, None)),
        (b"x 1 1700000000000\ny 2\n", (1_700_000_000_000, None)),
    ):
        converted = converter.convert(STAMP, body, RULES, form=TEXT)
        assert converted.times_ms == times_ms
        assert len(numbers(converted)) == (1 if b"-1" in body else 2)


def test_own_times_are_sent() -> None:
    """The packed request carries them; series without one, and the health series, have the fetch's."""
    converted = convert(b"x 1\ny 2 1700000000123\n")
    packed = converted.plan.template.pack(converted.values + bytes(40), 1_800_000_000_000, converted.times_ms)
    request = prometheus_v1_pb2.WriteRequest.FromString(packed)
    assert [one.samples[0].timestamp for one in request.timeseries] == [
        1_800_000_000_000, 1_700_000_000_123, *[1_800_000_000_000] * 5,
    ]  # fmt: skip


def test_honor_labels() -> None:
    """A target's label wins, the payload's becomes exported_*; with honor_labels only guarded ones do."""
    own = (("env", "prod"), ("job", "pay"))
    for honor, expected in ((False, {"env": "prod", "exported_env": "dev"}), (True, {"env": "dev"})):
        stamp = Stamp(Target("key", "pay", "", own), honor=honor)
        converted = Converter().convert(stamp, b'x{env="dev",job="j"} 1\n', RULES, form=TEXT)
        (row, labels), *_ = labelled_rows(stamp, converted.plan.shape)
        assert (row.name, dict(labels)) == ("x", {"exported_job": "j", "job": "pay", **expected})


def test_limits_fail_the_scrape() -> None:
    """sample_limit and its kin apply to text as to expvar."""
    for limits in (Limits(samples=6), Limits(labels=3), Limits(name_chars=7), Limits(value_chars=10)):
        with pytest.raises(FetchError):
            Converter().convert(STAMP, DOCUMENT, RULES, limits, TEXT)
    assert Converter().convert(STAMP, DOCUMENT, RULES, Limits(samples=7, labels=4), TEXT).values


def test_a_warm_scrape_only_reads_values() -> None:
    """Same lines, other values: no new plan, and calls that hardly grow with the number of series."""

    def document(series: int, value: int) -> bytes:
        rows = (f'http_requests_total{{path="/{n}",code="200"}} {n + value}.25\n' for n in range(series))
        return ("# TYPE http_requests_total counter\n" + "".join(rows)).encode()

    costs = {}
    for series in (10, 1000):
        converter = Converter()
        cold = converter.convert(STAMP, document(series, 0), RULES, form=TEXT)
        body = document(series, 5)
        warm = converter.convert(STAMP, body, RULES, form=TEXT)
        assert warm.plan is cold.plan
        assert numbers(warm) == numbers(convert(body))
        costs[series] = calls(lambda c=converter, b=body: c.convert(STAMP, b, RULES, form=TEXT))  # type: ignore[misc]
    assert costs[1000] <= costs[10] + 1100  # one call into C for each line, and no Python at all


OTHERS = [
    (DOCUMENT + b"new 1\n", 8),
    (DOCUMENT.replace(b"loose -1\n", b""), 6),
    (DOCUMENT.replace(b"500", b"404"), 7),
    (DOCUMENT.replace(b"counter", b"gauge"), 7),
    (DOCUMENT.replace(b"loose -1", b"loose -1 1700000000000"), 7),
    (DOCUMENT.replace(b"loose -1", b"loose 0x10"), 6),
    (DOCUMENT.replace(b"loose -1", b"loose 1_0"), 6),
    (DOCUMENT.replace(b"loose -1", b"loose 1e999"), 6),
    (DOCUMENT.replace(b"loose -1", b"loose +NaN"), 6),
    (DOCUMENT.replace(b"loose -1", b"loose -"), 6),
    (DOCUMENT.replace(b"loose -1", b"loose infinity"), 7),
    (DOCUMENT.replace(b"loose -1", b"loose  -1"), 7),
    (DOCUMENT.replace(b"loose -1", b"loose -1 "), 7),
    (DOCUMENT.replace(b"loose -1", b"loose1 -1"), 7),
    (DOCUMENT.replace(b"loose -1", b"loose -1\r"), 7),
    (DOCUMENT.replace(b"\n", b"\r\n"), 7),
    (b"# made at noon\n" + DOCUMENT, 7),
    (DOCUMENT[:-1], 7),
]


@pytest.mark.parametrize(("body", "count"), OTHERS, ids=[str(index) for index in range(len(OTHERS))])
def test_other_lines_are_never_taken_for_the_known_ones(body: bytes, count: int) -> None:
    """Whatever was scraped before, in whatever order, a document gives what it gives a new converter."""
    fresh = convert(body)
    assert len(numbers(fresh)) == count
    converter = Converter()
    for sent in (DOCUMENT, body, body, DOCUMENT, DOCUMENT.replace(b"-1", b"+Inf"), body):
        got = converter.convert(STAMP, sent, RULES, form=TEXT)
        expected = convert(sent)
        assert (numbers(got), got.times_ms) == (numbers(expected), expected.times_ms)
        assert [one for one in got.repairs if one.kind != "type_conflict"] == list(expected.repairs)


def test_lines_that_change_around_the_same_series_keep_the_encoded_labels() -> None:
    """A comment that changes costs a parse, not a plan; the next scrape of those lines is warm again."""
    converter = Converter()
    first = converter.convert(STAMP, b"# at 1\nx 1\n", RULES, form=TEXT)
    second = converter.convert(STAMP, b"# at 2\nx 2 1700000000000\n", RULES, form=TEXT)
    third = converter.convert(STAMP, b"# at 2\nx 3 1700000000001\n", RULES, form=TEXT)
    assert second.plan.template is first.plan.template
    assert third.plan is second.plan
    assert (third.times_ms, numbers(third)) == ((1_700_000_000_001,), {("x", ()): 3})


def test_exemplars_come_and_go() -> None:
    """They are read over, and change nothing of a plan."""
    converter = Converter()
    head = b'# TYPE x counter\nx_total{a=" # {"} '
    for tail, value in ((b"1", 1), (b'2 # {t="a"} 1', 2), (b'3 # {t="b"} 1 5.5', 3), (b"4", 4)):
        converted = converter.convert(STAMP, head + tail + b"\n# EOF\n", RULES, form=TEXT)
        assert list(numbers(converted).values()) == [value]
        assert (converted.times_ms, converted.repairs) == ((), ())


def test_churning_targets_stay_bounded() -> None:
    """New series in every scrape: shapes and plans are dropped, least recently used first."""
    converter = Converter(shape_limit=4, plan_limit=4)
    for turn in range(50):
        stamp = Stamp(Target(f"key{turn % 7}", "pay", "", (("job", "pay"),)))
        converted = converter.convert(stamp, f"x{turn} {turn}\n".encode(), RULES, form=TEXT)
        assert numbers(converted) == {(f"x{turn}", ()): turn}
    assert len(converter._shapes) == len(converter._plans) == 4


def test_rows_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few targets with many series each: the series are counted, not only the targets."""
    monkeypatch.setattr("pushvar.convert.converter.ROW_LIMIT", 100)
    converter = Converter()
    for turn in range(10):
        stamp = Stamp(Target(f"key{turn}", "pay", "", (("job", "pay"),)))
        body = "".join(f"x{turn}_{n} 1\n" for n in range(40)).encode()
        assert len(numbers(converter.convert(stamp, body, RULES, form=TEXT))) == 40
    assert (len(converter._shapes), len(converter._plans)) == (2, 2)


LINES = st.sampled_from(
    ["x 1", "x 2", "x -1.5e3", "x +Inf", "x NaN", "x 0x1", "x 1 1700000000000", "x 1 -1", 'x{a="1"} 3',
     'y{a="1"} 2 # {t="1"} 1', "# TYPE x gauge", "# TYPE x counter", "# comment", "", "up 1", "?", "x",
     "y{} 2", "z\t1", "z 1\r", "# EOF"]
)  # fmt: skip
BODIES = st.lists(LINES, max_size=6).map(lambda chosen: "\n".join(["a 1", *chosen]).encode())


@settings(max_examples=200, deadline=None)
@given(st.lists(BODIES, min_size=2, max_size=6), st.booleans())
def test_history_does_not_show(bodies: list[bytes], honor: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Any documents in any order: each gives the series, values and times that it gives a new converter."""
    converter, form = Converter(shape_limit=3), InputFormat("auto", honor_timestamps=honor)
    for body in bodies:
        got = converter.convert(STAMP, body, RULES, form=form)
        expected = convert(body, form)
        assert repr((numbers(got), got.times_ms)) == repr((numbers(expected), expected.times_ms))
        assert list(families(got)) == list(families(expected))  # the first type of a name stays
        assert len({(row.name, row.labels) for row in got.plan.shape.rows}) == len(got.plan.shape.rows)
        own = [one for one in got.repairs if one.kind != "type_conflict"]
        assert own == [one for one in expected.repairs if one.kind != "type_conflict"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(DOCUMENT) - 1), st.binary(max_size=2)), min_size=1, max_size=3))
def test_a_changed_byte_is_never_overlooked(changes: list[tuple[int, bytes]]) -> None:
    """A known page with any bytes changed: warm it gives what a new converter gives."""
    body = DOCUMENT.replace(b"loose", b"timed 1 1700000000000\nloose")
    changed = bytearray(body)
    for place, new in changes:
        changed[place : place + 1] = new
    converter = Converter()
    converter.convert(STAMP, body, RULES, form=TEXT)
    for _ in range(2):
        got = converter.convert(STAMP, bytes(changed), RULES, form=TEXT)
        expected = convert(bytes(changed))
        assert repr((numbers(got), got.times_ms)) == repr((numbers(expected), expected.times_ms))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(), min_size=1), st.booleans())
def test_warm_values_are_exact(values: dict[str, float], timed: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Every float that is printed is read back to the bit, cold and warm; NaN is no stale marker."""

    def body(of: dict[str, float]) -> bytes:
        time = " 1700000000000" if timed else ""
        return "".join(f"{name} {_text(value)}{time}\n" for name, value in of.items()).encode()

    converter = Converter()
    converter.convert(STAMP, body(dict.fromkeys(values, 1.0)), RULES, form=TEXT)
    got = converter.convert(STAMP, body(values), RULES, form=TEXT)
    want = [math.nan if math.isnan(value) else value for value in values.values()]
    assert got.values == struct.pack(f"<{len(want)}d", *want)
    assert [one.value for one in parse(body(values)).samples] == pytest.approx(
        want, nan_ok=True, rel=0, abs=0
    )


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(value).replace("inf", "Inf")


@pytest.mark.parametrize(
    ("honor", "page", "kept"),
    [
        (True, b'x 1\nx{env="prod"} 2\ny 3\n', [1.0, 3.0]),
        (False, b'x{env="dev"} 1\nx{exported_env="dev"} 2\ny 3\n', [1.0, 3.0]),
    ],
)
def test_no_series_is_sent_twice(honor: bool, page: bytes, kept: list[float]) -> None:  # noqa: FBT001 - pytest's
    """Two series that only the target's labels make equal: the first stays, the other is told."""
    target = Target("key", "pay", "http://10.0.0.1:80/metrics", (("env", "prod"), ("job", "pay")))
    stamp = Stamp(target, (("region", "eu"),), honor=honor)
    converter = Converter()
    for _ in range(2):
        found = converter.convert(stamp, page, RULES, form=TEXT)
        assert [*struct.unpack(f"<{len(found.values) // 8}d", found.values)] == kept
        assert dict(found.plan.relabelled) == {"duplicate": 1}
    rows = [(row.name, labels) for row, labels in labelled_rows(stamp, found.plan.shape)]
    assert len(rows) == len(set(rows))
    assert all(dict(labels)["region"] == "eu" for _name, labels in rows)
