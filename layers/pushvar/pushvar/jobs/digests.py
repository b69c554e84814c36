"""The digest of a group's families in its head: which names it has and of which type, five bytes for each.

A listing of heads then says which groups may have a family, without any of their bodies. Two names may have
one hash, so what it says is looked up before anybody is refused for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

from pushvar.model import MetricType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pushvar.model import Family

_HASH_BYTES: Final = 4
_ENTRY_BYTES: Final = 5
_CODES: Final = {
    MetricType.UNKNOWN: b"\x00",
    MetricType.COUNTER: b"\x01",
    MetricType.GAUGE: b"\x02",
    MetricType.HISTOGRAM: b"\x03",
    MetricType.SUMMARY: b"\x04",
    MetricType.INFO: b"\x02",
}
UNTYPED: Final = _CODES[MetricType.UNKNOWN]


def digest(families: Iterable[Family]) -> bytes:
    """The digest of these families."""
    return b"".join([name_hash(family.name) + _CODES[family.type] for family in families])


def name_hash(name: str) -> bytes:
    """What stands for a name."""
    return crc32(name.encode()).to_bytes(_HASH_BYTES, "big")


def code_of(metric_type: MetricType) -> bytes:
    """What stands for a type."""
    return _CODES[metric_type]


def codes(types: bytes, hashed: bytes) -> Iterator[bytes]:
    """The types that a digest has for a name, given by its hash: mostly none."""
    at = types.find(hashed)
    while at >= 0:
        if at % _ENTRY_BYTES == 0:
            yield types[at + _HASH_BYTES : at + _ENTRY_BYTES]
        at = types.find(hashed, at + 1)


def hashes(types: bytes) -> set[bytes]:
    """All names of a digest."""
    return {types[at : at + _HASH_BYTES] for at in range(0, len(types), _ENTRY_BYTES)}
