"""A remote-write receiver that stores as Prometheus does, and is good, bad or dead as its script says.

What it stored is read by the official classes. It is as strict as a time series database: an older sample,
or another value for the same time, is kept apart as a violation; the newest sample once more is nothing new.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING

import snappy

from tests.programs import loopback
from tests.programs.scripted_receiver import VERSIONS, WRITTEN, Arrived, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Labels = tuple[tuple[str, str], ...]

_DRIP_EVERY_S = 0.05
_LONG_S = 5.0
_STALE = (0x7FF0000000000002).to_bytes(8, "little")


def everything(_sample: Sample) -> bool:
    """All of them."""
    return True


def nothing(_sample: Sample) -> bool:
    """None of them."""
    return False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a script sees it: its number from 1, the targets' cycle, what is in it."""

    number: int
    cycle: int
    version: str
    samples: list[Sample]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done with a request: which samples are stored, and the answer.

    ``manner`` is how the answer comes: ``""``, ``hang`` (never), ``drip`` (a byte now and then),
    ``reset`` (while the body is read, so that nothing is known of it), ``cut`` (RST in place of an answer).
    """

    status: int = 204
    stores: Callable[[Sample], bool] = nothing
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    manner: str = ""


GOOD = Deed(stores=everything)

if TYPE_CHECKING:
    Script = Callable[[Asked], Deed]


@dataclass(slots=True)
class StoringReceiver:
    """``stored`` holds series -> time -> value, ``stored_in`` the cycle in which a sample came first.

    Of each request: ``at_s`` is when it came (monotonic), ``cycles`` in which cycle, ``headers`` its headers.
    """

    url: str
    script: Script
    cycle: Callable[[], int]
    stored: dict[Labels, dict[int, float]] = field(default_factory=dict)
    stored_in: dict[tuple[Labels, int], int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def admit(self, headers: dict[str, str]) -> int:
        """Note a request; gives its number."""
        with self.lock:
            self.at_s.append(time.monotonic())
            self.cycles.append(self.cycle())
            self.headers.append(headers)
            return len(self.at_s)

    def decide(self, number: int, headers: dict[str, str], body: bytes) -> Deed:
        """Ask the script, and store what it lets in."""
        told = headers.get("Content-Type", ""), headers.get("X-Prometheus-Remote-Write-Version", "")
        request = Arrived(headers, body, VERSIONS[told])
        samples = request.samples
        size_bytes = len(snappy.decompress(body))
        with self.lock:
            deed = self.script(Asked(number, self.cycle(), request.version, samples, size_bytes))
            for sample in filter(deed.stores, samples):
                self._store(*sample)
        return deed

    def _store(self, labels: Labels, time_ms: int, value: float) -> None:
        times = self.stored.setdefault(labels, {})
        newest_ms = max(times, default=-1)
        if time_ms < newest_ms:
            self.violations.append(f"{dict(labels)}: {time_ms} after {newest_ms}")
        elif time_ms == newest_ms and _bits(times[time_ms]) != _bits(value):
            self.violations.append(f"{dict(labels)}: {value} where {times[time_ms]} is, at {time_ms}")
        else:
            times[time_ms] = value
            self.stored_in.setdefault((labels, time_ms), self.cycle())


def is_stale(value: float) -> bool:
    """Tell a stale marker by its bits, as no comparison of floats can."""
    return _bits(value) == _STALE


def _bits(value: float) -> bytes:
    return struct.pack("<d", value)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    receiver: StoringReceiver

    def handle_error(self, *_: object) -> None:
        """Stay silent: clients that go away are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Do what the script says."""
        receiver, headers = self.server.receiver, dict(self.headers.items())
        number, length = receiver.admit(headers), int(headers["Content-Length"])
        reset = receiver.script(Asked(number, receiver.cycle(), "", [], length)).manner == "reset"
        body = self.rfile.read(length // 2 if reset else length)
        if reset:
            self._reset()
            return
        deed = receiver.decide(number, headers, body)
        with suppress(OSError):
            self._answer(deed)

    def _answer(self, deed: Deed) -> None:
        if deed.manner == "cut":
            self._reset()
        elif deed.manner == "hang":
            self.close_connection = True
            self.request.settimeout(_LONG_S)
            self.request.recv(1)  # until the client has had enough
        elif deed.manner == "drip":
            self.close_connection = True
            for byte in b"HTTP/1.1 204 No Content\r\nX-Slow: " + b"x" * 200 + b"\r\n\r\n":
                self.request.sendall(bytes([byte]))
                time.sleep(_DRIP_EVERY_S)
        else:
            self._say(deed)

    def _say(self, deed: Deed) -> None:
        text = deed.text.encode()
        self.send_response(deed.status)
        for name, value in deed.headers.items():
            self.send_header(name, value)
        if deed.status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _reset(self) -> None:
        """Lingering for 0 s makes the kernel send RST instead of FIN."""
        self.close_connection = True
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Stay silent: what arrived is the log."""


def written(samples: list[Sample], stores: Callable[[Sample], bool] = everything) -> dict[str, str]:
    """The headers by which a receiver of 2.0 says what it stored."""
    counts = {"Samples": len(list(filter(stores, samples))), "Histograms": 0, "Exemplars": 0}
    return {WRITTEN.format(kind): str(count) for kind, count in counts.items()}


@contextmanager
def storing_receiver(
    script: Script, cycle: Callable[[], int]
) -> Iterator[tuple[StoringReceiver, Callable[[], None]]]:
    """Run one that refuses connections until the function beside it is called."""
    server = _Server(("127.0.0.1", 0), _Handler, bind_and_activate=False)
    server.server_bind()
    url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/write"
    server.receiver = StoringReceiver(url, script, cycle)
    with ExitStack() as stack:
        stack.callback(server.server_close)

        def listen() -> None:
            server.server_activate()
            stack.enter_context(loopback.served(server))

        yield server.receiver, listen
