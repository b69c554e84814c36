"""The listening socket and its connections, one thread each, all of which ``close`` can end."""

from __future__ import annotations

import contextlib
import logging
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushvar.receiver.server import Receiver

_CLOSE_S = 2.0
_log = logging.getLogger(__name__)


class Listener(ThreadingHTTPServer):
    """A threading server that knows its open connections, so that nothing outlives ``close``."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], receiver: Receiver
    ) -> None:
        self.receiver = receiver
        self._open: set[socket.socket] = set()
        self._changed = Condition()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the library's look-up of the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection, then serve it in a thread."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """Log what a connection died of; a peer that went away is no news."""
        _log.debug("connection from %s ended", client_address, exc_info=True)

    def close(self) -> None:
        """Stop listening, end every connection, wait for their threads a little."""
        self.server_close()
        with self._changed:
            for request in self._open:
                with contextlib.suppress(OSError):  # the peer may be gone already
                    request.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=_CLOSE_S)
