"""An HTTP/1.1 server that misbehaves on request: the path of a URL says how.

``faults`` holds the paths. Beside them ``/status/<code>`` answers with any status, and any other path
with 404. Requests may carry a body, so it can stand for a backend as well as for a target.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.programs.faults import ANSWERS, BEHAVIOURS, LYING, answer, redirects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """One request that arrived; ``connection`` counts the connections, from 1."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(slots=True)
class FaultyServer:
    """``url`` + a path misbehaves; ``other_url`` is the same by another host name.

    Nobody listens at ``refused_url``.
    """

    url: str
    other_url: str
    refused_url: str
    requests: list[Request] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Give the paths asked for, in order of arrival."""
        return [request.path for request in self.requests]


class _Connection(socketserver.StreamRequestHandler):
    """One client: requests in, misbehaviour out, until either side has had enough."""

    server: _Listener
    timeout = None

    def handle(self) -> None:
        """Answer requests until the connection is over or broken."""
        with suppress(OSError):
            number = self.server.admit(self.request)
            while (request := self.read_request(number)) and self.act(request):
                pass
        self.server.forget(self.request)

    def read_request(self, connection: int) -> Request | None:
        """Read one request whole and note it; None at the end of the connection."""
        words = self.rfile.readline().decode("latin-1").split()
        if len(words) != 3:
            return None
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        request = Request(words[0], words[1], headers, body, connection)
        self.server.faulty.requests.append(request)
        return request

    def act(self, request: Request) -> bool:
        """Answer as the path wants it; False when the connection is over."""
        path = request.path.partition("?")[0]
        if path in BEHAVIOURS:
            BEHAVIOURS[path](self)
            return False
        if path.startswith("/status/"):
            code = int(path.removeprefix("/status/"))
            body = b"" if code in {204, 304} else f"status {code} as asked\n".encode()
            self.wfile.write(answer(body, "Content-Type: text/plain", status=code))
            return True
        self.wfile.write(self.server.answers.get(path) or answer(b"no such fault\n", status=404))
        return path not in LYING

    def pause(self, seconds: float | None = None) -> bool:
        """Wait, for ever unless told otherwise; True when the server ends meanwhile."""
        return self.server.ended.wait(seconds)


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = False  # closing waits for them; none outlives the cut of its connection
    request_queue_size = 128
    faulty: FaultyServer
    answers: dict[str, bytes]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.open: set[socket.socket] = set()
        self.admitted = 0

    def admit(self, connection: socket.socket) -> int:
        """Count a connection in, so that it can be cut at the end; give its number."""
        with self.lock:
            self.open.add(connection)
            self.admitted += 1
            if self.ended.is_set():
                connection.shutdown(socket.SHUT_RDWR)
            return self.admitted

    def forget(self, connection: socket.socket) -> None:
        """Count a connection out."""
        with self.lock:
            self.open.discard(connection)

    def end(self) -> None:
        """Wake what hangs and cut what is open; the handlers' threads then end by themselves."""
        self.ended.set()
        with self.lock:
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    """Serve faults on a free port; ends at once, whatever its clients are doing."""
    with _Listener() as listener, socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and never listening: connections are refused
        port, refused = listener.server_address[1], reserved.getsockname()[1]
        listener.faulty = FaultyServer(
            f"http://127.0.0.1:{port}", f"http://localhost:{port}", f"http://127.0.0.1:{refused}"
        )
        listener.answers = ANSWERS | redirects(listener.faulty.url, listener.faulty.other_url)
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield listener.faulty
        finally:
            listener.shutdown()
            thread.join()
            listener.end()
