"""GET over kept-alive HTTP/1.1 connections, thousands at a time on one event loop.

Made for the fetch of many small documents: a total deadline rather than a timeout for each read, addresses
checked before they are connected to, redirects never followed. A request on a connection that is already
there needs neither a task nor a timer; a task makes what is new. An idle connection that ends leaves the
pool at once, so that targets which went away hold no place in it. Requests and urllib3 cost five to eight
times the CPU here (``make bench``).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, TypeVar

from pushvar.net.address import is_allowed, resolve
from pushvar.net.asked import Asked, Awaited, Deadlines
from pushvar.net.connection import Connection
from pushvar.net.exchange import Lost
from pushvar.net.failure import failure_of
from pushvar.net.http1 import Response, ResponseReader
from pushvar.net.idle import Idle
from pushvar.net.kept import SENT_AT_ONCE_BYTES, Watch, dial
from pushvar.net.limits import DEFAULT
from pushvar.net.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pushvar.net.exchange import Exchange

_Made = TypeVar("_Made")

__all__ = ["Client", "Origin"]


class Client:
    """A pool of connections on one event loop; every method runs inside that loop.

    ``allowed`` says whether a connection may be made to an address. Of the idle connections, those with TLS
    are ``secured_limit`` at most. ``monotonic_s`` is the clock of ``came_s``.
    """

    def __init__(
        self,
        *,
        idle_limit: int = DEFAULT.idle,
        connection_limit: int = DEFAULT.connections,
        secured_limit: int = DEFAULT.secured,
        allowed: Callable[[str], bool] = is_allowed,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._monotonic_s = monotonic_s
        self._idle = Idle(idle_limit, secured_limit)
        self._connection_limit = connection_limit
        self._asked = Deadlines(self._late)
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping: Watch | None = None

    async def get(self, origin: Origin, head: bytes, *, timeout_s: float, body_limit: int) -> Response:
        """Send one prepared request head and give the whole response, whatever its status.

        Raises FetchError with one of the failure classes when there is none within ``timeout_s``.
        """
        asked = Awaited(origin, head, timeout_s, body_limit)
        self.ask(asked)
        try:
            return await asked.answer
        except asyncio.CancelledError:
            self._cut(asked)
            raise

    def ask(self, asked: Asked) -> None:
        """Do what ``get`` does; later ``asked`` hears of the response, or of what ``get`` raises."""
        loop = asyncio.get_running_loop()
        asked.deadline_s = loop.time() + asked.timeout_s
        connection = asked.connection = self._idle.take(asked.origin)
        if connection is None:
            self._begin(asked)
        else:
            asked.told_by = self._told
            self._asked.add(asked, loop)
            connection.ask(asked.head, asked.reader, asked)

    def came_s(self) -> float:
        """Since when that which somebody hears of at this moment has been there.

        It has waited while others were told before it, and that is no part of how long its fetch took.
        """
        came_s = self._keeping.came_s if self._keeping is not None else None
        return self._monotonic_s() if came_s is None else came_s

    def _told(self, asked: Asked, error: Exception | None) -> None:
        """Pass on what came on a connection that had been idle."""
        connection = asked.connection
        if connection is None or not self._asked.end(asked):
            return
        if error is None:
            self._give_back(asked.origin, connection)
            asked.ended(asked.reader.response, None)
            return
        connection.cut()
        if isinstance(error, (Lost, ConnectionError)) and not asked.reader.started:
            self._begin(asked)  # closed by the other side while idle: once more on a new one
        else:
            asked.ended(None, failure_of(error, asked.timeout_s))

    def _late(self, asked: Asked) -> None:
        assert asked.connection is not None
        asked.connection.cut()
        asked.ended(None, failure_of(TimeoutError(), asked.timeout_s))

    def _begin(self, asked: Asked) -> None:
        """Let a task ask on a new connection."""
        asked.connection = None
        asked.task = asyncio.get_running_loop().create_task(self._ask_anew(asked))
        self._tasks.add(asked.task)
        asked.task.add_done_callback(self._tasks.discard)

    async def _ask_anew(self, asked: Asked) -> None:
        response, error = None, None
        try:
            async with asyncio.timeout_at(asked.deadline_s):
                response = await self._get(asked)
        except Exception as failure:  # noqa: BLE001 - a fault too ends this request only
            error = failure_of(failure, asked.timeout_s)
        assert asked.task is not None
        self._tasks.discard(asked.task)  # its place is free for what ``ended`` asks next
        asked.ended(response, error)

    async def _get(self, asked: Asked) -> Response:
        busy = len(self._tasks) + len(self._asked)
        while self._idle and busy + len(self._idle) > self._connection_limit:
            self._idle.drop_oldest()
        connection = await self._connect(asked.origin, asked.timeout_s, len(asked.head))
        return await self._exchange(asked.origin, connection, asked.head, asked.body_limit)

    async def _connect(self, origin: Origin, timeout_s: float, head_bytes: int) -> Exchange:
        """Connect to the host of an origin, or to it through its proxy."""
        if origin.proxy is not None:
            from pushvar.net.tunnel import connect_through

            def opened(host: str, port: int) -> Awaitable[Connection]:
                return self._open(Origin(host, port), timeout_s)

            return await connect_through(origin.proxy, origin, self._allowed, opened)
        if origin.tls is None:
            plain = self._open_plain if head_bytes <= SENT_AT_ONCE_BYTES else self._open
            return await plain(origin, timeout_s)
        from pushvar.net.tls import context_and_name

        return await self._open(origin, timeout_s, *context_and_name(origin.tls, origin.host))

    async def _open_plain(self, origin: Origin, timeout_s: float) -> Exchange:
        """Connect without all that asyncio has for a connection, which would cost more than the request."""
        loop = asyncio.get_running_loop()
        watch = self._keeping = self._keeping or Watch(loop, self._monotonic_s)
        return await self._reach(
            origin, timeout_s, lambda to: dial(to, origin.port, self._idle.forget, watch)
        )

    async def _open(
        self, origin: Origin, timeout_s: float, context: ssl.SSLContext | None = None, name: str | None = None
    ) -> Connection:
        async def connected(address: str) -> Connection:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._idle.forget), address, origin.port, ssl=context, server_hostname=name
            )
            return connection

        return await self._reach(origin, timeout_s, connected)

    async def _reach(
        self, origin: Origin, timeout_s: float, connect: Callable[[str], Awaitable[_Made]]
    ) -> _Made:
        """Connect to the first address that answers; one that does not uses up only its share of the time."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        addresses = await resolve(loop, origin.host, origin.port, self._allowed, origin.policy)
        for place, address in enumerate(addresses, 1):
            share_s = timeout_s / len(addresses) if place < len(addresses) else None
            try:
                async with asyncio.timeout(share_s):
                    return await connect(address)
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error  # localhost is ::1 and 127.0.0.1; the next address may answer
        assert failure is not None
        raise failure

    async def _exchange(self, origin: Origin, connection: Exchange, head: bytes, body_limit: int) -> Response:
        try:
            response = await connection.request(head, ResponseReader(body_limit))
        except BaseException:  # a deadline too must not leave a half-read connection behind
            connection.close()
            raise
        self._give_back(origin, connection)
        return response

    def _give_back(self, origin: Origin, connection: Exchange) -> None:
        if connection.alive:
            self._idle.put(origin, connection, asyncio.get_running_loop().time())
        else:
            connection.close()

    def cut(self) -> None:
        """End everything that was asked and say nothing of it; tasks are cancelled, and end a bit later."""
        for asked in self._asked.all():
            self._cut(asked)
        for task in self._tasks:
            task.cancel()

    def _cut(self, asked: Asked) -> None:
        if self._asked.end(asked) and asked.connection is not None:
            asked.connection.cut()
        elif asked.task is not None:
            asked.task.cancel()

    def drop_unused(self, unused_s: float, now_s: float) -> None:
        """Close connections that have been idle for so long, by the clock of the loop."""
        self._idle.drop_before(now_s - unused_s)

    def close(self) -> None:
        """Close every connection."""
        self.cut()
        while self._idle:
            self._idle.drop_oldest()
        self._asked.close()
        if self._keeping is not None:
            self._keeping.close()
            self._keeping = None
