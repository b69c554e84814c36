"""Bodies as they were before they were compressed, never larger than they may be.

The bound holds while a body is opened: what is larger is given up there, not afterwards.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from pushvar.jobs.refusals import Refusal, limited, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

_GZIP: Final = 31  # zlib: the largest window, and a gzip header
_MEMBERS: Final = 100
_STEP_BYTES: Final = 262_144  # of a snappy stream, which unpack to 6 MB at most
_VARINT_BYTES: Final = 5
_MOST_SNAPPY: Final = 64  # no block grows by more: three bytes say sixty-four at the most
_FRAMED: Final = b"\xff\x06\x00\x00sNaPpY"  # how a snappy stream begins (framing_format.txt, 4.1)
_UNLIMITED: Final = 1 << 40


def opened(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """The body without its Content-Encoding; 0 is no limit. Raises Refusal: 400, 413 or 415."""
    most = limit_bytes or _UNLIMITED
    if len(body) > most:
        raise _too_large(f"the body has {len(body)} bytes", limit_bytes)
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    if name not in _OPENERS:
        words = f"unknown Content-Encoding {name[:60]!r}; send gzip, snappy or none"
        raise Refusal(415, "unsupported", words, headers=(("Accept-Encoding", "gzip, snappy"),))
    return _OPENERS[name](body, most)


def _gunzip(body: bytes, most: int) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, body
    while rest or not parts:
        if len(parts) == _MEMBERS:  # each copies what follows it
            raise malformed(f"the body is gzip of more than {_MEMBERS} members")
        member = zlib.decompressobj(_GZIP)
        try:
            parts.append(member.decompress(rest, most - size + 1))
        except zlib.error:
            raise malformed("the body is no gzip, though its Content-Encoding says so") from None
        size += len(parts[-1])
        if size > most:
            raise _too_large("the body is larger when it is unpacked", most)
        if not member.eof:
            raise malformed("unexpected EOF: the gzip body is cut off")
        rest = member.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unsnappy(body: bytes, most: int) -> bytes:
    if not body:
        return b""  # a stream of nothing
    open_body = _framed if body.startswith(_FRAMED) else _block
    try:
        return open_body(body, most)
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - what the library says to hostile bytes has no common base
        raise malformed("the body is no snappy, though its Content-Encoding says so") from None


def _block(body: bytes, most: int) -> bytes:
    import snappy

    size = 0
    for place, byte in enumerate(body[:_VARINT_BYTES]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            break
    if size > most:
        raise _too_large("the body is larger when it is unpacked", most)
    if size > _MOST_SNAPPY * len(body):
        raise malformed("the snappy body says that it is longer than it can be")
    return bytes(snappy.uncompress(body))


def _framed(body: bytes, most: int) -> bytes:
    import snappy

    stream, parts, size = snappy.StreamDecompressor(), [], 0
    for at in range(0, len(body), _STEP_BYTES):
        parts.append(stream.decompress(body[at : at + _STEP_BYTES]))
        size += len(parts[-1])
        if size > most:
            raise _too_large("the body is larger when it is unpacked", most)
    if stream.remains and stream.remains != _FRAMED:
        raise malformed("unexpected EOF: the snappy body is cut off")
    return b"".join(parts)


def _too_large(found: str, most: int) -> Refusal:
    return limited(
        413, f"body_size_limit is {most} bytes", found, "push less, or raise gateway.body_size_limit"
    )


_OPENERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "snappy": _unsnappy,
}
