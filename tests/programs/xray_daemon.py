"""X-Ray's daemon as far as a function sees it: it takes documents by UDP and answers nothing."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = {"format": "json", "version": 1}
_QUIET_S = 0.2
_WHOLE = 65_536


@dataclass(frozen=True, slots=True)
class XRayDaemon:
    """``address`` is what ``AWS_XRAY_DAEMON_ADDRESS`` holds."""

    address: str
    _socket: socket.socket

    def documents(self) -> list[dict[str, Any]]:
        """Give what arrived since the last look, in the order in which the spans ended."""
        found: list[dict[str, Any]] = []
        self._socket.settimeout(_QUIET_S)
        while True:
            try:
                sent = self._socket.recv(_WHOLE)
            except TimeoutError:
                return found
            header, _, document = sent.partition(b"\n")
            assert json.loads(header) == _HEADER
            found.append(json.loads(document))


@contextmanager
def xray_daemon() -> Iterator[XRayDaemon]:
    """Listen on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listening.bind(("127.0.0.1", 0))
        yield XRayDaemon(f"127.0.0.1:{listening.getsockname()[1]}", listening)
