"""A remote-write receiver that answers from a list and keeps what it was sent, read by the official classes.

It shares no code with the encoder and judges nothing but what it must to read a request: the version by
the exact headers, the body by its message.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import snappy
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest
from pushvar.wire.proto.write_v2_pb2 import Request

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSIONS = {
    ("application/x-protobuf", "0.1.0"): "1.0",
    ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"): "2.0",
}
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"

Sample = tuple[tuple[tuple[str, str], ...], int, float]
"""Labels in the order in which they were sent, time in ms, value."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its status, further headers, its text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request as it came; ``version`` is what its headers say, "" when they are not those of any."""

    headers: Mapping[str, str]
    body: bytes
    version: str

    @property
    def samples(self) -> list[Sample]:
        """What is in it, one for each sample."""
        if self.version == "1.0":
            return [
                (tuple((label.name, label.value) for label in series.labels), one.timestamp, one.value)
                for series in WriteRequest.FromString(snappy.decompress(self.body)).timeseries
                for one in series.samples
            ]
        request = Request.FromString(snappy.decompress(self.body))
        return [
            (
                tuple(
                    (request.symbols[name], request.symbols[value])
                    for name, value in zip(series.labels_refs[0::2], series.labels_refs[1::2], strict=True)
                ),
                one.timestamp,
                one.value,
            )
            for series in request.timeseries
            for one in series.samples
        ]


@dataclass(slots=True)
class ScriptedReceiver:
    """``url`` takes remote write; ``replies`` are given one after the other, the last again and again."""

    url: str
    replies: list[Reply]
    arrived: list[Arrived] = field(default_factory=list)

    @property
    def versions(self) -> list[str]:
        """The version of each request that arrived."""
        return [request.version for request in self.arrived]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle keep-alive connection must not hold up the end
    receiver: ScriptedReceiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Keep the request and give the next answer."""
        receiver = self.server.receiver
        headers = dict(self.headers.items())
        told = headers.get("Content-Type", ""), headers.get("X-Prometheus-Remote-Write-Version", "")
        body = self.rfile.read(int(headers["Content-Length"]))
        receiver.arrived.append(Arrived(headers, body, VERSIONS.get(told, "")))
        reply = receiver.replies.pop(0) if len(receiver.replies) > 1 else receiver.replies[0]
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        text = reply.text.encode()
        if reply.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: what arrived is the log."""


@contextmanager
def scripted_receiver(*replies: Reply) -> Iterator[ScriptedReceiver]:
    """Run one on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.receiver = ScriptedReceiver(f"http://127.0.0.1:{server.server_port}/api/v1/write", list(replies))
    with loopback.served(server):
        yield server.receiver
