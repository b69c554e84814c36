"""What requests does not do by itself: one shared TLS context, and an end to a whole request.

Loaded with requests, at the first request and not before.
"""

from __future__ import annotations

import socket
import threading
import time
import warnings
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from pushvar.net.answer import WholeAnswer, answer_to
from pushvar.net.plain import send_whole
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
        self.whole = b""  # a request that goes out in one piece
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


class Adapter(HTTPAdapter):
    """An adapter whose connections share the context of these settings and are under this watch."""

    def __init__(self, tls: TlsSettings, watch: Watch) -> None:
        self._tls = tls
        self._watch = watch
        # written into the shared context with every connection: it must be what stands there already
        self.verify = not tls.insecure_skip_verify
        if tls.insecure_skip_verify:
            warnings.filterwarnings("ignore", "Unverified HTTPS request")  # it is what the user wrote
        self._last_origin = ""
        self._last_pool: Any = None
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
        if self._watch.whole and request.url == self._last_origin:
            return self._last_pool
        if request.url.startswith("https:"):
            self.poolmanager.connection_pool_kw.setdefault("ssl_context", context_for(self._tls))
        pool = super().get_connection_with_tls_context(request, verify, *args, **kwargs)
        # urllib3 closes the pools that were not used for long, never the last one
        self._last_origin, self._last_pool = request.url if self._watch.whole else "", pool
        return pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """What urllib3 is to take for the target; a request in one piece holds the true one."""
        return "/" if self._watch.whole else super().request_url(request, proxies)

    def build_response(self, _req: Any, resp: Any) -> Any:
        """The answer as urllib3 has it: a push needs no cookies, history and encodings around it."""
        return resp

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave verification to the context; the base class would load the CA bundle again."""


def _watched(pool: Any, watch: Watch) -> Any:
    """A pool class whose connections show the watch their socket as soon as a request is sent."""

    class Connection(pool.ConnectionCls):  # type: ignore[misc]
        response_class = WholeAnswer
        asked = ""  # the method of a request in one piece

        def _new_conn(self) -> Any:
            return watch.connected(super()._new_conn)

        def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
            self.asked = method if watch.whole else ""
            watch.socket = self.sock  # a connection that was kept can hang in sending too
            if watch.whole:
                send_whole(self, watch.whole)
            else:
                super().request(method, watch.absolute_url or url, *args, **kwargs)
            watch.socket = self.sock

        def getresponse(self) -> Any:
            return answer_to(self, self.asked) if self.asked else super().getresponse()

    class Pool(pool):  # type: ignore[misc]
        ConnectionCls = Connection

        def urlopen(self, *args: Any, **kwargs: Any) -> Any:
            """A plain answer is read before the next request, whoever has the connection."""
            return super().urlopen(*args, **kwargs, release_conn=bool(watch.whole))

    return Pool
