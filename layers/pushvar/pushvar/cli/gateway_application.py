"""Between the HTTP server and the front door: a request as the server read it, an answer as it writes it."""

from __future__ import annotations

import json
import time
import traceback
from contextlib import suppress
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit

import click

from pushvar.app.correlation import correlation_of
from pushvar.app.push_line import push_line, severity
from pushvar.jobs.exchange import PushReply, PushRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

SCHEMA = 1

_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_HEADER = "HTTP_"


class Door(Protocol):
    """What stands behind the server."""

    def handle(self, request: PushRequest) -> PushReply:
        """Answer one request."""


class Application:
    """The application that the server calls, from many threads; ``tell`` gets every answer."""

    def __init__(self, door: Door, tell: Callable[[PushRequest, PushReply, float], None]) -> None:
        self._door = door
        self._tell = tell

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, whatever happens."""
        began_s = time.monotonic()
        request = request_of(environ)
        reply = self._reply(request)
        with suppress(OSError):  # nobody reads what is told: no reason to answer differently
            self._tell(request, reply, time.monotonic() - began_s)
        headers = [
            ("Content-Type", reply.content_type),
            ("Content-Length", str(len(reply.body))),
            *reply.headers,
            *(("X-Request-Id", name) for name in (correlation_of(request.headers).request_id,) if name),
        ]
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [] if request.method == "HEAD" else [reply.body]

    def _reply(self, request: PushRequest) -> PushReply:
        try:
            return self._door.handle(request)
        except Exception as error:  # noqa: BLE001 - one request that fails must not be without an answer
            *_, last = traceback.extract_tb(error.__traceback__)
            detail = f"{type(error).__name__}: {error} (line {last.lineno} of {last.name})"
            return PushReply(500, b"the gateway failed; its log says how\n", detail=detail)


def request_of(environ: WSGIEnvironment) -> PushRequest:
    """The request; its target is what stood in the request line, with everything but ASCII escaped."""
    headers = {
        name.removeprefix(_HEADER).lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith(_HEADER) or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    target = quote(environ["REQUEST_URI"].encode("latin-1"), safe=_ASCII)
    if not target.startswith("/"):  # a client that takes us for a proxy names the host as well
        parts = urlsplit(target)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return PushRequest(environ["REQUEST_METHOD"], target, headers, environ["wsgi.input"].read())


class Telling:
    """What a person or a program is told: lines of requests that went wrong, or objects of all of them."""

    def __init__(self, *, as_json: bool, now_ms: Callable[[], int]) -> None:
        self._as_json = as_json
        self._now_ms = now_ms
        self._lock = Lock()
        self._problems: Sequence[object] = ()

    def listening(self, url: str, *, credentials: bool) -> None:
        """Say where the server is, and how to push there."""
        if self._as_json:
            self._write(json.dumps({"schema": SCHEMA, "time_ms": self._now_ms(), "listening": url}))
            return
        shown = "-u NAME:PASSWORD " if credentials else ""
        self._write(f"listening  {url}")
        self._write(f'push       echo "rows 42" | curl {shown}--data-binary @- {url}/metrics/job/nightly')
        self._write(f"look       curl {shown}{url}/metrics")

    def problems(self, problems: Sequence[object]) -> None:
        """Say what is wrong with the newest configuration, once for as long as it lasts."""
        if problems == self._problems:
            return
        self._problems = problems
        for problem in problems:
            said = json.dumps({"schema": SCHEMA, "problem": str(problem)}) if self._as_json else ""
            self._write(said or f"warning: {problem}", err=True)

    def __call__(self, request: PushRequest, reply: PushReply, took_s: float) -> None:
        """Tell of one answer."""
        now_ms = self._now_ms()
        if self._as_json:
            line = {"time_ms": now_ms, **push_line(request, reply), "duration_s": round(took_s, 6)}
            self._write(json.dumps({"schema": SCHEMA, **line}))
        elif severity(reply) != "debug":
            words = reply.detail or reply.body.decode(errors="replace").strip()
            when = time.strftime("%H:%M:%S", time.localtime(now_ms / 1000))
            what = f"{reply.status}  {request.method} {request.target}"
            self._write(f"{when}  {what}  {_printable(words)}", err=True)

    def _write(self, line: str, *, err: bool = False) -> None:
        with self._lock:
            click.echo(line, err=err)


def _printable(words: str) -> str:
    """One line that no client can make a terminal obey."""
    return "".join(one if one.isprintable() else " " for one in words)
