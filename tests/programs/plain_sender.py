"""``pushvar run --target ... --remote-write ...`` as a child process, between a page and a receiver.

The receiver keeps what arrived, with the moment, and answers as its script says; it reads by the official
classes. It shares no code with the sender.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import snappy
from pushvar.wire.proto.prometheus_v1_pb2 import WriteRequest
from pushvar.wire.proto.write_v2_pb2 import Request

from tests.programs import loopback
from tests.programs.commands import PUSHVAR, pushvar_environment
from tests.programs.scripted_receiver import VERSIONS, Arrived, Reply
from tests.programs.storing_receiver import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MESSAGES = {"1.0": "prometheus.WriteRequest", "2.0": "io.prometheus.write.v2.Request", "auto": "auto"}
HANG = None
"""The answer that never comes."""

_ENDS_WITHIN_S = 20.0
_STARTS_WITHIN_S = 30.0

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Got:
    """One request with samples: when it came (monotonic), what it was, what it was answered."""

    at_s: float
    arrived: Arrived
    reply: Reply | bytes | None

    @property
    def times_ms(self) -> set[int]:
        """The times of its samples."""
        return {time_ms for _, time_ms, _ in self.arrived.samples}

    @property
    def status(self) -> int:
        """The status that it was answered, 0 when none."""
        return self.reply.status if isinstance(self.reply, Reply) else 0


def good(arrived: Arrived) -> Reply:
    """What a receiver says that stored everything, in either version."""
    return Reply(204, written(arrived.samples) if arrived.version == "2.0" else {})


if TYPE_CHECKING:
    Answer = Reply | bytes | None
    Script = Callable[[int, Arrived], Answer]


@dataclass(slots=True)
class Backend:
    """``got`` are the requests with samples, ``metadata`` those without."""

    script: Script
    got: list[Got] = field(default_factory=list)
    metadata: list[Arrived] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    port: int = 0

    def answer(self, arrived: Arrived) -> Answer:
        """Keep a request and decide."""
        if not arrived.samples:
            self.metadata.append(arrived)
            return good(arrived)
        with self.lock:
            at_s = time.monotonic()
            reply = self.script(len(self.got) + 1, arrived)
            self.got.append(Got(at_s, arrived, reply))
        return reply


class _Receiver(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    backend: Backend

    def handle_error(self, *_: object) -> None:
        """Stay silent: clients that go away are part of the play."""


class _TakesWrites(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Receiver

    def do_POST(self) -> None:
        """Do what the script says."""
        headers = dict(self.headers.items())
        told = headers.get("Content-Type", ""), headers.get("X-Prometheus-Remote-Write-Version", "")
        body = self.rfile.read(int(headers["Content-Length"]))
        reply = self.server.backend.answer(Arrived(headers, body, VERSIONS[told]))
        with suppress(OSError):
            self._say(reply)

    def _say(self, reply: Answer) -> None:
        if not isinstance(reply, Reply):
            self.close_connection = True
            if reply is HANG:
                self.server.backend.over.wait(60.0)
            else:
                self.wfile.write(reply)
            return
        text = reply.text.encode()
        self.send_response(reply.status, "Said")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: what arrived is the log."""


class _Pages(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    page: Callable[[int], str | None]
    step = -1  # of the last page that was asked for
    over: Event
    kind = "text/plain; version=0.0.4; charset=utf-8"

    def handle_error(self, *_: object) -> None:
        """Stay silent: clients that go away are part of the play."""


class _Serves(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Pages

    def do_GET(self) -> None:
        """Serve the next page, or hang where there is none."""
        self.server.step += 1
        page = self.server.page(self.server.step)
        if page is None:
            self.close_connection = True
            self.server.over.wait(60.0)
            return
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", self.server.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent."""


@contextmanager
def backend(script: Script, *, port: int = 0) -> Iterator[Backend]:
    """Run a receiver; ``/api/v1/write`` or any other path of its ``port`` takes remote write."""
    server = _Receiver(("127.0.0.1", port), _TakesWrites)
    server.backend = Backend(script, port=server.server_port)
    with loopback.served(server):
        try:
            yield server.backend
        finally:
            server.backend.over.set()


@dataclass(frozen=True, slots=True)
class Pages:
    """A running target; ``address`` + ``/metrics`` is its page."""

    server: _Pages

    @property
    def address(self) -> str:
        """``host:port``, as a target is written."""
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def asked(self) -> int:
        """How many pages were asked for."""
        return self.server.step + 1


@contextmanager
def pages(page: Callable[[int], str | None], *, kind: str = "") -> Iterator[Pages]:
    """Serve ``page(0)``, ``page(1)`` and so on, as text unless ``kind`` says otherwise; None hangs."""
    server = _Pages(("127.0.0.1", 0), _Serves)
    server.page, server.over = page, Event()
    server.kind = kind or server.kind
    with loopback.served(server):
        try:
            yield Pages(server)
        finally:
            server.over.set()


@dataclass(frozen=True, slots=True)
class Capture:
    """What one sender did: its requests, how it ended, what it said; moments are monotonic seconds."""

    got: list[Got]
    metadata: list[Arrived]
    instance: str
    began_s: float
    began_ms: int
    ended_ms: int
    code: int
    out: str
    err: str
    served: int

    def values(self, name: str, **labels: str) -> list[tuple[int, float]]:
        """The (time, value) of a series, or of all with these labels, in the order of their arrival."""
        wanted = {"__name__": name, **labels}.items()
        return [
            (time_ms, value)
            for got in self.got
            for pairs, time_ms, value in got.arrived.samples
            if wanted <= dict(pairs).items()
        ]


def command(target: str, url: str, version: str, every: str = "1s") -> list[str]:
    """The command line of a plain sender."""
    return [
        str(PUSHVAR), "run", "--target", target, "--remote-write", url, "--job", "test", "--every", every,
        "--message", MESSAGES[version],
    ]  # fmt: skip


def capture(  # noqa: PLR0913 - a scenario is that much
    page: Callable[[int], str | None],
    script: Script,
    *,
    version: str,
    until: Callable[[Backend], bool],
    for_s: float = 20.0,
    every: str = "1s",
    url: str = "",
    kind: str = "",
) -> Capture:
    """Run a sender until ``until`` or for that long, end it by SIGTERM, and give what happened."""
    with pages(page, kind=kind) as target, backend(script) as receiver:
        where = url or f"http://127.0.0.1:{receiver.port}/api/v1/write"
        began_s, began_ms = time.monotonic(), time.time_ns() // 10**6
        line = command(f"http://{target.address}/metrics", where, version, every)
        with child(line) as process:
            loopback.wait_until(
                lambda: bool(target.asked), timeout_s=_STARTS_WITHIN_S, what="the first fetch"
            )
            with suppress(TimeoutError):
                loopback.wait_until(lambda: until(receiver), timeout_s=for_s, what="what was waited for")
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=_ENDS_WITHIN_S)
        ended_ms = time.time_ns() // 10**6
        got = list(receiver.got)
    return Capture(
        got,
        receiver.metadata,
        target.address,
        began_s,
        began_ms,
        ended_ms,
        process.returncode,
        out,
        err,
        target.asked,
    )


@contextmanager
def child(line: Sequence[str | Path]) -> Iterator[subprocess.Popen[str]]:
    """Run a command with its output in pipes; it is killed if it outlives the block."""
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=pushvar_environment()
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def message_of(arrived: Arrived) -> Any:
    """The request as the official class reads it."""
    plain = snappy.decompress(arrived.body)
    return WriteRequest.FromString(plain) if arrived.version == "1.0" else Request.FromString(plain)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port that nobody accepts on and whose queue is full: connecting to it hangs. Gives the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for one in fillers:
                one.close()
