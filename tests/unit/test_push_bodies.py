"""From bytes to families: encodings, media types, and what may not be pushed."""

from __future__ import annotations

import gzip
import json
import random
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import snappy
from pushvar.config.schema import Gateway
from pushvar.jobs.api import PushApi
from pushvar.jobs.encodings import opened
from pushvar.jobs.exchange import PushRequest
from pushvar.jobs.media import families_of
from pushvar.jobs.refusals import Refusal
from pushvar.model import Family, MetricType
from pushvar.wire.exposition import FamilySamples, PrintedSample

from tests.documents import body as go_document
from tests.unit.push_door import Door

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = b"rows 1\n" * 1_000
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def framed(body: bytes) -> bytes:
    """A snappy stream."""
    return bytes(snappy.StreamCompressor().compress(body))


COMPRESSED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "two members": ("GZip", lambda body: gzip.compress(body[:100]) + gzip.compress(body[100:])),
    "x-gzip": ("x-gzip", gzip.compress),
    "block": ("snappy", snappy.compress),
    "framed": (" Snappy ", framed),
    "identity": ("identity", bytes),
    "none": ("", bytes),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_compressed_body(name: str) -> None:
    """It comes out as it was; one byte more than the limit is 413, before or after."""
    encoding, compress = COMPRESSED[name]
    assert opened(compress(TEXT), encoding, 0) == TEXT
    assert opened(compress(TEXT), encoding, len(TEXT)) == TEXT
    assert opened(compress(b""), encoding, 10_000) == b""
    with pytest.raises(Refusal) as caught:
        opened(compress(TEXT), encoding, len(TEXT) - 1)
    assert (caught.value.status, caught.value.outcome) == (413, "limited")
    assert caught.value.words.startswith(f"body_size_limit is {len(TEXT) - 1} bytes: ")
    assert caught.value.words.endswith("; push less, or raise gateway.body_size_limit")


@pytest.mark.parametrize("name", ["gzip", "block", "framed"])
def test_a_broken_compressed_body(name: str) -> None:
    """Cut off anywhere, or followed by anything: 400, never a part of it."""
    encoding, compress = COMPRESSED[name]
    whole = compress(TEXT)
    broken = [whole[:end] for end in range(len(whole))] + [whole + b"zz", b"\0" + whole, TEXT]
    if name != "gzip":  # a stream of nothing; in it an end between two chunks is none that anybody sees
        broken.remove(b"")
    if name == "framed":
        broken.remove(whole[:10])
    for body in broken:
        with pytest.raises(Refusal) as caught:
            opened(body, encoding, 0)
        assert (caught.value.status, caught.value.outcome) == (400, "malformed"), body


def test_a_bomb() -> None:
    """What unpacks to far more than the limit is given up at the limit."""
    huge = zlib.compressobj(9, wbits=31)
    zeros = b"".join([huge.compress(bytes(1 << 20)) for _ in range(64)]) + huge.flush()
    assert len(zeros) < 70_000
    length = b"\xff\xff\xff\xff\x0f"
    for body, encoding in ((zeros, "gzip"), (framed(bytes(1 << 24)), "snappy"), (length + b"\0a", "snappy")):
        with pytest.raises(Refusal) as caught:
            opened(body, encoding, 1 << 20)
        assert caught.value.status == 413
    with pytest.raises(Refusal, match="longer than it can be"):
        opened(length + b"\0a", "snappy", 0)


def test_gzip_of_countless_members() -> None:
    """Each would copy all that follow it."""
    member = gzip.compress(b"", mtime=0)
    assert opened(member * 100, "gzip", 0) == b""
    with pytest.raises(Refusal, match="more than 100 members"):
        opened(member * 200_000, "gzip", 0)


def test_an_unknown_encoding() -> None:
    """415, and what is known."""
    with pytest.raises(Refusal) as caught:
        opened(TEXT, "br", 0)
    assert (caught.value.status, caught.value.outcome) == (415, "unsupported")
    assert caught.value.headers == (("Accept-Encoding", "gzip, snappy"),)
    assert caught.value.words == "unknown Content-Encoding 'br'; send gzip, snappy or none"


# Media types


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "text/plain; version=0.0.4; charset=utf-8", "text/plain;version=9", ";;", "a=b",
     "image/png", "application/x-www-form-urlencoded", "application/vnd.google.protobuf",
     "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text"],
)  # fmt: skip
def test_text_is_everything_else(kind: str) -> None:
    """What a client declares matters only where it declares another format."""
    (group,) = families_of(b"# TYPE x counter\nx 1\n", kind)
    assert group == FamilySamples(Family("x", MetricType.COUNTER), (PrintedSample("x", (), 1.0),))


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        'Application/VND.google.protobuf;encoding=delimited;proto="io.prometheus.client.MetricFamily"',
    ],
)
def test_protobuf_is_declared_in_full(kind: str) -> None:
    """Its parameters in any order, quoted or not."""
    assert families_of(b"", kind) == ()
    with pytest.raises(Refusal, match="delimited protobuf parsing error"):
        families_of(b"x 1\n", kind)


def test_openmetrics() -> None:
    """Counters keep their _total, what text has no type for gets one, exemplars and units are left out."""
    body = b"""# TYPE hits counter
# UNIT hits seconds
hits_total 3 # {trace="a"} 1
hits_created 1795000000
# TYPE build info
build_info{version="1"} 1
# TYPE took histogram
took_bucket{le="+Inf"} 2 # {trace="b"} 0.5
took_count 2
took_sum 1
took_created 1795000000
# TYPE state stateset
state{state="up"} 1
# TYPE size gaugehistogram
size_bucket{le="+Inf"} 2
size_gcount 2
# HELP depth how deep
depth 4
# EOF
"""
    body = body.replace(b"# UNIT hits seconds\n", b"")
    found = {group.family.name: group for group in families_of(body, OPENMETRICS)}
    assert {name: group.family.type.value for name, group in found.items()} == {
        "hits_total": "counter", "hits_created": "gauge", "build_info": "gauge", "took": "histogram",
        "took_created": "gauge", "state": "gauge", "size_bucket": "unknown", "size_gcount": "unknown",
        "depth": "unknown",
    }  # fmt: skip
    assert found["hits_total"].samples == (PrintedSample("hits_total", (), 3.0),)
    assert [sample.name for sample in found["took"].samples] == ["took_bucket", "took_count", "took_sum"]
    assert found["depth"].family.help == "how deep"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"x 1\ny{\n# EOF\n", "line 2: a line with labels that cannot be read"),
        (b"x 1\n# EOF\ny 1\n", "line 3: a line after # EOF"),
    ],
)
def test_openmetrics_that_is_refused(body: bytes, words: str) -> None:
    """Any fault refuses all of it, with the line and the reason."""
    with pytest.raises(Refusal) as caught:
        families_of(body, OPENMETRICS)
    assert caught.value.words == f"OpenMetrics parsing error in {words}"


@pytest.mark.parametrize("end", [b"", b"# EOF\n"])
def test_openmetrics_needs_no_end_mark(end: bytes) -> None:
    """Go's client pushes families without ``# EOF``."""
    (group,) = families_of(b"# TYPE rows gauge\nrows 2\n" + end, OPENMETRICS)
    assert group.samples == (PrintedSample("rows", (), 2.0),)


def test_expvar() -> None:
    """A program's own document becomes the series that a scrape of it would give, secrets left out."""
    found = {
        group.family.name: group
        for group in families_of(go_document(goroutines=7, hits_total=3, password=1), "application/json")
    }
    assert found["go_goroutines"].samples == (PrintedSample("go_goroutines", (), 7.0),)
    assert found["hits_total"].family.type is MetricType.COUNTER
    assert found["go_memstats_alloc_bytes"].family.type is MetricType.GAUGE
    assert found["go_gc_duration_seconds"].family.type is MetricType.SUMMARY
    assert not [name for name in found if "cmdline" in name]
    again = families_of(
        go_document(goroutines=8, hits_total=4, password=1), "application/json; charset=utf-8"
    )
    assert [group.family for group in again] == [group.family for group in found.values()]


@pytest.mark.parametrize(
    "body", [b"", b"x 1\n", b"[1]", b"<html>", b"{" * 40, b'{"a":' * 40 + b"1" + b"}" * 40]
)
def test_what_is_no_expvar(body: bytes) -> None:
    """400, with the reason."""
    with pytest.raises(Refusal, match=r"^the body is no expvar document: ") as caught:
        families_of(body, "application/json")
    assert caught.value.status == 400


def test_another_reader_of_expvar() -> None:
    """The one that is handed in is asked instead."""
    given = (FamilySamples(Family("mine", MetricType.GAUGE), (PrintedSample("mine", (), 1.0),)),)
    assert families_of(b"any", "application/json", lambda _: given) == given


# What may not be pushed


INCONSISTENT = "pushed metrics are invalid or inconsistent with existing metrics"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"x 1 2\n", f"{INCONSISTENT}: pushed metrics must not have timestamps"),
        (b"push_time_seconds 1 2\n", f"{INCONSISTENT}: pushed metrics must not have timestamps"),
        (b"x 1\nup 1\n", "metric up is one that every target has"),
        (b"scrape_series_added 1\n", "metric scrape_series_added is one that every target has"),
        (b"# TYPE up histogram\nup_sum 1\n", "metric up is one that every target has"),
        (b"x 1\nx 2\n", f'{INCONSISTENT}: collected metric "x" {{}} was collected before'),
        (b'x{job="a"} 1\nx{job="b"} 1\n', f'{INCONSISTENT}: collected metric "x" {{}} was collected before'),
        (
            b'x{__a="b"} 1\n',
            f'{INCONSISTENT}: collected metric "x" {{__a="b"}} has a label with an invalid name',
        ),
        (
            b"# TYPE h histogram\nh_sum 1\n# TYPE h_count gauge\n",
            "text format parsing error in line 3: second TYPE",
        ),
        (
            b"h_sum 1\n# TYPE h summary\nh_count 1\n",
            f'{INCONSISTENT}: collected metric named "h_sum" collides with',
        ),
        (b'x{a="\xff"} 1\n', 'text format parsing error in line 1: invalid label value "\\xff"'),
        (b"a.b 1\n", 'text format parsing error in line 1: expected float as value, got ".b"'),
    ],
)
def test_a_refused_body(body: bytes, words: str) -> None:
    """400, why, and no group."""
    door = Door()
    status, outcome, said = door.refusal("a", body)
    assert (status, outcome) == (400, "malformed")
    assert said.startswith(words)
    assert door.heads() == {}


LIMITS = Gateway(
    anonymous="default",
    sample_limit=3,
    label_limit=4,
    label_name_length_limit=8,
    label_value_length_limit=5,
    body_size_limit=1_000,
)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("a", b"a 1\nb 1\nc 1\nd 1\n", 400, "sample_limit is 3: the group would have 4 samples; push less, "),
        (
            "a",
            b"# TYPE h histogram\nh_sum 1\nx 1\n",
            400,
            "sample_limit is 3: the group would have 4 samples; ",
        ),
        (
            "a",
            b'x{a="1",b="2",c="3"} 1\n',
            400,
            "label_limit is 4: a series has 5 labels, its name and the group's",
        ),
        ("a/b/c/d/e/f/g", b"", 400, "label_limit is 4: a series has 5 labels, "),
        (
            "a",
            b'x{abcdefghi="1"} 1\n',
            400,
            "label_name_length_limit is 8: label abcdefghi... has a name of ",
        ),
        ("a/abcdefghi/1", b"", 400, "label_name_length_limit is 8: "),
        (
            "a",
            b'x{a="123456"} 1\n',
            400,
            "label_value_length_limit is 5: label a has a value of 6 characters; ",
        ),
        (
            "abcdef",
            b"",
            400,
            "label_value_length_limit is 5: label job has a value of 6 characters; shorten it, ",
        ),
        (
            "a",
            b"#" * 1_001,
            413,
            "body_size_limit is 1000 bytes: the body has 1001 bytes; push less, or raise ",
        ),
    ],
)
def test_limits(path: str, body: bytes, status: int, words: str) -> None:
    """Which limit, what was found, and what to do."""
    door = Door(LIMITS)
    found, outcome, said = door.refusal(path, body)
    assert (found, outcome) == (status, "limited")
    assert said.startswith(words)
    assert door.heads() == {}


def test_what_is_within_the_limits() -> None:
    """Exactly as much as is allowed, and without limits more."""
    door = Door(LIMITS)
    assert door.put("abcde", b'a{b="12345",abcdefgh="2"} 1\nb 1\nc 1\n') == 200
    unlimited = Gateway(
        anonymous="default",
        sample_limit=0,
        label_limit=0,
        body_size_limit=0,
        label_name_length_limit=0,
        label_value_length_limit=0,
    )
    labels = ",".join(f'{"a" * 500}{number}="{"v" * 9_000}"' for number in range(100))
    many = b"".join(b'x{a="%d"} 1\n' % number for number in range(30_000))
    assert Door(unlimited).put("a", many + f"y{{{labels}}} 1\n".encode()) == 200


def test_what_no_group_can_hold() -> None:
    """Whatever the configuration allows: so many families, so many bytes, and text that is none."""
    door = Door(Gateway(anonymous="default", sample_limit=0))
    status, outcome, words = door.refusal("a", b"".join(b"x%d 1\n" % number for number in range(50_001)))
    assert (status, outcome) == (400, "limited")
    assert words == "a group has at most 50000 families: 50001; make groups of it\n"
    answers = {
        "\ud800": (400, b"'\\ud800' is no character\n"),
        random.Random(0).randbytes(9_000_000).hex(): (413, b"a group has at most 8000000 bytes: "),
    }
    for text, (expected, said) in answers.items():
        group = FamilySamples(Family("x", MetricType.GAUGE, text), (PrintedSample("x", (), 1.0),))

        def given(_: bytes, group: FamilySamples = group) -> tuple[FamilySamples, ...]:
            return (group,)

        api = PushApi(door.settings, replace(door.effects, expvar=given))
        reply = api.handle(PushRequest("PUT", "/metrics/job/a", {"content-type": "application/json"}))
        assert (reply.status, reply.body[: len(said)]) == (expected, said)


def test_a_group_grows_to_its_limit() -> None:
    """A POST adds to what is there: together they are limited, and what is there stays."""
    door = Door(LIMITS)
    assert door.put("a", b"a 1\nb 1\n") == 200
    assert door.post("a", b"c 1\n") == 200
    assert door.post("a", b"d 1\n") == 400
    assert door.post("a", b"c 2\n") == 200
    assert [(line[0], line[-1]) for line in door.lines()] == [("a", "1"), ("b", "1"), ("c", "2")]


def test_push_times_are_passed_over() -> None:
    """Whatever is pushed under their names."""
    door = Door()
    failure = b"# TYPE push_failure_time_seconds histogram\npush_failure_time_seconds_sum 1\n"
    assert door.put("a", b'push_time_seconds{a="b"} 1\n' + failure + b"x 1\n") == 200
    assert door.lines() == ['x{instance="",job="a"} 1']
    assert door.heads()["a"].samples == 1


def test_values_of_all_kinds() -> None:
    """A number is kept with all its bits."""
    values = [0.1, -0.0, 1e300, 5e-324, 2**53 + 2, float("inf"), float("-inf"), float("nan")]
    door = Door()
    body = "".join(f'x{{a="{place}"}} {value!r}\n' for place, value in enumerate(values)).encode()
    assert door.put("a", body) == 200
    metrics = json.loads(door.ask("GET", "/api/v1/metrics").body)["data"][0]["x"]["metrics"]
    found = {one["labels"]["a"]: float(one["value"]) for one in metrics}
    assert [struct.pack("<d", found[str(place)]) for place in range(len(values))] == [
        struct.pack("<d", value) for value in values
    ]
