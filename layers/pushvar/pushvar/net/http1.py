"""An HTTP/1.1 response read from bytes as they come: status, the few headers that matter, the body.

No I/O here. Lengths, chunks, closing connections and gzip are understood (RFC 9112 sections 4 to 8);
head and body are bounded, so that an endless answer ends at its limit.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers; net/http servers stop at 1 MiB, real ones need under 1 KiB."""

_HEAD_END = b"\r\n\r\n"
_INFORMATIONAL = 200
_NO_BODY = frozenset({204, 304})
_GZIP_WINDOW = 31  # zlib's wbits for a gzip wrapper
_LENGTH_DIGITS = 18  # more are no length; int() itself refuses thousands


class Malformed(Exception):
    """What arrived is not an HTTP/1.1 response; the message says where it stops being one."""


class TooLarge(Exception):
    """The body, or its decompressed form, is over the limit."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response; ``headers`` have lower-case names, the last of a name wins."""

    status: int
    headers: dict[str, str]
    body: bytes


class ResponseReader:
    """Feed it bytes until ``response`` is there.

    ``started`` says whether anything arrived at all, ``reusable`` whether the connection may carry
    another request afterwards.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_headers",
        "_left",
        "_limit",
        "_status",
        "response",
        "reusable",
        "started",
    )

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit
        self._buffer = bytearray()
        self._headers: dict[str, str] = {}
        self._status = 0
        self._left: int | None = None  # bytes to come; None: chunked, or until the connection closes
        self._body = bytearray()
        self.response: Response | None = None
        self.reusable = False
        self.started = False

    def feed(self, data: bytes) -> bool:
        """Take what arrived; True when the response is complete.

        Raises Malformed and TooLarge.
        """
        self.started = True
        self._buffer += data
        while not self._status:
            if not self._take_head():
                return False
        if self._headers.get("transfer-encoding"):
            return self._take_chunks()
        return self._take_plain()

    def close(self) -> bool:
        """The connection ended: True when that completes the response. Raises Malformed when not."""
        if not self._status:
            raise Malformed("the connection closed before the headers were complete")
        if self._left is not None or self._headers.get("transfer-encoding"):
            raise Malformed("the connection closed in the middle of the body")
        return self._finish(reusable=False)

    def _take_head(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise Malformed(f"no end of headers within {HEAD_LIMIT} bytes")
            if not b"HTTP/".startswith(self._buffer[:5]) and not self._buffer.startswith(b"HTTP/"):
                raise Malformed("the answer is not HTTP/1.1")
            return False
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + len(_HEAD_END)]
        status = _status(lines[0])
        if status < _INFORMATIONAL:
            return bool(self._buffer)  # 100, 103: the real answer follows
        self._status = status
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise Malformed("a header line without a colon")
            self._add_header(name.strip().lower(), value.strip())
        self._plan_body()
        return True

    def _add_header(self, name: str, value: str) -> None:
        if name == "content-length" and self._headers.get(name, value) != value:
            raise Malformed("two different Content-Length headers")
        self._headers[name] = value

    def _plan_body(self) -> None:
        coding = self._headers.get("transfer-encoding", "").lower()
        if coding not in ("", "chunked"):
            raise Malformed(f"transfer coding {coding!r:.80} is not supported")
        length = self._headers.get("content-length")
        if self._status in _NO_BODY:
            self._headers.pop("transfer-encoding", None)
            self._left = 0
        elif not coding and length is not None:
            if not length.isdecimal():
                raise Malformed(f"Content-Length {length!r:.80} is no number")
            self._left = int(length[-_LENGTH_DIGITS:])
            self._check(self._left if len(length) <= _LENGTH_DIGITS else sys.maxsize)

    def _take_plain(self) -> bool:
        if self._left is None:
            self._body += self._buffer
            self._buffer.clear()
            self._check(len(self._body))
            return False
        if len(self._buffer) < self._left:
            return False
        self._body = self._buffer[: self._left]
        return self._finish(reusable=len(self._buffer) == self._left)

    def _take_chunks(self) -> bool:
        position = 0
        buffer = self._buffer
        while (end := buffer.find(b"\r\n", position)) >= 0:
            size = _chunk_size(bytes(buffer[position:end]))
            start = end + 2
            if size == 0:
                del buffer[:position]
                return self._take_trailer(start - position)
            self._check(len(self._body) + size)
            if len(buffer) < start + size + 2:
                break
            if buffer[start + size : start + size + 2] != b"\r\n":
                raise Malformed("a chunk does not end where its size says")
            self._body += buffer[start : start + size]
            position = start + size + 2
        if end < 0 and len(buffer) - position > HEAD_LIMIT:
            raise Malformed("a chunk without a size line")
        del buffer[:position]
        return False

    def _take_trailer(self, start: int) -> bool:
        if self._buffer.startswith(b"\r\n", start):
            return self._finish(reusable=len(self._buffer) == start + 2)
        end = self._buffer.find(_HEAD_END, start)
        if end < 0:
            if len(self._buffer) - start > HEAD_LIMIT:
                raise Malformed("no end of trailers")
            return False
        return self._finish(reusable=len(self._buffer) == end + len(_HEAD_END))

    def _finish(self, *, reusable: bool) -> bool:
        body = bytes(self._body)
        coding = self._headers.get("content-encoding", "").lower()
        if coding in ("gzip", "x-gzip"):
            body = _gunzip(body, self._limit)
        elif coding not in ("", "identity"):
            raise Malformed(f"content coding {coding!r:.80} was not asked for")
        self.response = Response(self._status, self._headers, body)
        self.reusable = reusable and self._headers.get("connection", "").lower() != "close"
        return True

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit:
            raise TooLarge(f"the body is over {self._limit} bytes")


class HeadReader(ResponseReader):
    """The answer to CONNECT: it is over with its head, whatever that says of a body (RFC 9110 9.3.6)."""

    __slots__ = ()

    def _plan_body(self) -> None:
        self._headers.clear()
        self._left = 0


def _status(line: str) -> int:
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdecimal() or len(code) != len("200"):
        raise Malformed("the answer is not HTTP/1.1")
    return int(code)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        size = -1
    if size < 0 or b"_" in digits or digits[:1] in b"+-":
        raise Malformed("a chunk size is no hexadecimal number")
    return size


def _gunzip(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise Malformed(f"not gzip, though declared so: {error}") from None
    if len(plain) > limit:
        raise TooLarge(f"the decompressed body is over {limit} bytes")
    if not stream.eof:
        raise Malformed("the gzip stream ends early")
    return plain
