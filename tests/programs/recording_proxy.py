"""A proxy in front of one HTTP server that forwards every GET and remembers what was answered.

So a test knows exactly which document pushvar saw, although a live program never says the same twice.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that passed: its path and headers, when it came, and what was answered."""

    path: str
    time_ms: int
    status: int
    body: bytes
    request_headers: Mapping[str, str]


@dataclass(slots=True)
class RecordingProxy:
    """``url`` stands for ``upstream``; ``exchanges`` grows by one with every GET, in order of completion."""

    upstream: str
    url: str
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def address(self) -> str:
        """``host:port``, as a target is written."""
        return self.url.removeprefix("http://")

    def last(self, path: str = "/debug/vars") -> Exchange:
        """Give the latest exchange of a path; raises LookupError when there was none."""
        for exchange in reversed(self.exchanges):
            if exchange.path == path:
                return exchange
        raise LookupError(
            f"no GET {path} passed the proxy; there were {[each.path for each in self.exchanges]}"
        )


@contextmanager
def recording_proxy(upstream: str) -> Iterator[RecordingProxy]:
    """Serve a recording proxy for ``upstream`` (``http://host:port``) on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = RecordingProxy(upstream, f"http://127.0.0.1:{server.server_port}")
    with loopback.served(server):
        yield server.proxy


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle keep-alive connection of a client must not hold up the end
    proxy: RecordingProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client that goes away go in silence; anything else is told as always."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Forward, record, answer: recorded before the client has the body, so that it never is late."""
        time_ms = time.time_ns() // 1_000_000
        proxy = self.server.proxy
        try:
            answer = loopback.get(proxy.upstream + self.path)
        except OSError as error:
            answer = loopback.Answer(502, {"content-type": "text/plain"}, f"no upstream: {error}\n".encode())
        headers = {name.lower(): value for name, value in self.headers.items()}
        proxy.exchanges.append(Exchange(self.path, time_ms, answer.status, answer.body, headers))
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.headers.get("content-type", "application/octet-stream"))
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: the exchanges are the log."""
