"""What Go's official client sends to a Pushgateway, as it was recorded (``go_client/main.go`` says how).

The client is a module with modules of its own, which a test may not fetch: its requests are replayed instead.
"""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

_RECORDED = Path(__file__).with_name("go_client") / "requests.json"
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request; ``status`` is the answer that the client takes as success."""

    name: str
    status: int
    sent: bytes

    @property
    def head(self) -> bytes:
        """Request line and headers."""
        return self.sent.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """What follows them."""
        return self.sent.partition(b"\r\n\r\n")[2]

    def replay(self, url: str) -> tuple[int, bytes]:
        """Send it once more, byte by byte, and give status and body of the answer."""
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=_PATIENCE_S) as connection:
            connection.sendall(self.sent)
            answer = HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()


def recorded() -> dict[str, Recorded]:
    """The requests by their names."""
    made = (
        Recorded(one["name"], one["status"], base64.b64decode(one["sent"]))
        for one in json.loads(_RECORDED.read_text())
    )
    return {one.name: one for one in made}
