"""Requests to a backend: pushes and control calls, one kept-alive session for each backend."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.net.proxy import Proxies, Proxy
    from pushvar.net.tls import TlsSettings

ANSWER_LIMIT = 4_096
"""Bytes of an answer that are read as a rule: enough for a receiver's reason, too few to hurt."""

_POOL = re.compile(r"(?:<.*?>|\w+\(host=.*?\)): ")
_DEPTH = 8


def load_client() -> None:
    """Import what a first request imports otherwise."""
    import pushvar.net.adapter
    import pushvar.net.plain  # noqa: F401 - to have it


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend said; ``status`` is 0 when nothing arrived, and ``text`` then says why."""

    status: int
    text: str
    headers: Mapping[str, str]


class Session:
    """Connections to one backend, for one thread at a time.

    Nothing is opened, or even imported, before the first request. ``until_s`` is the moment on the
    monotonic clock by which all requests have to be over; it may come nearer while one is under way.
    """

    def __init__(
        self,
        tls: TlsSettings,
        until_s: Callable[[], float] = lambda: inf,
        proxies: Proxies | None = None,
    ) -> None:
        self._tls = tls
        self._proxies = proxies
        self._until_s = until_s
        self._writer: Any = None
        self._adapter: Any = None
        self._watch: Any = None

    def send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        answer_limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """One request, never redirected, over within ``timeout_s`` whatever the backend does.

        At most ``answer_limit`` bytes of the answer are read.
        The URL goes out as it is: requests would resolve dots and unquote what need not be quoted.
        Never raises for what the network or the backend does; ConfigError for a file of the TLS settings.
        """
        import requests

        if self._adapter is None:
            self._open()
        proxy = None if self._proxies is None else self._proxies.of(url)
        if proxy is not None and proxy.unusable:
            return Answer(0, proxy.unusable, {})
        self._watch.absolute_url = url if proxy is not None and url.startswith("http:") else ""
        overdue = Answer(0, f"no complete answer within {timeout_s:g} s", {})
        self._watch.start(timeout_s)
        try:
            request, self._watch.whole = self._writer.request(
                method, url, body, headers, direct=proxy is None
            )
            proxies = {} if proxy is None else {"all": f"http://{proxy}"}
            with self._adapter.send(
                request, stream=True, timeout=timeout_s, verify=self._adapter.verify, proxies=proxies
            ) as response:
                if self._watch.overdue:  # http.client takes headers that were cut off for all there are
                    return overdue
                return Answer(response.status, _words(response, answer_limit), response.headers)
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError):  # its text would show the secret
            return Answer(0, "a header holds what HTTP cannot carry; check the credentials", {})
        except requests.RequestException as error:
            return overdue if self._watch.overdue else Answer(0, _plain(error, proxy), {})
        finally:
            self._watch.stop()
            self._watch.whole = b""

    def _open(self) -> None:
        from pushvar.net.adapter import Adapter, Watch
        from pushvar.net.plain import Writer

        self._watch, self._writer = Watch(self._until_s), Writer()
        self._adapter = Adapter(self._tls, self._watch)

    def close(self) -> None:
        """Close the connections."""
        if self._adapter is not None:
            self._watch.close()
            self._adapter.close()


def _words(raw: Any, limit: int) -> str:
    """The start of the answer, as text; the status counts even when they cannot be read.

    The connection is only reusable when all was read.
    """
    try:
        body: bytes = raw.read(limit, decode_content=True)
    except Exception:  # noqa: BLE001 - urllib3's, http.client's, the socket's or a decompressor's
        return ""
    return body.decode("utf-8", "replace").strip()


def _plain(error: BaseException, proxy: Proxy | None) -> str:
    """The innermost reason of a requests error: the outer ones repeat pools and addresses of objects."""
    from http.client import BadStatusLine, RemoteDisconnected

    from requests.exceptions import ProxyError

    reason = error
    for _ in range(_DEPTH):
        inner = (getattr(reason, "reason", None), *reversed(reason.args))
        reason = next((one for one in inner if isinstance(one, BaseException)), reason)
    if isinstance(reason, ssl.SSLError):
        return f"TLS failed: {getattr(reason, 'verify_message', '') or reason.reason or reason}"
    if isinstance(reason, BadStatusLine) and not isinstance(reason, RemoteDisconnected):
        return "the answer is not HTTP"
    by_proxy = f"the proxy {proxy}: " if isinstance(error, ProxyError) else ""
    return by_proxy + _POOL.sub("", str(reason))
