"""Remote write requests for the receiver's tests, built with the official protobuf classes or by hand.

Nothing of pushvar's own encoder is used here: these requests must be able to be wrong.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import snappy
from pushvar.wire.proto import prometheus_v1_pb2, write_v2_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pushvar.receiver.server import Receiver

NOW_MS = 1_790_000_000_000
"""The time of the receivers under test; their clock stands still."""

Pairs = tuple[tuple[str, str], ...]
V1_TYPE = "application/x-protobuf"
V2_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        """Now."""
        return self.now_ms


@dataclass(frozen=True, slots=True)
class Row:
    """One series of a request: label pairs in the order to send, samples as (time in ms, value)."""

    labels: Pairs
    samples: tuple[tuple[int, float], ...] = ((NOW_MS, 1.0),)
    start_ms: int = 0
    histograms: tuple[int, ...] = ()
    exemplars: tuple[int, ...] = ()
    type: int = 2
    help: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: its headers, its body as it goes over the wire."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def with_header(self, name: str, value: str | None) -> Request:
        """The same request with one header changed, added or (None) left out."""
        kept = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=kept if value is None else (*kept, (name, value)))


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def labels(name: str = "go_goroutines", **more: str) -> Pairs:
    """A sorted label set with a name, a job and an instance."""
    whole = {"__name__": name, "instance": "10.0.1.5:8080", "job": "pay-gateway", **more}
    return tuple(sorted(whole.items()))


def number(bits: int) -> float:
    """The float of 64 bits."""
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def raw_v1(*rows: Row, metadata: Iterable[tuple[str, int, str]] = ()) -> bytes:
    """A 1.0 message, uncompressed. ``metadata`` is (family, type, help)."""
    message = prometheus_v1_pb2.WriteRequest()
    for row in rows:
        series = message.timeseries.add()
        for label, text in row.labels:
            series.labels.add(name=label, value=text)
        for time_ms, value in row.samples:
            series.samples.add(timestamp=time_ms, value=value)
        for time_ms in row.histograms:
            series.histograms.add(timestamp=time_ms, count_int=1, sum=1)
    for family, kind, explanation in metadata:
        message.metadata.add(metric_family_name=family, type=kind, help=explanation)
    return message.SerializeToString()


def message_v2(*rows: Row) -> Any:
    """A 2.0 message with a symbol table as it should be, to be spoilt or sent."""
    message = write_v2_pb2.Request(symbols=[""])
    known = {"": 0}

    def ref(text: str) -> int:
        if text not in known:
            known[text] = len(known)
            message.symbols.append(text)
        return known[text]

    for row in rows:
        series = message.timeseries.add()
        series.labels_refs.extend(ref(text) for pair in row.labels for text in pair)
        for time_ms, value in row.samples:
            series.samples.add(timestamp=time_ms, value=value, start_timestamp=row.start_ms)
        for time_ms in row.histograms:
            series.histograms.add(timestamp=time_ms, count_int=1, sum=1)
        for time_ms in row.exemplars:
            series.exemplars.add(timestamp=time_ms, value=1, labels_refs=[ref("trace_id"), ref("4bf92f")])
        series.metadata.type = row.type  # type: ignore[assignment]
        series.metadata.help_ref = ref(row.help)
    return message


def v1(raw: bytes) -> Request:
    """A 1.0 request with the headers that it should have."""
    return Request(_headers(V1_TYPE, "0.1.0"), _block(raw))


def v2(message: Any) -> Request:
    """A 2.0 request with the headers that it should have."""
    raw = message if isinstance(message, bytes) else message.SerializeToString()
    return Request(_headers(V2_TYPE, "2.0.0"), _block(raw))


def good(*rows: Row, metadata: Iterable[tuple[str, int, str]] = ()) -> Request:
    """A 1.0 request of these rows."""
    return v1(raw_v1(*rows, metadata=metadata))


def delimited(field: int, content: bytes) -> bytes:
    """One length-delimited protobuf field, by hand; for contents below 128 bytes."""
    return bytes([field << 3 | 2, len(content)]) + content


def post(receiver: Receiver, request: Request, path: str = "/api/v1/write") -> Reply:
    """Send one request; a Content-Length is added."""
    return call(receiver, "POST", path, request.headers, request.body)


def get(receiver: Receiver, path: str) -> Reply:
    """Ask for one page."""
    return call(receiver, "GET", path)


def call(
    receiver: Receiver,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
) -> Reply:
    """One HTTP exchange, with exactly these headers beside Host and Content-Length."""
    connection = HTTPConnection(receiver.host, receiver.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def _headers(content_type: str, version: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Content-Encoding", "snappy"),
        ("Content-Type", content_type),
        ("X-Prometheus-Remote-Write-Version", version),
        ("User-Agent", "pushvar-tests/1.0"),
    )


def _block(raw: bytes) -> bytes:
    block: bytes = snappy.compress(raw)
    return block
