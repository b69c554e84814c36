"""One request and its answer on a connection: what is the same whatever carries the bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.net.http1 import Response, ResponseReader

    Told = Callable[[Exception | None], None]


class Lost(Exception):
    """The connection ended before a single byte of the response."""


class Exchange:
    """One connection, one request at a time.

    ``ended`` is called with the connection when it is over. ``alive`` says whether another request may
    follow; ``idle_s`` is for who keeps it meanwhile.
    """

    __slots__ = ("_ended", "_reader", "_told", "alive", "idle_s")

    def __init__(self, ended: Callable[[Exchange], None]) -> None:
        self._ended = ended
        self._reader: ResponseReader | None = None
        self._told: Told | None = None
        self.alive = True
        self.idle_s = 0.0

    def ask(self, head: bytes, reader: ResponseReader, told: Told) -> None:
        """Send a head and let the reader have what comes; then ``told`` is called, once.

        It gets None when the reader has its response, else why there is none: Lost, Malformed, TooLarge,
        OSError, or a fault of ours.
        """
        self._reader, self._told = reader, told
        self._send(head)

    async def request(self, head: bytes, reader: ResponseReader) -> Response:
        """Send a head and give the answer that the reader makes of what comes; raises what ``ask`` tells."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def told(error: Exception | None) -> None:
            if answer.done():
                return  # who asked waits no longer
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)

        self.ask(head, reader, told)
        await answer
        assert reader.response is not None
        return reader.response

    def cut(self) -> None:
        """End it at once and tell nobody."""
        self._told = self._reader = None
        self.close()

    def _came(self, data: bytes | memoryview) -> None:
        """Feed the answer that is waited for."""
        reader = self._reader
        if reader is None:
            self.close()  # an answer that nobody asked for
            return
        try:
            if not reader.feed(data):
                return
        except Exception as failure:  # noqa: BLE001 - a fault too ends this answer only
            self.close()
            self._tell(failure)
        else:
            self._tell(None)

    def _gone(self, error: Exception | None) -> None:
        """Give who waits the answer that this end completes, or the reason why there is none."""
        self.alive = False
        self._ended(self)
        reader = self._reader
        if reader is None:
            return
        if error is None:  # a broken connection completes no answer, whatever arrived before
            try:
                if reader.started:
                    reader.close()
                else:
                    error = Lost()
            except Exception as failure:  # noqa: BLE001 - a fault too ends this answer only
                error = failure
        self._tell(error)

    def _tell(self, error: Exception | None) -> None:
        reader, told = self._reader, self._told
        self._reader = self._told = None
        assert reader is not None
        assert told is not None
        self.alive = self.alive and reader.reusable
        told(error)

    def _send(self, head: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End it at once."""
        raise NotImplementedError
