"""An HTTP/1.1 response read from bytes as they come: status, the few headers that matter, the body.

No I/O here. Lengths, chunks, closing connections and gzip are understood (RFC 9112 sections 4 to 8);
head and body are bounded, so that an endless answer ends at its limit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from pushvar.net.head import INFORMATIONAL, Head, Malformed, TooLarge, head_of, lines_of

__all__ = ["HEAD_LIMIT", "HeadReader", "Malformed", "Response", "ResponseReader", "TooLarge"]

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers; net/http servers stop at 1 MiB, real ones need under 1 KiB."""

_HEAD_END = b"\r\n\r\n"
_GZIP_WINDOW = 31  # zlib's wbits for a gzip wrapper


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response; ``headers`` have lower-case names, the last of a name wins.

    They may be shared with other responses: nobody changes them.
    """

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
        "_head",
        "_limit",
        "response",
        "reusable",
        "started",
    )

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit
        self._buffer = bytearray()
        self._body = bytearray()
        self._head: Head | None = None
        self.response: Response | None = None
        self.reusable = False
        self.started = False

    def feed(self, data: bytes | memoryview) -> bool:
        """Take what arrived; True when the response is complete.

        Raises Malformed and TooLarge.
        """
        if not self.started:
            self.started = True
            if self._take_whole(bytes(data)):
                return True
        self._buffer += data
        while self._head is None:
            if not self._take_head():
                return False
        return self._take_chunks() if self._head.chunked else self._take_plain(self._head.left)

    def close(self) -> bool:
        """The connection ended: True when that completes the response. Raises Malformed when not."""
        if self._head is None:
            raise Malformed("the connection closed before the headers were complete")
        if self._head.left is not None or self._head.chunked:
            raise Malformed("the connection closed in the middle of the body")
        return self._finish(self._head, bytes(self._body), reusable=False)

    def _take_whole(self, data: bytes) -> bool:
        """Take a response that came in one piece, as nearly all do: its body is copied once, not four times.

        False when it did not, or is not as it should be: that is for the other way to say.
        """
        end = data.find(_HEAD_END)
        if end < 0:
            return False
        head = self._read(data[:end])
        start = end + len(_HEAD_END)
        if head.chunked:
            body = _whole_chunks(data, start)
        else:
            body = data[start:] if head.left == len(data) - start else None
        if body is None or len(body) > self._limit:
            return False
        self._head = head
        return self._finish(head, body, reusable=True)

    def _take_head(self) -> bool:
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise Malformed(f"no end of headers within {HEAD_LIMIT} bytes")
            if not b"HTTP/".startswith(self._buffer[:5]) and not self._buffer.startswith(b"HTTP/"):
                raise Malformed("the answer is not HTTP/1.1")
            return False
        head = self._read(bytes(self._buffer[:end]))
        del self._buffer[: end + len(_HEAD_END)]
        if head.status < INFORMATIONAL:
            return bool(self._buffer)  # 100, 103: the real answer follows
        self._head = head
        self._check(head.left or 0)
        return True

    def _read(self, head: bytes) -> Head:
        return head_of(head)

    def _take_plain(self, left: int | None) -> bool:
        if left is None:
            self._body += self._buffer
            self._buffer.clear()
            self._check(len(self._body))
            return False
        if len(self._buffer) < left:
            return False
        assert self._head is not None
        return self._finish(self._head, bytes(self._buffer[:left]), reusable=len(self._buffer) == left)

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
        assert self._head is not None
        if self._buffer.startswith(b"\r\n", start):
            return self._finish(self._head, bytes(self._body), reusable=len(self._buffer) == start + 2)
        end = self._buffer.find(_HEAD_END, start)
        if end < 0:
            if len(self._buffer) - start > HEAD_LIMIT:
                raise Malformed("no end of trailers")
            return False
        last = end + len(_HEAD_END)
        return self._finish(self._head, bytes(self._body), reusable=len(self._buffer) == last)

    def _finish(self, head: Head, body: bytes, *, reusable: bool) -> bool:
        coding = head.headers.get("content-encoding", "").lower()
        if coding in ("gzip", "x-gzip"):
            body = _gunzip(body, self._limit)
        elif coding not in ("", "identity"):
            raise Malformed(f"content coding {coding!r:.80} was not asked for")
        self.response = Response(head.status, head.headers, body)
        self.reusable = reusable and head.headers.get("connection", "").lower() != "close"
        return True

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._limit:
            raise TooLarge(f"the body is over {self._limit} bytes")


class HeadReader(ResponseReader):
    """The answer to CONNECT: it is over with its head, whatever that says of a body (RFC 9110 9.3.6)."""

    __slots__ = ()

    def _read(self, head: bytes) -> Head:
        status, _ = lines_of(head)
        return Head(status, {}, 0, chunked=False)


def _whole_chunks(data: bytes, position: int) -> bytes | None:
    """The body of chunks that are all there, without anything unusual; else None."""
    parts: list[bytes] = []
    while (end := data.find(b"\r\n", position)) >= 0:
        digits = data[position:end]
        if not digits.isalnum():
            return None
        try:
            size = int(digits, 16)
        except ValueError:
            return None
        start, position = end + 2, end + 2 + size
        if not size:
            return b"".join(parts) if data[start:] == b"\r\n" else None
        if data[position : position + 2] != b"\r\n":
            return None
        parts.append(data[start:position])
        position += 2
    return None


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
