"""POST to a backend with requests: pushes and control calls, one kept-alive session for each backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pushvar.net.tls import TlsSettings

ANSWER_LIMIT = 4_096
"""Bytes of an answer that are read: enough for a receiver's reason, too few to hurt."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a backend said; ``status`` is 0 when nothing arrived, and ``text`` then says why."""

    status: int
    text: str
    headers: Mapping[str, str]


class Session:
    """Connections to one backend. Nothing is opened, or even imported, before the first request."""

    def __init__(self, tls: TlsSettings) -> None:
        self._tls = tls
        self._session: Any = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """One POST, never redirected. Never raises for what the network or the backend does."""
        import requests

        if self._session is None:
            self._session = _open(self._tls)
        try:
            with self._session.post(
                url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True
            ) as response:
                return Answer(response.status_code, _words(response), response.headers)
        except requests.RequestException as error:
            return Answer(0, _plain(error), {})

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._session.close()


def _words(response: Any) -> str:
    """The start of the answer, as text; the connection is only reusable when all was read."""
    body: bytes = next(response.iter_content(ANSWER_LIMIT), b"")
    return body.decode("utf-8", "replace").strip()


def _plain(error: Exception) -> str:
    """The innermost reason of a requests error: the outer ones repeat pool addresses."""
    reason: Any = error
    for _ in range(4):
        inner = getattr(reason, "reason", None) or (reason.args[0] if getattr(reason, "args", ()) else None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    text = str(reason)
    return text.rpartition("object at ")[2].partition(": ")[2] or text


def _open(tls: TlsSettings) -> Any:
    import requests
    from requests.adapters import HTTPAdapter

    from pushvar.net.tls import context_for

    class SharedContext(HTTPAdapter):
        """An adapter whose pools all use the one context of these settings."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            kwargs["ssl_context"] = context_for(tls)
            if tls.server_name:
                kwargs["server_hostname"] = tls.server_name
            super().init_poolmanager(*args, **kwargs)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            """Leave verification to the context; the base class would load the CA bundle again."""

    session = requests.Session()
    session.trust_env = False  # proxies and netrc are a matter of the configuration, not of the shell
    session.mount("https://", SharedContext())
    return session
