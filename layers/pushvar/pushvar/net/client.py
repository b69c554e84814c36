"""GET over kept-alive HTTP/1.1 connections, hundreds at a time on one event loop.

Made for the fetch of many small documents: one task and one parser for each request, a total
deadline rather than a timeout for each read, addresses checked before they are connected to,
redirects never followed. Requests and urllib3 cost five to eight times the CPU here (``make bench``).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.errors import FetchError
from pushvar.net.address import resolve
from pushvar.net.http1 import Malformed, Response, ResponseReader, TooLarge

if TYPE_CHECKING:
    from pushvar.net.tls import TlsSettings

IDLE_LIMIT = 500
"""Idle connections kept; a Lambda environment has 1,024 file descriptors."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go; ``tls`` is None for plain HTTP."""

    host: str
    port: int
    tls: TlsSettings | None = None


class _Lost(Exception):
    """The connection ended before a single byte of the response."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self.alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def request(self, head: bytes, body_limit: int) -> Response:
        assert self._transport is not None
        self._reader = ResponseReader(body_limit)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head)
        try:
            return await self._waiting
        finally:
            self.alive = self.alive and self._reader.reusable
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done() or self._reader is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            if self._reader.feed(data):
                assert self._reader.response is not None
                self._waiting.set_result(self._reader.response)
        except (Malformed, TooLarge) as error:
            self.close()
            self._waiting.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if self._waiting is None or self._waiting.done() or self._reader is None:
            return
        try:
            if not self._reader.started:
                raise _Lost  # noqa: TRY301 - one place decides what the waiting task gets
            self._reader.close()
            assert self._reader.response is not None
            self._waiting.set_result(self._reader.response)
        except (Malformed, TooLarge, _Lost) as error:
            self._waiting.set_exception(exc or error)

    def close(self) -> None:
        self.alive = False
        if self._transport is not None:
            self._transport.abort()


class Client:
    """A pool of connections on one event loop; every method runs inside that loop."""

    def __init__(self, *, idle_limit: int = IDLE_LIMIT) -> None:
        self._idle: defaultdict[Origin, list[_Connection]] = defaultdict(list)
        self._idle_count = 0
        self._idle_limit = idle_limit

    async def get(self, origin: Origin, head: bytes, *, timeout_s: float, body_limit: int) -> Response:
        """Send one prepared request head and give the whole response, whatever its status.

        Raises FetchError with one of the failure classes when there is none within ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._get(origin, head, body_limit)
        except TimeoutError:
            raise FetchError("timeout", f"no complete answer within {timeout_s:g} s") from None
        except TooLarge as error:
            raise FetchError("too_large", str(error)) from None
        except Malformed as error:
            reason = "connection" if "closed" in str(error) else "bad_format"
            raise FetchError(reason, str(error)) from None
        except _Lost:
            raise FetchError("connection", "the connection closed without an answer") from None
        except OSError as error:
            raise _from_os(error) from None

    async def _get(self, origin: Origin, head: bytes, body_limit: int) -> Response:
        connection = self._take_idle(origin)
        if connection is not None:
            try:
                return await self._exchange(origin, connection, head, body_limit)
            except (_Lost, ConnectionError):
                pass  # closed by the other side while idle: once more on a new one
        return await self._exchange(origin, await _connect(origin), head, body_limit)

    async def _exchange(
        self, origin: Origin, connection: _Connection, head: bytes, body_limit: int
    ) -> Response:
        try:
            response = await connection.request(head, body_limit)
        except BaseException:  # a deadline too must not leave a half-read connection behind
            connection.close()
            raise
        self._give_back(origin, connection)
        return response

    def _take_idle(self, origin: Origin) -> _Connection | None:
        idle = self._idle.get(origin)
        while idle:
            self._idle_count -= 1
            connection = idle.pop()
            if connection.alive:
                return connection
        return None

    def _give_back(self, origin: Origin, connection: _Connection) -> None:
        if connection.alive and self._idle_count < self._idle_limit:
            self._idle[origin].append(connection)
            self._idle_count += 1
        else:
            connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        self._idle_count = 0


async def _connect(origin: Origin) -> _Connection:
    loop = asyncio.get_running_loop()
    context: ssl.SSLContext | None = None
    server_name: str | None = None
    if origin.tls is not None:
        from pushvar.net.tls import context_for

        context = context_for(origin.tls)
        server_name = origin.tls.server_name or origin.host
    failure: OSError | None = None
    for address in await resolve(loop, origin.host, origin.port):
        try:
            _, connection = await loop.create_connection(
                _Connection, address, origin.port, ssl=context, server_hostname=server_name
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error  # localhost is ::1 and 127.0.0.1; the next address may answer
        else:
            return connection
    assert failure is not None
    raise failure


def _from_os(error: OSError) -> FetchError:
    if isinstance(error, ssl.SSLError):
        return FetchError("tls", f"TLS failed: {error.reason or error}")
    if isinstance(error, ConnectionRefusedError):
        return FetchError("refused", "the connection was refused")
    return FetchError("connection", f"the connection failed: {error.strerror or error}")
