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
from pushvar.net.connection import Connection, Lost
from pushvar.net.http1 import Malformed, Response, ResponseReader, TooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushvar.net.policy import Policy
    from pushvar.net.proxy import Proxy
    from pushvar.net.tls import TlsSettings

IDLE_LIMIT = 500
"""Idle connections kept."""
CONNECTION_LIMIT = 800
"""Connections, idle or not, above which idle ones make room; a Lambda environment has 1,024 descriptors."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go; ``tls`` is None for plain HTTP, ``policy`` where any address will do.

    With a ``proxy`` they go there, and on to the host from it.
    """

    host: str
    port: int
    tls: TlsSettings | None = None
    policy: Policy | None = None
    proxy: Proxy | None = None


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
        self._idle: dict[Origin, dict[Connection, None]] = {}
        self._origins: dict[Connection, Origin] = {}  # of the idle ones, the longest idle first
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
        except Lost:
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
            except (Lost, ConnectionError):
                if connection.answered:
                    raise
                # closed by the other side while idle: once more on a new one
        while self._origins and self._busy + len(self._origins) > self._connection_limit:
            self._drop_oldest()
        connection = await self._connect(origin, timeout_s)
        return await self._exchange(origin, connection, head, body_limit)

    async def _connect(self, origin: Origin, timeout_s: float) -> Connection:
        """Connect to the host of an origin, or to it through its proxy."""
        if origin.proxy is not None:
            from pushvar.net.tunnel import connect_through

            def opened(host: str, port: int) -> Awaitable[Connection]:
                return self._open(Origin(host, port), timeout_s)

            return await connect_through(origin.proxy, origin, self._allowed, opened)
        if origin.tls is None:
            return await self._open(origin, timeout_s)
        from pushvar.net.tls import context_and_name

        return await self._open(origin, timeout_s, *context_and_name(origin.tls, origin.host))

    async def _open(
        self, origin: Origin, timeout_s: float, context: ssl.SSLContext | None = None, name: str | None = None
    ) -> Connection:
        """Connect to the first address that answers; one that does not uses up only its share of the time."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        addresses = await resolve(loop, origin.host, origin.port, self._allowed, origin.policy)
        for place, address in enumerate(addresses, 1):
            share_s = timeout_s / len(addresses) if place < len(addresses) else None
            try:
                async with asyncio.timeout(share_s):
                    _, connection = await loop.create_connection(
                        lambda: Connection(self._forget), address, origin.port,
                        ssl=context, server_hostname=name,
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
        self, origin: Origin, connection: Connection, head: bytes, body_limit: int
    ) -> Response:
        try:
            response = await connection.request(head, ResponseReader(body_limit))
        except BaseException:  # a deadline too must not leave a half-read connection behind
            connection.close()
            raise
        self._give_back(origin, connection)
        return response

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        if not idle:
            return None
        connection = next(reversed(idle))
        self._forget(connection)
        return connection

    def _give_back(self, origin: Origin, connection: Connection) -> None:
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

    def _forget(self, connection: Connection) -> None:
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
