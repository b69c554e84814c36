"""One connection of the fetch client: bytes in both directions, one request at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pushvar.net.http1 import Malformed, TooLarge

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from pushvar.net.http1 import Response, ResponseReader


class Lost(Exception):
    """The connection ended before a single byte of the response."""


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, ended: Callable[[Connection], None]) -> None:
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
        """Where its bytes go from now on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def request(self, head: bytes, reader: ResponseReader) -> Response:
        """Send a head and give the answer that the reader makes of what comes."""
        assert self._transport is not None
        self._reader = reader
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head)
        try:
            return await self._waiting
        finally:
            self.alive = self.alive and reader.reusable
            self._waiting = None

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Speak TLS from here on. Raises ssl.SSLError and OSError."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(self._transport, self, context, server_hostname=name)
        if secured is None:
            raise ConnectionResetError("the connection ended at the TLS handshake")
        self.connection_made(secured)

    def data_received(self, data: bytes) -> None:
        """Feed the answer that is waited for."""
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
        """Give who waits the answer that this end completes, or the reason why there is none."""
        self.alive = False
        self._ended(self)
        if self._waiting is None or self._waiting.done() or self._reader is None:
            return
        if exc is not None:  # a broken connection completes no answer, whatever arrived before
            self._waiting.set_exception(exc)
            return
        try:
            if not self._reader.started:
                raise Lost  # noqa: TRY301 - one place decides what the waiting task gets
            self._reader.close()
            assert self._reader.response is not None
            self._waiting.set_result(self._reader.response)
        except (Malformed, TooLarge, Lost) as error:
            self._waiting.set_exception(error)

    def close(self) -> None:
        """End it at once."""
        self.alive = False
        if self._transport is not None:
            self._transport.abort()
