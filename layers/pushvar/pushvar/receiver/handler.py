"""One HTTP connection: bytes in, an answer out, and what can go wrong between the two."""

from __future__ import annotations

import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pushvar.errors import PushvarError
from pushvar.receiver.answers import ROUTES, WRITE_PATH, Answer, answer_write, not_allowed, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.receiver.listener import Listener

_DRAIN_BYTES = 64 * 1024 * 1024
_IDLE_S = 60.0
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_log = logging.getLogger(__name__)


class Handler(BaseHTTPRequestHandler):
    """One connection. HTTP/1.1, so that a sender keeps it open between requests."""

    protocol_version = "HTTP/1.1"
    server_version = "pushvar-receiver"
    sys_version = ""
    timeout = _IDLE_S
    disable_nagle_algorithm = True  # head and body are two writes; the second would wait for an ACK
    server: Listener

    def do_GET(self) -> None:
        """A page, or a word about the state."""
        path, _, query = self.path.partition("?")
        if path == WRITE_PATH:
            self._send(not_allowed(path))
            return
        receiver = self.server.receiver
        self._send(self._guarded(lambda: show(path, receiver.view(path, dict(parse_qsl(query))))))

    do_HEAD = do_GET  # noqa: N815 - the name is the library's

    def do_POST(self) -> None:
        """A remote write request."""
        path = self.path.partition("?")[0]
        if path != WRITE_PATH:
            self.close_connection = True
            self._send(not_allowed(path) if path in ROUTES else Answer(404, b"not found\n"))
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            self._send(Answer(411, b"a remote write request has a Content-Length\n"))
            return
        self._send(self._guarded(lambda: self._write(int(length))))

    def do_PUT(self) -> None:
        """Any other method: 405."""
        self.close_connection = True
        self._send(not_allowed(self.path.partition("?")[0]))

    do_DELETE = do_PATCH = do_OPTIONS = do_PUT  # noqa: N815 - the names are the library's

    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - the name is the library's
        """Hand the access log to logging."""
        _log.debug(format, *values)

    def _write(self, length: int) -> Answer:
        receiver = self.server.receiver
        headers = list(self.headers.items())
        if length > receiver.limits.compressed_bytes:
            self.close_connection = True
            self._drain(length)
            return answer_write(receiver.refuse_size(headers, length))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return Answer(400, b"the body is shorter than Content-Length\n")
        return answer_write(receiver.write(headers, body))

    def _drain(self, length: int) -> None:
        """Read a refused body, within reason: a sender cut off while sending never sees the answer."""
        left = min(length, _DRAIN_BYTES)
        while left > 0:
            chunk = self.rfile.read(min(left, 1 << 20))
            if not chunk:
                return
            left -= len(chunk)

    def _guarded(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except OSError:  # the connection is gone or too slow: there is nobody to answer
            raise
        except PushvarError as error:
            return Answer(500, f"{error}\n".encode())
        except Exception:  # noqa: BLE001 - a page that fails must not end the connection silently
            _log.exception("the receiver failed on %s %s", self.command, self.path)
            return Answer(500, b"the receiver failed; its log says how\n")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in _HEADERS:
                self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
