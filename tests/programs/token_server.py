"""A token server for client credentials (RFC 6749, 4.4), and behind it what only its last token opens.

``POST /token`` grants. ``GET /vars`` is an expvar document, ``GET /targets`` a list of targets and
``POST`` or ``PUT`` anywhere a receiver; each answers 401 to everybody without the last token.
"""

from __future__ import annotations

import base64
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote_plus

from tests.programs import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_ID = "push var:1"
"""A name that basic authentication can only carry encoded."""


@dataclass(slots=True)
class TokenServer:
    """How it grants, and what was asked: the form of each grant, and of the rest method, path and status.

    ``ways`` are those in which a client may say who it is, ``basic`` and ``form``. ``instead`` is
    answered to whatever is asked of /token, as status and body. ``granted`` counts the tokens, the last
    of which is ``token``.
    """

    port: int
    secret: str = "hunter2 & co"
    ways: tuple[str, ...] = ("basic",)
    more: dict[str, Any] = field(default_factory=lambda: {"expires_in": 3600})
    instead: tuple[int, bytes] | None = None
    wait_s: float = 0.0
    granted: int = 0
    forms: list[dict[str, str]] = field(default_factory=list)
    served: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The only one that is good."""
        return f"token-{self.granted}"

    def revoke(self) -> None:
        """No token is good any more, the next one will be."""
        self.granted += 1

    def grant(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Status and document for one question."""
        told = _basic(authorization) if authorization else (form.get("client_id"), form.get("client_secret"))
        way = "basic" if authorization else "form"
        if way not in self.ways or told != (CLIENT_ID, self.secret):
            return 401, {"error": "invalid_client", "error_description": f"no client {told}"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        self.granted += 1
        return 200, {"access_token": self.token, "token_type": "bearer", **self.more}


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, text = authorization.partition(" ")
    name, _, secret = base64.b64decode(text).decode().partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if kind == "Basic" else ("", "")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Grant, or receive."""
        said = self.server.said
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.partition("?")[0] != "/token":
            self._guarded(b"")
            return
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        said.forms.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
        time.sleep(said.wait_s)
        if said.instead is not None:
            self._answer(*said.instead)
            return
        status, document = said.grant(said.forms[-1], self.headers.get("Authorization", ""))
        self._answer(status, json.dumps(document).encode())

    do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

    def do_GET(self) -> None:
        """Be scraped, or list targets."""
        self._guarded(b'[{"targets": ["127.0.0.1:9"]}]' if self.path == "/targets" else b'{"jobs": 3}')

    def _guarded(self, body: bytes) -> None:
        said = self.server.said
        good = said.granted and self.headers.get("Authorization") == f"Bearer {said.token}"
        status = (200 if body else 204) if good else 401
        said.served.append((self.command, self.path, status))
        self._answer(status, body if good else b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    said: TokenServer


@contextmanager
def token_server() -> Iterator[TokenServer]:
    """Run it on a port of its own."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.said = TokenServer(server.server_address[1])
        with loopback.served(server):
            yield server.said
