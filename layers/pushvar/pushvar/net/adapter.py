"""What requests does not do by itself: one shared TLS context, and an end to a whole request.

Loaded with requests, at the first request and not before.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
import warnings
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from pushvar.net.tls import context_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.net.tls import TlsSettings

LOOK_EVERY_S = 0.1
"""How late a request may be cut."""


class Watch:
    """Cuts the connection of a request that is not over in time: requests only bounds each single read.

    One request at a time. ``overdue`` says whether the last one was cut. One thread looks every
    ``LOOK_EVERY_S``, which costs a request nothing; a thread or a timer for each would cost as much as
    half the request. ``until_s`` is the moment by which every request is cut, once that is known.
    """

    def __init__(self, until_s: Callable[[], float] = lambda: inf) -> None:
        self._until_s = until_s
        self.absolute_url = ""  # what a proxy is to be told: urllib3 would resolve its dots
        self.socket: Any = None
        self._opened: Any = None  # a second handle: the TLS handshake takes the first one over
        self.overdue = False
        self._end_s = inf
        self._turn = threading.Lock()  # a request that is over may not have the next one cut
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, timeout_s: float) -> None:
        """A request begins."""
        with self._turn:
            self.socket, self.overdue = None, False
            self._end_s = time.monotonic() + timeout_s
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="push watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """The request is over."""
        with self._turn:
            self._end_s = inf
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def connected(self, connect: Callable[[], Any]) -> Any:
        """The socket that ``connect`` opens, in a thread that is left behind when time is over first.

        Nothing ends the look-up of a name whose server is silent, not even its own timeout.
        """
        attempt = _Attempt(connect)
        while not attempt.over.wait(LOOK_EVERY_S):
            if self._late:
                self.overdue = True
                attempt.leave()
                raise TimeoutError
        made = attempt.result()
        with self._turn:
            self._opened = made.dup()
        return made

    @property
    def _late(self) -> bool:
        return time.monotonic() >= min(self._end_s, self._until_s())

    def close(self) -> None:
        """No request will come any more; the thread is gone when this returns."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            with self._turn:
                if self._end_s != inf and self._late:
                    self._cut()

    def _cut(self) -> None:
        self.overdue = True
        for one in (self.socket, self._opened):
            if one is not None:
                with suppress(OSError):  # past any TLS layer, which the reading thread is inside of
                    socket.socket.shutdown(one, socket.SHUT_RDWR)


class _Attempt:
    """One try to connect, in a thread of its own."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.over = threading.Event()
        self._connect = connect
        self._made: Any = None
        self._error: BaseException | None = None
        self._left = False
        threading.Thread(target=self._run, name="push connect", daemon=True).start()

    def _run(self) -> None:
        try:
            self._made = self._connect()
        except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits for it
            self._error = error
        self.over.set()
        if self._left and self._made is not None:
            self._made.close()

    def leave(self) -> None:
        """Nobody waits any more."""
        self._left = True
        if self.over.is_set() and self._made is not None:
            self._made.close()

    def result(self) -> Any:
        """The socket; raises what ``connect`` raised."""
        if self._error is not None:
            raise self._error
        return self._made


class _WholeLines:
    """The lines of an answer's head; the end of the stream is none of them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readline(self, limit: int) -> bytes:
        """The next line, or its first ``limit`` bytes. Raises ConnectionError for one that was cut off."""
        line: bytes = self._stream.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise http.client.RemoteDisconnected("the connection ended within the head of an answer")
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _Answer(http.client.HTTPResponse):
    """An answer whose head is whole: the base class takes what arrived before a cut for all there is."""

    def begin(self) -> None:
        """Read the head."""
        stream = self.fp
        self.fp = _WholeLines(stream)  # type: ignore[assignment] # all that reading a head needs
        try:
            super().begin()
        finally:
            if self.fp is not None:  # it closes a stream that holds no HTTP
                self.fp = stream


class Adapter(HTTPAdapter):
    """An adapter whose connections share the context of these settings and are under this watch."""

    def __init__(self, tls: TlsSettings, watch: Watch) -> None:
        self._tls = tls
        self._watch = watch
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Hand the context to all pools."""
        if self._tls.server_name:
            kwargs["server_hostname"] = self._tls.server_name
        super().init_poolmanager(*args, **kwargs)
        self._see(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools behind a proxy, with the same context and under the same watch. Raises ConfigError."""
        if proxy not in self.proxy_manager:
            if self._tls.server_name:
                kwargs["server_hostname"] = self._tls.server_name
            self._see(super().proxy_manager_for(proxy, **kwargs))
        manager = self.proxy_manager[proxy]
        manager.connection_pool_kw.update(self.poolmanager.connection_pool_kw)
        return manager

    def _see(self, manager: Any) -> None:
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {
            scheme: _watched(pool, self._watch) for scheme, pool in pools.items()
        }

    def get_connection_with_tls_context(self, request: Any, verify: Any, *args: Any, **kwargs: Any) -> Any:
        """Load the context when HTTPS is first spoken; raises ConfigError."""
        if request.url.startswith("https:"):
            self.poolmanager.connection_pool_kw.setdefault("ssl_context", context_for(self._tls))
        return super().get_connection_with_tls_context(request, verify, *args, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the context; the base class would load the CA bundle again."""


def open_session(tls: TlsSettings, watch: Watch) -> requests.Session:
    """A session with these settings and no others: no proxy, no netrc, no variable of the shell."""
    session = requests.Session()
    session.trust_env = False
    # written into the shared context with every connection: it must be what stands there already
    session.verify = not tls.insecure_skip_verify
    if tls.insecure_skip_verify:
        warnings.filterwarnings("ignore", "Unverified HTTPS request")  # it is what the user wrote
    adapter = Adapter(tls, watch)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _watched(pool: Any, watch: Watch) -> Any:
    """A pool class whose connections show the watch their socket as soon as a request is sent."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        response_class = _Answer

        def _new_conn(self) -> Any:
            return watch.connected(super()._new_conn)

        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
            super().request(method, watch.absolute_url or url, *args, **kwargs)
            watch.socket = self.sock

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
