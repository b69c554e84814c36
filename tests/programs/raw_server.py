"""A TCP server for one test: a function says what each connection does, byte by byte, with or without TLS."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Act = Callable[["Connection"], None]

POLL_S = 0.05


@dataclass(slots=True)
class RawServer:
    """``requests`` holds the number of the connection of each request, ``heads`` what it said."""

    port: int
    ended: threading.Event
    requests: list[int] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Connection:
    """One client; ``number`` counts them from 1, ``body`` is that of the last request."""

    socket: socket.socket
    number: int
    server: RawServer
    body: bytes = b""
    _read: bytes = b""

    def request(self) -> bool:
        """Read one request whole and note it; False when the client has gone."""
        while b"\r\n\r\n" not in self._read:
            if not self._more():
                return False
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        length = 0
        for line in head.decode("latin-1").split("\r\n"):
            if line.lower().startswith("content-length:"):
                length = int(line.partition(":")[2])
        while len(self._read) < length:
            if not self._more():
                return False
        self.body, self._read = self._read[:length], self._read[length:]
        self.server.requests.append(self.number)
        self.server.heads.append(head.decode("latin-1"))
        return True

    def _more(self) -> bool:
        data = self.socket.recv(65536)
        self._read += data
        return bool(data)

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self.socket.sendall(data)

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def wait(self, seconds: float | None = None) -> None:
        """Do nothing, for ever unless told otherwise; returns when the server ends."""
        self.server.ended.wait(seconds)


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    """A plain 200."""
    lines = ("HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode() + body


def keep_answering(connection: Connection) -> None:
    """Answer 200 to every request on one connection."""
    while connection.request():
        connection.send(ok())


@contextmanager
def raw_server(
    act: Act = keep_answering,
    *,
    host: str = "0.0.0.0",  # noqa: S104 - all of 127/8, so that one server can be many hosts
    tls: ssl.SSLContext | None = None,
) -> Iterator[RawServer]:
    """Serve on a free port; every connection is cut and every thread ended at the end."""
    with _listening(host) as (listener, ended, clients):
        server = RawServer(listener.getsockname()[1], ended)
        threads: list[threading.Thread] = []

        def started(client: socket.socket) -> None:
            clients.append(client)
            one = threading.Thread(target=_serve, args=(client, len(clients), server, act, tls))
            threads.append(one)
            one.start()

        acceptor = threading.Thread(target=_accept, args=(listener, ended, started))
        acceptor.start()
        try:
            yield server
        finally:
            ended.set()
            acceptor.join()
            for client in clients:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept any number of connections on 127.0.0.1 and never say a word; gives the port."""
    with _listening("127.0.0.1") as (listener, ended, clients):
        acceptor = threading.Thread(target=_accept, args=(listener, ended, clients.append))
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            acceptor.join()
            for client in clients:
                client.close()


@contextmanager
def _listening(host: str) -> Iterator[tuple[socket.socket, threading.Event, list[socket.socket]]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=2048) as listener:
        listener.settimeout(POLL_S)
        yield listener, threading.Event(), []


def _accept(listener: socket.socket, ended: threading.Event, take: Callable[[socket.socket], object]) -> None:
    while not ended.is_set():
        with suppress(TimeoutError):
            client, _ = listener.accept()
            client.settimeout(None)
            take(client)


def _serve(
    client: socket.socket, number: int, server: RawServer, act: Act, tls: ssl.SSLContext | None
) -> None:
    with client, suppress(OSError):
        if tls is None:
            act(Connection(client, number, server))
            return
        copy = client.dup()  # the original is what the end of the server cuts
        try:
            copy = tls.wrap_socket(copy, server_side=True)
            act(Connection(copy, number, server))
        finally:
            copy.close()
