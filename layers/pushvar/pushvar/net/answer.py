"""The answer to a request, read by http.client; one whose head is usual is read at once."""

from __future__ import annotations

import http.client
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n((?:" + _TOKEN + rb":[^\r\n]*\r\n)*)\r\n")
_BODILESS = frozenset({204, 304})
_LENGTH = re.compile(r"[0-9]{1,18}")  # int() itself refuses thousands
_HTTP_1_1 = 11
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47  # zlib's wbits for whichever of the two it is


class Fields(Mapping[str, str]):
    """The headers of an answer; case counts for nothing, and what came twice is joined."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._held: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            self._held[key] = f"{self._held[key]}, {value}" if key in self._held else value

    def __getitem__(self, name: str) -> str:
        return self._held[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


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


class WholeAnswer(http.client.HTTPResponse):
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


class PlainAnswer(WholeAnswer):
    """The answer to a request that was sent in one piece; urllib3's pools take it for one of their own.

    A usual head is split here: the base class has it parsed as that of an e-mail, which takes longer than
    sending the request. Whatever is unusual about one is left to the base class, from its first byte on.
    """

    version_string = "HTTP/1.1"

    def __init__(self, connection: Any, method: str) -> None:
        self._carrier = connection
        self._asked = method
        super().__init__(connection.sock, method=method)
        self.fields = Fields()

    @property
    def length_remaining(self) -> int | None:
        """Bytes of the body that were not read yet, where it has a length."""
        return self.length

    def begin(self) -> None:
        """Read the head."""
        if not self._took(self.fp.peek()):
            super().begin()
            self.fields = Fields(self.headers.items())
        self.headers = self.fields  # type: ignore[assignment] # all that is asked of it is to get one

    def _took(self, data: bytes) -> bool:
        """Whether the head is all there and says how long a body follows, on a connection that stays."""
        found = _HEAD.match(data)
        if found is None or self._asked == "HEAD":
            return False
        status = int(found[1])
        lines = found[2].decode("latin-1").split("\r\n")[:-1]
        fields = Fields((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = "0" if status in _BODILESS else fields.get("content-length", "")
        stays = fields.get("connection", "keep-alive").lower() == "keep-alive"
        if not stays or "transfer-encoding" in fields or not _LENGTH.fullmatch(length):
            return False
        self.fp.read(found.end())
        self.fields = fields
        self.version, self.status, self.length = _HTTP_1_1, status, int(length)
        self.chunked = self.will_close = False
        return True

    def read(self, amt: int | None = None, *, decode_content: bool = False) -> bytes:
        """The next ``amt`` bytes; with ``decode_content``, as many as they hold when they are compressed.

        Raises what http.client, the socket and zlib raise.
        """
        body = super().read(amt)
        if self.length and amt is not None and len(body) < amt:
            raise http.client.IncompleteRead(body, self.length)
        if not decode_content or self.fields.get("content-encoding", "").lower() not in _CODINGS:
            return body
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, amt or 0)

    def close(self) -> None:
        """End it; a connection with something left to read carries no other request."""
        if not self.isclosed():
            self._carrier.close()
        super().close()


def answer_to(connection: Any, method: str) -> PlainAnswer:
    """The answer that comes next on a connection, its head read. Raises HTTPException and OSError."""
    answer = PlainAnswer(connection, method)
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    if answer.will_close:
        connection.close()
    return answer
