"""A service that lists targets over HTTP, saying what the test wants it to say."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(slots=True)
class TargetLists:
    """What is answered to everybody, and who asked: path and headers (names in lower case)."""

    port: int
    body: bytes = b"[]"
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the list."""
        return f"http://127.0.0.1:{self.port}/targets?dc=1"

    def say(self, groups: Any) -> None:
        """Answer with these groups from now on."""
        self.body = json.dumps(groups).encode()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer."""
        said = self.server.said
        said.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        time.sleep(said.wait_s)
        self.send_response(said.status)
        for name, value in {"Content-Type": said.kind, **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    said: TargetLists


@contextmanager
def target_lists() -> Iterator[TargetLists]:
    """Run the service on a port of its own."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.said = TargetLists(server.server_address[1])
        with loopback.served(server):
            yield server.said
