"""Protobuf packing by hand: the few wire forms that remote write needs.

Source: protobuf.dev, "Encoding". Tests decode everything made here with the official runtime.
"""

from __future__ import annotations

from functools import lru_cache

from pushvar.errors import EncodeError

_LENGTH_DELIMITED = 2
_GROUP = 0x7F  # seven bits of the number in each byte,
_MORE = 0x80  # and one that says whether another byte follows
_VARINT_BYTES = 5  # of a length: up to 32 GiB
_TIMESTAMP_BYTES = 6
_TIMESTAMP_LIMIT_MS = 1 << (7 * _TIMESTAMP_BYTES)


@lru_cache(maxsize=4096)
def varint(number: int) -> bytes:
    """A non-negative integer in base-128 groups, least significant first."""
    out = bytearray()
    while number > _GROUP:
        out.append(number & _GROUP | _MORE)
        number >>= 7
    out.append(number)
    return bytes(out)


def length_delimited(field: int, body: bytes) -> bytes:
    """A field that carries bytes: tag, length, body."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(body)) + body


def read_varint(data: bytes, place: int) -> tuple[int, int]:
    """The varint that starts at ``place``, and the place behind it.

    Raises EncodeError when the data end inside it, or it is larger than any length or tag of ours.
    """
    number = shift = 0
    for last in range(place, min(place + _VARINT_BYTES, len(data))):
        byte = data[last]
        number |= (byte & _GROUP) << shift
        if byte <= _GROUP:
            return number, last + 1
        shift += 7
    raise EncodeError(
        f"packed bytes are no protobuf: no number at byte {place}",
        hint="only bytes that pushvar packed itself are read",
    )


def is_timestamp(time_ms: int) -> bool:
    """Whether a time in ms can be sent: 1970 to 2109."""
    return 0 <= time_ms < _TIMESTAMP_LIMIT_MS


@lru_cache(maxsize=1024)
def timestamp(time_ms: int) -> bytes:
    """A timestamp in ms as a varint of exactly six bytes, so that every sample has one size.

    Times from 1971 to 2109 take six bytes anyway; earlier ones are padded with zero groups, which
    decoders must accept. Raises EncodeError for what does not fit.
    """
    if not is_timestamp(time_ms):
        raise EncodeError(
            f"timestamp {time_ms} ms lies outside 1970..2109", hint="give Unix time in milliseconds"
        )
    low = bytes(time_ms >> 7 * group & _GROUP | _MORE for group in range(_TIMESTAMP_BYTES - 1))
    return low + bytes((time_ms >> 7 * (_TIMESTAMP_BYTES - 1),))
