"""GET over kept-alive HTTP/1.1 connections, hundreds at a time on one event loop.

Made for the fetch of many small documents: one task and one parser for each request, a total
deadline rather than a timeout for each read, addresses checked before they are connected to,
redirects never followed. An idle connection that ends leaves the pool at once, so that targets which
went away hold no place in it. Requests and urllib3 cost five to eight times the CPU here (``make bench``).
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushvar.errors import FetchError
from pushvar.net.address import is_allowed, resolve
from pushvar.net.http1 import Malformed, Response, ResponseReader, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.net.policy import Policy
    from pushvar.net.tls import TlsSettings

IDLE_LIMIT = 500
"""Idle connections kept."""
CONNECTION_LIMIT = 800
"""Connections, idle or not, above which idle ones make room; a Lambda environment has 1,024 descriptors."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go; ``tls`` is None for plain HTTP, ``policy`` where any address will do."""

    host: str
    port: int
    tls: TlsSettings | None = None
    policy: Policy | None = None


class _Lost(Exception):
    """The connection ended before a single byte of the response."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, ended: Callable[[_Connection], None]) -> None:
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self.alive = True

    @property
    def answered(self) -> bool:
        """Whether anything of the last answer arrived."""
        return self._reader is not None and self._reader.started

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
        self._ended(self)
        if self._waiting is None or self._waiting.done() or self._reader is None:
            return
        if exc is not None:  # a broken connection completes no answer, whatever arrived before
            self._waiting.set_exception(exc)
            return
        try:
            if not self._reader.started:
                raise _Lost  # noqa: TRY301 - one place decides what the waiting task gets
            self._reader.close()
            assert self._reader.response is not None
            self._waiting.set_result(self._reader.response)
        except (Malformed, TooLarge, _Lost) as error:
            self._waiting.set_exception(error)

    def close(self) -> None:
        self.alive = False
        if self._transport is not None:
            self._transport.abort()


class Client:
    """A pool of connections on one event loop; every method runs inside that loop.

    ``allowed`` says whether a connection may be made to an address.
    """

    def __init__(
        self,
        *,
        idle_limit: int = IDLE_LIMIT,
        connection_limit: int = CONNECTION_LIMIT,
        allowed: Callable[[str], bool] = is_allowed,
    ) -> None:
        self._allowed = allowed
        self._idle: dict[Origin, dict[_Connection, None]] = {}
        self._origins: dict[_Connection, Origin] = {}  # of the idle ones, the longest idle first
        self._busy = 0
        self._idle_limit = idle_limit
        self._connection_limit = connection_limit

    async def get(self, origin: Origin, head: bytes, *, timeout_s: float, body_limit: int) -> Response:
        """Send one prepared request head and give the whole response, whatever its status.

        Raises FetchError with one of the failure classes when there is none within ``timeout_s``.
        """
        self._busy += 1
        try:
            async with asyncio.timeout(timeout_s):
                return await self._get(origin, head, body_limit, timeout_s)
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
        finally:
            self._busy -= 1

    async def _get(self, origin: Origin, head: bytes, body_limit: int, timeout_s: float) -> Response:
        connection = self._take_idle(origin)
        if connection is not None:
            try:
                return await self._exchange(origin, connection, head, body_limit)
            except (_Lost, ConnectionError):
                if connection.answered:
                    raise
                # closed by the other side while idle: once more on a new one
        while self._origins and self._busy + len(self._origins) > self._connection_limit:
            self._drop_oldest()
        connection = await self._connect(origin, timeout_s)
        return await self._exchange(origin, connection, head, body_limit)

    async def _connect(self, origin: Origin, timeout_s: float) -> _Connection:
        """Connect to the first address that answers; one that does not uses up only its share of the time."""
        loop = asyncio.get_running_loop()
        context, server_name = None, None
        if origin.tls is not None:
            from pushvar.net.tls import context_and_name

            context, server_name = context_and_name(origin.tls, origin.host)
        failure: OSError | None = None
        addresses = await resolve(loop, origin.host, origin.port, self._allowed, origin.policy)
        for place, address in enumerate(addresses, 1):
            share_s = timeout_s / len(addresses) if place < len(addresses) else None
            try:
                async with asyncio.timeout(share_s):
                    _, connection = await loop.create_connection(
                        lambda: _Connection(self._forget), address, origin.port,
                        ssl=context, server_hostname=server_name,
                    )  # fmt: skip
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error  # localhost is ::1 and 127.0.0.1; the next address may answer
            else:
                return connection
        assert failure is not None
        raise failure

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
        if not idle:
            return None
        connection = next(reversed(idle))
        self._forget(connection)
        return connection

    def _give_back(self, origin: Origin, connection: _Connection) -> None:
        if not connection.alive:
            connection.close()
            return
        self._idle.setdefault(origin, {})[connection] = None
        self._origins[connection] = origin
        if len(self._origins) > self._idle_limit:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        connection = next(iter(self._origins))
        self._forget(connection)
        connection.close()

    def _forget(self, connection: _Connection) -> None:
        """Take a connection out of the pool, if it is there."""
        origin = self._origins.pop(connection, None)
        if origin is not None:
            del self._idle[origin][connection]
            if not self._idle[origin]:
                del self._idle[origin]

    def close(self) -> None:
        """Close every idle connection."""
        while self._origins:
            self._drop_oldest()


def _from_os(error: OSError) -> FetchError:
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or error
        return FetchError("tls", f"TLS failed: {why}")
    if isinstance(error, ConnectionRefusedError):
        return FetchError("refused", "the connection was refused")
    return FetchError("connection", f"the connection failed: {error.strerror or error}")
