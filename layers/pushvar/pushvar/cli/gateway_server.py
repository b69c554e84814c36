"""The HTTP server of ``pushvar gateway``: waitress, and an end to clients that keep it waiting.

Waitress reads and writes in one thread and answers in others, and hands a request over when all of it
is there: a slow client costs a socket, no thread. What it lacks is here: a limit on how long one request
may take to come, and an end that lets what is under way finish.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

_TURN_S = 0.2
"""How long the loop waits for something to happen before it looks whether it is to end."""
_CROWDED_IDLE_S = 1.0
"""How long a connection may rest while others wait for their turn."""
_FOREIGN = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take up.

    ``body_bytes`` is where reading ends; a smaller limit is the API's own, whose words a client sees because
    all of the body was read. ``request_s`` is for a request to come, ``answer_s`` until its answer is gone,
    ``idle_s`` between two of them, ``parting_s`` for those under way when the server is to end.
    ``connections`` stays clear of 1,024, the open files of most systems: a long body takes two more.
    """

    body_bytes: int = 16 * 1024 * 1024
    header_bytes: int = 64 * 1024
    connections: int = 300
    threads: int = 8
    request_s: float = 60.0
    answer_s: float = 180.0
    idle_s: float = 60.0
    parting_s: float = 5.0


class Head(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """Reads a request; what is not ASCII in its first line is escaped, as Go's servers take it unescaped."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the first line and the headers."""
        first, line_end, rest = header_plus.partition(b"\r\n")
        super().parse_header(_FOREIGN.sub(lambda found: b"%%%02X" % found[0][0], first) + line_end + rest)


class Connection(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """One connection, which knows since when its newest request has been coming."""

    parser_class = Head
    began_s = 0.0

    def received(self, data: bytes) -> bool:
        """Take what came in."""
        before = self.request
        taken: bool = super().received(data)
        if self.request is not before or before is None:
            self.began_s = time.monotonic()
        return taken

    def busy(self) -> bool:
        """Whether a request is coming, being answered or its answer on the way."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)

    def overdue(self, limits: Limits, idle_s: float) -> bool:
        """Whether the client has taken too long. Nobody is cut off while the answer is being made."""
        if self.requests:
            return False
        age_s = time.monotonic() - self.began_s
        if self.request is not None:
            return age_s > limits.request_s
        if self.total_outbufs_len:
            return age_s > limits.answer_s
        resting_s: float = time.time() - self.last_activity
        return resting_s > idle_s


class Server(TcpWSGIServer):  # type: ignore[misc] # waitress has no types
    """Serves an application on a socket that listens; ``serve`` does it until somebody wants the end."""

    channel_class = Connection
    active_channels: dict[int, Connection]

    def __init__(self, application: WSGIApplication, listening: socket.socket, limits: Limits) -> None:
        self._limits = limits
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(application, _sock=listening, sockinfo=where, bind_socket=False, **_settings(limits))

    def maintenance(self, now: float) -> None:  # noqa: ARG002 - the library's signature
        """Close the connections that are overdue; called about once a second."""
        crowded = len(self.active_channels) >= self._limits.connections // 2
        idle_s = _CROWDED_IDLE_S if crowded else self._limits.idle_s
        for connection in tuple(self.active_channels.values()):
            if connection.overdue(self._limits, idle_s):
                connection.will_close = True

    def serve(self, ended: Callable[[], bool]) -> None:
        """Serve until ``ended``, then finish what is under way and close everything."""
        try:
            while not ended():
                self._turn()
        finally:
            self._part()

    def _turn(self) -> None:
        wasyncore.loop(timeout=_TURN_S, use_poll=True, map=self._map, count=1)

    def _part(self) -> None:
        self.accepting = False
        self.del_channel()
        self.socket.close()
        until_s = time.monotonic() + self._limits.parting_s
        while self._finishing() and time.monotonic() < until_s:
            self._turn()
        self.task_dispatcher.shutdown(timeout=1)
        with suppress(OSError):
            wasyncore.close_all(self._map)

    def _finishing(self) -> bool:
        """Whether any connection still has something to do; those that rest are closed."""
        for connection in self.active_channels.values():
            connection.will_close = connection.will_close or not connection.busy()
        return bool(self.active_channels)


def _settings(limits: Limits) -> dict[str, Any]:
    """The limits in waitress' words, and what else it must be told."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue for a moment is no news
    return {
        "threads": limits.threads,
        "connection_limit": limits.connections,
        "max_request_body_size": limits.body_bytes,
        "max_request_header_size": limits.header_bytes,
        "cleanup_interval": 1,
        "asyncore_use_poll": True,  # select() knows no socket beyond the 1,024th
        "recv_bytes": 64 * 1024,
        "outbuf_high_watermark": 1 << 30,  # an answer that nobody takes waits in a file, not in a thread
        "log_socket_errors": False,  # a client that goes away is no news
        "ident": "pushvar",
    }
