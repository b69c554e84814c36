"""The least HTTP/1.1 that a benchmark's servers need: kept-alive connections, one answer a request.

Made to cost little beside the clients that are measured. It believes what clients send.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Answer = Callable[[str, str, bytes], bytes]

NO_CONTENT = b"HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class _Connection(asyncio.Protocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while (end := self._buffer.find(_HEAD_END)) >= 0:
            head = bytes(self._buffer[:end])
            after = end + len(_HEAD_END) + _body_bytes(head)
            if len(self._buffer) < after:
                return
            body = bytes(self._buffer[end + len(_HEAD_END) : after])
            del self._buffer[:after]
            method, path, _ = head.split(b" ", 2)
            self._transport.write(self._answer(method.decode(), path.decode(), body))


def _body_bytes(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line[len(_LENGTH) :]) for line in lines if line.startswith(_LENGTH)), 0)


def with_body(body: bytes) -> bytes:
    """A 200 with these bytes."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def serve(answers: Sequence[Answer]) -> None:
    """Serve each on a free port of its own, print the ports in one line, end when standard input does."""
    asyncio.run(_serve(answers))


async def _serve(answers: Sequence[Answer]) -> None:
    loop = asyncio.get_running_loop()
    ports = []
    for answer in answers:
        server = await loop.create_server(partial(_Connection, answer), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
