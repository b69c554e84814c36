"""Loopback HTTP for tests: free ports, and requests as plain as can be.

They heed no proxy of the environment and follow no redirect: what the server said is what a test gets.
"""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import Message
    from socketserver import BaseServer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Give no request to follow with: the redirect then is the answer."""


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whatever its status. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def free_port() -> int:
    """Give a port that nobody listens on. Somebody else may take it first: a starter tries again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str, *, timeout_s: float = 10.0) -> Answer:
    """GET a URL; raises OSError when no answer comes."""
    return request("GET", url, timeout_s=timeout_s)


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> Answer:
    """Send one request; any status is an answer like any other."""
    asked = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with _DIRECT.open(asked, timeout=timeout_s) as answer:
            return Answer(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def served(server: BaseServer, poll_s: float = 0.05) -> Iterator[None]:
    """Let a server of the standard library answer from a thread; it ends with the block."""
    thread = threading.Thread(target=server.serve_forever, args=(poll_s,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def wait_until(happened: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Poll until ``happened()`` is true; raises TimeoutError naming ``what`` when it never is."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(0.02)
