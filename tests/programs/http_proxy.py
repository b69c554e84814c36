"""A real HTTP proxy: it forwards absolute-form requests, tunnels CONNECT, and remembers every request line.

Every name leads to 127.0.0.1, so that a test can use names that only the proxy knows.
"""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.programs.raw_server import ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.programs.raw_server import Connection, RawServer

HERE = "127.0.0.1"
HOP_BY_HOP = ("Connection", "Content-Length", "Accept-Encoding")


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """``url`` is what a configuration calls it."""

    server: RawServer

    @property
    def url(self) -> str:
        """As proxy_url."""
        return f"http://{HERE}:{self.server.port}"

    @property
    def lines(self) -> list[str]:
        """The request lines so far, without the protocol."""
        return [head.partition(" HTTP/1.")[0] for head in self.server.heads]


@contextmanager
def http_proxy(answer: bytes = b"", *, silent: bool = False) -> Iterator[HttpProxy]:
    """Serve a proxy that forwards; or that says ``answer`` to everything, or nothing at all."""

    def act(client: Connection) -> None:
        while client.request():
            line = client.server.heads[-1].partition("\r\n")[0]
            if silent:
                client.wait()
            elif answer:
                client.send(answer)
            elif line.startswith("CONNECT "):
                _tunnel(client, int(line.split()[1].rpartition(":")[2]))
                return
            else:
                client.send(_forwarded(client, *line.split()[:2]))

    with raw_server(act) as server:
        yield HttpProxy(server)


def _forwarded(client: Connection, method: str, url: str) -> bytes:
    parts = urlsplit(url)
    upstream = http.client.HTTPConnection(HERE, parts.port or 80, timeout=5)
    said = (line.split(": ", 1) for line in client.server.heads[-1].split("\r\n")[1:])
    headers = {name: value for name, value in said if name not in HOP_BY_HOP}
    try:
        path = url.removeprefix(f"http://{parts.netloc}")
        upstream.request(method, path, client.body or None, headers)
        answer = upstream.getresponse()
        kind = f"Content-Type: {answer.headers['Content-Type']}"
        return ok(answer.read(), kind).replace(b"200 OK", b"%d Forwarded" % answer.status, 1)
    except OSError:
        return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
    finally:
        upstream.close()


def _tunnel(client: Connection, port: int) -> None:
    try:
        upstream = socket.create_connection((HERE, port), timeout=5)
    except OSError:
        client.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        return
    with upstream:
        upstream.settimeout(None)
        client.send(b"HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n")  # which is no body
        back = threading.Thread(target=_pump, args=(upstream, client.socket))
        back.start()
        _pump(client.socket, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
