"""What the faulty server does at each of its paths.

What can be written down is a row of ``ANSWERS``; what needs time or the connection itself is a
function in ``BEHAVIOURS``.
"""

from __future__ import annotations

import gzip
import socket
import struct
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import BufferedIOBase

DOCUMENT = b'{"cmdline": ["faulty"], "requests_total": 7}'
DRIP_EVERY_S = 0.05
HUGE_BYTES = 64 << 20
BOMB_BYTES = 64 << 20


class Client(Protocol):
    """The other side, as a behaviour sees it."""

    @property
    def wfile(self) -> BufferedIOBase:
        """Where the answer goes; raises OSError once the client has gone."""

    @property
    def request(self) -> socket.socket:
        """The connection itself."""

    def pause(self, seconds: float | None = None) -> bool:
        """Wait, for ever unless told otherwise; True when the server ends meanwhile."""


def answer(body: bytes, *headers: str, status: int = 200, length: int | None = None) -> bytes:
    """Write an answer; its Content-Type is JSON unless a header says otherwise."""
    if not any(header.lower().startswith("content-type:") for header in headers):
        headers = ("Content-Type: application/json; charset=utf-8", *headers)
    lines = (f"HTTP/1.1 {status} {_phrase(status)}", *headers)
    size = len(body) if length is None else length
    return "\r\n".join((*lines, f"Content-Length: {size}", "", "")).encode() + body


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unheard Of"


_CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_ZIPPED = gzip.compress(DOCUMENT)

ANSWERS: dict[str, bytes] = {
    "/ok": answer(DOCUMENT),
    "/chunked": _CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(DOCUMENT), DOCUMENT),
    "/html": answer(b"<!DOCTYPE html><title>Sign in</title>", "Content-Type: text/html"),
    "/json-as-html": answer(DOCUMENT, "Content-Type: text/html"),
    "/empty": answer(b""),
    "/array": answer(b"[1, 2, 3]"),
    "/deep": answer(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "/cut-json": answer(DOCUMENT[:-5]),
    "/not-utf8": answer(b'{"caf\xe9": 1}'),
    "/gzip": answer(_ZIPPED, "Content-Encoding: gzip"),
    "/bad-gzip": answer(b"\x1f\x8b" + DOCUMENT, "Content-Encoding: gzip"),
    "/cut-gzip": answer(_ZIPPED[:-12], "Content-Encoding: gzip"),
    "/truncated": answer(DOCUMENT, length=len(DOCUMENT) + 100),
    "/bad-chunk": _CHUNKED + b"zz\r\n" + DOCUMENT,
    "/cut-chunk": _CHUNKED + b"%x\r\n%s" % (len(DOCUMENT) + 50, DOCUMENT),
    "/bad-length": answer(DOCUMENT, "Content-Length: many"),
    "/two-lengths": answer(DOCUMENT, "Content-Length: 3"),
    "/no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/many-headers": answer(DOCUMENT, *(f"X-Filler-{i}: {'x' * 100}" for i in range(5000))),
    "/long-header": answer(DOCUMENT, f"X-Filler: {'x' * 1_000_000}"),
}
LYING = {  # the connection is over after these
    "/truncated",
    "/bad-chunk",
    "/cut-chunk",
    "/bad-length",
    "/two-lengths",
    "/no-http",
}


def redirects(url: str, other_url: str) -> dict[str, bytes]:
    """Give what the redirecting paths answer, for a server that goes by two names."""
    return {
        "/redirect-same": answer(b"", f"Location: {url}/ok", status=302),
        "/redirect-other": answer(b"", f"Location: {other_url}/ok", status=302),
        "/redirect-loop": answer(b"", f"Location: {url}/redirect-loop", status=302),
        "/redirect-file": answer(b"", "Location: file:///etc/hostname", status=302),
    }


def _hang(client: Client) -> None:
    client.pause()


def _hang_body(client: Client) -> None:
    client.wfile.write(answer(DOCUMENT[:10], length=len(DOCUMENT)))
    client.pause()


def _drip(client: Client) -> None:
    for byte in answer(DOCUMENT):
        client.wfile.write(bytes([byte]))
        if client.pause(DRIP_EVERY_S):
            return


def _drip_body(client: Client) -> None:
    client.wfile.write(answer(b"", length=1 << 20))
    while not client.pause(DRIP_EVERY_S):
        client.wfile.write(b" ")


def _endless(client: Client) -> None:
    client.wfile.write(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"a":"'
    )
    while not client.pause(0):
        client.wfile.write(b"x" * 65536)


def _endless_chunks(client: Client) -> None:
    client.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not client.pause(0):
        client.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")


def _endless_headers(client: Client) -> None:
    client.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not client.pause(0):
        client.wfile.write(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def _huge(client: Client) -> None:
    client.wfile.write(answer(b'{"a":"' + b"x" * HUGE_BYTES + b'"}'))


@cache
def _bomb() -> bytes:
    """Made once: it takes a while, and every fault's time is being watched."""
    return answer(gzip.compress(b" " * BOMB_BYTES), "Content-Encoding: gzip")


def _gzip_bomb(client: Client) -> None:
    client.wfile.write(_bomb())


def _reset(client: Client) -> None:
    # lingering for 0 s makes the kernel send RST instead of FIN
    client.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.request.close()


def _reset_body(client: Client) -> None:
    client.wfile.write(answer(DOCUMENT[:10], length=len(DOCUMENT)))
    client.pause(0.1)
    _reset(client)


def _close(client: Client) -> None:
    """Close without a word."""


def _close_between(client: Client) -> None:
    """Answer well, say nothing of closing, and close: the client's pooled connection is dead."""
    client.wfile.write(answer(DOCUMENT, "Connection: keep-alive"))


def _no_length(client: Client) -> None:
    """Let the end of the connection be the end of the body, as HTTP/1.0 did."""
    client.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + DOCUMENT)


BEHAVIOURS: Mapping[str, Callable[[Client], None]] = {
    "/hang": _hang,
    "/hang-body": _hang_body,
    "/drip": _drip,
    "/drip-body": _drip_body,
    "/endless": _endless,
    "/endless-chunks": _endless_chunks,
    "/endless-headers": _endless_headers,
    "/huge": _huge,
    "/gzip-bomb": _gzip_bomb,
    "/reset": _reset,
    "/reset-body": _reset_body,
    "/close": _close,
    "/close-between": _close_between,
    "/no-length": _no_length,
}
