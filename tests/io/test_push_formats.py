"""Pushed bodies, each to a real Pushgateway and to our readers.

Taken or refused, in which words, and what is to be scraped then. Where versions newer than Debian's 1.5.1
differ, a comment says so; those were compared too, row by row, through the modules they are built from:
expfmt of prometheus/common 0.67.5 and the registry of client_golang 1.23.2, as in Pushgateway 1.11.3.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pushvar.errors import BodyRefused
from pushvar.wire.exposition.delimited import read_delimited
from pushvar.wire.exposition.parse import parse
from pushvar.wire.exposition.pushed_text import read_text
from pushvar.wire.exposition.whole import demand_consistent, whole
from pushvar.wire.proto import client_model_pb2 as model

from tests.programs import loopback, servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.wire.exposition import FamilySamples

    from tests.programs.servers import Server

PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
LE1 = b'h_bucket{le="1"} 1\n'
HISTOGRAM = b"# TYPE h histogram\n"
SUMMARY = b"# TYPE s summary\n"


@dataclass(frozen=True)
class Row:
    """A body. ``differs`` is why our answer is another one than that of Pushgateway 1.5.1, on purpose."""

    name: str
    body: bytes
    differs: str = ""


def delimited(*messages: bytes) -> bytes:
    """Messages, each behind its length."""
    return b"".join(varint(len(message)) + message for message in messages)


def varint(number: int) -> bytes:
    """The number in groups of seven bits, low ones first."""
    head = b""
    while number >= 0x80:
        head += bytes([number & 0x7F | 0x80])
        number >>= 7
    return head + bytes([number])


def family(name: str, kind: int, *metrics: dict[str, Any], **more: Any) -> bytes:
    """A MetricFamily in its bytes; a metric is the fields of one."""
    return model.MetricFamily(name=name, type=kind, metric=metrics, **more).SerializeToString()  # type: ignore[arg-type]


def label(**values: str) -> list[dict[str, str]]:
    """Label pairs in the order given."""
    return [{"name": name, "value": value} for name, value in values.items()]


def one(**value: float) -> dict[str, Any]:
    """A metric without labels: ``one(gauge=1)``."""
    ((kind, number),) = value.items()
    return {kind: {"value": number}}


def gauge(*metrics: dict[str, Any]) -> bytes:
    """The family ``x``."""
    return family("x", model.GAUGE, *metrics)


def histogram(fields: dict[str, Any], **more: Any) -> bytes:
    """The family ``h`` with one histogram."""
    return family("h", model.HISTOGRAM, {"histogram": fields, **more})


def summary(fields: dict[str, Any], **more: Any) -> bytes:
    """The family ``s`` with one summary."""
    return family("s", model.SUMMARY, {"summary": fields, **more})


def protobuf(name: str, *messages: bytes, differs: str = "") -> Row:
    """A row of messages."""
    return Row(f"protobuf: {name}", delimited(*messages), differs)


def number_row(text: str) -> Row:
    """A gauge with this value."""
    return Row(f"value {text}", f"x {text}\n".encode())


def bound_row(text: str) -> Row:
    """A histogram with one bucket of this bound."""
    return Row(f"le {text}", HISTOGRAM + f'h_bucket{{le="{text}"}} 1\n'.encode())


LINES = [
    Row("nothing", b""),
    Row("an empty line", b"\n"),
    Row("blanks without an end", b" \t "),
    Row("plain", b"x 1\n"),
    Row("labels", b'x{a="b",c="d"} 1\n'),
    Row("labels in any order", b'x{z="1",a="2",M="3"} 1\n'),
    Row("no labels in braces", b"x{} 1\n"),
    Row("a comma at the end of the labels", b'x{a="b",} 1\n'),
    Row("two commas", b'x{a="b",,} 1\n'),
    Row("only a comma", b"x{,} 1\n"),
    Row("blanks everywhere", b' \tx \t{ a\t= "b" , c = "d" ,\t} \t1\n'),
    Row("no blank after the braces", b'x{a="b"}1\n'),
    Row("a value that touches the name", b"x+1\n"),
    Row("a comma missing", b'x{a="b" c="d"} 1\n'),
    Row("colons in the name", b":x:y 1\n"),
    Row("a digit first", b"1x 1\n"),
    Row("a dash in the name", b"my-metric 1\n"),
    Row("a name that is not ASCII", "größe 1\n".encode()),
    Row("only a name", b"x\n"),
    Row("only a name and labels", b'x{a="b"}\n'),
    Row("a dash in a label name", b'x{my-label="b"} 1\n'),
    Row("a colon in a label name", b'x{a:b="c"} 1\n'),
    Row("a digit first in a label name", b'x{1a="b"} 1\n'),
    # From 1.10 on the text behind the quotes is what is found instead: '}'.
    Row("no equals sign", b'x{a"b"} 1\n'),
    Row("no quotes", b"x{a=b} 1\n"),
    Row("single quotes", b"x{a='b'} 1\n"),
    Row("no closing quote", b'x{a="b} 1\n'),
    Row("no closing brace", b'x{a="b" 1\n'),
    Row("an opening brace at the end", b"x{\n"),
    Row("a label twice", b'x{a="b",a="c"} 1\n'),
    Row("a label twice, without equals sign", b'x{a="b",a"c"} 1\n'),
    Row("the name as a label", b'x{__name__="y"} 1\n'),
    Row("the name as a label, without equals sign", b'x{__name__"y"} 1\n'),
    Row("a reserved label", b'x{__address__="y"} 1\n'),
    Row("le and quantile of a gauge", b'x{le="many",quantile=""} 1\n'),
    Row("le twice in a gauge", b'x{le="1",le="2"} 1\n'),
    Row("escapes", b'x{a="\\\\ \\" \\n"} 1\n'),
    Row("an unknown escape", b'x{a="\\t"} 1\n'),
    Row("an unknown escape that is not ASCII", 'x{a="\\é"} 1\n'.encode()),
    Row("a backslash at the end of a line", b'x{a="b\\\n"} 1\n'),
    Row("any Unicode", 'x{a="\u2028 ü 🙂 \x00 \x7f"} 1\n'.encode()),
    Row("no UTF-8", b'x{a="ok \xff\xe2\x82 \xc2\xa0\xc2\xad\t\x07"} 1\n'),
    Row("no UTF-8 where a quote should be", b"x{a=\xff} 1\n"),
    Row("a brace in a value", b'x{a="}{,"} 1\n'),
    Row("a carriage return in a label", b'x{a="b\r"} 1\n'),
    # From 1.10 on names may stand in quotes, legal ones at least; nothing that pushes writes legal ones so.
    Row("a quoted name", b'{"x",a="b"} 1\n'),
    Row("a quoted name before the braces", b'"x"{a="b"} 1\n'),
    Row("a quoted label", b'x{"a"="b"} 1\n'),
    Row("only labels", b'{a="b"} 1\n'),
    Row("a timestamp", b"x 1 1700000000000\n"),
    Row("a negative timestamp", b"x 1 -5\n"),
    Row("a timestamp with a fraction", b"x 1 1700000000.5\n"),
    Row("a timestamp of 64 bits", b"x 1 +9223372036854775807\n"),
    Row("a timestamp of 65 bits", b"x 1 9223372036854775808\n"),
    Row("a blank at the end", b"x 1 \n"),
    Row("a blank after the timestamp", b"x 1 2 \n"),
    Row("more after the timestamp", b"x 1 2 # \\{a\n"),
    Row("an exemplar", b'x 1 # {trace_id="a"} 1\n'),
    Row("CRLF", b"x 1\r\n"),
    Row("CRLF after an empty line", b"\r\nx 1\r\n"),
    Row("the third line", b"x 1\n\ny\n"),
    Row("two bad lines", b"x 1\ny z\nv w\n"),
]

ENDS = [
    Row(f"an end {place}", body)
    for place, body in [
        ("after the value", b"x 1"),
        ("after the name", b"y 1\nx"),
        ("after a wrong value", b"x y"),
        ("after a blank", b"x 1 "),
        ("after a timestamp", b"x 1 2"),
        ("in a brace", b"x{"),
        ("in a label name", b"x{a"),
        ("after a bad label name", b"x{-"),
        ("before a quote", b"x{a="),
        ("in a label", b'x{a="b'),
        ("after a bad escape", b'x{a="\\t'),
        ("in an escape", b'x{a="\\'),
        ("after a label", b'x{a="b"'),
        ("after the braces", b'x{a="b"}'),
        ("of a bad name", b"1x"),
        ("in a comment", b"x 1\n# a comment"),
        ("after a hash", b"#"),
        ("in HELP", b"# HELP x y"),
        ("in a bad escape of HELP", b"# HELP x \\t"),
        ("in an escape of HELP", b"# HELP x \\"),
        ("in TYPE", b"# TYPE x what"),
        ("in a bad TYPE", b"# TYPE 1x gauge"),
        ("in a second TYPE", b"x 1\n# TYPE x gauge"),
    ]
]

NUMBERS = [
    *map(
        number_row,
        ["+1", "-0", "1.", ".5", "1e3", "1E-3", "1e-999", "+Inf", "-inf", "Infinity", "NaN", "nan"],
    ),
    *map(
        number_row, ["1e999", "+NaN", "0x1", "0x1p-2", "1_000", "1e", ".", "+", "1,5", "true", "٣", "1\x0b"]
    ),
    *map(
        bound_row,
        ["1", "1.0", "+1e5", "1000000", "1e6", "123456789", "0.0001", "0.00001", "-0", "1e21", "Inf"],
    ),
    *map(
        bound_row,
        ["NaN", "", "much", "1_0", "1e999", "0x1p2", "0.30000000000000004", "12345678.125", "5e-324"],
    ),
]

COMMENTS = [
    Row("a comment", b"# anything goes \xff \\x here\nx 1\n"),
    Row("a hash", b"#\n  #\t\nx 1\n"),
    Row("the end mark of OpenMetrics", b"x 1\n# EOF\n"),
    Row("HELP and TYPE", b"# HELP x Some \\\\ help\\n.\n# TYPE x counter\nx 1\n"),
    Row("no blank after the hash", b"#HELP x y\n#TYPE x gauge\nx 1\n"),
    Row("blanks in comments", b" # \tHELP \t x \t y  z \n#  TYPE  x  gauge\nx 1\n"),
    Row("a lower-case keyword", b"# help x y\n# type x gauge\nx 1\n"),
    Row("a keyword alone", b"# HELP\n# TYPE \n# HELP x\n# TYPE x \nx 1\n"),
    Row("a type in capitals", b"# TYPE x GauGe\nx 1\n"),
    Row("a type with a backslash", b"# TYPE x ga\\uge\nx 1\n"),
    Row("a type with a blank at its end", b"# TYPE x gauge \nx 1\n"),
    Row("a type before CRLF", b"# TYPE x gauge\r\nx 1\n"),
    Row("an unknown type", b"# TYPE x meter\nx 1\n"),
    Row("an OpenMetrics type", b"# TYPE x info\nx_info 1\n"),
    Row("untyped", b"# TYPE x untyped\nx 1\n"),
    Row("a name that is no name in TYPE", b"# TYPE 1x gauge\n"),
    Row("a name that is no name in HELP", b"# HELP x-y help\n"),
    Row("no UTF-8 in HELP", b"# HELP x a\xffb\nx 1\n"),
    Row("an unknown escape in HELP", b"# HELP x a\\tb\nx 1\n"),
    Row("a backslash at the end of HELP", b"# HELP x a\\\nx 1\n"),
    # 1.10 and later take it.
    Row("a quote with a backslash in HELP", b'# HELP x a \\"b\\"\nx 1\n', "OpenMetrics writes it so"),
    Row("a second HELP", b"# HELP x y\n# HELP x y\nx 1\n"),
    Row("an empty HELP before HELP", b"# HELP x \n# HELP x y\nx 1\n"),
    Row("HELP after samples", b"x 1\n# HELP x y\n"),
    Row("a second TYPE", b"# TYPE x gauge\n# TYPE x gauge\nx 1\n"),
    Row("TYPE after samples", b"x 1\n# TYPE x gauge\n"),
    Row("families without samples", b"# TYPE x gauge\n# HELP y z\n# TYPE h histogram\n"),
    Row("interleaved", b'# TYPE x gauge\nx{a="1"} 1\ny{a="1"} 1\nx{a="2"} 2\ny{a="2"} 2\n'),
    Row("a counter of that name", b"# HELP x_total y\n# TYPE x_total counter\nx_total 3\n"),
    Row("a counter as OpenMetrics has it", b"# TYPE x counter\nx_total 3\nx_created 1\n"),
    Row("a negative counter", b"# TYPE x counter\nx -3\n"),
    # 1.11.2 and later make a histogram of it.
    Row("a gauge histogram", b'# TYPE h gauge_histogram\nh_bucket{le="1"} 1\nh_count 1\n'),
    Row("a gauge histogram's bucket", b'# TYPE h gauge_histogram\nh{le="1"} 1\n', "it breaks the page"),
    Row("a gauge histogram of OpenMetrics", b"# TYPE h gaugehistogram\nh_gcount 1\n", "1.11.2 takes it"),
]

DISTRIBUTIONS = [
    Row("a histogram", HISTOGRAM + b'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n'),
    Row("a histogram without +Inf", HISTOGRAM + LE1 + b"h_sum 3\nh_count 2\n"),
    Row("a histogram's bucket only", HISTOGRAM + LE1),
    Row("a histogram's +Inf without count", HISTOGRAM + b'h_bucket{le="+Inf"} 2\n'),
    Row("a histogram's sum only", HISTOGRAM + b"h_sum 3\n"),
    Row("a histogram's count only", HISTOGRAM + b'h_count{a="b"} 3\n'),
    Row("a bucket without le", HISTOGRAM + b"h_bucket 3\n"),
    Row("a bucket under the histogram's own name", HISTOGRAM + b'h{le="2"} 3\nh 4\n'),
    Row("le in sum and count", HISTOGRAM + b'h_sum{le="2"} 3\nh_count{le="2"} 4\n'),
    Row("le twice, the last counts", HISTOGRAM + b'h_bucket{le="1",a="b",le="2"} 3\n'),
    Row("a label twice in a bucket", HISTOGRAM + b'h_bucket{le="1",a="b",a="c"} 3\n'),
    Row("quantile twice in a bucket", HISTOGRAM + b'h_bucket{quantile="1",quantile="2",le="1"} 3\n'),
    Row("a sum twice, the last counts", HISTOGRAM + LE1 + b"h_sum 3\nh_sum 4\nh_count 1\n"),
    Row(
        "buckets out of order",
        HISTOGRAM + b'h_bucket{le="+Inf"} 3\nh_bucket{le="2"} 2\n' + LE1 + b"h_count 3\n",
    ),
    Row("buckets that shrink", HISTOGRAM + b'h_bucket{le="1"} 5\nh_bucket{le="2"} 2\nh_count 1\n'),
    Row("histograms by label", HISTOGRAM + b'h_bucket{le="1",a="1"} 1\nh_count 4\nh_count{a="1"} 2\n' + LE1),
    Row("a histogram interleaved", HISTOGRAM + LE1 + b"x 1\nh_sum 3\ny 2\nh_count 2\n"),
    Row("a histogram without TYPE", LE1 + b"h_sum 3\nh_count 2\n"),
    Row("TYPE between buckets and count", LE1 + b"# TYPE h histogram\nh_sum 3\nh_count 2\n"),
    Row("HELP of a sum before TYPE", b"# HELP h_sum x\n# TYPE h histogram\nh_sum 3\nh_count 2\n"),
    Row("HELP and TYPE of a sum after TYPE", HISTOGRAM + b"# HELP h_sum x\n# TYPE h_count gauge\nh_sum 3\n"),
    Row("a bad bucket and a bad value", HISTOGRAM + b'h_bucket{le="x"} y\n'),
    Row("a timestamp that nothing else has", HISTOGRAM + b"h_bucket 1 2\n"),
    Row("a summary", SUMMARY + b's{quantile="0.5"} 1\ns{quantile="0.99"} 2\ns_sum 3\ns_count 2\n'),
    Row("a summary's quantile only", SUMMARY + b's{quantile="0.5",a="b"} 1\n'),
    Row("a summary's count only", SUMMARY + b"s_count 1\n"),
    Row("a summary without quantile", SUMMARY + b"s 1\n"),
    Row("a quantile that is no number", SUMMARY + b's{quantile="high"} 1\n'),
    Row("a quantile without a value", SUMMARY + b's{quantile=""} 1\n'),
    Row("a quantile of NaN", SUMMARY + b's{quantile="NaN"} 1\n'),
    Row("a quantile above 1", SUMMARY + b's{quantile="1e6"} NaN\n'),
    Row("quantile twice, the last counts", SUMMARY + b's{quantile="0.1",quantile="0.2"} 3\n'),
    Row("le twice in a summary", SUMMARY + b's{le="0.1",le="0.2"} 3\n'),
    Row("a summary's count with a fraction", SUMMARY + b"s_count 2.7\n"),
    Row("a summary's bucket", SUMMARY + b's_bucket{le="1"} 1\ns_count 2\n'),
    # 1.11.2 and later answer as we do, a NaN and +Inf too. 1.5.1 shows 18446744073709551615 for -1.
    Row("a negative count", HISTOGRAM + b"h_count -1\n", "no count; 1.11.2 refuses it too"),
    Row("a negative bucket", HISTOGRAM + b'h_bucket{le="1"} -0.5\n', "no count; 1.11.2 refuses it too"),
    Row("a negative bucket without le", HISTOGRAM + b"h_bucket -1\nh_sum -1\n"),
    Row("a count with a fraction", HISTOGRAM + b"h_count 2.5\n", "1.5.1 cuts it off, 1.11.2 keeps it"),
    Row("a count of NaN", HISTOGRAM + b"h_count NaN\n", "1.5.1 shows 2^63, 1.11.2 keeps it"),
    Row("a summary's negative count", SUMMARY + b"s_count -1\n", "no count; all versions show 2^64 - 1"),
    Row("a summary's count of NaN", SUMMARY + b"s_count NaN\n", "no count; all versions show 2^63"),
]

CONSISTENCY = [
    Row("a series twice", b'x{a="b"} 1\nx{a="b"} 1\n'),
    Row("a series twice, labels in another order", b'x{a="b",c="d"} 1\nx{c="d",a="b"} 2\n'),
    Row("a series twice by the group's labels", b'x{job="a"} 1\nx{job="b"} 2\n'),
    Row("a label of the group", b'x{job="a"} 1\n'),
    Row("a count of its own beside a histogram", b"h_count 1\n" + HISTOGRAM + LE1),
    Row("a bucket of its own beside a histogram", b'h_bucket{le="1"} 1\n' + HISTOGRAM + b"h_sum 1\n"),
    Row("a bucket of its own beside a summary", b's_bucket{le="1"} 1\n' + SUMMARY + b"s_sum 1\n"),
    Row("a sum of its own beside a summary", b"s_sum 1\n" + SUMMARY + b"s_count 1\n"),
    Row("a sum of its own beside a gauge", b"x_sum 1\n# TYPE x gauge\nx 1\nx_count 1\n"),
    Row("a series twice, a label without a value", b'x{a=""} 1\nx 2\n', "one series for Prometheus"),
    Row("a label without a value", b'x{a="",b="c"} 1\n'),
    Row("a reserved label without a value", b'x{__a=""} 1\n', "it is no label"),
    Row(
        "a bucket twice",
        HISTOGRAM + b'h_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\n',
        "one series for Prometheus",
    ),
    Row("a quantile twice", SUMMARY + b's{quantile="1"} 1\ns{quantile="1"} 2\n', "one series for Prometheus"),
]

BUCKETS = [{"upper_bound": 1.0, "cumulative_count": 2}, {"upper_bound": 2.5, "cumulative_count": 3}]
INFINITE = [{"upper_bound": math.inf, "cumulative_count": 4}, *BUCKETS]
QUANTILES = [{"quantile": 0.5, "value": 1}, {"quantile": 0.9, "value": math.nan}]
CLASSIC = {"sample_count": 4, "sample_sum": 9.5, "bucket": BUCKETS}
NATIVE = {
    "schema": 3,
    "zero_threshold": 1e-9,
    "positive_span": [{"offset": 0, "length": 2}],
    "positive_delta": [1, 1],
    "sample_count": 3,
    "sample_sum": 4,
}
STRAY = b'\x0a\x01x\x18\x01"\x13\x0a\x06\x0a\x01a\x12\x01\xff\x12\x09\x09' + struct.pack(
    "<d", 1
)  # {a="\xff"}
EXEMPLAR = {"counter": {"value": 1, "exemplar": {"value": 1, "label": label(trace_id="a")}}}
X1 = gauge(one(gauge=1))
AB = {"label": label(a="b")}

DELIMITED = [
    protobuf("nothing"),
    protobuf("gauge", X1),
    protobuf("counter", family("x_total", model.COUNTER, one(counter=3), help="a\nb")),
    protobuf("untyped", family("x", model.UNTYPED, one(untyped=math.nan))),
    protobuf("labels", gauge(one(gauge=1) | {"label": label(z="1", a="", b="2")})),
    protobuf("a value left out", gauge({"gauge": {}})),
    protobuf("no type", model.MetricFamily(name="x", metric=[one(counter=1)]).SerializeToString()),
    protobuf("an exemplar", family("x", model.COUNTER, EXEMPLAR)),
    protobuf("summary", summary({"sample_count": 2, "sample_sum": 3.5, "quantile": QUANTILES})),
    protobuf("an empty summary", summary({})),
    protobuf("histogram", histogram(CLASSIC, **AB)),
    protobuf("a histogram with +Inf", histogram({"sample_count": 4, "bucket": INFINITE})),
    protobuf("an empty histogram", histogram({})),
    protobuf("a bound of NaN", histogram({"bucket": [{"upper_bound": math.nan}]})),
    protobuf("a histogram that is native too", histogram(NATIVE | CLASSIC)),
    protobuf("large counts", histogram({"sample_count": 2**64 - 1})),
    protobuf("families", X1, family("y", model.COUNTER, one(counter=2), one(counter=3) | AB)),
    protobuf("a family twice, the later counts", X1, family("x", model.COUNTER, one(counter=2))),
    protobuf("a family twice, the later empty", X1, gauge()),
    protobuf("unknown fields", X1 + b"\xa0\x06\x01"),
    Row("protobuf: a long form of a length", bytes([len(X1) | 0x80, 0x80, 0]) + X1),
    protobuf("metrics of another type", gauge(one(counter=1))),
    protobuf("no value at all", gauge(AB)),
    protobuf("a series twice", gauge(one(gauge=1), one(gauge=2))),
    protobuf("a label twice", gauge(one(gauge=1) | {"label": [*label(a="b"), *label(a="c")]})),
    protobuf("a quantile label", summary({}, label=label(quantile="1"))),
    protobuf("a reserved label", gauge(one(gauge=1) | {"label": label(__a="b")})),
    protobuf("a label name that is none", gauge(one(gauge=1) | {"label": [{"name": "a-b"}]})),
    protobuf("a timestamp", gauge(one(gauge=1) | {"timestamp_ms": 0})),
    protobuf("colliding names", histogram({}), family("h_sum", model.GAUGE, one(gauge=1))),
    protobuf("a value that is not UTF-8", STRAY),
    protobuf("HELP that is not UTF-8", X1 + b"\x12\x01\xff"),
    protobuf("no message", b"\xff\xff\xff"),
    Row("protobuf: cut off in a message", delimited(X1, X1)[:-3]),
    Row("protobuf: text", b"x 1\n"),
    # 1.5.1 takes what came before; 1.11 and later refuse the body.
    Row("protobuf: cut off after a length", delimited(X1) + b"\x05", "1.11 refuses it too"),
    Row("protobuf: cut off in a length", delimited(X1) + b"\x85", "1.11 refuses it too"),
    # 1.11.2 and later show floats, and a gauge histogram as a histogram.
    protobuf("float counts", histogram({"sample_count_float": 2.5}), differs="1.5.1 shows 0"),
    protobuf("gauge histogram", family("h", 5, {"histogram": CLASSIC}), differs="it breaks the page"),
    protobuf("a purely native histogram", histogram(NATIVE)),
    protobuf("an le label", histogram(CLASSIC, label=label(le="1")), differs="le would stand twice"),
    protobuf("an empty label name", gauge(one(gauge=1) | {"label": [{"value": "b"}]}), differs="other words"),
    protobuf("no name", family("", model.GAUGE, one(gauge=1)), differs="it breaks the page"),
    # 1.11 and later show it in quotes.
    protobuf("a name that is none", family("a b", model.GAUGE, one(gauge=1)), differs="it breaks its line"),
]

ROWS = [*LINES, *ENDS, *NUMBERS, *COMMENTS, *DISTRIBUTIONS, *CONSISTENCY, *DELIMITED]
AGREED = [row for row in ROWS if not row.differs]
DIFFERENT = [row for row in ROWS if row.differs]
TEXT_LINES = sorted(
    {line for row in AGREED if row not in DELIMITED for line in row.body.splitlines(keepends=True)}
)
PIECES = [bytes([byte]) for byte in b'\0\t\n\r !"#+,-.019:=AZ\\_az{}\x7f\x80\xc3'] + [
    b"",
    b"",
    b"le=",
    b"# TYPE ",
]


@dataclass(frozen=True)
class Outcome:
    """What became of a body: ``refusal`` in words; or what was there to scrape, NaN as a word."""

    refusal: str = ""
    families: tuple[tuple[str, str, str], ...] = ()
    series: tuple[tuple[str, Any, Any], ...] = ()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a Pushgateway that holds nothing else, so that no other test's types are in the way."""
    with servers.pushgateway(tmp_path_factory.mktemp("push-formats")) as server:
        yield server


def theirs(gateway: Server, body: bytes, *, protobuf: bool) -> Outcome:
    """Put a body as the group of a job, look at the page, take the group away."""
    url = f"{gateway.url}/metrics/job/formats"
    headers = {"Content-Type": PROTOBUF if protobuf else "text/plain; version=0.0.4"}
    answer = loopback.request("PUT", url, body=body, headers=headers)
    try:
        if answer.status != 200:
            assert answer.status == 400
            return Outcome(refusal=comparable_words(answer.body.decode().removesuffix("\n")))
        page = loopback.get(f"{gateway.url}/metrics")
        return shown(page.body) if page.status == 200 else Outcome(refusal=f"taken, and page {page.status}")
    finally:
        assert loopback.request("DELETE", url).status == 202


def shown(page: bytes) -> Outcome:
    """The group's part of a page, without the gateway's own gauges."""
    document = parse(page, "text/plain; version=0.0.4")
    samples = [
        sample
        for sample in document.samples
        if ("job", "formats") in sample.series.labels and not sample.series.name.startswith("push_")
    ]
    names = {sample.series.name for sample in samples}
    stems = names | {name.rpartition("_")[0] for name in names}
    families = [document.families[name] for name in stems if name in document.families]
    return Outcome(
        families=tuple(sorted((one.name, one.type, one.help) for one in families)),
        series=comparable((*sample.series, sample.value) for sample in samples),
    )


def ours(body: bytes, *, protobuf: bool) -> Outcome:
    """The same with our readers, and what the API does between them."""
    try:
        families = whole(read_delimited(body) if protobuf else read_text(body))
        samples = [sample for group in families for sample in group.samples]
        if any(sample.timestamp_ms is not None for sample in samples):
            return Outcome(refusal="pushed metrics must not have timestamps")
        grouped = [in_group(group) for group in families if group.samples]
        demand_consistent(grouped)
    except BodyRefused as error:
        return Outcome(refusal=comparable_words(str(error)))
    return Outcome(
        families=tuple(sorted((one.family.name, str(one.family.type), one.family.help) for one in grouped)),
        series=comparable((one.name, one.labels, one.value) for group in grouped for one in group.samples),
    )


def in_group(group: FamilySamples) -> FamilySamples:
    """The family with the group's label in its samples."""
    samples = [
        replace(sample, labels=tuple(sorted((dict(sample.labels) | {"job": "formats"}).items())))
        for sample in group.samples
    ]
    return replace(group, samples=tuple(samples))


def comparable(series: Any) -> tuple[tuple[str, Any, Any], ...]:
    """Series in order, NaN as a word."""
    return tuple(
        sorted((name, labels, "NaN" if math.isnan(value) else value) for name, labels, value in series)
    )


def comparable_words(words: str) -> str:
    """A refusal as far as it is to be the same: of text every byte, of other things the sentence."""
    if words.startswith("text format parsing error"):
        return words
    if words.startswith("pushed metrics are invalid or inconsistent with existing metrics: "):
        sentence = re.sub(r"^.*?: (\d+ error\(s\) occurred:\s*\* )?", "", words).partition("\n")[0]
        return "collision" if "collides" in sentence else re.sub(r" \{.*\} ", " ", sentence)
    return "unreadable"


@pytest.mark.parametrize("row", AGREED, ids=[row.name for row in AGREED])
def test_a_body_fares_as_at_the_gateway(gateway: Server, row: Row) -> None:
    """Taken or refused alike, in the same words, and the same families and series are to be scraped."""
    protobuf = row.name.startswith("protobuf")
    assert ours(row.body, protobuf=protobuf) == theirs(gateway, row.body, protobuf=protobuf)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Lines of the bodies above, put together, some bytes of them taken away or replaced."""
    text = b"".join(draw(st.lists(st.sampled_from(TEXT_LINES), min_size=1, max_size=6)))
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[start + draw(st.integers(0, 2)) :]
    return text


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_any_text_fares_as_at_the_gateway(gateway: Server, body: bytes) -> None:
    """What holds for the table holds for what grows out of it, but for the differences that it names."""
    assume(not re.search(rb'#[ \t]*HELP.*\\"', body))
    mine, real = ours(body, protobuf=False), theirs(gateway, body, protobuf=False)
    if mine.refusal.endswith("collected before with the same name and label values"):
        assume(real.refusal)  # a bucket twice
    if real.refusal and not real.refusal.startswith("text"):
        assert mine.refusal  # of several inconsistencies the gateway tells one by chance
    else:
        assert mine == real


@pytest.mark.parametrize("row", DIFFERENT, ids=[row.name for row in DIFFERENT])
def test_a_body_fares_differently_on_purpose(gateway: Server, row: Row) -> None:
    """Where our answer is another one, with the reason in the row, the gateway still gives its own."""
    protobuf = row.name.startswith("protobuf")
    assert ours(row.body, protobuf=protobuf) != theirs(gateway, row.body, protobuf=protobuf)
