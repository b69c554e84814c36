"""The request of a usual push, written in one piece.

requests and urllib3 keep pools, TLS, time-outs and what an error means. Not theirs any more, on a
connection without a proxy, are the lines of the request and the head of the answer: http.client checks
and writes one header at a time and has the answer's parsed as those of an e-mail, and requests merges
cookies, hooks and proxies that a push does not have. Together that cost several times the push itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

_URL = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?P<host>(?:[a-z0-9_.-]*[a-z0-9_-]|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?))"
    r"(?P<target>/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
)
"""URLs that mean the same to everybody; requests sees to all others, and to user and password."""

_OWN_PORT = {"http": ":80", "https": ":443"}
_NAME, _VALUE = re.compile(r"[^:\s]+"), re.compile(r"(?:\S[^\r\n]*)?")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "expect"})
_BODILESS = frozenset({"GET", "HEAD"})
_CODING = {"Accept-Encoding": "gzip"}
"""What ``PlainAnswer`` reads; requests asks for whatever is installed."""

_NO_HEADERS: CaseInsensitiveDict[str] = CaseInsensitiveDict()


class Place(NamedTuple):
    """Where a request goes: scheme and authority, the Host header, and what the request line says."""

    origin: str
    host: str
    target: str


def place(url: str) -> Place | None:
    """The parts of a URL, as they are; None for one that needs a closer look."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    return Place(
        found["origin"], found["host"].removesuffix(_OWN_PORT[found["scheme"]]), found["target"] or "/"
    )


class Writer:
    """Prepares requests; headers that are those of the last one are not looked at again."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no netrc, no variable of the shell
        self._last: dict[str, str] | None = None
        self._lines: str | None = None

    def request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, direct: bool
    ) -> tuple[requests.PreparedRequest, bytes]:
        """The request, and all its bytes; those are empty for one that urllib3 has to write.

        ``direct`` is one without a proxy. Raises RequestException and UnicodeEncodeError for what HTTP
        cannot carry.
        """
        to = place(url) if direct else None
        lines = self._lines_of(headers) if to is not None else None
        if to is None or lines is None:
            request = self._session.prepare_request(requests.Request(method, url, headers, data=body))
            request.url = url
            return request, b""
        request = requests.PreparedRequest()
        request.method, request.url, request.headers = method, to.origin, _NO_HEADERS
        length = f"Content-Length: {len(body)}\r\n" if body or method not in _BODILESS else ""
        head = f"{method} {to.target} HTTP/1.1\r\nHost: {to.host}\r\n{lines}{length}\r\n"
        return request, head.encode("latin-1") + body

    def _lines_of(self, headers: Mapping[str, str]) -> str | None:
        """The lines of these headers and of what requests adds; None when they are about host or framing."""
        if headers != self._last:
            self._last = None  # they may be refused
            self._lines = _lines(headers)
            self._last = dict(headers)
        return self._lines


def _lines(headers: Mapping[str, str]) -> str | None:
    for name, value in headers.items():
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise requests.exceptions.InvalidHeader(name)
    own = {name.lower() for name in headers}
    if own & _FRAMING:
        return None
    usual = {**default_headers(), **_CODING}
    default = {name: value for name, value in usual.items() if name.lower() not in own}
    return "".join([f"{name}: {value}\r\n" for name, value in {**default, **headers}.items()])


def send_whole(connection: Any, whole: bytes) -> None:
    """Send all bytes of a request on a connection of urllib3's, which connects first if it has to."""
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)
    connection.send(whole)
