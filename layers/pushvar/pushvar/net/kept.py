"""Plain connections, each no more than a socket, which stay open from cycle to cycle.

A transport, a task and a timer for each would cost more than the request itself. These share one
selector, which the event loop watches as if it were one more socket: however many answers have come,
the loop wakes once and all of them are read in a row.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from pushvar.net.exchange import Exchange, Lost

if TYPE_CHECKING:
    from collections.abc import Callable

SENT_AT_ONCE_BYTES = 8 * 1024
"""A longer request head may not fit into what the system takes at once, which is all that is tried here."""

_READ_BYTES = 256 * 1024
"""Read at a time, into one piece of memory for all: a large body must not wake the process often."""


class Kept(Exchange):
    """One connection, one request at a time."""

    __slots__ = ("_number", "_socket", "_watch")

    def __init__(self, ended: Callable[[Exchange], None], watch: Watch, own: socket.socket) -> None:
        super().__init__(ended)
        self._watch = watch
        self._socket = own
        self._number = own.fileno()
        watch.add(self, self._number)

    def _send(self, head: bytes) -> None:
        try:
            whole = self._socket.send(head) == len(head)
        except OSError:
            whole = False
        if not whole:  # the other side has closed it or reads no more: nothing is lost by a new one
            self.close()
            self._gone(Lost())

    def read(self, room: memoryview) -> None:
        """Take what has come, one piece of it: nobody who sends without end keeps the others waiting."""
        try:
            size = self._socket.recv_into(room)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close()
            self._gone(error)
            return
        if size:
            self._came(room[:size])
        else:
            self.close()
            self._gone(None)

    def close(self) -> None:
        """End it at once."""
        self.alive = False
        if self._number >= 0:
            self._watch.remove(self._number)
            self._number = -1
            self._socket.close()
            self._ended(self)


class Watch:
    """Reads kept connections as bytes come, on one event loop, as long as it is not closed.

    While it reads, ``came_s`` says since when, by ``monotonic_s``, what is read has been there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, monotonic_s: Callable[[], float]) -> None:
        self.came_s: float | None = None
        self._monotonic_s = monotonic_s
        self._loop = loop
        self._selector = selectors.DefaultSelector()
        self._room = memoryview(bytearray(_READ_BYTES))
        loop.add_reader(self._fileno(), self.read)

    def _fileno(self) -> int:
        # epoll's and kqueue's have a descriptor of their own; where there is neither, there are no sockets
        # in such numbers
        number: int = self._selector.fileno()
        return number

    def add(self, one: Kept, number: int) -> None:
        """Read this one too from now on; ``number`` is its descriptor."""
        self._selector.register(number, selectors.EVENT_READ, one)

    def remove(self, number: int) -> None:
        """Do not read it any more."""
        with suppress(KeyError):  # all of them were forgotten before
            self._selector.unregister(number)

    def read(self) -> None:
        """Let every connection to which something has come read it, idle ones too."""
        room, found = self._room, self._selector.select(0)
        self.came_s = self._monotonic_s()
        try:
            for key, _ in found:
                one: Kept = key.data
                if one.alive:  # what another one read may have been its end as well
                    one.read(room)
        finally:
            self.came_s = None

    def close(self) -> None:
        """Watch no longer; the connections are closed before."""
        self._loop.remove_reader(self._fileno())
        self._selector.close()


async def dial(address: str, port: int, ended: Callable[[Exchange], None], watch: Watch) -> Kept:
    """Connect to an address, no name. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    own = socket.socket(family, socket.SOCK_STREAM)
    try:
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, (address, port))
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Kept(ended, watch, own)
    except BaseException:  # a deadline too must leave no socket behind
        own.close()
        raise
