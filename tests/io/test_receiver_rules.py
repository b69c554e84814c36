"""The receiver answers each seeded bad request with the name of the rule that it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import snappy
from pushvar.receiver.envelope import Limits
from pushvar.receiver.rules import RULES
from pushvar.receiver.server import Receiver

from tests.io.receiver_requests import (
    NOW_MS,
    Request,
    Row,
    delimited,
    good,
    labels,
    message_v2,
    number,
    post,
    raw_v1,
    v1,
    v2,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMITS = Limits(compressed_bytes=4096, decoded_bytes=16384)
GOOD = good(Row(labels()))
GOOD_V2 = v2(message_v2(Row(labels())))


class Seed(NamedTuple):
    """A bad request: the one rule it breaks, how, the request, and those that went before it."""

    rule: str
    how: str
    request: Request
    before: tuple[Request, ...] = ()


def spoilt(change: Callable[[Any], object], row: Row | None = None) -> Request:
    """A good 2.0 request after a change to its message."""
    message = message_v2(row or Row(labels()))
    change(message)
    return v2(message)


def set_help(message: Any, ref: int) -> None:
    """Let the help text of the first series be this symbol."""
    message.timeseries[0].metadata.help_ref = ref


def not_utf8() -> bytes:
    """A 1.0 message with a label value of bytes that are no UTF-8."""
    return raw_v1(Row(labels(env="MARK"))).replace(b"MARK", b"\xff\xfe\xfd\xfc")


def with_created_timestamp() -> bytes:
    """A 2.0 message whose series carries field 6, the created_timestamp of early drafts."""
    message = message_v2(Row(labels()))
    series = message.timeseries[0].SerializeToString() + b"\x30\x05"
    return b"".join(delimited(4, symbol.encode()) for symbol in message.symbols) + delimited(5, series)


def series(*pairs: tuple[str, str]) -> Request:
    """A 1.0 request of one series with exactly these labels."""
    return good(Row(pairs))


def at(time_ms: int, value: float = 1.0) -> Request:
    """A 1.0 request of one sample."""
    return good(Row(labels(), ((time_ms, value),)))


NAME = ("__name__", "up")
STREAM: bytes = snappy.StreamCompressor().add_chunk(raw_v1(Row(labels())))
COUNTER = good(metadata=[("go_goroutines", 1, "")])

SEEDS = (
    Seed("header-content-encoding", "missing", GOOD.with_header("Content-Encoding", None)),
    Seed("header-content-encoding", "gzip", GOOD.with_header("Content-Encoding", "gzip")),
    Seed("header-content-encoding", "upper case", GOOD.with_header("Content-Encoding", "Snappy")),
    Seed("header-content-type", "missing", GOOD.with_header("Content-Type", None)),
    Seed("header-content-type", "JSON", GOOD.with_header("Content-Type", "application/json")),
    Seed(
        "header-content-type",
        "a space before proto",
        GOOD_V2.with_header("Content-Type", "application/x-protobuf; proto=io.prometheus.write.v2.Request"),
    ),
    Seed("header-version", "missing", GOOD.with_header("X-Prometheus-Remote-Write-Version", None)),
    Seed("header-version", "1.0", GOOD.with_header("X-Prometheus-Remote-Write-Version", "1.0.0")),
    Seed(
        "header-version-pair", "1.0 as 2.0.0", GOOD.with_header("X-Prometheus-Remote-Write-Version", "2.0.0")
    ),
    Seed(
        "header-version-pair",
        "2.0 as 0.1.0",
        GOOD_V2.with_header("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ),
    Seed("header-user-agent", "missing", GOOD.with_header("User-Agent", None)),
    Seed("header-user-agent", "no version", GOOD.with_header("User-Agent", "pushvar")),
    Seed("header-repeated", "two user agents", Request((*GOOD.headers, ("user-agent", "a/1")), GOOD.body)),
    Seed("body-too-large", "over the limit", Request(GOOD.headers, b"\x00" * 5000)),
    Seed("body-too-large-decoded", "a bomb", v1(b"\x00" * 20000)),
    Seed("snappy-framed", "the stream format", Request(GOOD.headers, STREAM)),
    Seed("snappy-block", "not compressed", Request(GOOD.headers, raw_v1(Row(labels())))),
    Seed("snappy-block", "gzip", Request(GOOD.headers, b"\x1f\x8b\x08\x00\x00\x00\x00\x00")),
    Seed("snappy-block", "no body", Request(GOOD.headers, b"")),
    Seed("snappy-block", "endless length", Request(GOOD.headers, b"\xff" * 20)),
    Seed("protobuf-parse", "cut off", v1(raw_v1(Row(labels()))[:-3])),
    Seed("protobuf-field", "reserved field 2", v1(raw_v1(Row(labels())) + delimited(2, b"x"))),
    Seed("protobuf-field", "unknown field 9", v1(raw_v1(Row(labels())) + delimited(9, b"x"))),
    Seed("protobuf-field", "created_timestamp", v2(with_created_timestamp())),
    Seed("request-empty", "no series in 1.0", v1(b"")),
    Seed("request-empty", "no series in 2.0", v2(message_v2())),
    Seed("symbols-first", "the first is not empty", spoilt(lambda one: one.symbols.__setitem__(0, "x"))),
    Seed("symbols-unique", "one twice", spoilt(lambda one: one.symbols.append("job"))),
    Seed(
        "refs-range", "beyond the table", spoilt(lambda one: one.timeseries[0].labels_refs.__setitem__(1, 99))
    ),
    Seed("refs-even", "one too many", spoilt(lambda one: one.timeseries[0].labels_refs.append(0))),
    Seed("label-order", "reversed", good(Row(labels()[::-1]))),
    Seed("label-order", "lower case first", series(NAME, ("Zone", "a"))),
    Seed("label-order", "in 2.0", v2(message_v2(Row(labels()[::-1])))),
    Seed("label-repeated", "twice", series(NAME, ("job", "a"), ("job", "b"))),
    Seed("label-name-empty", "no name", series(("", "a"), NAME)),
    Seed("label-value-empty", "no value", series(NAME, ("job", ""))),
    Seed("label-value-empty", "no metric name", series(("__name__", ""), ("job", "a"))),
    Seed("label-name-legal", "a dot", series(NAME, ("app.name", "a"))),
    Seed("label-name-reserved", "a meta label", series(("__meta_job", "a"), NAME)),
    Seed("label-utf8", "bytes", v1(not_utf8())),
    Seed("metric-name-missing", "no __name__", series(("job", "a"))),
    Seed("metric-name-legal", "a hyphen", good(Row(labels("go-routines")))),
    Seed("series-empty", "nothing in 1.0", good(Row(labels(), ()))),
    Seed("series-empty", "nothing in 2.0", v2(message_v2(Row(labels(), ())))),
    Seed("series-mixed", "both in 2.0", v2(message_v2(Row(labels(), histograms=(NOW_MS,))))),
    Seed("series-repeated", "twice", good(Row(labels()), Row(labels(), ((NOW_MS + 1, 2.0),)))),
    Seed("timestamp-missing", "0", at(0)),
    Seed("timestamp-unit", "seconds", at(NOW_MS // 1000)),
    Seed("timestamp-unit", "microseconds", at(NOW_MS * 1000)),
    Seed("timestamp-unit", "nanoseconds", at(NOW_MS * 1_000_000)),
    Seed("timestamp-future", "11 minutes", at(NOW_MS + 11 * 60_000)),
    Seed("timestamp-old", "61 minutes", at(NOW_MS - 61 * 60_000)),
    Seed("timestamp-old", "negative", at(-5)),
    Seed("sample-order", "descending", good(Row(labels(), ((NOW_MS, 1.0), (NOW_MS - 1, 2.0))))),
    Seed("sample-order", "equal", good(Row(labels(), ((NOW_MS, 1.0), (NOW_MS, 1.0))))),
    Seed("sample-order", "older than the last request", at(NOW_MS - 1), (at(NOW_MS),)),
    Seed("sample-order", "an old one again", at(NOW_MS - 1), (at(NOW_MS - 1), at(NOW_MS))),
    Seed("sample-conflict", "another value", at(NOW_MS, 2.0), (at(NOW_MS, 1.0),)),
    Seed("sample-conflict", "in one request", good(Row(labels(), ((NOW_MS, 1.0), (NOW_MS, 2.0))))),
    Seed("stale-marker", "quieted", at(NOW_MS, number(0x7FF8000000000002))),
    Seed("start-timestamp", "after the sample", v2(message_v2(Row(labels(), start_ms=NOW_MS + 1)))),
    Seed("exemplar-timestamp", "none", v2(message_v2(Row(labels(), exemplars=(0,))))),
    Seed("counter-value", "negative", at(NOW_MS, -1.0), (COUNTER,)),
    Seed("counter-value", "NaN", at(NOW_MS, float("nan")), (COUNTER,)),
    Seed("histogram-dropped", "native", v2(message_v2(Row(labels(), (), histograms=(NOW_MS,), type=3)))),
    Seed("metadata-type", "9", good(metadata=[("up", 9, "")])),
    Seed("metadata-name", "empty", good(metadata=[("", 2, "")])),
    Seed("metadata-refs", "help beyond the table", spoilt(lambda one: set_help(one, 99))),
    Seed("metadata-flap", "gauge, then counter", COUNTER, (good(metadata=[("go_goroutines", 2, "")]),)),
    Seed("metadata-flap", "in 2.0", v2(message_v2(Row(labels(), type=1))), (GOOD_V2,)),
    Seed("metadata-missing", "no type in 2.0", v2(message_v2(Row(labels(), type=0)))),
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A fresh receiver with small limits, whose clock stands still."""
    with Receiver(limits=LIMITS, clock_ms=lambda: NOW_MS) as running:
        yield running


@pytest.mark.parametrize("seed", SEEDS, ids=[f"{seed.rule}: {seed.how}" for seed in SEEDS])
def test_a_bad_request_is_answered_with_the_name_of_its_rule(receiver: Receiver, seed: Seed) -> None:
    """The status is that of the rule, and the rule is the only one named, in the answer and in the store."""
    for request in seed.before:
        assert post(receiver, request).status == 204
    reply = post(receiver, seed.request)
    rule = RULES[seed.rule]
    assert reply.status == rule.status
    named = {line.partition(": ")[0] for line in reply.text.splitlines()}
    assert named == (set() if rule.is_warning else {seed.rule})
    assert {found.rule for found in receiver.violations()} == {seed.rule}


def test_every_rule_has_a_bad_request() -> None:
    """No rule stands in the table that no seed breaks, and no seed breaks what is no rule."""
    assert {seed.rule for seed in SEEDS} == set(RULES)


def test_every_rule_says_something_and_where_it_stands() -> None:
    """A rule is a whole sentence with a source."""
    for rule in RULES.values():
        assert rule.says.endswith(".")
        assert rule.source


def test_a_request_that_breaks_several_rules_names_them_all(receiver: Receiver) -> None:
    """One answer holds one line per violation, so that a sender is mended in one go."""
    rows = (Row(labels("a-b")), Row(labels()[::-1]), Row(labels("fine")))
    reply = post(receiver, good(*rows).with_header("User-Agent", "x"))
    assert reply.status == 400
    assert [line.split(":")[0] for line in reply.text.splitlines()] == [
        "header-user-agent",
        "metric-name-legal",
        "label-order",
        "label-order",
    ]
    assert len(receiver.series()) == 1
