"""Targets that speak TLS, each on a port of its own, so that each is a host that nobody has met.

``python -m benchmarks.https_server CERT KEY COUNT``: prints the ports in one line, ends with standard input.
A connection is answered and closed by whoever asked.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

from benchmarks import workload
from benchmarks.http_server import with_body

_BACKLOG = 64


class _Connection(asyncio.Protocol):
    """Answers each read with a document: a request of the client fits into one."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(self._answer)


async def _serve(cert: str, key: str, count: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    loop, ports, answer = asyncio.get_running_loop(), [], with_body(workload.document(0))
    for _ in range(count):
        server = await loop.create_server(
            lambda: _Connection(answer), "127.0.0.1", 0, ssl=context, backlog=_BACKLOG
        )
        ports.append(server.sockets[0].getsockname()[1])
    print(*ports, flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
